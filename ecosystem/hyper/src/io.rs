//! `Io` adapts a stream to the traits of another library.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use send_wrapper::SendWrapper;

/// An adapter between the streams of the runtime, of hyper and of other libraries.
///
/// * A stream with tokio's traits, such as those of [`oneloop::net`], gets hyper's [`Read`] and
///   [`Write`]. A read fills no byte of hyper's buffer with zeros first, and writes are vectored.
/// * A stream with hyper's traits, such as [`hyper::upgrade::Upgraded`], gets the traits of futures-io
///   and of tokio. `Io` of `Io` has the traits of the innermost stream and is `Send`, which some
///   libraries require.
///
/// hyper requires `Send` of a stream that may be upgraded, and hyper-util requires it of a stream in a
/// pool. A stream of the runtime belongs to one loop. `Io` is therefore `Send` at compile time and
/// checks the thread at run time.
///
/// # Panics
///
/// Each function of an `Io`, and its drop, panics on another thread than the one that made the `Io`.
pub struct Io<T>(SendWrapper<TokioIo<T>>);

impl<T> Io<T> {
    /// Wraps a stream.
    pub fn new(stream: T) -> Io<T> {
        Io(SendWrapper::new(TokioIo::new(stream)))
    }

    /// Returns a reference to the stream.
    pub fn get_ref(&self) -> &T {
        self.0.inner()
    }

    /// Returns a mutable reference to the stream.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.inner_mut()
    }

    /// Returns the stream.
    pub fn into_inner(self) -> T {
        self.0.take().into_inner()
    }

    /// Returns the adapter of hyper-util, pinned.
    fn inner(self: Pin<&mut Self>) -> Pin<&mut TokioIo<T>>
    where
        T: Unpin,
    {
        Pin::new(&mut self.get_mut().0)
    }

    /// Returns the stream, pinned.
    fn stream(self: Pin<&mut Self>) -> Pin<&mut T>
    where
        T: Unpin,
    {
        Pin::new(self.get_mut().0.inner_mut())
    }
}

impl<T: fmt::Debug> fmt::Debug for Io<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `Debug` on another thread must not panic: the caller may only write a log.
        let mut tuple = f.debug_tuple("Io");
        match self.0.valid() {
            true => tuple.field(self.get_ref()).finish(),
            false => tuple.field(&format_args!("(of another thread)")).finish(),
        }
    }
}

impl<T: tokio::io::AsyncRead + Unpin> Read for Io<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Read::poll_read(self.inner(), cx, buf)
    }
}

impl<T: tokio::io::AsyncWrite + Unpin> Write for Io<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Write::poll_write(self.inner(), cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Write::poll_flush(self.inner(), cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Write::poll_shutdown(self.inner(), cx)
    }

    fn is_write_vectored(&self) -> bool {
        Write::is_write_vectored(&*self.0)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Write::poll_write_vectored(self.inner(), cx, bufs)
    }
}

impl<T: Read + Unpin> futures_io::AsyncRead for Io<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(buf);
        ready!(self.stream().poll_read(cx, buf.unfilled()))?;
        Poll::Ready(Ok(buf.filled().len()))
    }
}

impl<T: Write + Unpin> futures_io::AsyncWrite for Io<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(cx, bufs)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }
}

impl<T: Read + Unpin> tokio::io::AsyncRead for Io<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        tokio::io::AsyncRead::poll_read(self.inner(), cx, buf)
    }
}

impl<T: Write + Unpin> tokio::io::AsyncWrite for Io<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.get_ref().is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }
}
