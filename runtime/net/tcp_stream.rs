//! TCP streams.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;

use super::addr::{ToSocketAddrs, first_that_works};
use super::connect::{finished, is_under_way};
use super::send::{send, send_vectored};
use super::traits::{socket_traits, stream_traits};
use crate::engine::driver::Readiness;
use crate::engine::interest::Interest;
use crate::io::own_operations::own_operations;
use crate::io::ready::Ready;
use crate::io::socket::{READY, Socket};
use crate::io::split::{ReadHalf, WriteHalf, split};
use crate::io::stream::{ReadBytes, ReceiveBytes, WriteBytes};
use crate::time::timeout;

/// A TCP connection.
///
/// It reads and writes through the traits in [`oneloop::io`](crate::io), by value and by shared
/// reference, so that one task can read while another writes. Several tasks may wait for the same
/// direction: all are woken.
///
/// Dropping it closes the connection. What was written is still sent, unless bytes that the peer has
/// sent are unread: then the system resets the connection, and what was written may be lost. To be
/// sure that the peer receives an answer, shut writing down, read to the end, then drop.
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
/// A read stops at urgent data (`MSG_OOB`) with more behind it. Linux announces such data, and
/// nothing is missed. macOS and the BSDs don't: there, on [`Driver::Mio`](crate::Driver::Mio), a
/// read that stops at it looks like one that has drained the socket, and what is behind it may stay
/// unread until more comes. (RFC 6093 advises against urgent data in anything new.)
///
/// # Cancel safety
///
/// One read or one write is cancel safe: bytes are moved and reported in the same poll. What does
/// several, as `read_exact` and `write_all`, is not: dropped half-way, it doesn't tell how far it
/// came.
///
/// # Examples
///
/// See [`TcpListener`](super::TcpListener).
pub struct TcpStream(pub(super) Socket<mio::net::TcpStream>);

socket_traits!(
    /// Takes over a stream of std's, and makes it non-blocking. One whose connect is under way is
    /// writable when that has ended; [`take_error`](TcpStream::take_error) then says how.
    ///
    /// # Errors
    ///
    /// If the operating system refuses to make it non-blocking or to watch it. The stream is then
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
    /// use oneloop::net::TcpStream;
    ///
    /// oneloop::block_on(async {
    /// #     let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    ///     let stream = std::net::TcpStream::connect(listener.local_addr()?)?;
    ///     let stream = TcpStream::try_from(stream)?;
    ///     assert_eq!(stream.peer_addr()?, listener.local_addr()?);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    TcpStream, std::net::TcpStream, mio::net::TcpStream, assumed
);
stream_traits!(TcpStream);

own_operations!(
    TcpStream, |this| this.0,
    /// Urgent data (RFC 9293, 3.8.5), and what came before it:
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::Read;
    /// use oneloop::Interest;
    /// use socket2::SockRef;
    ///
    /// oneloop::block_on(async {
    /// #     let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
    /// #     let stream = oneloop::net::TcpStream::connect(listener.local_addr()?).await?;
    /// #     let (peer, _) = listener.accept().await?;
    ///     stream.try_io(Interest::Writable, || SockRef::from(&stream).send_out_of_band(b"ab"))?;
    ///
    ///     let mut buf = [0; 16];
    ///     let read = peer.async_io(Interest::Readable, || (&*SockRef::from(&peer)).read(&mut buf));
    ///     assert_eq!(read.await?, 1);
    ///     assert_eq!(buf[0], b'a');
    /// #   Ok(())
    /// })
    /// # }
    /// ```
);

/// A socket without a peer may be connecting still: the system says when that has ended. One that
/// never began is hung up, which the system says at once.
fn assumed(socket: &std::net::TcpStream) -> Readiness {
    if socket.peer_addr().is_ok() { READY } else { Readiness::NONE }
}

impl ReadBytes for mio::net::TcpStream {
    const SHORT_READ_DRAINS: bool = true;
}

