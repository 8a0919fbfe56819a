//! Unix listeners.

use std::io;
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::task::{Context, Poll};

use futures_lite::Stream;

use super::traits::{duplicate, socket_traits};
use super::unix_stream::UnixStream;
use crate::engine::context;
use crate::engine::driver::Readiness;
use crate::io::ready::Ready;
use crate::io::socket::Socket;

/// A Unix listener, which accepts connections at a path, or on Linux at an abstract name.
///
/// The drop of the listener does not remove the path, because the path may belong to another
/// program by then.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use oneloop::io::{AsyncReadExt, AsyncWriteExt};
/// use oneloop::net::{UnixListener, UnixStream};
///
/// # let path = std::env::temp_dir().join(format!("oneloop-doc-{}", std::process::id()));
/// oneloop::block_on(async {
///     let listener = UnixListener::bind(&path)?;
///     let mut client = UnixStream::connect(&path).await?;
///     let (mut server, _) = listener.accept().await?;
///     server.write_all(b"hello").await?;
///     drop(server);
///     let mut text = String::new();
///     client.read_to_string(&mut text).await?;
///     assert_eq!(text, "hello");
/// #   std::fs::remove_file(&path)
/// })
/// # }
/// ```
pub struct UnixListener(Socket<mio::net::UnixListener>);

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
    /// use oneloop::net::UnixListener;
    ///
    /// oneloop::block_on(async {
    /// #     let path = std::env::temp_dir().join(format!("oneloop-doc-try-from-{}", std::process::id()));
    ///     let listener = std::os::unix::net::UnixListener::bind(&path)?;
    ///     let listener = UnixListener::try_from(listener)?;
    ///     assert_eq!(listener.local_addr()?.as_pathname(), Some(path.as_path()));
    /// #   std::fs::remove_file(&path)?;
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    UnixListener, std::os::unix::net::UnixListener, mio::net::UnixListener, |_: &_| Readiness::READABLE
);

impl Drop for UnixListener {
    fn drop(&mut self) {
        let _ = self.0.deregister(); // see the drop of `TcpListener`
    }
}

/// Accepts a connection. mio's own function treats an abstract name as an unnamed address, and
/// panics for a path of 108 bytes. (With poll(2) only mio's function registers the socket again
/// after a `WouldBlock`.)
#[cfg(all(any(target_os = "linux", target_os = "android"), not(mio_unsupported_force_poll_poll)))]
fn accept(listener: &mio::net::UnixListener) -> io::Result<(mio::net::UnixStream, SocketAddr)> {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    let (stream, peer) = socket2::SockRef::from(listener).accept4(flags)?;
    let stream = mio::net::UnixStream::from_std(stream.into());
    let peer = if peer.is_unnamed() { SocketAddr::from_pathname("")? } else { stream.peer_addr()? };
    Ok((stream, peer))
}

#[cfg(not(all(any(target_os = "linux", target_os = "android"), not(mio_unsupported_force_poll_poll))))]
fn accept(listener: &mio::net::UnixListener) -> io::Result<(mio::net::UnixStream, SocketAddr)> {
    listener.accept()
}

impl UnixListener {
    /// Listens at `path`, and creates its file.
    ///
    /// # Errors
    ///
    /// `AddrInUse` means that the path exists, also if it has no listener. The program that owns
    /// the path removes the file first. All other errors are those of the operating system, for
    /// example `InvalidInput` for a path of more than about 100 bytes.
    ///
    /// # Panics
    ///
    /// The call panics outside a runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::UnixListener;
    ///
    /// oneloop::block_on(async {
    /// #     let path = std::env::temp_dir().join(format!("oneloop-doc-bind-{}", std::process::id()));
    ///     let listener = UnixListener::bind(&path)?;
    ///     assert_eq!(listener.local_addr()?.as_pathname(), Some(path.as_path()));
    /// #   std::fs::remove_file(&path)
    /// })
    /// # }
    /// ```
    #[track_caller]
    pub fn bind(path: impl AsRef<Path>) -> io::Result<UnixListener> {
        // panics before the system creates a file for a socket that can't be watched
        context::require("a oneloop socket was made");
        let path = path.as_ref();
        let socket = std::os::unix::net::UnixListener::bind(path)?;
        UnixListener::try_from(socket).inspect_err(|_| drop(std::fs::remove_file(path)))
    }

    /// Waits for a connection, and returns it with the peer's address, which is usually unnamed.
    ///
    /// The connection belongs to the listener's runtime, also if another executor polls the future.
    ///
    /// # Errors
    ///
    /// The errors are those of [`TcpListener::accept`](super::TcpListener::accept). Pause after
    /// "too many open files" before the next call.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe: the poll that accepts a connection also returns it.
    #[inline]
    pub fn accept(&self) -> impl Future<Output = io::Result<(UnixStream, SocketAddr)>> {
        self.0.accept(accept, UnixStream)
    }

