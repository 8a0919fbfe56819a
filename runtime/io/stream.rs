//! What TCP and Unix streams share: futures-io's traits, `try_read` and `try_write`, and splitting in two.

use std::fmt;
use std::io;
use std::rc::Rc;

use socket2::SockRef;

/// The byte-moving half of a stream type `struct $name(Socket<$mio>)`.
macro_rules! impl_stream {
    ($name:ident) => {
        impl $name {
            /// Reads what is there now, without waiting, and returns how many bytes; 0 mean that the peer has
            /// closed its side (or that `buf` is empty).
            ///
            /// # Errors
            ///
            /// `WouldBlock` if there is nothing; then [`readable`](Self::readable) waits for more. Otherwise
            /// what the operating system says of the connection, for instance `ConnectionReset`.
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
            pub fn try_read(&self, buf: &mut [u8]) -> std::io::Result<usize> {
                self.0.try_bytes($crate::engine::interest::Interest::Readable, buf.len(), |mut io| std::io::Read::read(&mut io, buf))
            }

            /// Writes what fits now, without waiting, and returns how many bytes that were: not always all.
            ///
            /// # Errors
            ///
            /// `WouldBlock` if nothing does; then [`writable`](Self::writable) waits for room. `BrokenPipe`
            /// or `ConnectionReset` if the peer is gone (never a signal).
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
            pub fn try_write(&self, buf: &[u8]) -> std::io::Result<usize> {
                self.0.try_bytes($crate::engine::interest::Interest::Writable, buf.len(), |io| {
                    io.try_io(|| $crate::io::stream::write(io, buf))
                })
            }

            /// Closes one direction or both; the peer sees the end of what was written. Closing what is
            /// closed already is no error.
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
            pub fn shutdown(&self, how: std::net::Shutdown) -> std::io::Result<()> {
                self.0.io().shutdown(how)?;
                #[cfg(windows)]
                self.0.announce($crate::io::stream::ended(how));
                Ok(())
            }

            /// Splits the stream into a half that reads and a half that writes, which can go to different
            /// tasks. Dropping the writing half shuts writing down; the connection is closed with the second
            /// half. One allocation.
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
            pub fn into_split(self) -> ($crate::io::stream::ReadHalf<$name>, $crate::io::stream::WriteHalf<$name>) {
                $crate::io::stream::split(self)
            }
        }

        $crate::io::stream::impl_read!($name);

        /// Writes by shared reference. Flushing does nothing, closing shuts writing down.
        ///
        /// # Errors
        ///
        /// `BrokenPipe` or `ConnectionReset` if the peer is gone (never a signal), or that the stream's
        /// runtime is gone.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: bytes count as written in the poll in which they were. (Not so what is built on it
        /// and writes several times, as `write_all`.)
        impl futures_io::AsyncWrite for &$name {
            #[inline]
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.0.poll_bytes(cx, $crate::engine::interest::Interest::Writable, buf.len(), |io| {
                    io.try_io(|| $crate::io::stream::write(io, buf))
                })
            }

            fn poll_write_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bufs: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let bufs = &bufs[$crate::io::stream::at_once(bufs.iter().map(|buf| buf.len()))];
                let asked = bufs.iter().map(|buf| buf.len()).sum();
                self.0.poll_bytes(cx, $crate::engine::interest::Interest::Writable, asked, |io| {
                    io.try_io(|| $crate::io::stream::write_vectored(io, bufs))
                })
            }

            fn poll_flush(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::task::Poll::Ready(Ok(()))
            }

            fn poll_close(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::task::Poll::Ready($crate::io::stream::close_write(*self))
            }
        }

        $crate::io::stream::forward_write!([] $name, [], |this| &mut &*this);

        impl $crate::io::stream::Duplex for $name {
            fn shut_down_write(&self) -> std::io::Result<()> {
                self.shutdown(std::net::Shutdown::Write)
            }
        }
    };
}

