//! Unix streams: connections between processes of one machine.

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

/// A connection between two processes of one machine, or within one. Everything said of
/// [`TcpStream`](super::TcpStream) holds for it.
///
/// # The peer's user and process
///
/// There is no `peer_cred`: std's is not stable, and this crate adds no `unsafe` block for it. Other
/// crates ask through [`AsFd`](std::os::fd::AsFd), for instance nix on Linux, with its feature
/// `socket`: `getsockopt(&stream, sockopt::PeerCredentials)`.
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
    /// Takes over a stream of std's, and makes it non-blocking.
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
    /// A read also stops short after bytes that came with a descriptor (`SCM_RIGHTS`), and no event
    /// says so. The price is the system call that the rule would save.
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

/// How long `connect` waits before it asks a listener again whose backlog was full. The system has
/// no event for "there is room again".
pub(super) const BACKLOG_RETRY: Duration = Duration::from_millis(2);

impl UnixStream {
    /// Connects to the listener at `path`. Where the listener's backlog is full, waits until it has
    /// room, and asks every 2 ms: the system has no event for it. (So on Linux. Where the system
    /// refuses instead, as macOS and the BSDs do, that is `ConnectionRefused`.)
    ///
    /// # Errors
    ///
    /// `NotFound`, `ConnectionRefused` (the listener was closed), or what else the operating system
    /// says.
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

    /// Begins to connect as often as the listener's backlog is full, and waits for the end.
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
        #[cfg(target_vendor = "apple")] // see `NO_SIGNAL` in net/send.rs
        for end in [&a, &b] {
            socket2::SockRef::from(end).set_nosigpipe(true)?;
        }
        Ok((UnixStream::try_from(a)?, UnixStream::try_from(b)?))
    }

    /// Reads what is there without taking it: the next read gets it again. Waits until there is
    /// something, and returns how many bytes; 0 mean that the peer has closed its side (or that
    /// `buf` is empty). It allocates as many bytes as `buf` has, and copies what it sees.
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
        // Not a read: what was seen is still there, so the short-read rule does not apply.
        let look = |socket: &_| receive(socket, &mut room, libc::MSG_PEEK);
        let seen = self.0.async_io(Interest::Readable, look).await?;
        buf[..seen.len()].copy_from_slice(seen);
        Ok(seen.len())
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
    /// See [`try_read`](UnixStream::try_read).
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
    /// See [`TcpStream::writable`](super::TcpStream::writable).
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
    ///     let (a, _b) = oneloop::net::UnixStream::pair()?;
    ///     assert!(a.take_error()?.is_none());
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
    /// `WouldBlock` if there is nothing; then [`readable`](UnixStream::readable) waits for more.
    /// Otherwise what the operating system says of the connection, for instance `ConnectionReset`.
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

    /// Writes what fits now, without waiting, and returns how many bytes: not always all of `buf`.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing fits; then [`writable`](UnixStream::writable) waits for room.
    /// `BrokenPipe` or `ConnectionReset` if the peer has closed the connection (never a signal).
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
    /// #     let (mut stream, mut peer) = oneloop::net::UnixStream::pair()?;
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
    pub fn into_split(self) -> (ReadHalf<UnixStream>, WriteHalf<UnixStream>) {
        split(self, |stream| stream.0.close_write())
    }
}
