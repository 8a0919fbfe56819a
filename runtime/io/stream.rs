//! The common part of byte streams: reading and writing through the traits of futures-io, and the
//! short-read rule.
//!
//! The code is generic over the socket of mio. A public type such as `TcpStream` forwards to it,
//! with `forward_read!` and `forward_write!`. The macros exist because Rust lets no crate implement
//! a foreign trait for all of its own types at once.

use std::io::{self, IoSlice, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};
use socket2::SockRef;

use super::socket::{Socket, Watchable};
use crate::engine::interest::Interest;

/// A socket of mio from which bytes are read.
pub(crate) trait ReadBytes: Watchable {
    /// Whether a read that fills only part of its buffer has drained the socket.
    const SHORT_READ_DRAINS: bool;

    /// Whether a read of `read` bytes into a buffer of `asked` bytes has drained the socket.
    #[inline]
    fn read_drains(read: usize, asked: usize) -> bool {
        Self::SHORT_READ_DRAINS && is_short(read, asked)
    }
}

/// Returns whether a read or write has moved fewer bytes than the buffer has, but not 0. A read of 0
/// bytes means the end.
#[inline]
fn is_short(done: usize, asked: usize) -> bool {
    done != 0 && done < asked
}

/// A socket of mio with `recv`: a stream that is not a pipe.
pub(crate) trait ReceiveBytes: ReadBytes {
    fn sock_ref(&self) -> SockRef<'_>;

    /// mio's own `try_io`, which calls `operation` and returns its result.
    fn attempt<R>(&self, operation: impl FnOnce() -> io::Result<R>) -> io::Result<R>;
}

/// A socket of mio to which bytes are written.
pub(crate) trait WriteBytes: Watchable {
    fn write(&self, buf: &[u8]) -> io::Result<usize>;
    fn write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize>;
    fn shut_down(&self, how: Shutdown) -> io::Result<()>;
}

impl<T: ReadBytes> Socket<T>
where
    for<'a> &'a T: Read,
{
    pub(crate) fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let asked = buf.len();
        if asked == 0 {
            return Ok(0);
        }
        self.try_stream(Interest::Readable, |mut io| io.read(buf), |&read| T::read_drains(read, asked))
    }

    pub(crate) fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let (bufs, asked) = to_fill(bufs);
        if asked == 0 {
            return Ok(0);
        }
        let read = |mut io: &T| io.read_vectored(bufs);
        self.try_stream(Interest::Readable, read, |&read| T::read_drains(read, asked))
    }
}

impl<T: ReceiveBytes> Socket<T> {
    /// Reads into the front of `buf` and returns the front.
    #[inline]
    pub(crate) fn poll_read_uninit<'b>(
        &self,
        cx: &mut Context<'_>,
        mut buf: &'b mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<&'b mut [u8]>> {
        let asked = buf.len();
        if asked == 0 {
            return Poll::Ready(Ok(&mut []));
        }
        let drained = |read: &&'b mut [u8]| T::read_drains(read.len(), asked);
        self.poll_stream(cx, Interest::Readable, |io| receive(io, &mut buf, 0), drained)
    }
}

/// Receives into the front of `buf`, which need not be initialised. Splits the received bytes off
/// `buf` and returns them. `flags` are those of `recv`.
#[inline]
pub(crate) fn receive<'b, T: ReceiveBytes>(
    io: &T,
    buf: &mut &'b mut [MaybeUninit<u8>],
    flags: i32,
) -> io::Result<&'b mut [u8]> {
    let count = io.attempt(|| io.sock_ref().recv_with_flags(buf, flags))?;
    let front = buf.split_off_mut(..count).expect("recv returns no more than fits");
    // SAFETY: `recv` has returned `count`, so the operating system has written that many bytes from
    // the beginning of `buf` on, and they are initialised. Types and lifetimes are otherwise those
    // of `front`.
    Ok(unsafe { &mut *(std::ptr::from_mut(front) as *mut [u8]) })
}

