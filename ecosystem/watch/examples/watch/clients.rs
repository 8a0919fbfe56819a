//! The load: clients that send a line, wait for its echo, and pause.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use async_channel::Receiver;
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::TcpStream;
use oneloop::time;

use super::options::Load;

const PAUSE: Duration = Duration::from_millis(10);

/// Runs all clients until the time is over or `stopped` is closed, and returns the number of their
/// round trips.
pub async fn run(server: SocketAddr, load: Load, stopped: Receiver<()>) -> io::Result<u64> {
    let end = Instant::now() + load.time;
    let client = || oneloop::spawn(client(server, end, stopped.clone()));
    let clients: Vec<_> = (0..load.connections).map(|_| client()).collect();
    let mut round_trips = 0;
    for client in clients {
        round_trips += client.await.map_err(io::Error::other)??;
    }
    Ok(round_trips)
}

async fn client(server: SocketAddr, end: Instant, stopped: Receiver<()>) -> io::Result<u64> {
    let mut stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let mut buffer = [0; 64];
    let mut round_trips = 0;
    while Instant::now() < end && !stopped.is_closed() {
        stream.write_all(&[b'.'; 64]).await?;
        stream.read_exact(&mut buffer).await?;
        round_trips += 1;
        time::sleep(PAUSE).await;
    }
    Ok(round_trips)
}
