//! Unix listeners and streams, between processes of one machine.

use std::io;
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_lite::Stream;

use super::tcp_listener::admit;
use crate::engine::context;
use crate::engine::core::Core;
use crate::engine::driver::Readiness;
use crate::engine::interest::Interest;
use crate::io::socket::{ByteStream, Socket, impl_socket};
use crate::io::stream::impl_stream;
use crate::time::sleep;

pub(super) const READY: Readiness = Readiness::READABLE.with(Readiness::WRITABLE);

/// Accepts connections at a path.
///
/// The path is not removed when the listener is dropped: another program may have taken it over by then.
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

impl_socket!(UnixListener, std::os::unix::net::UnixListener, mio::net::UnixListener, Readiness::READABLE);

impl UnixListener {
    /// Listens at `path`, which this creates.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if the path exists, also if nobody listens there any more: who owns it removes it first.
    /// Otherwise what the operating system says, for instance `InvalidInput` for a path of more than about
    /// 100 bytes.
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
    /// As [`TcpListener::accept`](super::TcpListener::accept): after "too many open files" pause before
    /// trying again.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a connection that was accepted is returned in the same poll.
    ///
    /// # Examples
    ///
    /// See [`UnixListener`].
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        std::future::poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// The poll behind [`accept`](UnixListener::accept). Several tasks may wait at one listener: a connection
    /// wakes all of them, and the first gets it.
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
        loop {
            let accepted = ready!(self.0.poll_io(cx, Interest::Readable, |listener| listener.accept()));
            if let Some(admitted) = admit(accepted, |stream| UnixStream::accepted(self.0.core(), stream)) {
                return Poll::Ready(admitted);
            }
        }
    }

    /// Accepts a connection if one is there now, and says whose. Those that were broken off before are passed
    /// over.
    ///
    /// The connection belongs to the listener's runtime, wherever this is called.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if none is; then [`readable`](UnixListener::readable) waits for one. Otherwise as
    /// [`accept`](UnixListener::accept): after "too many open files" pause before trying again. (A watch by an
    /// [`EventLoop`](crate::event_loop::EventLoop) would announce it all the time: take the interest back
    /// meanwhile.)
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
        loop {
            let accepted = self.0.try_io(Interest::Readable, |listener| listener.accept());
            if let Some(admitted) = admit(accepted, |stream| UnixStream::accepted(self.0.core(), stream)) {
                return admitted;
            }
        }
    }

    /// The connections, as a stream that never ends. They belong to the listener's runtime.
    ///
    /// # Errors
    ///
    /// Its items are those of [`accept`](UnixListener::accept). After an error it can be polled again: pause
    /// first.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a connection that was accepted is returned in the same poll, so that dropping `next()`,
    /// or the stream, loses none.
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

    /// The path that it listens at.
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
}

/// A connection between two processes of one machine, or within one. Everything said of
/// [`TcpStream`](super::TcpStream) holds for it.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use oneloop::io::{AsyncReadExt, AsyncWriteExt};
///
/// oneloop::block_on(async {
///     let (mut a, mut b) = oneloop::net::UnixStream::pair()?;
///     a.write_all(b"hi").await?;
///     let mut text = [0; 2];
///     b.read_exact(&mut text).await?;
///     assert_eq!(&text, b"hi");
/// #   Ok(())
/// })
/// # }
/// ```
pub struct UnixStream(Socket<mio::net::UnixStream>);

impl_socket!(UnixStream, std::os::unix::net::UnixStream, mio::net::UnixStream, READY);
impl_stream!(UnixStream);

impl ByteStream for mio::net::UnixStream {
    /// A read also stops short after bytes that came with a descriptor (`SCM_RIGHTS`), and there is no event
    /// that says so. The price is the system call that the rule would save.
    const SHORT_READ_DRAINS: bool = false;
}

/// How long `connect` waits before it asks a listener again whose backlog was full. The system has no
/// event for "there is room again".
pub(super) const BACKLOG_RETRY: Duration = Duration::from_millis(2);

