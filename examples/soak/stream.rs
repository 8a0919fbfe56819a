//! The operations that TCP and Unix streams have in common here, and the round trip of one message.

use std::io;

use fastrand::Rng;
use oneloop::future::{poll_once, try_zip};
use oneloop::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use oneloop::net::TcpStream;

use crate::check::Check;
use crate::streams::ByteStream;
use crate::work::During;

pub trait Stream: ByteStream {
    fn reader(&self) -> impl AsyncRead + Unpin;
    fn writer(&self) -> impl AsyncWrite + Unpin;
    fn into_halves(self) -> (impl AsyncRead + Unpin, impl AsyncWrite + Unpin);
    fn shutdown_write(&self) -> io::Result<()>;
    /// Makes the next close a reset, for sockets that have resets. After a reset the system does not
    /// keep the connection's port for a minute.
    fn reset_on_close(&self) -> io::Result<()>;
}

macro_rules! stream {
    ($stream:ty, $reset:expr) => {
        impl Stream for $stream {
            fn reader(&self) -> impl AsyncRead + Unpin {
                self
            }
            fn writer(&self) -> impl AsyncWrite + Unpin {
                self
            }
            fn into_halves(self) -> (impl AsyncRead + Unpin, impl AsyncWrite + Unpin) {
                self.into_split()
            }
            fn shutdown_write(&self) -> io::Result<()> {
                self.shutdown(std::net::Shutdown::Write)
            }
            fn reset_on_close(&self) -> io::Result<()> {
                let reset: fn(&$stream) -> io::Result<()> = $reset;
                reset(self)
            }
        }
    };
}

stream!(TcpStream, |stream| stream.set_linger(Some(std::time::Duration::ZERO)));
#[cfg(unix)]
stream!(oneloop::net::UnixStream, |_stream| Ok(()));

/// Sends a message and checks the answer. Both run at once, because a message may be larger than all
/// the buffers on its way. No other byte may follow the answer.
pub async fn round_trip(stream: &impl Stream, message: &[u8], rng: &mut Rng) -> Result<u64, String> {
    let (mut sending, mut receiving) = (rng.fork(), rng.fork());
    let send = async { send(stream, message, &mut sending).await.during("sending") };
    let (_, bytes) = try_zip(send, receive(stream, message, &mut receiving)).await?;
    match poll_once(stream.reader().read(&mut [0])).await {
        None => Ok(bytes),
        Some(Ok(0)) => Err("the server has closed the connection".to_owned()),
        Some(Ok(_)) => Err(format!("more came back than the {bytes} bytes that were sent")),
        Some(Err(error)) => Err(format!("after the answer: {error}")),
    }
}

/// Returns a random length for a piece. It is not so small that a long message needs thousands of
/// pieces.
fn piece(length: usize, rng: &mut Rng) -> usize {
    rng.usize(length / 100 + 1..=length.min(1 << 17))
}

/// Sends in one of the ways in which a program may send.
pub async fn send(stream: &impl Stream, message: &[u8], rng: &mut Rng) -> io::Result<()> {
    let mut rest = message;
    match rng.u8(..3) {
        0 => stream.writer().write_all(message).await,
        1 => {
            while !rest.is_empty() {
                let piece = piece(rest.len(), rng);
                let sent = stream.writer().write(&rest[..piece]).await?;
                rest = &rest[sent..];
                if rng.u8(..4) == 0 {
                    oneloop::yield_now().await;
                }
            }
            Ok(())
        }
        _ => {
            while !rest.is_empty() {
                match stream.try_write(rest) {
                    Ok(sent) => rest = &rest[sent..],
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => stream.writable().await?,
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        }
    }
}

/// Reads until all of the message has arrived, in one of the ways in which a program may read.
pub async fn receive(stream: &impl Stream, message: &[u8], rng: &mut Rng) -> Result<u64, String> {
    let mut check = Check::new(message);
    let by_hand = rng.bool();
    let mut buffer = vec![0; piece(message.len(), rng) + rng.usize(..2)];
    while check.left() > 0 {
        let received = if by_hand {
            stream.readable().await.during("waiting for the answer")?;
            match stream.try_read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                received => received,
            }
        } else {
            stream.reader().read(&mut buffer).await
        };
        match received.during("reading")? {
            0 => break,
            length => check.take(&buffer[..length])?,
        }
    }
    check.end()
}

/// Reads to the end of the stream, which must follow the message directly.
pub async fn receive_to_end(mut reader: impl AsyncRead + Unpin, message: &[u8]) -> Result<u64, String> {
    let mut check = Check::new(message);
    let mut buffer = vec![0; 1 << 14];
    loop {
        match reader.read(&mut buffer).await.during("reading to the end")? {
            0 => return check.end(),
            length => check.take(&buffer[..length])?,
        }
    }
}
