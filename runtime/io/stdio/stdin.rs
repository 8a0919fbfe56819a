//! `stdin`: the process's standard input, read by a thread when a task asks for it.

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

/// One read asks for so many bytes: as many as std's own buffer has, which is passed by then. A
/// terminal and a pipe give what is there, which is mostly less.
const READ_MAX: usize = 8 * 1024;

/// The standard input of the process.
struct Input {
    /// What was read and not taken: the bytes from `taken` on.
    bytes: Vec<u8>,
    taken: usize,
    /// Before this place no line ends.
    searched: usize,
    /// What came after these bytes, for the reader that comes to it: the end (`Ok`), or an error.
    end: Option<io::Result<()>>,
    /// A thread reads. It starts only when there is no `end`.
    reading: bool,
    waiting: Waiting,
}

/// The child of a fork has its own: the thread that reads, and what it reads, is the parent's.
static INPUT: OfGeneration<Mutex<Input>> = OfGeneration::new(Input::nothing());

fn input() -> MutexGuard<'static, Input> {
    INPUT.get(Input::nothing).lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread's part: one read. The bytes go to the buffer, not to the task that asked for them.
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

/// Notes how a read has ended, and wakes the tasks that wait for it.
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
    const fn nothing() -> Mutex<Input> {
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

    /// `None` if there is nothing yet, neither bytes nor their end.
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

    /// A line with its end, or what is left before the end of the input; `None` if neither is
    /// there yet. An error leaves the bytes before it.
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
            self.bytes.shrink_to(2 * READ_MAX); // after a long line
        }
    }
}

/// The standard input of the process, read without blocking the loop. Any number of handles, in
/// any loops and threads, read from the same input.
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

/// A handle of the process's standard input, made by [`stdin`]. It implements
/// [`AsyncRead`](crate::io::AsyncRead), and reads [lines](Stdin::read_line) by itself. It needs no
/// runtime of this crate.
///
/// # How it reads
///
/// A thread of the pool that [`unblock`](crate::unblock()) has reads from [`std::io::stdin`], one
/// read at a time for the whole process, and only when a task asks for bytes that are not there: so
/// a program that never asks leaves its input to a child, or to std. One read takes at most 8 KiB,
/// of which a child, or code that reads through std, does not see what no task has taken. Code
/// that reads through std at the same time waits for that read. Bytes that std has in its buffer
/// come first.
///
/// Tasks that wait at the same time are all woken, in the order in which they came. The first that
/// is polled takes what it can use, and those that find nothing wait on, with a new read. So they
/// take turns, but no order is promised. Each line is taken whole.
///
/// A read that blocks keeps its thread, one of 500, until input comes. It does not keep the process
/// from ending. The descriptor is never made non-blocking: other processes share it.
///
/// At the end of the input, each read says so; a terminal may go on after it. A standard input that
/// is closed is at its end, as for std. An error is returned to one reader, and the next one tries
/// again.
///
/// # Errors
///
/// Those of [`std::io::Stdin`]. `WouldBlock` means that another program has made the descriptor
/// non-blocking.
///
/// # Cancel safety
///
/// A read or a line that is dropped before it is ready loses nothing. The thread reads on, and what
/// it gets is there for the next read of any handle. (What reads several times, as `read_exact` or
/// a `BufReader`, has bytes of its own, which are lost with it.)
///
/// # Examples
///
/// A line that is waited for in vain is still read whole, later:
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
    /// The generation of the process that knows this handle.
    generation: u32,
}

impl Stdin {
    /// Reads a line and appends it to `line`, with its `\n`. Returns its length in bytes: 0 at the
    /// end of the input. The last line may have no `\n`.
    ///
    /// The line is taken from the input when it is whole. Until then it lies in the process's
    /// buffer, which has no bound: put a [`timeout`](crate::time::timeout) around it if you
    /// don't trust the other side.
    ///
    /// # Errors
    ///
    /// `InvalidData` if the line isn't UTF-8: it is lost, and `line` is as it was. Otherwise as
    /// [`Stdin`] says; what was there of the line is kept for the next read.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if it is dropped before it is ready.
    ///
    /// # Examples
    ///
    /// See [`Stdin`].
    pub async fn read_line(&mut self, line: &mut String) -> io::Result<usize> {
        let text = poll_fn(|cx| self.poll_line(cx)).await?;
        line.push_str(&text);
        Ok(text.len())
    }

    /// The lines of the input as a stream, without their `\n` or `\r\n`. It has no bytes of its own,
    /// so it may be dropped, and another one reads on.
    ///
    /// # Examples
    ///
    /// See [`stdin`].
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

    /// Takes from the buffer what there is. If that is nothing, waits, and has a thread read if
    /// none does.
    fn poll_take<T>(&mut self, cx: &mut Context<'_>, take: impl FnOnce(&mut Input) -> Option<T>) -> Poll<T> {
        ready!(context::charge(cx));
        if self.generation != fork::generation() {
            *self = stdin(); // the child of a fork begins anew
        }
        let waker = cx.waker().clone(); // it may be foreign: before the lock
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

/// The lines of the standard input: what [`Stdin::lines`] returns. The stream ends at the end of
/// the input.
///
/// # Errors
///
/// As [`Stdin::read_line`]. The stream goes on after an error.
///
/// # Cancel safety
///
/// Neither a `next` that is dropped nor the stream itself loses a byte.
///
/// # Examples
///
/// See [`stdin`].
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