impl<T: WriteBytes> Socket<T> {
    pub(crate) fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        self.try_stream(Interest::Writable, |io| io.write(buf), |&done| is_short(done, buf.len()))
    }

    pub(crate) fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let (bufs, asked) = to_take(bufs);
        if asked == 0 {
            return Ok(0);
        }
        self.try_stream(Interest::Writable, |io| io.write_vectored(bufs), |&done| is_short(done, asked))
    }

    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.io().shut_down(how)?;
        #[cfg(windows)]
        self.announce(ended(how));
        Ok(())
    }

    /// Shuts writing down. If the connection has already ended, the function succeeds without an
    /// effect.
    pub(crate) fn close_write(&self) -> io::Result<()> {
        match self.shutdown(Shutdown::Write) {
            Err(e) if e.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        }
    }
}

impl<T: ReadBytes> AsyncRead for &Socket<T>
where
    for<'a> &'a T: Read,
{
    #[inline]
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let asked = buf.len();
        if asked == 0 {
            return Poll::Ready(Ok(0));
        }
        let drained = |&read: &usize| T::read_drains(read, asked);
        self.poll_stream(cx, Interest::Readable, |mut io| io.read(buf), drained)
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let (bufs, asked) = to_fill(bufs);
        if asked == 0 {
            return Poll::Ready(Ok(0));
        }
        let drained = |&read: &usize| T::read_drains(read, asked);
        self.poll_stream(cx, Interest::Readable, |mut io| io.read_vectored(bufs), drained)
    }
}

impl<T: WriteBytes> AsyncWrite for &Socket<T> {
    #[inline]
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let drained = |&done: &usize| is_short(done, buf.len());
        self.poll_stream(cx, Interest::Writable, |io| io.write(buf), drained)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let (bufs, asked) = to_take(bufs);
        if asked == 0 {
            return Poll::Ready(Ok(0));
        }
        let drained = |&done: &usize| is_short(done, asked);
        self.poll_stream(cx, Interest::Writable, |io| io.write_vectored(bufs), drained)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.close_write())
    }
}

/// Implements `AsyncRead` for a type, forwarded to that of `$target`.
macro_rules! forward_read {
    ($(#[$attribute:meta])* [$($generics:tt)*] $name:ty, [$($bounds:tt)*], |$this:ident| $target:expr) => {
        $(#[$attribute])*
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

/// Implements `AsyncWrite` for a type, forwarded to that of `$target`.
macro_rules! forward_write {
    ($(#[$attribute:meta])* [$($generics:tt)*] $name:ty, [$($bounds:tt)*], |$this:ident| $target:expr) => {
        $(#[$attribute])*
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

pub(crate) use {forward_read, forward_write};

/// The range of buffers that a vectored operation passes on. Empty buffers in front are left out,
/// because a read of 0 bytes would mean the end. Buffers above the system's limit are left out,
/// too. One call takes `IOV_MAX` buffers, which is 16 at the least (POSIX, limits.h). Where std
/// does not cut the rest off, more buffers are an error, or the result looks like a short read or
/// write.
fn passed_on(mut lengths: impl ExactSizeIterator<Item = usize>) -> Range<usize> {
    let count = lengths.len();
    let start = lengths.position(|length| length > 0).unwrap_or(count);
    start..count.min(start + 16)
}

/// Returns the buffers that a read passes on, and their length in bytes.
fn to_fill<'a, 'b>(bufs: &'a mut [IoSliceMut<'b>]) -> (&'a mut [IoSliceMut<'b>], usize) {
    let range = passed_on(bufs.iter().map(|buf| buf.len()));
    let bufs = &mut bufs[range];
    let asked = bufs.iter().map(|buf| buf.len()).sum();
    (bufs, asked)
}

/// Returns the buffers that a write passes on, and their length in bytes.
fn to_take<'a, 'b>(bufs: &'a [IoSlice<'b>]) -> (&'a [IoSlice<'b>], usize) {
    let bufs = &bufs[passed_on(bufs.iter().map(|buf| buf.len()))];
    (bufs, bufs.iter().map(|buf| buf.len()).sum())
}

/// The readiness that a shut-down has ended. Unix reports an event for it. Windows reports no event
/// for a shut-down by the program itself.
#[cfg(windows)]
fn ended(how: Shutdown) -> crate::engine::driver::Readiness {
    use crate::engine::driver::Readiness;
    const READ: Readiness = Readiness::READABLE.with(Readiness::READ_CLOSED);
    const WRITE: Readiness = Readiness::WRITABLE.with(Readiness::WRITE_CLOSED);
    match how {
        Shutdown::Read => READ,
        Shutdown::Write => WRITE,
        Shutdown::Both => READ.with(WRITE),
    }
}
