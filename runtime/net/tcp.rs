//! TCP: listeners and streams.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_lite::Stream;
use socket2::{Domain, Protocol, SockRef, Type};

use super::addr::{ToSocketAddrs, first_that_works};
use super::socket::{ByteStream, Socket, impl_socket};
use super::stream::impl_stream;
use crate::driver::Readiness;
use crate::reactor::Interest;
use crate::time::timeout;

/// Connections that the system completes before anybody accepts them. The system caps it (on Linux at
/// `net.core.somaxconn`, 4,096 by default), so this asks for what there is.
const BACKLOG: i32 = 4096;

const READY: Readiness = Readiness::READABLE.with(Readiness::WRITABLE);

/// Accepts TCP connections.
///
/// Options that must be set before binding are set through `socket2`, whose `Socket` converts to std's
/// `TcpListener` and that to this one with `TryFrom`. Options of a live socket: `socket2::SockRef::from(&listener)`.
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
pub struct TcpListener(Socket<mio::net::TcpListener>);

impl_socket!(TcpListener, std::net::TcpListener, mio::net::TcpListener, Readiness::READABLE);

impl TcpListener {
    /// Listens at the first of the addresses that works; port 0 lets the system choose one. On Unix the
    /// address can be taken again at once after an earlier listener's connections (`SO_REUSEADDR`).
    ///
    /// # Errors
    ///
    /// If no address works: `AddrInUse`, `PermissionDenied` (a privileged port), `AddrNotAvailable`, or
    /// what [`ToSocketAddrs`] says.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    pub async fn bind(addr: impl ToSocketAddrs) -> io::Result<TcpListener> {
        first_that_works(addr, |addr| async move {
            let socket = socket2::Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
            // On Windows the option would let another program steal the port.
            #[cfg(unix)]
            socket.set_reuse_address(true)?;
            socket.bind(&addr.into())?;
            socket.listen(BACKLOG)?;
            TcpListener::try_from(std::net::TcpListener::from(socket))
        })
        .await
    }

    /// Waits for a connection. Those that were broken off before they were accepted are passed over.
    ///
    /// # Errors
    ///
    /// What the operating system says; above all "too many open files" (`EMFILE`, `ENFILE`), which goes away
    /// only when descriptors are closed: pause before trying again, or the loop spins.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a connection that was accepted is returned in the same poll.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        std::future::poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// The poll behind [`accept`](TcpListener::accept).
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let accepted = loop {
            match ready!(self.0.poll_io(cx, Interest::Readable, |listener| listener.accept())) {
                Err(error) if is_the_connections_own(&error) => {}
                accepted => break accepted,
            }
        };
        Poll::Ready(
            accepted
                .and_then(|(stream, peer)| Ok((TcpStream(Socket::on(self.0.core(), stream, READY)?), peer))),
        )
    }

    /// The connections, as a stream that never ends. After an error it can be polled again; see
    /// [`accept`](TcpListener::accept).
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// The address that it listens at, with the port that the system chose.
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().local_addr()
    }
}

/// Errors of `accept` that concern the connection that was to be accepted, not the listener: Linux passes pending
/// network errors on in this way (accept(2), "Error handling").
pub(super) fn is_the_connections_own(error: &io::Error) -> bool {
    use io::ErrorKind::*;
    let by_kind = matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | NetworkDown | NetworkUnreachable | HostUnreachable
    );
    #[cfg(unix)]
    let by_number = matches!(error.raw_os_error(), Some(libc::EPROTO | libc::ENOPROTOOPT | libc::EHOSTDOWN));
    #[cfg(windows)]
    let by_number = false;
    by_kind || by_number
}

/// The connections of a listener; see [`TcpListener::incoming`].
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

/// A TCP connection.
///
/// It reads and writes through the traits in [`oneloop::io`](crate::io), by value and by shared reference, so that
/// one task can read while another writes. Several tasks may wait for the same direction: all are woken.
///
/// Dropping it closes the connection; what was written is still sent.
///
/// It belongs to the loop that it was made on:
///
/// ```compile_fail,E0277
/// fn elsewhere(stream: oneloop::net::TcpStream) {
///     std::thread::spawn(move || drop(stream)); // a TcpStream is not Send
/// }
/// ```
///
/// # Examples
///
/// See [`TcpListener`].
pub struct TcpStream(Socket<mio::net::TcpStream>);

impl_socket!(TcpStream, std::net::TcpStream, mio::net::TcpStream, READY);
impl_stream!(TcpStream);

impl ByteStream for mio::net::TcpStream {
    const SHORT_READ_DRAINS: bool = true;
}

impl TcpStream {
    /// Connects to the first of the addresses that answers.
    ///
    /// # Errors
    ///
    /// If none does, the last one's reason: `ConnectionRefused`, `HostUnreachable`, `TimedOut` (the system's
    /// own limit, minutes), or what [`ToSocketAddrs`] says.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping it breaks the attempt off.
    pub async fn connect(addr: impl ToSocketAddrs) -> io::Result<TcpStream> {
        first_that_works(addr, connect_to).await
    }

    /// Connects, but waits no longer than `limit` for all addresses together.
    ///
    /// # Errors
    ///
    /// `TimedOut`, or as [`connect`](TcpStream::connect).
    pub async fn connect_timeout(addr: impl ToSocketAddrs, limit: Duration) -> io::Result<TcpStream> {
        timeout(limit, TcpStream::connect(addr)).await?
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
        // Not a read: what was seen is still there, so the short-read rule does not apply.
        self.0.async_io(Interest::Readable, |stream| stream.peek(buf)).await
    }

    /// Whether small writes are sent at once (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.0.io().nodelay()
    }

    /// Sends small writes at once, instead of collecting them (Nagle's algorithm, RFC 896). Good for
    /// anything that answers requests.
    ///
    /// # Errors
    ///
    /// If the operating system refuses.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.0.io().set_nodelay(nodelay)
    }

    /// How long closing waits for what is not sent yet (`SO_LINGER`). Zero resets the connection on close; anything
    /// else makes the close *block the loop*, so leave it alone.
    ///
    /// # Errors
    ///
    /// If the operating system refuses.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        SockRef::from(self.0.io()).set_linger(linger)
    }

    /// The other side's address.
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

async fn connect_to(addr: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream(Socket::new(mio::net::TcpStream::connect(addr)?, Readiness::NONE)?);
    stream.0.async_io(Interest::Writable, |socket| socket.try_io(|| finished(socket))).await?;
    Ok(stream)
}

/// Whether a connect has come to an end: writable says it may have, `SO_ERROR` how, and only a peer's address proves
/// that there is a connection (a spurious event can come first).
fn finished(socket: &mio::net::TcpStream) -> io::Result<()> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::NotConnected => Err(io::ErrorKind::WouldBlock.into()),
        Err(e) => Err(e),
    }
}
