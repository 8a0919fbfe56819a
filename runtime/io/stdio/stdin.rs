//! `stdin`, the process's standard input, which a thread reads when a task reads.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, ErrorKind, Read};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use futures_io::AsyncRead;
use futures_lite::Stream;

use super::waiting::{Key, Waiting};
use crate::engine::context;
use crate::engine::fork::{self, OfGeneration};
use crate::engine::panic::drop_quietly;
use crate::unblock;

/// The size of one read in bytes. The size is that of std's own buffer, so the read bypasses that
/// buffer. A terminal and a pipe return the available bytes, which are usually fewer.
const READ_MAX: usize = 8 * 1024;

/// The standard input of the process.
struct Input {
    /// The buffer. The bytes from `taken` on were read and not taken.
    bytes: Vec<u8>,
    taken: usize,
    /// The position before which no line ends.
    searched: usize,
    /// The event after these bytes, for the handle that reads up to it: the end (`Ok`) or an error.
    end: Option<io::Result<()>>,
    /// Whether a thread reads. The thread starts only while `end` is `None`.
    reading: bool,
    waiting: Waiting,
}

/// The input of this generation of the process. The child of a fork has its own input, because the
/// reading thread and its bytes belong to the parent.
static INPUT: OfGeneration<Mutex<Input>> = OfGeneration::new(Input::empty());

fn input() -> MutexGuard<'static, Input> {
    INPUT.get(Input::empty).lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads once. The thread runs this function. The bytes go to the buffer, and not to the task that
/// started the read.
fn read() {
    let mut buf = [0; READ_MAX];
    let result = loop {
        match io::stdin().read(&mut buf) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => break result,
        }
    };
    finish(result.map(|length| &buf[..length]));
}

/// Stores the result of a read, and wakes the waiting tasks.
fn finish(result: io::Result<&[u8]>) {
    let mut input = input();
    match result {
        Ok([]) => input.end = Some(Ok(())),
        Ok(bytes) => input.append(bytes),
        Err(error) => input.end = Some(Err(error)),
    }
    input.reading = false;
    let waiting = input.waiting.take();
    drop(input);
    waiting.wake();
}

impl Input {
    const fn empty() -> Mutex<Input> {
        Mutex::new(Input {
            bytes: Vec::new(),
            taken: 0,
            searched: 0,
            end: None,
            reading: false,
            waiting: Waiting::new(),
        })
    }

    fn append(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.searched -= self.taken;
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes bytes or the end. Returns `None` if the input has neither yet.
    fn take_some(&mut self, buf: &mut [u8]) -> Option<io::Result<usize>> {
        let rest = &self.bytes[self.taken..];
        if rest.is_empty() {
            return Some(self.end.take()?.map(|()| 0));
        }
        let length = rest.len().min(buf.len());
        buf[..length].copy_from_slice(&rest[..length]);
        self.advance(length);
        Some(Ok(length))
    }

    /// Takes a line with its `\n`, or the bytes before the end of the input. Returns `None` if the
    /// buffer has neither yet. An error leaves the bytes before the error in the buffer.
    fn take_line(&mut self) -> Option<io::Result<Vec<u8>>> {
        let line_end = self.bytes[self.searched..].iter().position(|&byte| byte == b'\n');
        let end = match line_end {
            Some(place) => self.searched + place + 1,
            None => {
                self.searched = self.bytes.len();
                if let Err(error) = self.end.take()? {
                    return Some(Err(error));
                }
                self.bytes.len()
            }
        };
        let line = self.bytes[self.taken..end].to_vec();
        self.advance(line.len());
        Some(Ok(line))
    }

    fn advance(&mut self, length: usize) {
        self.taken += length;
        self.searched = self.searched.max(self.taken);
        if self.taken == self.bytes.len() {
            (self.taken, self.searched) = (0, 0);
            self.bytes.clear();
            self.bytes.shrink_to(2 * READ_MAX); // returns memory after a long line
        }
    }
}

/// Returns a handle of the process's standard input, which reads without blocking the loop. Any
/// number of handles, in any loops and threads, read from the same input.
///
/// See [`Stdin`].
///
/// # Examples
///
/// ```no_run
/// # fn main() -> std::io::Result<()> {
/// use oneloop::future::StreamExt;
/// use oneloop::io;
///
/// oneloop::block_on(async {
///     let mut lines = io::stdin().lines();
///     while let Some(line) = lines.next().await {
///         println!("{} bytes", line?.len());
///     }
///     Ok(())
/// })
/// # }
/// ```
pub fn stdin() -> Stdin {
    Stdin { key: None, generation: fork::generation() }
}

/// A handle of the process's standard input, returned by [`stdin`]. The handle implements
/// [`AsyncRead`](crate::io::AsyncRead), and has its own method to read [lines](Stdin::read_line).
/// The handle needs no runtime of this crate.
///
/// # Reads
///
/// A thread of [`unblock`](crate::unblock())'s pool reads from [`std::io::stdin`]. The process has
/// at most one read at a time, and a read starts only when a task reads and the buffer is empty. So
/// a program that does not read leaves its input to a child or to std. One read takes at most 8
/// KiB. A child, or code that reads through std, does not receive bytes that the thread has read
/// and no task has taken. Code that reads through std at the same time waits for the thread's read.
/// Bytes in std's buffer are read first.
///
/// A read wakes all waiting tasks, in the order of their arrival. The task that is polled first
/// takes the bytes that it can use. A task that finds no bytes waits again, with a new read. So the
/// tasks alternate, but without a guaranteed order. Each line goes to one task as a whole.
///
/// A blocking read occupies its thread, one of 500, until input arrives. The read does not keep the
/// process from ending. The descriptor stays in blocking mode, because other processes share it.
///
/// At the end of the input, each read returns the end. A terminal may continue after its end. A
/// closed standard input is at its end, as in std. One reader receives an error, and the next
/// reader tries again.
///
/// # Errors
///
/// The errors are those of [`std::io::Stdin`]. `WouldBlock` means that another program has made the
/// descriptor non-blocking.
///
/// # Cancel safety
///
/// Dropping a read or a line before it completes loses no bytes. The thread continues its read, and
/// the next read of any handle returns the bytes. A type or operation that reads several times,
/// such as `read_exact` or a `BufReader`, has bytes of its own, and its drop loses them.
///
/// # Examples
///
/// After a time-out, a later read returns the whole line:
///
/// ```no_run
/// # fn main() -> std::io::Result<()> {
/// use oneloop::io;
/// use oneloop::time::{Duration, timeout};
///
/// oneloop::block_on(async {
///     let mut stdin = io::stdin();
///     let mut line = String::new();
///     while timeout(Duration::from_secs(5), stdin.read_line(&mut line)).await.is_err() {
///         println!("Are you still there?");
///     }
///     println!("You said {line:?}");
///     Ok(())
/// })
/// # }
/// ```
pub struct Stdin {
    key: Key,
    /// The generation of the process in which this handle is known.
    generation: u32,
}

impl Stdin {
    /// Reads a line and appends it to `line`, with its `\n`. Returns the length of the line in
    /// bytes, and 0 at the end of the input. The last line may have no `\n`.
    ///
    /// The future takes the line from the process's buffer when the line is complete. The buffer
    /// has no bound, so use a [`timeout`](crate::time::timeout) if you don't trust the writer of
    /// the input.
    ///
    /// # Errors
    ///
    /// `InvalidData` means that the line is not UTF-8. The input line is then lost, and `line` is
    /// unchanged. All other errors are those of [`Stdin`]. After such an error, the received part
    /// of the line is kept for the next read.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe: dropping it before it completes loses no bytes.
    pub async fn read_line(&mut self, line: &mut String) -> io::Result<usize> {
        let text = poll_fn(|cx| self.poll_line(cx)).await?;
        line.push_str(&text);
        Ok(text.len())
    }