impl ReceiveBytes for mio::net::TcpStream {
    #[inline]
    fn sock_ref(&self) -> SockRef<'_> {
        self.into()
    }

    #[inline]
    fn attempt<R>(&self, operation: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        self.try_io(operation)
    }
}

impl WriteBytes for mio::net::TcpStream {
    #[inline]
    fn write(&self, buf: &[u8]) -> io::Result<usize> {
        self.try_io(|| send(self, buf))
    }

    fn write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.try_io(|| send_vectored(self, bufs))
    }

    fn shut_down(&self, how: Shutdown) -> io::Result<()> {
        self.shutdown(how)
    }
}

impl TcpStream {
    /// Begins to connect. The stream is of no use before it is
    /// [connected](TcpStream::poll_connected).
    pub(crate) fn connecting(addr: SocketAddr) -> io::Result<TcpStream> {
        Ok(TcpStream(Socket::new(mio::net::TcpStream::connect(addr)?, Readiness::NONE)?))
    }

    /// The same with a socket that has options of its own.
    pub(super) fn connecting_with(socket: socket2::Socket, addr: SocketAddr) -> io::Result<TcpStream> {
        socket.set_nonblocking(true)?;
        match socket.connect(&addr.into()) {
            Err(e) if is_under_way(&e) => {}
            connected => connected?,
        }
        Ok(TcpStream(Socket::new(mio::net::TcpStream::from_std(socket.into()), Readiness::NONE)?))
    }

    /// Ready when an attempt to connect has come to its end.
    pub(crate) fn poll_connected(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_io(cx, Interest::Writable, |socket| socket.try_io(|| finished(socket)))
    }

    /// Connects to the first of the addresses that answers. They are tried one after the other.
    ///
    /// # Errors
    ///
    /// If none does, the last one's reason: `ConnectionRefused`, `HostUnreachable`, `TimedOut` (the
    /// system's own limit, minutes), or what [`ToSocketAddrs`] says.
    ///
    /// # Panics
    ///
    /// When polled outside a runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping it breaks the attempt off: the socket is closed. The look-up of a name runs to its
    /// end on its thread.
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

    /// Connects, but waits no longer than `limit` for the name's look-up and all addresses
    /// together, counted from the first poll.
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

    /// Reads what is there without taking it: the next read gets it again. Waits until there is
    /// something, and returns how many bytes; 0 mean that the peer has closed its side (or that
    /// `buf` is empty).
    ///
    /// # Errors
    ///
    /// What the operating system says of the connection, or that the stream's runtime was dropped.
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

