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
    /// Up to 4,096 connections wait to be accepted, or as many as the system allows (Linux:
    /// `net.core.somaxconn`).
    ///
    /// # Errors
    ///
    /// If no address works: `AddrInUse`, `PermissionDenied` (a privileged port), `AddrNotAvailable`, or what
    /// [`ToSocketAddrs`] says.
    ///
    /// # Panics
    ///
    /// When polled outside a runtime.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if it is dropped: it waits only while a name is looked up, and has bound nothing until
    /// then.
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
    /// The connection belongs to the listener's runtime, also if something else polls this: it goes on as
    /// long as that one runs.
    ///
    /// # Errors
    ///
    /// What the operating system says; above all "too many open files" (`EMFILE`, `ENFILE`), which goes away
    /// only when descriptors are closed: pause before trying again, or the loop spins. Also if the listener's
    /// runtime is gone, or a connection was accepted that can't be watched, which is then closed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a connection that was accepted is returned in the same poll.
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
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        std::future::poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// The poll behind [`accept`](TcpListener::accept). Several tasks may wait at one listener: a connection
    /// wakes all of them, and the first gets it.
    ///
    /// # Errors
    ///
    /// As [`accept`](TcpListener::accept). After an error it can be polled again.
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

    /// The connections, as a stream that never ends. They belong to the listener's runtime.
    ///
    /// # Errors
    ///
    /// Its items are those of [`accept`](TcpListener::accept). After an error it can be polled again: pause
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

    /// The address that it listens at, with the port that the system chose. One system call.
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    ///
    /// # Examples
    ///
    /// See [`bind`](TcpListener::bind).
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

/// The connections of a listener: errors, cancel safety and an example are at [`TcpListener::incoming`].
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
/// It reads and writes through the traits in [`oneloop::io`](crate::io), by value and by shared reference, so
/// that one task can read while another writes. Several tasks may wait for the same direction: all are woken.
///
/// Dropping it closes the connection; what was written is still sent.
///
/// It belongs to the loop that it was made on, and an accepted one to its listener's:
///
/// ```compile_fail,E0277
/// fn elsewhere(stream: oneloop::net::TcpStream) {
///     std::thread::spawn(move || drop(stream)); // a TcpStream is not Send
/// }
/// ```
///
/// # Urgent data
///
/// A read stops at urgent data (`MSG_OOB`) with more behind it. Linux announces such data, and nothing is
/// missed. macOS and the BSDs don't: there, on [`Driver::Mio`](crate::Driver::Mio), a read that stops at it
/// looks like one that has drained the socket, and what is behind it may stay unread until more comes. (RFC
/// 6093 advises against urgent data in anything new.)
///
/// # Cancel safety
///
/// One read or one write is cancel safe: bytes are moved and reported in the same poll. What does several, as
/// `read_exact` and `write_all`, is not: dropped half-way, it doesn't tell how far it came.
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
    /// Connects to the first of the addresses that answers. They are tried one after the other.
    ///
    /// # Errors
    ///
    /// If none does, the last one's reason: `ConnectionRefused`, `HostUnreachable`, `TimedOut` (the system's
    /// own limit, minutes), or what [`ToSocketAddrs`] says.
    ///
    /// # Panics
    ///
    /// When polled outside a runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping it breaks the attempt off: the socket is closed. The look-up of a name runs to its end on its
    /// thread.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::{TcpListener, TcpStream};
    ///
    /// oneloop::block_on(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let stream = TcpStream::connect(listener.local_addr()?).await?;
    ///     assert_eq!(stream.peer_addr()?, listener.local_addr()?);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub async fn connect(addr: impl ToSocketAddrs) -> io::Result<TcpStream> {
        first_that_works(addr, connect_to).await
    }

    /// Connects, but waits no longer than `limit` for the name's look-up and all addresses together, counted
    /// from the first poll.
    ///
    /// # Errors
    ///
    /// `TimedOut`, or as [`connect`](TcpStream::connect).
    ///
    /// # Panics
    ///
    /// When polled outside a runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping it breaks the attempt off, as does the limit; see [`connect`](TcpStream::connect).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::time::Duration;
    /// use oneloop::net::{TcpListener, TcpStream};
    ///
    /// oneloop::block_on(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let addr = listener.local_addr()?;
    ///     let stream = TcpStream::connect_timeout(addr, Duration::from_secs(5)).await?;
    ///     assert_eq!(stream.peer_addr()?, addr);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub async fn connect_timeout(addr: impl ToSocketAddrs, limit: Duration) -> io::Result<TcpStream> {
        timeout(limit, TcpStream::connect(addr)).await?
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
    ///
    /// oneloop::block_on(async {
    /// #     let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
    /// #     let mut stream = oneloop::net::TcpStream::connect(listener.local_addr()?).await?;
    /// #     let (mut peer, _) = listener.accept().await?;
    ///     peer.write_all(b"hello").await?;
    ///     let mut first = [0; 1];
    ///     stream.peek(&mut first).await?;
    ///     assert_eq!(&first, b"h");
    ///
    ///     let mut text = [0; 5];
    ///     stream.read_exact(&mut text).await?;
    ///     assert_eq!(&text, b"hello");
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        // Not a read: what was seen is still there, so the short-read rule does not apply.
        self.0.async_io(Interest::Readable, |stream| stream.peek(buf)).await
    }

    /// Whether small writes are sent at once (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    ///
    /// # Examples
    ///
    /// See [`set_nodelay`](TcpStream::set_nodelay).
    pub fn nodelay(&self) -> io::Result<bool> {
        self.0.io().nodelay()
    }

    /// Sends small writes at once, instead of collecting them (Nagle's algorithm, RFC 896). Good for anything
    /// that answers requests; the price is a packet for each write.
    ///
    /// # Errors
    ///
    /// If the operating system refuses.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// oneloop::block_on(async {
    /// #     let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
    /// #     let mut stream = oneloop::net::TcpStream::connect(listener.local_addr()?).await?;
    /// #     let (mut peer, _) = listener.accept().await?;
    ///     stream.set_nodelay(true)?;
    ///     assert!(stream.nodelay()?);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.0.io().set_nodelay(nodelay)
    }

    /// How long closing waits for what is not sent yet (`SO_LINGER`), in whole seconds: fractions are cut
    /// off. Zero resets the connection on close; anything else makes the close *block the loop*, so leave it
    /// alone.
    ///
    /// # Errors
    ///
    /// If the operating system refuses.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::ErrorKind::ConnectionReset;
    /// use std::time::Duration;
    /// use oneloop::io::AsyncReadExt;
    ///
    /// oneloop::block_on(async {
    /// #     let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
    /// #     let mut stream = oneloop::net::TcpStream::connect(listener.local_addr()?).await?;
    /// #     let (mut peer, _) = listener.accept().await?;
    ///     stream.set_linger(Some(Duration::ZERO))?;
    ///     drop(stream);
    ///     let error = peer.read(&mut [0; 16]).await.unwrap_err();
    ///     assert_eq!(error.kind(), ConnectionReset);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        SockRef::from(self.0.io()).set_linger(linger)
    }

    /// The other side's address. One system call; `accept` gives it for free.
    ///
    /// # Errors
    ///
    /// `NotConnected`, if there is no other side any more.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// oneloop::block_on(async {
    /// #     let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
    /// #     let mut stream = oneloop::net::TcpStream::connect(listener.local_addr()?).await?;
    /// #     let (mut peer, _) = listener.accept().await?;
    ///     assert_eq!(stream.peer_addr()?, peer.local_addr()?);
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
    /// See [`peer_addr`](TcpStream::peer_addr).
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