/// `AsyncRead` for a type `struct $name(Socket<$mio>)` and for references to it.
macro_rules! impl_read {
    ($name:ident) => {
        /// Reads by shared reference.
        ///
        /// # Errors
        ///
        /// What the operating system says, for instance `ConnectionReset` of a connection, or that the runtime
        /// it belongs to is gone.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: bytes that were read are returned in the same poll. (Not so what is built on it and
        /// reads several times, as `read_exact`.)
        impl futures_io::AsyncRead for &$name {
            #[inline]
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &mut [u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.0.poll_bytes(cx, $crate::engine::interest::Interest::Readable, buf.len(), |mut io| std::io::Read::read(&mut io, buf))
            }

            fn poll_read_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bufs: &mut [std::io::IoSliceMut<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let at_once = $crate::io::stream::at_once(bufs.iter().map(|buf| buf.len()));
                let bufs = &mut bufs[at_once];
                let asked = bufs.iter().map(|buf| buf.len()).sum();
                self.0.poll_bytes(cx, $crate::engine::interest::Interest::Readable, asked, |mut io| {
                    std::io::Read::read_vectored(&mut io, bufs)
                })
            }
        }

        $crate::io::stream::forward_read!([] $name, [], |this| &mut &*this);
    };
}

/// `AsyncRead` for an owned type, forwarded to that of the reference that `$target` makes of it.
macro_rules! forward_read {
    ([$($generics:tt)*] $name:ty, [$($bounds:tt)*], |$this:ident| $target:expr) => {
        impl $($generics)* futures_io::AsyncRead for $name $($bounds)* {
            #[inline]
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &mut [u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = self;
                futures_io::AsyncRead::poll_read(std::pin::Pin::new($target), cx, buf)
            }

            fn poll_read_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bufs: &mut [std::io::IoSliceMut<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = self;
                futures_io::AsyncRead::poll_read_vectored(std::pin::Pin::new($target), cx, bufs)
            }
        }
    };
}

/// `AsyncWrite` for an owned type, forwarded to that of the reference that `$target` makes of it.
macro_rules! forward_write {
    ([$($generics:tt)*] $name:ty, [$($bounds:tt)*], |$this:ident| $target:expr) => {
        impl $($generics)* futures_io::AsyncWrite for $name $($bounds)* {
            #[inline]
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = self;
                futures_io::AsyncWrite::poll_write(std::pin::Pin::new($target), cx, buf)
            }

            fn poll_write_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bufs: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = self;
                futures_io::AsyncWrite::poll_write_vectored(std::pin::Pin::new($target), cx, bufs)
            }

            fn poll_flush(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let $this = self;
                futures_io::AsyncWrite::poll_flush(std::pin::Pin::new($target), cx)
            }

            fn poll_close(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let $this = self;
                futures_io::AsyncWrite::poll_close(std::pin::Pin::new($target), cx)
            }
        }
    };
}

pub(crate) use {forward_read, forward_write, impl_read, impl_stream};

/// Which of its buffers a vectored operation passes on. Empty ones in front are left out: to move nothing would mean the end. So
/// are those that a system may not take: each takes `IOV_MAX` at once, 16 at the least (POSIX, limits.h), and where std doesn't
/// cut the rest off it is an error, or looks like a short read or write.
pub(crate) fn at_once(mut lengths: impl ExactSizeIterator<Item = usize>) -> std::ops::Range<usize> {
    let count = lengths.len();
    let start = lengths.position(|length| length > 0).unwrap_or(count);
    start..count.min(start + 16)
}

/// What a shut-down has ended. Unix makes an event of it, Windows has none for what the program itself did.
#[cfg(windows)]
pub(crate) fn ended(how: std::net::Shutdown) -> crate::engine::driver::Readiness {
    use crate::engine::driver::Readiness;
    const READ: Readiness = Readiness::READABLE.with(Readiness::READ_CLOSED);
    const WRITE: Readiness = Readiness::WRITABLE.with(Readiness::WRITE_CLOSED);
    match how {
        std::net::Shutdown::Read => READ,
        std::net::Shutdown::Write => WRITE,
        std::net::Shutdown::Both => READ.with(WRITE),
    }
}

/// Where the program has restored `SIGPIPE`'s default action, a write would end it when the peer is gone. Apple's systems
/// have an option of the socket instead, which std and mio set where they make one, but not for a pair.
#[cfg(all(unix, not(target_vendor = "apple")))]
const NO_SIGNAL: i32 = libc::MSG_NOSIGNAL;
#[cfg(any(windows, target_vendor = "apple"))]
const NO_SIGNAL: i32 = 0;