    /// Waits for a connection for another loop, or for code without a loop. The connection is of
    /// std's type, non-blocking, and no loop watches it. A call of [`accept`](UnixListener::accept) and
    /// `into_std` has the same result with four system calls more. It also needs a second
    /// descriptor, and closes the connection if there is none.
    /// The module [`net`](crate::net#another-loop-or-none) has an example with a TCP listener.
    ///
    /// # Errors
    ///
    /// The errors are those of [`accept`](UnixListener::accept).
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe: the poll that accepts a connection also returns it.
    pub async fn accept_std(&self) -> io::Result<(std::os::unix::net::UnixStream, SocketAddr)> {
        self.0.accept_std(accept).await
    }

    /// Polls for [`accept`](UnixListener::accept). Several tasks may wait at one listener. A
    /// connection wakes all of them, and the first task that is polled receives it.
    ///
    /// # Errors
    ///
    /// The errors are those of [`accept`](UnixListener::accept). The caller may poll again after an
    /// error.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::future::poll_fn;
    /// use oneloop::net::{UnixListener, UnixStream};
    ///
    /// oneloop::block_on(async {
    /// #     let path = std::env::temp_dir().join(format!("oneloop-doc-poll-accept-{}", std::process::id()));
    /// #     let listener = UnixListener::bind(&path)?;
    /// #     let client = UnixStream::connect(&path).await?;
    ///     let (_stream, peer) = poll_fn(|cx| listener.poll_accept(cx)).await?;
    ///     assert!(peer.is_unnamed());
    /// #   std::fs::remove_file(&path)
    /// })
    /// # }
    /// ```
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        self.0.poll_accept(cx, accept, UnixStream)
    }

    /// Accepts a connection without waiting, and returns it with the peer's address. The call skips
    /// connections that were aborted before the accept.
    ///
    /// The connection belongs to the listener's runtime, and not to the runtime of the caller.
    ///
    /// # Errors
    ///
    /// `WouldBlock` means that no connection is available. [`readable`](UnixListener::readable)
    /// then waits for one. All other errors are those of [`accept`](UnixListener::accept). Pause
    /// after "too many open files" before the next call. (A watch of an
    /// [`EventLoop`](crate::event_loop::EventLoop) reports the listener again and again, so remove
    /// the interest during the pause.)
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::ErrorKind::WouldBlock;
    /// use oneloop::net::{UnixListener, UnixStream};
    ///
    /// oneloop::block_on(async {
    /// #     let path = std::env::temp_dir().join(format!("oneloop-doc-try-accept-{}", std::process::id()));
    ///     let listener = UnixListener::bind(&path)?;
    ///     assert_eq!(listener.try_accept().unwrap_err().kind(), WouldBlock);
    ///
    ///     let _client = UnixStream::connect(&path).await?;
    ///     let (_stream, peer) = loop {
    ///         listener.readable().await?;
    ///         match listener.try_accept() {
    ///             Err(e) if e.kind() == WouldBlock => {}
    ///             accepted => break accepted?,
    ///         }
    ///     };
    ///     assert!(peer.is_unnamed());
    /// #   std::fs::remove_file(&path)
    /// })
    /// # }
    /// ```
    pub fn try_accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        self.0.try_accept(accept, UnixStream)
    }

    /// Returns the connections as a stream that never ends. The connections belong to the
    /// listener's runtime.
    ///
    /// # Errors
    ///
    /// The errors are those of [`accept`](UnixListener::accept). The caller may poll again after an
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
    /// use oneloop::net::{UnixListener, UnixStream};
    ///
    /// oneloop::block_on(async {
    /// #     let path = std::env::temp_dir().join(format!("oneloop-doc-incoming-{}", std::process::id()));
    /// #     let listener = UnixListener::bind(&path)?;
    /// #     let client = UnixStream::connect(&path).await?;
    ///     let mut incoming = listener.incoming();
    ///     let stream = incoming.next().await.expect("it never ends")?;
    ///     assert_eq!(stream.local_addr()?.as_pathname(), Some(path.as_path()));
    /// #   std::fs::remove_file(&path)
    /// })
    /// # }
    /// ```
    pub fn incoming(&self) -> impl Stream<Item = io::Result<UnixStream>> + '_ {
        futures_lite::stream::poll_fn(|cx| {
            self.poll_accept(cx).map(|accepted| Some(accepted.map(|(stream, _)| stream)))
        })
    }

    /// Returns a second listener of the same socket, on the same loop.
    /// [`into_std`](UnixListener::into_std) detaches it for another loop.
    /// [`TcpListener::try_clone`](super::TcpListener::try_clone) describes the cost.
    ///
    /// # Errors
    ///
    /// The call returns an error if no descriptor is left, or if the operating system refuses to
    /// watch the descriptor.
    pub fn try_clone(&self) -> io::Result<UnixListener> {
        let clone = mio::net::UnixListener::from_std(duplicate(&self.0)?);
        Socket::on(self.0.core(), clone, Readiness::READABLE).map(UnixListener)
    }

    /// Returns the address of the listener.
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
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.io().take_error()
    }
}
