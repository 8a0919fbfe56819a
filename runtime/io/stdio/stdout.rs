//! `stdout` and `stderr`, the process's standard output and error, which a thread writes.

use std::fmt;
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::AsyncWrite;

use super::output::{Output, Writer};

static STDOUT: Output = Output::new(|bytes| {
    let mut stdout = io::stdout().lock(); // no other write of std comes between the calls
    stdout.write_all(bytes)?;
    stdout.flush()
});

static STDERR: Output = Output::new(|bytes| io::stderr().write_all(bytes));

/// Returns a handle of the process's standard output, which writes without blocking the loop. Any
/// number of handles, in any loops and threads, write to the same output.
///
/// See [`Stdout`].
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use oneloop::io::{self, AsyncWriteExt};
///
/// oneloop::block_on(async {
///     let mut stdout = io::stdout();
///     stdout.write_all(b"hello\n").await?;
///     stdout.flush().await // without a flush the end of the process may lose the line
/// })
/// # }
/// ```
pub fn stdout() -> Stdout {
    Stdout(Writer::new(&STDOUT))
}

/// Returns a handle of the process's standard error, which writes without blocking the loop.
/// Standard error has a thread of its own, as [`stdout`] has. `eprintln!` is simpler for a few
/// lines, and blocks only while the reader is slow.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use oneloop::io::{self, AsyncWriteExt};
///
/// oneloop::block_on(async {
///     let mut stderr = io::stderr();
///     stderr.write_all(b"out of cheese\n").await?;
///     stderr.flush().await
/// })
/// # }
/// ```
pub fn stderr() -> Stderr {
    Stderr(Writer::new(&STDERR))
}

/// A handle of the process's standard output, returned by [`stdout`]. The handle implements
/// [`AsyncWrite`](crate::io::AsyncWrite), and needs no runtime of this crate.
///
/// # Guarantees of a write and a flush
///
/// * A `write` copies bytes into a buffer of the process. The buffer has 64 KiB, and a `write`
///   waits while the buffer is full. A thread of [`unblock`](crate::unblock())'s pool writes the
///   buffer at once, through [`std::io::stdout`].
/// * **A `flush` that returned `Ok` means that the bytes have left the process.** These bytes are
///   all bytes of this handle, and all bytes that other handles had written before the last write
///   of this handle. For a handle without writes, they are the bytes that were written before its
///   creation.
/// * **The end of the process may lose unflushed bytes**, because it does not wait for the thread.
/// * Bytes leave in the order of the writes. A `write` of up to 8 KiB is accepted as a whole, and
///   neither another write nor a `println!` comes between its bytes. A `write_all` of more bytes is
///   several writes.
/// * A `println!` does not wait for the buffer, so flush before a `println!` if the order matters.
///   While the thread writes, it holds std's lock. So a `println!` blocks the loop if the thread is
///   blocked.
///
/// `close` flushes but does not close the descriptor, because the descriptor belongs to the whole
/// process.
///
/// # Errors
///
/// A later operation, at the latest a `flush`, returns an error of the thread. The bytes that the
/// thread was about to write, up to 64 KiB, are lost. Each existing handle reports the error once.
/// If no handle has reported the error, the next new handle reports it. `BrokenPipe` means that the
/// other end has no reader. (A Rust program ignores SIGPIPE, so `println!` behaves the same.)
/// `WouldBlock` means that another program has made the descriptor non-blocking. A closed standard
/// output accepts all bytes and discards them, as std does.
///
/// # Cancel safety
///
/// Dropping a `write` before it completes writes no bytes. Dropping a `flush` changes nothing. An
/// operation that writes several times, such as `write_all`, does not report how many bytes it has
/// written before its drop.
pub struct Stdout(Writer);

/// A handle of the process's standard error, returned by [`stderr`]. The documentation of
/// [`Stdout`] applies to this type, too.
pub struct Stderr(Writer);

impl AsyncWrite for Stdout {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }
}

impl AsyncWrite for Stderr {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }
}

impl fmt::Debug for Stdout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stdout").finish_non_exhaustive()
    }
}

impl fmt::Debug for Stderr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stderr").finish_non_exhaustive()
    }
}
