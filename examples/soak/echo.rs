//! Echo: connections that stay open, and messages of random sizes.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use futures::stream::{self, StreamExt};
use oneloop::net::TcpStream;

use crate::check::MESSAGE_BYTES_MAX;
use crate::servers::Addresses;
use crate::stream::{Stream, round_trip};
use crate::work::{Done, During, Soak, Tally};

/// The most attempts to connect at once. The example `load` gives the reason.
const CONNECTING_MAX: usize = 32;

const UNDER_WAY_BYTES_MAX: usize = 1 << 30;

/// Makes the connections, and a worker for each. On systems with Unix sockets half of the connections
/// use them.
pub async fn start(soak: &Rc<Soak>, servers: &Addresses, connections: usize) -> Result<(), String> {
    let length_max = length_max(connections);
    let unix = if cfg!(unix) { connections / 2 } else { 0 };
    let tally = soak.kind("echo, TCP");
    connect_all(soak, &tally, connections - unix, length_max, || connect_tcp(servers.tcp)).await?;
    #[cfg(unix)]
    {
        let tally = soak.kind("echo, Unix sockets");
        connect_all(soak, &tally, unix, length_max, || oneloop::net::UnixStream::connect(&servers.unix))
            .await?;
    }
    Ok(())
}

/// Returns the longest message. The system's memory holds all messages that are under way, and it is
/// limited. With more than a thousand connections the messages are shorter.
pub fn length_max(connections: usize) -> usize {
    (UNDER_WAY_BYTES_MAX / connections).clamp(1 << 12, MESSAGE_BYTES_MAX)
}

pub async fn connect_tcp(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn connect_all<S: Stream, F>(
    soak: &Rc<Soak>,
    tally: &Rc<Tally>,
    count: usize,
    length_max: usize,
    connect: impl Fn() -> F,
) -> Result<(), String>
where
    F: Future<Output = io::Result<S>>,
{
    let mut attempts = stream::iter(0..count).map(|_| connect()).buffer_unordered(CONNECTING_MAX);
    let mut number = 0;
    while let Some(connected) = attempts.next().await {
        number += 1;
        let step = || format!("{}: connection {number} of {count}", tally.kind);
        let stream = connected.during(&step())?;
        stream.reset_on_close().during(&step())?;
        let pattern = soak.pattern.clone();
        soak.worker(tally, async move |rng| {
            let message = pattern.message(rng, length_max);
            Done::bytes(round_trip(&stream, message, rng).await?)
        });
    }
    Ok(())
}
