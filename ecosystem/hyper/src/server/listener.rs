//! What a server accepts connections from, and what it asks of them.

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
/// A listener of another kind implements it to filter connections, for instance, or to set options
/// on them.
pub trait Listener: 'static {
    /// A connection.
    type Stream: Transport;

    /// Prepares the listener, once, when the server begins.
    fn begin(&mut self) {}

    /// Accepts a connection. The address is the client's, where it has one.
    ///
    /// # Errors
    ///
    /// The server reports an error and tries again after 100 ms.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(Self::Stream, Option<SocketAddr>)>>;
}

/// A connection's stream of bytes.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + 'static {
    /// Waits until there may be bytes to read, or the end, and takes none of them. With it a
    /// connection that does nothing needs no buffer.
    fn readable(&self) -> impl Future<Output = io::Result<()>>;
}

/// How many unsent bytes a socket holds before a write finds no room.
///
/// Without it the kernel's buffer grows to megabytes, and Linux reports room only when a third of
/// it is free: a client that takes 16 KB/s would seem to take nothing for a minute.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT_BYTES_MAX: u32 = 128 << 10;

impl Listener for TcpListener {
    type Stream = TcpStream;

    /// Bounds what a connection holds unsent, where the system can do it. Connections inherit it.
    fn begin(&mut self) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let _ = socket2::SockRef::from(&*self).set_tcp_notsent_lowat(UNSENT_BYTES_MAX);
    }

    /// Accepts a connection and switches Nagle's algorithm off for it: it would hold back the end
    /// of an answer until the client has acknowledged the beginning.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, Option<SocketAddr>)>> {
        let (stream, addr) = ready!(TcpListener::poll_accept(self, cx))?;
        // It fails only for a connection that is closed already, which its first read tells.
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
