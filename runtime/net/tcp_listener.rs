//! TCP listeners.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_lite::Stream;
use socket2::{Domain, Protocol, Type};

use super::addr::{ToSocketAddrs, first_that_works};
use super::tcp_stream::TcpStream;
use super::traits::{duplicate, socket_traits};
use crate::engine::driver::Readiness;
use crate::io::ready::Ready;
use crate::io::socket::Socket;

/// The maximum number of connections that the system completes before the program accepts them. The
/// system has a limit of its own (on Linux `net.core.somaxconn`, 4,096 by default), and this value
/// is that default.
const BACKLOG: u32 = 4096;

/// A TCP listener, which accepts connections.
///
/// [`TcpSocket`](super::TcpSocket) has the options that must be set before the bind.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use oneloop::io::{AsyncReadExt, AsyncWriteExt};
/// use oneloop::net::{TcpListener, TcpStream};
///
/// oneloop::block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let addr = listener.local_addr()?;
///     oneloop::spawn(async move {
///         let (mut stream, _peer) = listener.accept().await?;
///         stream.write_all(b"hello").await
///     });
///     let mut text = String::new();
///     TcpStream::connect(addr).await?.read_to_string(&mut text).await?;
///     assert_eq!(text, "hello");
/// #   Ok(())
/// })
/// # }
/// ```
pub struct TcpListener(pub(super) Socket<mio::net::TcpListener>);

socket_traits!(
    /// Converts a listener of std and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// The conversion returns an error if the operating system refuses to make the listener
    /// non-blocking or to watch it. The listener is closed after an error.
    ///
    /// # Panics
    ///
    /// The call panics outside a runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::TcpListener;
    ///
    /// oneloop::block_on(async {
    ///     let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    ///     let listener = TcpListener::try_from(listener)?;
    ///     assert!(listener.local_addr()?.ip().is_loopback());
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    TcpListener, std::net::TcpListener, mio::net::TcpListener, |_: &_| Readiness::READABLE
);

impl Drop for TcpListener {
    fn drop(&mut self) {
        // Closing does not unregister the socket while another loop has a duplicate of the
        // descriptor. Each connection would then wake this loop, too. An error means that the
        // socket has already left the loop.
        let _ = self.0.deregister();
    }
}

