//! `stdout` and `stderr`: the process's standard output and error, written by a thread.

use std::fmt;
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::AsyncWrite;

use super::output::{Output, Writer};

static STDOUT: Output = Output::new(|bytes| {
    let mut stdout = io::stdout().lock(); // for both, so that nothing of std's comes in between
    stdout.write_all(bytes)?;
    stdout.flush()
});

static STDERR: Output = Output::new(|bytes| io::stderr().write_all(bytes));

/// The standard output of the process, written without blocking the loop. Any number of handles, in
/// any loops and threads, write to the same output.
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
///     stdout.flush().await // without it the line might be lost: the process ends here
/// })
/// # }
/// ```
pub fn stdout() -> Stdout {
    Stdout(Writer::new(&STDOUT))
}

/// The standard error of the process, written without blocking the loop: as [`stdout`], by a thread
/// of its own. A few lines are written more simply with `eprintln!`, which blocks only while the
/// reader is slow.
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

/// A handle of the process's standard output, made by [`stdout`]. It implements
/// [`AsyncWrite`](crate::io::AsyncWrite), and needs no runtime of this crate.
///
/// # What a write and a flush promise
///
/// * A `write` puts bytes into a buffer of the process, of 64 KiB, and waits while that is full. A
///   thread of the pool that [`unblock`](crate::unblock()) has passes them on at once, through
///   [`std::io::stdout`].
/// * **A `flush` that returned `Ok` means that the bytes have left the process**: all that this
///   handle wrote, and all that any handle had written before its last write (if it has written
///   nothing, before it was made).
/// * **What was not flushed when the process ends may be lost.** Its end waits for no thread.
/// * Bytes come out in the order of the writes. A `write` of up to 8 KiB is taken whole, and
///   neither another write nor a `println!` comes in between. `write_all` of more is several writes.
/// * A `println!` does not wait for what is in the buffer: flush before it if the order matters.
///   It blocks the loop if the thread is blocked, which holds std's lock meanwhile.
///
/// `close` flushes and closes nothing: the descriptor is the whole process's.
///
/// # Errors
///
/// The thread's error comes out of a later operation, `flush` at the latest; what it was about to
/// write, up to 64 KiB, is lost. Each handle that there was reports it once; if none has
/// reported it, so does the next handle that is made. `BrokenPipe` if the other end has no
/// reader. (As with `println!`: SIGPIPE is ignored in a Rust program.) `WouldBlock` means that another
/// program has made the descriptor non-blocking. A standard output that is closed takes everything
/// and drops it, as std's does.
///
/// # Cancel safety
///
/// A `write` that is dropped before it is ready has written nothing. A `flush` that is dropped
/// changes nothing. (What writes several times, as `write_all`, doesn't tell how far it came.)
///
/// # Examples
///
/// See [`stdout`].
pub struct Stdout(Writer);

/// A handle of the process's standard error, made by [`stderr`]. All of [`Stdout`] holds here, too.
///
/// # Examples
///
/// See [`stderr`].
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
