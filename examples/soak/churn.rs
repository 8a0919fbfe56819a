//! Churn: clients that connect, exchange a few messages, and disconnect in different ways.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use oneloop::future::try_zip;
use oneloop::io::AsyncWriteExt;
use oneloop::time::sleep;

use crate::check::{Check, Pattern};
use crate::echo::connect_tcp;
use crate::servers::Addresses;
use crate::stream::{Stream, receive_to_end, round_trip};
use crate::work::{Done, During, Soak};

const WORKERS: usize = 4;

const MESSAGE_BYTES_MAX: usize = 1 << 16;

pub fn start(soak: &Rc<Soak>, servers: &Addresses) {
    let tally = soak.kind("churn, TCP");
    for _ in 0..WORKERS / 2 {
        let (address, pattern) = (servers.tcp, soak.pattern.clone());
        soak.worker(&tally, async move |rng| tcp(address, &pattern, rng).await);
    }
    #[cfg(unix)]
    {
        let tally = soak.kind("churn, Unix sockets");
        for _ in 0..WORKERS / 2 {
            let (path, pattern) = (servers.unix.clone(), soak.pattern.clone());
            soak.worker(&tally, async move |rng| {
                let stream = oneloop::net::UnixStream::connect(&path).await.during("connecting")?;
                let (_, bytes) = come_and_go(stream, &pattern, rng).await?;
                Done::bytes(bytes)
            });
        }
    }
}

async fn tcp(address: SocketAddr, pattern: &Pattern, rng: &mut Rng) -> Result<Done, String> {
    let stream = connect_tcp(address).await.during("connecting")?;
    let (orderly, bytes) = come_and_go(stream, pattern, rng).await?;
    if orderly {
        // The system keeps the port of such a connection for a minute. There are fewer than thirty
        // thousand ports, so the worker pauses.
        sleep(Duration::from_millis(rng.u64(20..60))).await;
    }
    Done::bytes(bytes)
}

/// Runs one client. Returns whether it had an orderly end, and how many bytes were checked.
async fn come_and_go<S: Stream>(stream: S, pattern: &Pattern, rng: &mut Rng) -> Result<(bool, u64), String> {
    let mut bytes = 0;
    for _ in 0..rng.usize(..4) {
        bytes += round_trip(&stream, pattern.message(rng, MESSAGE_BYTES_MAX), rng).await?;
    }
    let message = pattern.message(rng, MESSAGE_BYTES_MAX);
    match rng.u8(..5) {
        // The client closes its side, and sees the server close the other.
        0 => {
            stream.shutdown_write().during("closing")?;
            bytes += receive_to_end(stream.reader(), &[]).await?;
        }
        // The client closes its side before the answer has arrived. The answer must still arrive.
        1 => {
            let send = async {
                stream.writer().write_all(message).await.during("sending")?;
                stream.shutdown_write().during("half-closing")
            };
            bytes += try_zip(send, receive_to_end(stream.reader(), message)).await?.1;
        }
        // The client splits the stream into two halves.
        2 => {
            let (reader, mut writer) = stream.into_halves();
            let send = async move { writer.write_all(message).await.during("sending") };
            bytes += try_zip(send, receive_to_end(reader, message)).await?.1;
            return Ok((true, bytes));
        }
        // The client resets the connection in the middle of a message. The part that the server has
        // read by then can be of any length.
        3 => {
            stream.reset_on_close().during("resetting")?;
            let part = rng.usize(..message.len());
            let _ = stream.try_write(&message[..part]);
        }
        // The client resets the connection in the middle of the answer.
        _ => {
            stream.reset_on_close().during("resetting")?;
            let sent = stream.try_write(message).during("sending")?;
            let mut buffer = vec![0; rng.usize(1..=sent)];
            stream.readable().await.during("waiting for the answer")?;
            if let Ok(length) = stream.try_read(&mut buffer) {
                Check::new(&message[..sent]).take(&buffer[..length])?;
                bytes += length as u64;
            }
            return Ok((false, bytes));
        }
    }
    Ok((true, bytes))
}
