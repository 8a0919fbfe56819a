//! Unix streams, which are connections between processes of one machine.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use socket2::SockRef;

use super::send::{send, send_vectored};
use super::traits::{socket_traits, stream_traits};
use crate::engine::driver::Readiness;
use crate::engine::interest::Interest;
use crate::io::own_operations::own_operations;
use crate::io::ready::Ready;
use crate::io::socket::{READY, Socket};
use crate::io::split::{ReadHalf, WriteHalf, split};
use crate::io::stream::{ReadBytes, ReceiveBytes, WriteBytes, receive};
use crate::time::sleep;

/// A connection between two processes of one machine, or within one process. The documentation of
/// [`TcpStream`](super::TcpStream) applies to this type, too.
///
/// # The peer's user and process
///
/// The type has no `peer_cred`, because std's method is not stable, and this crate adds no `unsafe`
/// block for it. Other crates read the credentials through [`AsFd`](std::os::fd::AsFd). An example
/// on Linux is nix with its feature `socket`: `getsockopt(&stream, sockopt::PeerCredentials)`.
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
pub struct UnixStream(pub(super) Socket<mio::net::UnixStream>);

socket_traits!(
    /// Converts a stream of std and makes it non-blocking.
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
    /// use oneloop::net::UnixStream;
    ///
    /// oneloop::block_on(async {
    ///     let (ours, _theirs) = std::os::unix::net::UnixStream::pair()?;
    ///     let ours = UnixStream::try_from(ours)?;
    ///     assert_eq!(ours.try_write(b"hello")?, 5);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    UnixStream, std::os::unix::net::UnixStream, mio::net::UnixStream, |_: &_| READY
);
stream_traits!(UnixStream);

own_operations!(
    UnixStream, |this| this.0,
    /// See [`TcpStream::try_io`](super::TcpStream::try_io).
);

impl ReadBytes for mio::net::UnixStream {
    /// The rule does not hold. A read also stops after bytes that arrived with a descriptor
    /// (`SCM_RIGHTS`), without an event for the following bytes. The price is the system call that
    /// the rule would save.
    const SHORT_READ_DRAINS: bool = false;
}

impl ReceiveBytes for mio::net::UnixStream {
    #[inline]
    fn sock_ref(&self) -> SockRef<'_> {
        self.into()
    }

    #[inline]
    fn attempt<R>(&self, operation: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        self.try_io(operation)
    }
}

impl WriteBytes for mio::net::UnixStream {
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

/// The time between two attempts of `connect` at a listener with a full backlog. The system has no
/// event for free space in the backlog.
pub(super) const BACKLOG_RETRY: Duration = Duration::from_millis(2);

impl UnixStream {
    /// Connects to the listener at `path`. While the listener's backlog is full on Linux, the
    /// future tries again every 2 ms, because the system has no event for free space in the
    /// backlog. macOS and the BSDs refuse the connection in this case, and the future returns
    /// `ConnectionRefused`.
    ///
    /// # Errors
    ///
    /// The future returns the error of the operating system, for example `NotFound`, or
    /// `ConnectionRefused` for a closed listener.
    ///
    /// # Panics
    ///
    /// Polling the future outside a runtime panics.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the attempt.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::ErrorKind::NotFound;
    /// use oneloop::net::UnixStream;
    ///
    /// oneloop::block_on(async {
    ///     let error = UnixStream::connect("/no/such/listener").await.unwrap_err();
    ///     assert_eq!(error.kind(), NotFound);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<UnixStream> {
        let path = path.as_ref();
        UnixStream::connect_by(|| mio::net::UnixStream::connect(path)).await
    }

    /// Repeats the attempt while the listener's backlog is full, and waits for the end of the
    /// connect.
    pub(super) async fn connect_by(
        mut begin: impl FnMut() -> io::Result<mio::net::UnixStream>,
    ) -> io::Result<UnixStream> {
        let socket = loop {
            match begin() {
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

    /// Returns two streams that are connected to each other. They have no path.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system, for example if no descriptor is left.
    ///
    /// # Panics
    ///
    /// The call panics outside a runtime.
    #[track_caller]
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (a, b) = std::os::unix::net::UnixStream::pair()?;
        #[cfg(target_vendor = "apple")] // see `NO_SIGNAL` in net/send.rs
        for end in [&a, &b] {
            socket2::SockRef::from(end).set_nosigpipe(true)?;
        }
        Ok((UnixStream::try_from(a)?, UnixStream::try_from(b)?))
    }

    /// Reads the available bytes without consuming them, so that the next read returns them again.
    /// The future waits for bytes and returns their number. `Ok(0)` means that the peer has closed
    /// its side, or that `buf` is empty. The future allocates a buffer of `buf.len()` bytes and
    /// copies the bytes.
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
        let mut seen = Vec::with_capacity(buf.len());
        let mut room = &mut seen.spare_capacity_mut()[..buf.len()];
        // A peek consumes no bytes, so the short-read rule does not apply.
        let look = |socket: &_| receive(socket, &mut room, libc::MSG_PEEK);
        let seen = self.0.async_io(Interest::Readable, look).await?;
        buf[..seen.len()].copy_from_slice(seen);
        Ok(seen.len())
    }

    /// Returns the address of the peer, which is usually unnamed.
    ///
    /// # Errors
    ///
    /// `NotConnected` means that the connection has ended.
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

    /// Returns the address of this side.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
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
    ///     let (a, _b) = oneloop::net::UnixStream::pair()?;
    ///     assert!(a.take_error()?.is_none());
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
    /// `WouldBlock` means that no byte is available. [`readable`](UnixStream::readable) then waits
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
    /// #     let (mut stream, mut peer) = oneloop::net::UnixStream::pair()?;
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
    /// `WouldBlock` means that no byte fits. [`writable`](UnixStream::writable) then waits for
    /// space. `BrokenPipe` or `ConnectionReset` means that the peer has closed the connection,
    /// which raises no signal.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// oneloop::block_on(async {
    /// #     let (mut stream, mut peer) = oneloop::net::UnixStream::pair()?;
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
    /// #     let (mut stream, mut peer) = oneloop::net::UnixStream::pair()?;
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
    /// #     let (mut stream, mut peer) = oneloop::net::UnixStream::pair()?;
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
    pub fn into_split(self) -> (ReadHalf<UnixStream>, WriteHalf<UnixStream>) {
        split(self, |stream| stream.0.close_write())
    }
}
