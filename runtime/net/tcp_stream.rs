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
/// The stream implements the traits of [`oneloop::io`](crate::io), by value and by shared
/// reference, so that one task can read while another task writes. Several tasks may wait for the
/// same direction, and an event wakes all of them.
///
/// Dropping the stream closes the connection. The system still sends the written bytes, unless
/// bytes of the peer are unread. In this case the system resets the connection, and written bytes
/// may be lost. A program that must deliver an answer shuts down the writing side, reads to the
/// end, and then drops the stream.
///
/// A stream belongs to the loop on which it was created. An accepted stream belongs to the loop of
/// its listener:
///
/// ```compile_fail,E0277
/// fn elsewhere(stream: oneloop::net::TcpStream) {
///     std::thread::spawn(move || drop(stream)); // a TcpStream is not Send
/// }
/// ```
///
/// # Urgent data
///
/// A read stops at urgent data (`MSG_OOB`), also if more bytes follow. Linux reports urgent data as
/// an event, so the stream reads the following bytes. macOS and the BSDs do not report it. With
/// [`Driver::Mio`](crate::Driver::Mio) on these systems, a read that stops at urgent data looks
/// like a read that has drained the socket. The following bytes may then stay unread until more
/// bytes arrive. (RFC 6093 advises against urgent data in new applications.)
///
/// # Cancel safety
///
/// A single read or write is cancel safe: the poll that transfers bytes also reports them.
/// Operations that read or write several times, such as `read_exact` and `write_all`, are not
/// cancel safe. They do not report how many bytes they have transferred before their drop.
pub struct TcpStream(pub(super) Socket<mio::net::TcpStream>);

socket_traits!(
    /// Converts a stream of std and makes it non-blocking. A stream that is still connecting
    /// becomes writable at the end of the connect. [`take_error`](TcpStream::take_error) then
    /// returns the result.
    ///
    /// # Errors
    ///
    /// The conversion returns an error if the operating system refuses to make the stream
    /// non-blocking or to watch it. The stream is closed after an error.
    ///
    /// # Panics
    ///
    /// The call panics outside a runtime.
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
    /// This example reads urgent data (RFC 9293, 3.8.5) and the bytes before it:
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

/// Returns the assumed readiness of a converted socket. A socket without a peer may still be
/// connecting, and the system reports the end of the connect. A socket that never began to connect
/// is hung up, which the system reports at once.
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
    /// Begins to connect. The caller must not use the stream before it is
    /// [connected](TcpStream::poll_connected).
    pub(crate) fn connecting(addr: SocketAddr) -> io::Result<TcpStream> {
        Ok(TcpStream(Socket::new(mio::net::TcpStream::connect(addr)?, Readiness::NONE)?))
    }

    /// Begins to connect with a socket that has options of its own.
    pub(super) fn connecting_with(socket: socket2::Socket, addr: SocketAddr) -> io::Result<TcpStream> {
        socket.set_nonblocking(true)?;
        match socket.connect(&addr.into()) {
            Err(e) if is_under_way(&e) => {}
            connected => connected?,
        }
        Ok(TcpStream(Socket::new(mio::net::TcpStream::from_std(socket.into()), Readiness::NONE)?))
    }

    /// Polls for the end of an attempt to connect.
    pub(crate) fn poll_connected(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_io(cx, Interest::Writable, |socket| socket.try_io(|| finished(socket)))
    }

    /// Connects to the first of the addresses that answers. The future tries the addresses one
    /// after the other.
    ///
    /// # Errors
    ///
    /// If no address answers, the future returns the error of the last address, such as
    /// `ConnectionRefused`, `HostUnreachable` or `TimedOut` (after the system's own limit of some
    /// minutes). The future also returns the errors of [`ToSocketAddrs`].
    ///
    /// # Panics
    ///
    /// Polling the future outside a runtime panics.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the attempt and closes the socket. A look-up of a host name runs
    /// to its end on its thread.
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

    /// Connects within `limit`. The limit covers the look-up of the host name and all addresses
    /// together, counted from the first poll.
    ///
    /// # Errors
    ///
    /// `TimedOut` is the error after the limit. All other errors are those of
    /// [`connect`](TcpStream::connect).
    ///
    /// # Panics
    ///
    /// Polling the future outside a runtime panics.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the attempt, as the limit does; see
    /// [`connect`](TcpStream::connect).
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

    /// Reads the available bytes without consuming them, so that the next read returns them again.
    /// The future waits for bytes and returns their number. `Ok(0)` means that the peer has closed
    /// its side, or that `buf` is empty.
    ///
    /// # Errors
    ///
    /// The future returns the error of the operating system, or an error if the stream's runtime
    /// was dropped.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe, because it consumes no data.
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
        // A peek consumes no bytes, so the short-read rule does not apply.
        self.0.async_io(Interest::Readable, |stream| stream.peek(buf)).await
    }

    /// Returns the address of the peer. The call makes one system call, and `accept` returns the
    /// same address without this call.
    ///
    /// # Errors
    ///
    /// `NotConnected` means that the connection has ended.
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

    /// Returns the address of this side.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().local_addr()
    }

    /// Waits until the stream counts as readable, for bytes or for the end of the peer's bytes. A
    /// read may still return `WouldBlock`; the caller then waits again.
    ///
    /// The future makes no system call if the stream already counts as readable. Only an operation
    /// that returns `WouldBlock` marks the stream as not readable. So a loop that waits without an
    /// operation spins.
    ///
    /// # Errors
    ///
    /// The future returns an error if the runtime of the stream was dropped. With the driver
    /// `Polling` it also returns an error if the operating system refuses to watch the stream.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe, because it only waits.
    pub fn readable(&self) -> Ready<'_> {
        self.0.readable()
    }

    /// Waits until the stream counts as writable. A write may still return `WouldBlock`; the caller
    /// then waits again.
    ///
    /// # Errors
    ///
    /// The future returns an error if the runtime of the stream was dropped. With the driver
    /// `Polling` it also returns an error if the operating system refuses to watch the stream.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe, because it only waits.
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

    /// Returns and clears the pending error of the stream (`SO_ERROR`). The call makes one system
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

    /// Reads the available bytes without waiting, and returns their number. `Ok(0)` means that the
    /// peer has closed its side, or that `buf` is empty.
    ///
    /// # Errors
    ///
    /// `WouldBlock` means that no byte is available. [`readable`](TcpStream::readable) then waits
    /// for bytes. All other errors are those of the operating system, for example
    /// `ConnectionReset`.
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

    /// Writes the bytes that fit into the system's buffer, without waiting. Returns their number,
    /// which may be less than `buf.len()`.
    ///
    /// # Errors
    ///
    /// `WouldBlock` means that no byte fits. [`writable`](TcpStream::writable) then waits for
    /// space. `BrokenPipe` or `ConnectionReset` means that the peer has closed the connection,
    /// which raises no signal.
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

    /// Shuts down one direction or both. After a shutdown of the writing side, the peer reads the
    /// written bytes and then the end. A second shutdown of a direction is not an error.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system, for example `NotConnected`.
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

    /// Splits the stream into a reading half and a writing half, for two tasks. Dropping the
    /// writing half shuts down the writing side. Dropping both halves closes the connection. The
    /// call makes one allocation.
    ///
    /// Two futures that may borrow need no halves, because `&stream` implements reading and
    /// writing.
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
    ///     peer.read_to_string(&mut text).await?; // up to the end, after the drop of `writer`
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
