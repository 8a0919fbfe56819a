//! Time-outs that end reads, writes and accepts early. No byte and no connection may be lost with them.

use std::cell::Cell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use oneloop::future::try_zip;
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{TcpListener, TcpStream};
use oneloop::time::{sleep, timeout};

use crate::check::{Check, MESSAGE_BYTES_MAX, Pattern};
use crate::echo::connect_tcp;
use crate::stream::Stream;
use crate::work::{Done, During, Soak};

const WORKERS: usize = 4;

pub async fn start(soak: &Rc<Soak>) -> Result<(), String> {
    let tally = soak.kind("time-outs");
    for _ in 0..WORKERS {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.during("listening")?;
        let address = listener.local_addr().during("listening")?;
        let pattern = soak.pattern.clone();
        soak.worker(&tally, async move |rng| {
            let (client, server) = pair(&listener, address, rng).await?;
            let bytes = transfer(client, server, &pattern, rng).await?;
            #[cfg(unix)]
            let bytes = {
                let (one, other) = oneloop::net::UnixStream::pair().during("a pair of sockets")?;
                bytes + transfer(one, other, &pattern, rng).await?
            };
            Done::bytes(bytes)
        });
    }
    Ok(())
}

fn moment(rng: &mut Rng) -> Duration {
    Duration::from_micros(rng.u64(..2_000))
}

/// Accepts, with time-outs, a client that connects a little later.
async fn pair(
    listener: &TcpListener,
    address: SocketAddr,
    rng: &mut Rng,
) -> Result<(TcpStream, TcpStream), String> {
    let delay = 2 * moment(rng);
    let connect = async {
        sleep(delay).await;
        let client = connect_tcp(address).await.during("connecting")?;
        client.reset_on_close().during("connecting")?;
        Ok(client)
    };
    let accept = async {
        loop {
            if let Ok(accepted) = timeout(moment(rng), listener.accept()).await {
                return accepted.during("accepting");
            }
        }
    };
    let (client, (server, peer)) = try_zip(connect, accept).await?;
    match client.local_addr().during("the client's address")? {
        ours if ours == peer => Ok((client, server)),
        ours => Err(format!("accepted {peer} instead of {ours}: a connection was lost")),
    }
}

/// Sends a message from one stream to the other. Both sides use time-outs and pause.
async fn transfer(
    from: impl Stream,
    to: impl Stream,
    pattern: &Pattern,
    rng: &mut Rng,
) -> Result<u64, String> {
    let message = pattern.message(rng, MESSAGE_BYTES_MAX);
    let pieces = 1 + message.len() / 20;
    let (mut writing, mut reading) = (rng.fork(), rng.fork());
    // While one side pauses, the operations of the other time out.
    let turn = Cell::new(false);
    let write = async {
        let mut rest = message;
        while !rest.is_empty() {
            let piece = &rest[..rest.len().min(writing.usize(1..=pieces))];
            if let Some(written) = attempt(&mut writing, from.writer().write(piece)).await {
                rest = &rest[written.during("writing")?..];
            }
            pause(&turn, true, &mut writing).await;
        }
        from.shutdown_write().during("closing")
    };
    let read = async {
        let mut check = Check::new(message);
        let mut buffer = vec![0; pieces];
        loop {
            if let Some(length) = attempt(&mut reading, to.reader().read(&mut buffer)).await {
                match length.during("reading")? {
                    0 => return check.end(),
                    length => check.take(&buffer[..length])?,
                }
            }
            pause(&turn, false, &mut reading).await;
        }
    };
    Ok(try_zip(write, read).await?.1)
}

/// Runs an operation with a time-out. Returns `None` if the time-out has ended it.
async fn attempt(
    rng: &mut Rng,
    operation: impl Future<Output = io::Result<usize>>,
) -> Option<io::Result<usize>> {
    timeout(moment(rng) / 4, operation).await.ok()
}

async fn pause(turn: &Cell<bool>, ours: bool, rng: &mut Rng) {
    if turn.get() == ours {
        sleep(moment(rng)).await;
        turn.set(rng.bool());
    }
}
