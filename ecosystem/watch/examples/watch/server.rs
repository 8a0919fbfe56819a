//! The server: an echo for each connection, and a report that holds the loop.

use std::io::ErrorKind;
use std::time::Duration;

use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{TcpListener, TcpStream};
use oneloop::{task, time};

use super::complain;

/// Accepts connections without end. If accepting fails, for instance without a free descriptor, it
/// pauses, and the open connections are served meanwhile.
pub async fn accept(listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                drop(task::Builder::new().name(format!("echo {peer}")).spawn(echo(stream)));
            }
            Err(error) => {
                complain(&format!("accept: {error}"));
                time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn echo(mut stream: TcpStream) {
    let mut buffer = [0; 1024];
    let outcome = loop {
        match stream.read(&mut buffer).await {
            Ok(0) => break Ok(()),
            Ok(length) => {
                if let Err(error) = stream.write_all(&buffer[..length]).await {
                    break Err(error);
                }
            }
            Err(error) => break Err(error),
        }
    };
    if let Err(error) = outcome
        && error.kind() != ErrorKind::ConnectionReset
    {
        complain(&format!("echo: {error}"));
    }
}

/// Runs the task that misbehaves. Four times a second it sorts a million numbers in one poll, and every
/// connection waits.
pub async fn report() {
    let mut interval = time::interval(Duration::from_millis(250));
    loop {
        interval.tick().await;
        let mut numbers: Vec<u64> =
            (0..1_000_000_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        numbers.sort_unstable();
        std::hint::black_box(&numbers);
    }
}
