//! The byte stream of a connection. It adapts a socket of the runtime to the redis crate.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use oneloop::net::TcpStream;
#[cfg(unix)]
use oneloop::net::UnixStream;
use send_wrapper::SendWrapper;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::address::Target;

trait Socket: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Socket for T {}

/// A socket that is `Send`, because the library requires it. The socket stays on its loop's thread, on
/// which the connection's task runs.
pub(super) struct Stream(SendWrapper<Box<dyn Socket>>);

impl Stream {
    pub async fn connect(target: &Target, limit: Duration) -> io::Result<Stream> {
        let socket: Box<dyn Socket> = match target {
            Target::Tcp(host, port) => {
                let stream = TcpStream::connect_timeout((host.as_str(), *port), limit).await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            #[cfg(unix)]
            Target::Unix(path) => Box::new(UnixStream::connect(path).await?),
        };
        Ok(Stream(SendWrapper::new(socket)))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut **self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut **self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut **self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut **self.0).poll_shutdown(cx)
    }
}