impl UnixStream {
    /// A connection that a listener of `core`'s has accepted.
    fn accepted(core: &Rc<Core>, socket: mio::net::UnixStream) -> io::Result<UnixStream> {
        Ok(UnixStream(Socket::on(core, socket, READY)?))
    }

    /// Connects to the listener at `path`. Where the listener's backlog is full, waits until it has room, and
    /// asks every 2 ms: the system has no event for it. (So on Linux. Where the system refuses instead, as
    /// macOS and the BSDs do, that is `ConnectionRefused`.)
    ///
    /// # Errors
    ///
    /// `NotFound`, `ConnectionRefused` (nobody listens any more), or what else the operating system says.
    ///
    /// # Panics
    ///
    /// When polled outside a runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping it breaks the attempt off.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::ErrorKind::NotFound;
    /// use oneloop::net::UnixStream;
    ///
    /// oneloop::block_on(async {
    ///     let error = UnixStream::connect("/nobody/listens/here").await.unwrap_err();
    ///     assert_eq!(error.kind(), NotFound);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<UnixStream> {
        let socket = loop {
            match mio::net::UnixStream::connect(path.as_ref()) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => sleep(BACKLOG_RETRY).await,
                connected => break connected?,
            }
        };
        let stream = UnixStream(Socket::new(socket, Readiness::NONE)?);
        stream.writable().await?;
        match stream.take_error()? {
            Some(error) => Err(error),
            None => Ok(stream),
        }
    }

    /// Two streams that are connected to each other. They have no path.
    ///
    /// # Errors
    ///
    /// If the operating system gives none.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    ///
    /// # Examples
    ///
    /// See [`UnixStream`].
    #[track_caller]
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (a, b) = std::os::unix::net::UnixStream::pair()?;
        #[cfg(target_vendor = "apple")] // see `stream::NO_SIGNAL`
        for end in [&a, &b] {
            socket2::SockRef::from(end).set_nosigpipe(true)?;
        }
        Ok((UnixStream::try_from(a)?, UnixStream::try_from(b)?))
    }

    /// Reads what is there without taking it: the next read gets it again. Waits until there is something,
    /// and returns how many bytes; 0 mean that the peer has closed its side (or that `buf` is empty).
    ///
    /// # Errors
    ///
    /// What the operating system says of the connection, or that the stream's runtime is gone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it takes nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::io::{AsyncReadExt, AsyncWriteExt};
    /// use oneloop::net::UnixStream;
    ///
    /// oneloop::block_on(async {
    ///     let (mut a, mut b) = UnixStream::pair()?;
    ///     a.write_all(b"hello").await?;
    ///     let mut first = [0; 1];
    ///     b.peek(&mut first).await?;
    ///     assert_eq!(&first, b"h");
    ///
    ///     let mut text = [0; 5];
    ///     b.read_exact(&mut text).await?;
    ///     assert_eq!(&text, b"hello");
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        // SAFETY: the bytes stay initialised, because `recv`, which gets them, only writes bytes that are.
        let buf = unsafe { &mut *(std::ptr::from_mut(buf) as *mut [std::mem::MaybeUninit<u8>]) };
        // Not a read: what was seen is still there, so the short-read rule does not apply.
        self.0
            .async_io(Interest::Readable, |socket| socket.try_io(|| socket2::SockRef::from(socket).peek(buf)))
            .await
    }

    /// The other side's address, usually unnamed.
    ///
    /// # Errors
    ///
    /// `NotConnected`, if there is no other side any more.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::UnixStream;
    ///
    /// oneloop::block_on(async {
    ///     let (a, _b) = UnixStream::pair()?;
    ///     assert!(a.peer_addr()?.is_unnamed());
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().peer_addr()
    }

    /// This side's address.
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::UnixStream;
    ///
    /// oneloop::block_on(async {
    ///     let (a, _b) = UnixStream::pair()?;
    ///     assert!(a.local_addr()?.is_unnamed());
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().local_addr()
    }
}