    /// Waits until there may be bytes to read, or the end of what the peer sends. It may turn out
    /// not to be so: try, and wait again.
    ///
    /// A stream that counts as readable already costs no system call here. Only an operation that
    /// says `WouldBlock` makes it count as not readable: a loop that waits without trying in
    /// between spins.
    ///
    /// # Errors
    ///
    /// If the runtime of the stream was dropped; with the driver `Polling` also if the operating
    /// system refuses to watch the stream.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it takes nothing from the stream.
    ///
    /// # Examples
    ///
    /// See [`try_read`](TcpStream::try_read).
    pub fn readable(&self) -> Ready<'_> {
        self.0.readable()
    }

    /// Waits until there may be room for bytes to write.
    ///
    /// # Errors
    ///
    /// If the runtime of the stream was dropped; with the driver `Polling` also if the operating
    /// system refuses to watch the stream.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it takes nothing from the stream.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::ErrorKind::WouldBlock;
    ///
    /// oneloop::block_on(async {
    /// #     let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
    /// #     let stream = oneloop::net::TcpStream::connect(listener.local_addr()?).await?;
    /// #     let (mut peer, _) = listener.accept().await?;
    ///     let written = loop {
    ///         stream.writable().await?;
    ///         match stream.try_write(b"ping") {
    ///             Err(e) if e.kind() == WouldBlock => {}
    ///             written => break written?,
    ///         }
    ///     };
    ///     assert_eq!(written, 4);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn writable(&self) -> Ready<'_> {
        self.0.writable()
    }

    /// The pending error of the stream (`SO_ERROR`), which this clears. One system call.
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// oneloop::block_on(async {
    /// #     let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
    /// #     let stream = oneloop::net::TcpStream::connect(listener.local_addr()?).await?;
    /// #     let (mut peer, _) = listener.accept().await?;
    ///     assert!(stream.take_error()?.is_none());
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.io().take_error()
    }

    /// Reads what is there now, without waiting, and returns how many bytes. `Ok(0)` means that the
    /// peer has closed its side (or that `buf` is empty).
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is nothing; then [`readable`](TcpStream::readable) waits for more.
    /// Otherwise what the operating system says of the connection, for instance `ConnectionReset`.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::ErrorKind::WouldBlock;
    ///
    /// oneloop::block_on(async {
    /// #     let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
    /// #     let mut stream = oneloop::net::TcpStream::connect(listener.local_addr()?).await?;
    /// #     let (mut peer, _) = listener.accept().await?;
    /// #     oneloop::io::AsyncWriteExt::write_all(&mut peer, b"hello").await?;
    ///     let mut buf = [0; 16];
    ///     let n = loop {
    ///         stream.readable().await?;
    ///         match stream.try_read(&mut buf) {
    ///             Err(e) if e.kind() == WouldBlock => {}
    ///             read => break read?,
    ///         }
    ///     };
    ///     assert_eq!(&buf[..n], b"hello");
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buf)
    }

    /// Writes what fits now, without waiting, and returns how many bytes: not always all of `buf`.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing fits; then [`writable`](TcpStream::writable) waits for room.
    /// `BrokenPipe` or `ConnectionReset` if the peer has closed the connection (never a signal).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// oneloop::block_on(async {
    /// #     let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
    /// #     let mut stream = oneloop::net::TcpStream::connect(listener.local_addr()?).await?;
    /// #     let (mut peer, _) = listener.accept().await?;
    ///     let written = stream.try_write(b"hello")?;
    ///     assert_eq!(written, 5);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.0.try_write(buf)
    }

    /// Closes one direction or both; the peer sees the end of what was written. Closing a direction
    /// again is no error.
    ///
    /// # Errors
    ///
    /// What the operating system says, for instance `NotConnected`.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::net::Shutdown;
    /// use oneloop::io::AsyncReadExt;
    ///
    /// oneloop::block_on(async {
    /// #     let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
    /// #     let mut stream = oneloop::net::TcpStream::connect(listener.local_addr()?).await?;
    /// #     let (mut peer, _) = listener.accept().await?;
    ///     stream.shutdown(Shutdown::Write)?;
    ///     assert_eq!(peer.read(&mut [0; 16]).await?, 0); // the end
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }

    /// Splits the stream into a half that reads and a half that writes, for two tasks. Dropping the
    /// writing half shuts writing down; dropping the second half closes the connection. One
    /// allocation.
    ///
    /// Two tasks that may borrow need no halves: `&stream` reads and writes, too.
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
    ///     let (mut reader, mut writer) = stream.into_split();
    ///     oneloop::spawn(async move { writer.write_all(b"ping").await });
    ///
    ///     let mut text = String::new();
    ///     peer.read_to_string(&mut text).await?; // up to the end, which dropping `writer` made
    ///     assert_eq!(text, "ping");
    ///     peer.write_all(b"pong").await?;
    ///     reader.read_exact(&mut [0; 4]).await?;
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn into_split(self) -> (ReadHalf<TcpStream>, WriteHalf<TcpStream>) {
        split(self, |stream| stream.0.close_write())
    }
}

async fn connect_to(addr: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connecting(addr)?;
    poll_fn(|cx| stream.poll_connected(cx)).await?;
    Ok(stream)
}
