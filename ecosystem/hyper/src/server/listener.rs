//! This file holds the sources of a server's connections, and the traits that the server requires of
//! them.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use oneloop::net::{TcpListener, TcpStream};
#[cfg(unix)]
use oneloop::net::{UnixListener, UnixStream};
use tokio::io::{AsyncRead, AsyncWrite};

/// A source of connections for [`serve`](crate::serve).
///
/// A program implements this trait, for example, to filter connections or to set options on them.
pub trait Listener: 'static {
    /// A connection.
    type Stream: Transport;

    /// Prepares the listener. The server calls it once, when it begins.
    fn begin(&mut self) {}

    /// Accepts a connection. The address is the client's, if the client has one.
    ///
    /// # Errors
    ///
    /// The server reports an error and polls again after 100 ms.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(Self::Stream, Option<SocketAddr>)>>;
}

/// A connection's stream of bytes.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + 'static {
    /// Waits until bytes or the end of the stream may be readable, and reads nothing. It lets an idle
    /// connection have no buffer.
    fn readable(&self) -> impl Future<Output = io::Result<()>>;
}

/// The number of unsent bytes that a socket holds before a write returns `WouldBlock`.
///
/// Without this bound the kernel's buffer grows to megabytes, and Linux reports space only when a third
/// of the buffer is free. A client that receives 16 KB/s would then seem to receive nothing for a
/// minute.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT_BYTES_MAX: u32 = 128 << 10;

impl Listener for TcpListener {
    type Stream = TcpStream;

    /// Bounds the unsent bytes of each connection, on systems with such an option. Connections inherit
    /// it.
    fn begin(&mut self) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let _ = socket2::SockRef::from(&*self).set_tcp_notsent_lowat(UNSENT_BYTES_MAX);
    }

    /// Accepts a connection and switches Nagle's algorithm off. The algorithm would delay the end of a
    /// response until the client has acknowledged the beginning.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, Option<SocketAddr>)>> {
        let (stream, addr) = ready!(TcpListener::poll_accept(self, cx))?;
        // This call fails only if the connection is already closed. The first read returns that error.
        let _ = stream.set_nodelay(true);
        Poll::Ready(Ok((stream, Some(addr))))
    }
}

impl Transport for TcpStream {
    async fn readable(&self) -> io::Result<()> {
        TcpStream::readable(self).await
    }
}

#[cfg(unix)]
impl Listener for UnixListener {
    type Stream = UnixStream;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, Option<SocketAddr>)>> {
        let (stream, _) = ready!(UnixListener::poll_accept(self, cx))?;
        Poll::Ready(Ok((stream, None)))
    }
}

#[cfg(unix)]
impl Transport for UnixStream {
    async fn readable(&self) -> io::Result<()> {
        UnixStream::readable(self).await
    }
}
