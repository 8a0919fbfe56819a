//! Implements the listener trait of `oneloop_hyper::serve` for a core's listener, and tokio's I/O traits
//! for a connection.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use oneloop_hyper::server::{Listener as HyperListener, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::net::{Connection, Listener};

impl HyperListener for Listener {
    type Stream = Connection;

    /// Stays pending after the stop, when no connection waits any more. Pass the future of
    /// [`Core::stopped`](crate::Core::stopped) to `shutdown`, so that the server ends.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(Connection, Option<SocketAddr>)>> {
        match Listener::poll_accept(self, cx) {
            Poll::Ready(Some((connection, peer))) => {
                // This fails only if the connection is already closed, and then its first read fails
                // too.
                let _ = connection.set_nodelay(true);
                Poll::Ready(Ok((connection, Some(peer))))
            }
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

impl Transport for Connection {
    async fn readable(&self) -> io::Result<()> {
        oneloop::net::TcpStream::readable(self).await
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        AsyncRead::poll_read(Pin::new(&mut **self.get_mut()), cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(Pin::new(&mut **self.get_mut()), cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write_vectored(Pin::new(&mut **self.get_mut()), cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        AsyncWrite::is_write_vectored(&**self)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(Pin::new(&mut **self.get_mut()), cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_shutdown(Pin::new(&mut **self.get_mut()), cx)
    }
}