/// Writes. Not with std's `write`, which before Rust 1.90 raises the signal for Unix streams.
#[inline]
pub(crate) fn write<'s, S>(socket: &'s S, buf: &[u8]) -> io::Result<usize>
where
    SockRef<'s>: From<&'s S>,
{
    SockRef::from(socket).send_with_flags(buf, NO_SIGNAL)
}

/// Writes several buffers. Not with `writev`, as std does, for the same reason.
pub(crate) fn write_vectored<'s, S>(socket: &'s S, bufs: &[io::IoSlice<'_>]) -> io::Result<usize>
where
    SockRef<'s>: From<&'s S>,
{
    SockRef::from(socket).send_vectored_with_flags(bufs, NO_SIGNAL)
}

/// A stream whose directions are closed one at a time. Public only because the halves' bounds name it: nobody
/// outside can name or implement it.
pub trait Duplex {
    #[doc(hidden)]
    fn shut_down_write(&self) -> io::Result<()>;
}

/// Shuts writing down; a peer that is gone already has nothing to be told.
pub(crate) fn close_write(stream: &impl Duplex) -> io::Result<()> {
    match stream.shut_down_write() {
        Err(e) if e.kind() == io::ErrorKind::NotConnected => Ok(()),
        result => result,
    }
}

pub(crate) fn split<S: Duplex>(stream: S) -> (ReadHalf<S>, WriteHalf<S>) {
    let stream = Rc::new(stream);
    (ReadHalf { stream: stream.clone() }, WriteHalf { stream })
}

/// The half of a stream that reads; made by `into_split`. What `AsRef` gives is the whole stream, for its
/// other methods. Dropping it closes nothing while the other half lives.
///
/// # Cancel safety
///
/// As the stream's own reading: bytes that were read are returned in the same poll.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use oneloop::io::AsyncReadExt;
///
/// oneloop::block_on(async {
/// #     let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
/// #     let mut stream = oneloop::net::TcpStream::connect(listener.local_addr()?).await?;
/// #     let (mut peer, _) = listener.accept().await?;
/// #     oneloop::io::AsyncWriteExt::write_all(&mut peer, b"hello").await?;
///     let (mut reader, _writer) = stream.into_split();
///     let mut text = [0; 5];
///     reader.read_exact(&mut text).await?;
///     assert_eq!(&text, b"hello");
///     assert_eq!(reader.as_ref().peer_addr()?, peer.local_addr()?);
/// #   Ok(())
/// })
/// # }
/// ```
pub struct ReadHalf<S> {
    stream: Rc<S>,
}

/// The half of a stream that writes; made by `into_split`. What `AsRef` gives is the whole stream, for its
/// other methods.
///
/// Dropping it shuts writing down: the peer sees the end of what was written. An error of that is not
/// reported; who wants to know closes it first, with `close`.
///
/// # Cancel safety
///
/// As the stream's own writing: bytes count as written in the poll in which they were.
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
///     let (_reader, mut writer) = stream.into_split();
///     writer.write_all(b"bye").await?;
///     writer.close().await?;
///     let mut text = String::new();
///     peer.read_to_string(&mut text).await?;
///     assert_eq!(text, "bye");
/// #   Ok(())
/// })
/// # }
/// ```
pub struct WriteHalf<S: Duplex> {
    stream: Rc<S>,
}

forward_read!([<S>] ReadHalf<S>, [where for<'a> &'a S: futures_io::AsyncRead], |this| &mut &*this.stream);
forward_write!([<S: Duplex>] WriteHalf<S>, [where for<'a> &'a S: futures_io::AsyncWrite], |this| &mut &*this.stream);

impl<S> AsRef<S> for ReadHalf<S> {
    /// The whole stream, for its other methods.
    fn as_ref(&self) -> &S {
        &self.stream
    }
}

impl<S: Duplex> AsRef<S> for WriteHalf<S> {
    /// The whole stream, for its other methods.
    fn as_ref(&self) -> &S {
        &self.stream
    }
}

impl<S: Duplex> Drop for WriteHalf<S> {
    fn drop(&mut self) {
        // There is nobody to tell of a failure; the peer will see the connection's end in any case.
        let _ = close_write(&*self.stream);
    }
}

impl<S: fmt::Debug> fmt::Debug for ReadHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadHalf").field(&self.stream).finish()
    }
}

impl<S: Duplex + fmt::Debug> fmt::Debug for WriteHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WriteHalf").field(&self.stream).finish()
    }
}
