//! The load generator. Each of its connections sends a message, waits for the answer, and sends the next
//! message.
//!
//! The generator is a oneloop runtime in this process. The processor time of this process is not part of
//! any figure.

use std::cell::Cell;
use std::error::Error;
use std::io;
use std::rc::Rc;
use std::time::Instant;

use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::TcpStream;
use oneloop::time::sleep;
use oneloop_bench::stats::{self, Summary};
use oneloop_bench::table::{Table, figure, ratio};

use crate::Options;
use crate::servers::{self, Server};

const MESSAGE_BYTES: usize = 64;

/// The target: a round trip on two cores costs at most this many times the processor time on one core.
const RATIO_MAX: f64 = 1.05;

pub fn compare(options: &Options) -> Result<(), Box<dyn Error>> {
    for &connections in &options.connections {
        let mut figures: Vec<Vec<Option<f64>>> = vec![Vec::new(); servers::ALL.len()];
        let mut reasons = vec![None; servers::ALL.len()];
        for _ in 0..options.rounds {
            for (server, name) in servers::ALL.into_iter().enumerate() {
                let measured = Server::start(name).and_then(|server| {
                    trip(&server, connections, options).map_err(|error| error.to_string())
                });
                figures[server].push(measured.as_ref().ok().copied());
                reasons[server] = reasons[server].take().or(measured.err());
            }
        }
        println!("{}", table(connections, options, &figures, &reasons));
    }
    Ok(())
}

fn table(
    connections: usize,
    options: &Options,
    figures: &[Vec<Option<f64>>],
    reasons: &[Option<String>],
) -> Table {
    let rounds = options.rounds;
    let title = format!(
        "processor time of the server for a round trip of {MESSAGE_BYTES} bytes, {connections} connections, {rounds} rounds"
    );
    let header = ["server", "µs, median", "lowest", "highest", "to one core"];
    let mut table = Table::new(title, header.map(str::to_owned).to_vec());
    for (server, name) in servers::ALL.into_iter().enumerate() {
        let known: Vec<f64> = figures[server].iter().copied().flatten().collect();
        let Some(summary) = Summary::of(&known) else {
            let reason = reasons[server].as_deref().unwrap_or("no figure");
            table.note(format!("{name}: not measured, {reason}"));
            continue;
        };
        let ratios = stats::ratios(&figures[server], &figures[0]);
        let to_one = Summary::of(&ratios).map_or("-".to_owned(), |ratios| ratio(ratios.median, 2));
        let cells = [figure(summary.median), figure(summary.min), figure(summary.max), to_one];
        table.row([name.to_owned()].into_iter().chain(cells).collect());
    }
    let two = stats::ratios(&figures[1], &figures[0]);
    if let Some(summary) = Summary::of(&two) {
        let verdict = if summary.median <= RATIO_MAX { "met" } else { "missed" };
        let median = ratio(summary.median, 3);
        table.note(format!(
            "target: two cores cost at most {RATIO_MAX} times one core. It is {verdict} ({median})."
        ));
    }
    table
}

/// Returns the processor time of one round trip, in µs.
fn trip(server: &Server, connections: usize, options: &Options) -> io::Result<f64> {
    oneloop::block_on(async {
        let trips = Rc::new(Cell::new(0_u64));
        for _ in 0..connections {
            let stream = TcpStream::connect(server.address).await?;
            stream.set_nodelay(true)?;
            oneloop::spawn(ask(stream, trips.clone()));
        }
        sleep(options.time / 4).await; // fills caches and buffers
        let (trips_before, time_before, begun) = (trips.get(), server.clock.now()?, Instant::now());
        sleep(options.time).await;
        let (count, time) = (trips.get() - trips_before, server.clock.now()? - time_before);
        if count == 0 {
            let text = format!("no answer within {:?}", begun.elapsed());
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        }
        Ok(time.as_secs_f64() * 1e6 / count as f64)
    })
}

async fn ask(mut stream: TcpStream, trips: Rc<Cell<u64>>) -> io::Result<()> {
    let (message, mut answer) = ([b'x'; MESSAGE_BYTES], [0; MESSAGE_BYTES]);
    loop {
        stream.write_all(&message).await?;
        stream.read_exact(&mut answer).await?;
        if answer != message {
            return Err(io::Error::other("the answer differs from the message"));
        }
        trips.set(trips.get() + 1);
    }
}
