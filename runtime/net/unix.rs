//! Unix sockets: streams and datagrams between processes of one machine.

use std::io;
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_lite::Stream;

use super::socket::{ByteStream, Socket, impl_socket};
use super::stream::impl_stream;
use super::tcp::is_the_connections_own;
use crate::driver::Readiness;
use crate::reactor::Interest;
use crate::time::sleep;

const READY: Readiness = Readiness::READABLE.with(Readiness::WRITABLE);

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
    /// `AddrInUse` if the path exists; otherwise what the operating system says.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    #[track_caller]
    pub fn bind(path: impl AsRef<Path>) -> io::Result<UnixListener> {
        UnixListener::try_from(std::os::unix::net::UnixListener::bind(path)?)
    }

    /// Waits for a connection.
    ///
    /// # Errors
    ///
    /// As [`TcpListener::accept`](super::TcpListener::accept).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a connection that was accepted is returned in the same poll.
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        std::future::poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// The poll behind [`accept`](UnixListener::accept).
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        let accepted = loop {
            match ready!(self.0.poll_io(cx, Interest::Readable, |listener| listener.accept())) {
                Err(error) if is_the_connections_own(&error) => {}
                accepted => break accepted,
            }
        };
        Poll::Ready(
            accepted
                .and_then(|(stream, peer)| Ok((UnixStream(Socket::on(self.0.core(), stream, READY)?), peer))),
        )
    }

    /// The connections, as a stream that never ends. After an error it can be polled again.
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
const BACKLOG_RETRY: Duration = Duration::from_millis(2);

impl UnixStream {
    /// Connects to the listener at `path`. Where a listener's backlog is full, waits until it has room.
    ///
    /// # Errors
    ///
    /// `NotFound`, `ConnectionRefused` (nobody listens any more), or what else the operating system says.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping it breaks the attempt off.
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

    /// Two sockets that are connected to each other.
    ///
    /// # Errors
    ///
    /// If the operating system gives none.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    #[track_caller]
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (a, b) = std::os::unix::net::UnixStream::pair()?;
        Ok((UnixStream::try_from(a)?, UnixStream::try_from(b)?))
    }

    /// Reads what is there without taking it: the next read gets it again. Waits until there is something.
    ///
    /// # Errors
    ///
    /// What the operating system says of the connection.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it takes nothing.
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
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().peer_addr()
    }

    /// This side's address.
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().local_addr()
    }
}

/// Datagrams between processes of one machine.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// oneloop::block_on(async {
///     let (a, b) = oneloop::net::UnixDatagram::pair()?;
///     a.send(b"ping").await?;
///     let mut buf = [0; 16];
///     let n = b.recv(&mut buf).await?;
///     assert_eq!(&buf[..n], b"ping");
/// #   Ok(())
/// })
/// # }
/// ```
pub struct UnixDatagram(Socket<mio::net::UnixDatagram>);

impl_socket!(UnixDatagram, std::os::unix::net::UnixDatagram, mio::net::UnixDatagram, READY);

impl UnixDatagram {
    /// Binds to `path`, which this creates.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if the path exists; otherwise what the operating system says.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    #[track_caller]
    pub fn bind(path: impl AsRef<Path>) -> io::Result<UnixDatagram> {
        UnixDatagram::try_from(std::os::unix::net::UnixDatagram::bind(path)?)
    }

    /// A socket without a name: it can send, and receives only from a peer that it is paired with.
    ///
    /// # Errors
    ///
    /// If the operating system gives none.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    #[track_caller]
    pub fn unbound() -> io::Result<UnixDatagram> {
        UnixDatagram::try_from(std::os::unix::net::UnixDatagram::unbound()?)
    }

    /// Two sockets that are connected to each other.
    ///
    /// # Errors
    ///
    /// If the operating system gives none.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    #[track_caller]
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let (a, b) = std::os::unix::net::UnixDatagram::pair()?;
        Ok((UnixDatagram::try_from(a)?, UnixDatagram::try_from(b)?))
    }

    /// Chooses the peer for [`send`](UnixDatagram::send) and [`recv`](UnixDatagram::recv).
    ///
    /// # Errors
    ///
    /// `NotFound`, `ConnectionRefused`, or what else the operating system says.
    pub fn connect(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.0.io().connect(path)
    }

    /// Sends one datagram to the peer; waits while its queue is full.
    ///
    /// # Errors
    ///
    /// `NotConnected` without a peer, `ConnectionRefused` if it is gone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a datagram that was sent is reported in the same poll.
    pub async fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.0.async_io(Interest::Writable, |socket| socket.send(datagram)).await
    }

    /// Receives one datagram. What doesn't fit into `buf` is lost.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a datagram that was received is returned in the same poll.
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.async_io(Interest::Readable, |socket| socket.recv(buf)).await
    }

    /// Sends one datagram to the socket at `path`.
    ///
    /// While the *receiver's* queue is full, waits and asks again: the system has an event for room in
    /// a connected peer's queue only.
    ///
    /// # Errors
    ///
    /// `NotFound`, `ConnectionRefused`, or what else the operating system says.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a datagram that was sent is reported in the same poll.
    pub async fn send_to(&self, datagram: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        loop {
            // Whether the socket counts as writable says how its connected peer's queue is, not this receiver's.
            self.0.give_way().await;
            match self.0.io().send_to(datagram, path.as_ref()) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => sleep(BACKLOG_RETRY).await,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                sent => return sent,
            }
        }
    }

    /// Receives one datagram, and says from whom. What doesn't fit into `buf` is lost.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a datagram that was received is returned in the same poll.
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.async_io(Interest::Readable, |socket| socket.recv_from(buf)).await
    }

    /// The path that it is bound to, if any.
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().local_addr()
    }

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// `NotConnected` if there is none.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().peer_addr()
    }
}
