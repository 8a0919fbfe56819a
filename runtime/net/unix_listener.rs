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

/// Accepts connections at a path, or on Linux at an abstract name.
///
/// The path is not removed when the listener is dropped: another program may have taken it over by
/// then.
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
    /// Takes over a listener of std's, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// If the operating system refuses to make it non-blocking or to watch it. The listener is then
    /// closed.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
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
        let _ = self.0.deregister(); // see `TcpListener`'s
    }
}

/// Accepts. mio's own function takes an abstract name for none, and panics at a path of 108 bytes.
/// (On poll(2) that function is the only one that watches again after a `WouldBlock`.)
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
    /// Listens at `path`, which this creates.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if the path exists, also if no listener is left: its owner removes
    /// it first. Otherwise what the operating system says, for instance `InvalidInput` for a path
    /// of more than about 100 bytes.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
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
        // First, so that no file is left behind by a socket that can't be watched.
        context::require("a oneloop socket was made");
        let path = path.as_ref();
        let socket = std::os::unix::net::UnixListener::bind(path)?;
        UnixListener::try_from(socket).inspect_err(|_| drop(std::fs::remove_file(path)))
    }

    /// Waits for a connection, and says whose: usually an unnamed address.
    ///
    /// The connection belongs to the listener's runtime, also if something else polls this.
    ///
    /// # Errors
    ///
    /// As [`TcpListener::accept`](super::TcpListener::accept): after "too many open files" pause
    /// before trying again.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a connection that was accepted is returned in the same poll.
    ///
    /// # Examples
    ///
    /// See [`UnixListener`].
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        self.0.accept(accept, UnixStream).await
    }

    /// The poll behind [`accept`](UnixListener::accept). Several tasks may wait at one listener: a
    /// connection wakes all of them, and the first gets it.
    ///
    /// # Errors
    ///
    /// As [`accept`](UnixListener::accept). After an error it can be polled again.
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

    /// Accepts a connection if one is there now, and says whose. Those that were broken off before
    /// are passed over.
    ///
    /// The connection belongs to the listener's runtime, wherever this is called.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if none is; then [`readable`](UnixListener::readable) waits for one. Otherwise
    /// as [`accept`](UnixListener::accept): after "too many open files" pause before trying again.
    /// (A watch by an [`EventLoop`](crate::event_loop::EventLoop) would announce it all the time:
    /// take the interest back meanwhile.)
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

    /// The connections, as a stream that never ends. They belong to the listener's runtime.
    ///
    /// # Errors
    ///
    /// Its items are those of [`accept`](UnixListener::accept). After an error it can be polled
    /// again: pause first.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a connection that was accepted is returned in the same poll, so that dropping
    /// `next()`, or the stream, loses none.
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

    /// A second listener of the same socket, on the same loop; [`into_std`](UnixListener::into_std)
    /// takes it to another. What that costs is said at
    /// [`TcpListener::try_clone`](super::TcpListener::try_clone).
    ///
    /// # Errors
    ///
    /// If the operating system has no descriptor left, or refuses to watch it.
    ///
    /// # Examples
    ///
    /// See [`TcpListener::try_clone`](super::TcpListener::try_clone).
    pub fn try_clone(&self) -> io::Result<UnixListener> {
        let clone = mio::net::UnixListener::from_std(duplicate(&self.0)?);
        Socket::on(self.0.core(), clone, Readiness::READABLE).map(UnixListener)
    }

    /// The address that it listens at.
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    ///
    /// # Examples
    ///
    /// See [`bind`](UnixListener::bind).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().local_addr()
    }

    /// Waits until there may be a connection to accept. It may turn out not to be so: try, and wait
    /// again.
    ///
    /// A listener that counts as readable already costs no system call here. Only an operation that
    /// says `WouldBlock` makes it count as not readable: a loop that waits without trying in
    /// between spins.
    ///
    /// # Errors
    ///
    /// If the runtime of the listener was dropped; with the driver `Polling` also if the operating
    /// system refuses to watch the listener.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it takes nothing from the listener.
    ///
    /// # Examples
    ///
    /// See [`try_accept`](UnixListener::try_accept).
    pub fn readable(&self) -> Ready<'_> {
        self.0.readable()
    }

    /// Waits until the listener counts as writable. A listener is never writable: this never ends,
    /// and exists because every socket type has it.
    ///
    /// # Errors
    ///
    /// If the runtime of the listener was dropped; with the driver `Polling` also if the operating
    /// system refuses to watch the listener.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it takes nothing from the listener.
    ///
    /// # Examples
    ///
    /// See [`TcpStream::writable`](super::TcpStream::writable).
    pub fn writable(&self) -> Ready<'_> {
        self.0.writable()
    }

    /// The pending error of the listener (`SO_ERROR`), which this clears. One system call.
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    ///
    /// # Examples
    ///
    /// See [`TcpListener::take_error`](super::TcpListener::take_error).
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.io().take_error()
    }
}
