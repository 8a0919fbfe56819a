//! tokio's `AsyncRead` and `AsyncWrite`, for every type of this crate that implements the traits of
//! futures-io. They need the feature `tokio-io`.
//!
//! tokio's runtime is not involved: without its features the crate `tokio` contains these traits
//! and a few types for them.
//!
//! # Implementation
//!
//! `AsyncWrite` of both crates has the same operations under different names, so the second trait
//! of a type calls the first. Reading differs, because a part of a `ReadBuf` is not initialised. A
//! socket reads directly into that part, with `poll_read_uninit`. All other types, mainly pipes,
//! need initialised bytes. For them the implementation writes zeros first, into no more of the
//! buffer than a pipe holds.

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

/// The largest number of bytes that are filled with zeros before a read that needs them. A pipe of
/// Linux holds as many, unless the program changes that.
#[cfg(any(unix, feature = "process"))]
const ZEROED_MAX: usize = 64 << 10;

/// Reads with the trait of futures-io, which needs initialised bytes.
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

/// `AsyncRead` for a stream by shared reference and by value.
macro_rules! read_stream {
    ($name:ident) => {
        /// tokio's trait, by shared reference, with the feature `tokio-io`. The method fills no
        /// byte of the buffer with zeros first.
        ///
        /// # Errors
        ///
        /// The operating system's error, for instance `ConnectionReset`, or an error if the runtime
        /// of the stream was dropped.
        ///
        /// # Cancel safety
        ///
        /// The method is cancel safe: bytes that were read are in the buffer in the same poll.
        /// Functions that read several times, such as `read_exact`, are not cancel safe.
        impl AsyncRead for &$name {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                // SAFETY: `poll_read_uninit` writes only initialised bytes.
                let unfilled = unsafe { buf.unfilled_mut() };
                let count = ready!(self.poll_read_uninit(cx, unfilled))?.len();
                // SAFETY: `poll_read_uninit` has returned the first `count` bytes of `unfilled` as
                // a `&mut [u8]`, so they are initialised.
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

/// `AsyncRead` for types that need a buffer with zeros: pipes, and the output of child processes.
#[cfg(any(unix, feature = "process"))]
macro_rules! read {
    ($($name:ty),+) => {$(
        /// tokio's trait, with the feature `tokio-io`. The method fills up to 64 KiB of the buffer
        /// with zeros first, as far as they are not initialised. One poll reads no more than that.
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

/// `AsyncWrite` for a type. `$vectored` says whether a vectored write takes several buffers.
macro_rules! write {
    ($([$($generics:tt)*] $name:ty, [$($bounds:tt)*], $vectored:expr;)+) => {$(
        /// tokio's trait, with the feature `tokio-io`. Its methods do the same as those of
        /// futures-io, and `shutdown` closes.
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

/// tokio's trait, with the feature `tokio-io`. The half reads as its stream does.
impl<S> AsyncRead for ReadHalf<S>
where
    for<'a> &'a S: AsyncRead,
{
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut stream: &S = (*self).as_ref();
        Pin::new(&mut stream).poll_read(cx, buf)
    }
}