    /// Returns the lines of the input as a stream, without their `\n` or `\r\n`. The stream has no
    /// bytes of its own. So a program may drop the stream, and another stream continues with the
    /// next line.
    pub fn lines(self) -> StdinLines {
        StdinLines { stdin: self }
    }

    fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<String>> {
        let line = ready!(self.poll_take(cx, Input::take_line))?;
        let text = String::from_utf8(line).map_err(|_| {
            io::Error::new(ErrorKind::InvalidData, "standard input has a line that is not UTF-8")
        });
        Poll::Ready(text)
    }

    /// Takes from the buffer. If `take` returns `None`, the task waits, and a thread starts to read
    /// unless one already reads.
    fn poll_take<T>(&mut self, cx: &mut Context<'_>, take: impl FnOnce(&mut Input) -> Option<T>) -> Poll<T> {
        ready!(context::charge(cx));
        if self.generation != fork::generation() {
            *self = stdin(); // the child of a fork has a new state
        }
        let waker = cx.waker().clone(); // may run foreign code, so before the lock
        let mut input = input();
        let taken = take(&mut input);
        let (discarded, starts) = match taken {
            Some(_) => (Some(waker), false),
            None => {
                let discarded = input.waiting.add(&mut self.key, waker);
                (discarded, !std::mem::replace(&mut input.reading, true))
            }
        };
        drop(input);
        drop_quietly(discarded);
        if starts && let Err(error) = unblock::detach(read) {
            finish(Err(error));
        }
        taken.map_or(Poll::Pending, Poll::Ready)
    }
}

impl AsyncRead for Stdin {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.poll_take(cx, |input| input.take_some(buf))
    }
}

impl Drop for Stdin {
    fn drop(&mut self) {
        if self.key.is_some() && self.generation == fork::generation() {
            let waker = input().waiting.remove(self.key);
            drop_quietly(waker);
        }
    }
}

impl fmt::Debug for Stdin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stdin").finish_non_exhaustive()
    }
}

/// The lines of the standard input, returned by [`Stdin::lines`]. The stream ends at the end of the
/// input.
///
/// # Errors
///
/// The errors are those of [`Stdin::read_line`]. The stream continues after an error.
///
/// # Cancel safety
///
/// Dropping a future of `next`, or the stream itself, loses no bytes.
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct StdinLines {
    stdin: Stdin,
}

impl Stream for StdinLines {
    type Item = io::Result<String>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<String>>> {
        let mut line = ready!(self.stdin.poll_line(cx))?;
        if line.is_empty() {
            return Poll::Ready(None);
        }
        if line.ends_with('\n') {
            line.pop();
            if line.ends_with('\r') {
                line.pop();
            }
        }
        Poll::Ready(Some(Ok(line)))
    }
}