impl TcpListener {
    /// Listens at the first of the addresses that works. With port 0 the system chooses a port. On
    /// Unix a program can bind to the address again at once, also if connections of an earlier
    /// listener are still closing (`SO_REUSEADDR`).
    ///
    /// Up to 4,096 connections wait for an accept, or fewer if the system's limit is lower (Linux:
    /// `net.core.somaxconn`).
    ///
    /// # Errors
    ///
    /// If no address works, the future returns the error of the last address, such as `AddrInUse`,
    /// `PermissionDenied` (a privileged port) or `AddrNotAvailable`. The future also returns the
    /// errors of [`ToSocketAddrs`].
    ///
    /// # Panics
    ///
    /// Polling the future outside a runtime panics.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe. It waits only for the look-up of a host name, and binds after the
    /// look-up.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::TcpListener;
    ///
    /// oneloop::block_on(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     assert_ne!(listener.local_addr()?.port(), 0);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub async fn bind(addr: impl ToSocketAddrs) -> io::Result<TcpListener> {
        first_that_works(addr, |addr| async move { TcpListener::listen_at(addr) }).await
    }

    /// Listens at one address.
    pub(crate) fn listen_at(addr: SocketAddr) -> io::Result<TcpListener> {
        let socket = socket2::Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        // On Windows the option would let another program take the port.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.bind(&addr.into())?;
        TcpListener::listen(socket, BACKLOG)
    }

    /// Listens with a bound socket.
    #[track_caller]
    pub(super) fn listen(socket: socket2::Socket, backlog: u32) -> io::Result<TcpListener> {
        socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        TcpListener::try_from(std::net::TcpListener::from(socket))
    }

    /// Waits for a connection. The future skips connections that were aborted before the accept.
    ///
    /// The connection belongs to the listener's runtime, also if another executor polls the future.
    /// The connection makes progress while the listener's runtime runs.
    ///
    /// # Errors
    ///
    /// The future returns the error of the operating system. The most important error is "too many
    /// open files" (`EMFILE`, `ENFILE`), which remains until descriptors are closed. Pause before
    /// the next call, because otherwise the loop spins. The future also returns an error if the
    /// listener's runtime was dropped, or if an accepted connection can't be watched. Such a
    /// connection is closed.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe: the poll that accepts a connection also returns it.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::time::Duration;
    /// use oneloop::net::{TcpListener, TcpStream};
    ///
    /// oneloop::block_on(async {
    /// #     let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// #     let client = TcpStream::connect(listener.local_addr()?).await?;
    ///     let stream = loop {
    ///         match listener.accept().await {
    ///             Ok((stream, _peer)) => break stream,
    ///             Err(error) => {
    ///                 eprintln!("can't accept: {error}");
    ///                 oneloop::time::sleep(Duration::from_millis(100)).await;
    ///             }
    ///         }
    ///     };
    ///     assert_eq!(stream.peer_addr()?, client.local_addr()?);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    #[inline]
    pub fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> {
        self.0.accept(mio::net::TcpListener::accept, TcpStream)
    }

    /// Waits for a connection for another loop, or for code without a loop. The connection is of
    /// std's type, non-blocking, and no loop watches it. A call of [`accept`](TcpListener::accept) and
    /// `into_std` has the same result with four system calls more. It also needs a second
    /// descriptor, and closes the connection if there is none.
    /// The module [`net`](crate::net#another-loop-or-none) has an example.
    ///
    /// # Errors
    ///
    /// The errors are those of [`accept`](TcpListener::accept).
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe: the poll that accepts a connection also returns it.
    pub async fn accept_std(&self) -> io::Result<(std::net::TcpStream, SocketAddr)> {
        self.0.accept_std(mio::net::TcpListener::accept).await
    }

    /// Polls for [`accept`](TcpListener::accept). Several tasks may wait at one listener. A
    /// connection wakes all of them, and the first task that is polled receives it.
    ///
    /// # Errors
    ///
    /// The errors are those of [`accept`](TcpListener::accept). The caller may poll again after an
    /// error.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::future::poll_fn;
    /// use oneloop::net::{TcpListener, TcpStream};
    ///
    /// oneloop::block_on(async {
    /// #     let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// #     let client = TcpStream::connect(listener.local_addr()?).await?;
    ///     let (_stream, peer) = poll_fn(|cx| listener.poll_accept(cx)).await?;
    ///     assert_eq!(peer, client.local_addr()?);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        self.0.poll_accept(cx, mio::net::TcpListener::accept, TcpStream)
    }

    /// Accepts a connection without waiting. The call skips connections that were aborted before
    /// the accept.
    ///
    /// The connection belongs to the listener's runtime, and not to the runtime of the caller.
    ///
    /// # Errors
    ///
    /// `WouldBlock` means that no connection is available. [`readable`](TcpListener::readable) then
    /// waits for one. All other errors are those of [`accept`](TcpListener::accept). Pause after
    /// "too many open files" before the next call. (`listen` of an
    /// [`EventLoop`](crate::event_loop::EventLoop) does this.)
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::ErrorKind::WouldBlock;
    /// use oneloop::net::{TcpListener, TcpStream};
    ///
    /// oneloop::block_on(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     assert_eq!(listener.try_accept().unwrap_err().kind(), WouldBlock);
    ///
    ///     let client = TcpStream::connect(listener.local_addr()?).await?;
    ///     let (_stream, peer) = loop {
    ///         listener.readable().await?;
    ///         match listener.try_accept() {
    ///             Err(e) if e.kind() == WouldBlock => {}
    ///             accepted => break accepted?,
    ///         }
    ///     };
    ///     assert_eq!(peer, client.local_addr()?);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn try_accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.0.try_accept(mio::net::TcpListener::accept, TcpStream)
    }

    /// Returns the connections as a stream that never ends. The connections belong to the
    /// listener's runtime.
    ///
    /// # Errors
    ///
    /// The errors are those of [`accept`](TcpListener::accept). The caller may poll again after an
    /// error, and should pause first.
    ///
    /// # Cancel safety
    ///
    /// The stream is cancel safe: the poll that accepts a connection also returns it. So dropping a
    /// future of `next()`, or the stream, loses no connection.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::future::StreamExt;
    /// use oneloop::net::{TcpListener, TcpStream};
    ///
    /// oneloop::block_on(async {
    /// #     let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// #     let client = TcpStream::connect(listener.local_addr()?).await?;
    ///     let mut incoming = listener.incoming();
    ///     let stream = incoming.next().await.expect("it never ends")?;
    ///     assert_eq!(stream.peer_addr()?, client.local_addr()?);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// Returns a second listener of the same socket, on the same loop.
    /// [`into_std`](TcpListener::into_std) detaches it for another loop. Both listeners accept from
    /// one queue. The call makes two system calls.
    ///
    /// Each connection wakes all loops that wait at the socket, and all but one find no connection.
    /// So a connection causes n - 1 unnecessary wake-ups for n idle loops. The advantage is that a
    /// busy loop leaves the connection to another loop. The alternative is a listener for each loop
    /// at one port ([`set_reuseport`](super::TcpSocket)). Linux then divides the connections
    /// without unnecessary wake-ups, but a connection waits for the loop to which it was assigned.
    ///
    /// # Errors
    ///
    /// The call returns an error if no descriptor is left, or if the operating system refuses to
    /// watch the descriptor.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::{TcpListener, TcpStream};
    ///
    /// oneloop::block_on(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let addr = listener.local_addr()?;
    ///     let second = listener.try_clone()?.into_std()?;
    ///     let thread = std::thread::spawn(|| {
    ///         oneloop::block_on(async { TcpListener::try_from(second)?.accept().await.map(|(_, peer)| peer) })
    ///     });
    ///     let client = TcpStream::connect(addr).await?;
    ///     let peer = thread.join().expect("it does not panic")?;
    ///     assert_eq!(peer, client.local_addr()?);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn try_clone(&self) -> io::Result<TcpListener> {
        let clone = mio::net::TcpListener::from_std(duplicate(&self.0)?);
        Socket::on(self.0.core(), clone, Readiness::READABLE).map(TcpListener)
    }

    /// Returns the address of the listener, with the port that the system chose. The call makes one
    /// system call.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().local_addr()
    }

    /// Waits until the listener counts as readable. An accept may still return `WouldBlock`; the
    /// caller then waits again.
    ///
    /// The future makes no system call if the listener already counts as readable. Only an
    /// operation that returns `WouldBlock` marks the listener as not readable. So a loop that waits
    /// without an operation spins.
    ///
    /// # Errors
    ///
    /// The future returns an error if the runtime of the listener was dropped. With the driver
    /// `Polling` it also returns an error if the operating system refuses to watch the listener.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe, because it only waits.
    pub fn readable(&self) -> Ready<'_> {
        self.0.readable()
    }

    /// Waits until the listener counts as writable. A listener is never writable, so the future
    /// never completes. The method exists because all socket types have it.
    ///
    /// # Errors
    ///
    /// The future returns an error if the runtime of the listener was dropped. With the driver
    /// `Polling` it also returns an error if the operating system refuses to watch the listener.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe, because it only waits.
    pub fn writable(&self) -> Ready<'_> {
        self.0.writable()
    }

    /// Returns and clears the pending error of the listener (`SO_ERROR`). The call makes one system
    /// call.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::TcpListener;
    ///
    /// oneloop::block_on(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     assert!(listener.take_error()?.is_none());
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.io().take_error()
    }
}

/// The stream of a listener's connections. [`TcpListener::incoming`] documents its errors and
/// cancel safety, and has an example.
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

impl Stream for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.listener.poll_accept(cx).map(|accepted| Some(accepted.map(|(stream, _)| stream)))
    }
}
