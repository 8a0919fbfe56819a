//! The clients. They open and close connections, on a separate loop.

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::TcpStream;
use oneloop_cores::Port;

use crate::counts::{Counts, add};
use crate::process::complain;

/// The number of clients at one time for each port.
const CLIENTS: usize = 20;
/// The largest number of messages of a connection.
const TRIPS_MAX: u64 = 20;
const BYTES_MAX: u64 = 20_000;
/// The time between two panics.
const PANIC_EVERY: Duration = Duration::from_millis(100);

/// The end of the clients' work: a time, or a signal before it.
#[derive(Clone)]
pub struct End {
    at: Instant,
    signalled: Arc<AtomicBool>,
}

impl End {
    pub fn after(time: Duration, signalled: &Arc<AtomicBool>) -> End {
        End { at: Instant::now() + time, signalled: signalled.clone() }
    }

    fn is_reached(&self) -> bool {
        self.signalled.load(Relaxed) || Instant::now() >= self.at
    }
}

/// Runs the clients until `end`. Meanwhile calls `disturb` after each period of `PANIC_EVERY`.
pub fn work(ports: &[Port], counts: &Arc<Counts>, end: &End, disturb: impl Fn()) {
    let theirs = (ports.to_vec(), counts.clone(), end.clone());
    let clients = thread::spawn(move || {
        oneloop::block_on(async {
            let mut tasks = oneloop::JoinSet::new();
            for number in 0..CLIENTS * theirs.0.len() {
                let port = theirs.0[number % theirs.0.len()];
                tasks.spawn(client(number as u64, port, theirs.1.clone(), theirs.2.clone()));
            }
            while tasks.join_next().await.is_some() {}
        });
    });
    while !end.is_reached() {
        thread::sleep(PANIC_EVERY);
        disturb();
    }
    if clients.join().is_err() {
        complain("a client panicked");
        add(&counts.failed, 1);
    }
}

/// Opens one connection after the other until `end`.
async fn client(number: u64, port: Port, counts: Arc<Counts>, end: End) {
    let random = Random(Cell::new(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1));
    while !end.is_reached() {
        let stream = match TcpStream::connect(port.local_addr()).await {
            Ok(stream) => stream,
            Err(error) => {
                complain(&format!("cannot connect: {error}"));
                add(&counts.failed, 1);
                return;
            }
        };
        add(&counts.connected, 1);
        match talk(stream, &random, &counts).await {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidData => add(&counts.wrong, 1),
            Err(_) => add(&counts.broken, 1),
        }
    }
}

/// Sends messages of random lengths, and checks that the same bytes come back.
async fn talk(mut stream: TcpStream, random: &Random, counts: &Counts) -> io::Result<()> {
    for _ in 0..=random.below(TRIPS_MAX) {
        let bytes: Vec<u8> = (0..=random.below(BYTES_MAX)).map(|_| random.below(256) as u8).collect();
        let mut back = vec![0; bytes.len()];
        stream.write_all(&bytes).await?;
        stream.read_exact(&mut back).await?;
        if back != bytes {
            return Err(io::ErrorKind::InvalidData.into());
        }
        add(&counts.bytes, bytes.len());
    }
    Ok(())
}

/// A xorshift generator of random numbers.
struct Random(Cell<u64>);

impl Random {
    fn below(&self, limit: u64) -> u64 {
        let mut state = self.0.get();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.0.set(state);
        state % limit
    }
}
