//! tokio's `AsyncRead` and `AsyncWrite`, for everything here that implements those of futures-io.
//! Feature `tokio-io`.
//!
//! tokio's runtime is no part of it: without its features that crate is these traits, and a few
//! types around them.
//!
//! # Implementation
//!
//! Writing is futures-io's by other names, so a type's second trait calls its first. Reading
//! differs: a `ReadBuf` is partly not initialised. A socket reads into that part as it is, with
//! `poll_read_uninit`. All others, pipes above all, read bytes that are initialised, so zeros come
//! first, in no more of the buffer than a pipe holds.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::io::split::{ReadHalf, WriteHalf};
use crate::net::TcpStream;
#[cfg(unix)]
use crate::net::UnixStream;
#[cfg(unix)]
use crate::pipe::{PipeReader, PipeWriter};
#[cfg(feature = "process")]
use crate::process::{ChildStderr, ChildStdin, ChildStdout};

/// How many bytes of a buffer are filled with zeros, at most, before a read that needs them. A
/// pipe of Linux holds as many, unless the program changes that.
#[cfg(any(unix, feature = "process"))]
const ZEROED_MAX: usize = 64 << 10;

/// Reads with futures-io's trait, which needs bytes that are initialised.
#[cfg(any(unix, feature = "process"))]
fn read_after_zeros(
    reader: Pin<&mut impl futures_io::AsyncRead>,
    cx: &mut Context<'_>,
    buf: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    let room = buf.initialize_unfilled_to(buf.remaining().min(ZEROED_MAX));
    let count = ready!(reader.poll_read(cx, room))?;
    buf.advance(count);
    Poll::Ready(Ok(()))
}

/// `AsyncRead` for a stream by shared reference, and by value.
macro_rules! read_stream {
    ($name:ident) => {
        /// tokio's trait, by shared reference, with the feature `tokio-io`. No byte of the buffer
        /// is filled with zeros first.
        ///
        /// # Errors
        ///
        /// What the operating system says, for instance `ConnectionReset`; or that the runtime of
        /// the stream was dropped.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: bytes that were read are in the buffer in the same poll. (What is built on
        /// it and reads several times, such as `read_exact`, is not.)
        impl AsyncRead for &$name {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                // SAFETY: `poll_read_uninit` writes nothing but bytes that are initialised.
                let unfilled = unsafe { buf.unfilled_mut() };
                let count = ready!(self.poll_read_uninit(cx, unfilled))?.len();
                // SAFETY: so many bytes from the beginning of `unfilled` on are those that it has
                // returned as a `&mut [u8]`.
                unsafe { buf.assume_init(count) };
                buf.advance(count);
                Poll::Ready(Ok(()))
            }
        }

        /// tokio's trait, with the feature `tokio-io`.
        impl AsyncRead for $name {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                Pin::new(&mut &*self).poll_read(cx, buf)
            }
        }
    };
}

/// `AsyncRead` for what isn't read without zeros: pipes, and what children write.
#[cfg(any(unix, feature = "process"))]
macro_rules! read {
    ($($name:ty),+) => {$(
        /// tokio's trait, with the feature `tokio-io`. Up to 64 KiB of the buffer are filled with
        /// zeros first, as far as they are not initialised; no more are read in one poll.
        impl AsyncRead for $name {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                read_after_zeros(self, cx, buf)
            }
        }
    )+};
}

/// `AsyncWrite` for a type; `$vectored` is whether a vectored write of it takes several buffers.
macro_rules! write {
    ($([$($generics:tt)*] $name:ty, [$($bounds:tt)*], $vectored:expr;)+) => {$(
        /// tokio's trait, with the feature `tokio-io`. It does what that of futures-io does;
        /// shutting down is closing.
        impl $($generics)* AsyncWrite for $name $($bounds)* {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                futures_io::AsyncWrite::poll_write(self, cx, buf)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                futures_io::AsyncWrite::poll_write_vectored(self, cx, bufs)
            }

            fn is_write_vectored(&self) -> bool {
                $vectored
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                futures_io::AsyncWrite::poll_flush(self, cx)
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                futures_io::AsyncWrite::poll_close(self, cx)
            }
        }
    )+};
}

read_stream!(TcpStream);
write! {
    [] &TcpStream, [], true;
    [] TcpStream, [], true;
    [<S>] WriteHalf<S>, [where for<'a> &'a S: futures_io::AsyncWrite], true;
}

#[cfg(unix)]
read_stream!(UnixStream);
#[cfg(unix)]
read!(&PipeReader, PipeReader);
#[cfg(unix)]
write! {
    [] &UnixStream, [], true;
    [] UnixStream, [], true;
    [] PipeWriter, [], true;
}

#[cfg(feature = "process")]
read!(ChildStdout, ChildStderr);
#[cfg(feature = "process")]
write! {
    [] ChildStdin, [], cfg!(unix);
}

/// tokio's trait, with the feature `tokio-io`: as the stream reads.
impl<S> AsyncRead for ReadHalf<S>
where
    for<'a> &'a S: AsyncRead,
{
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut stream: &S = (*self).as_ref();
        Pin::new(&mut stream).poll_read(cx, buf)
    }
}
