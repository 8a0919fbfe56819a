//! `Unblock`: a blocking object of std, with the traits of futures-io.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncSeek, AsyncWrite};

use crate::unblock::{Started, start};

/// The bytes of one read, and the bytes that are collected before a write. A large buffer
/// compensates for the cost of the two threads that are woken each time.
const BUFFER: usize = 64 * 1024;

/// Makes a blocking object async: a file, a pipe of another kind, an object of a library. Each
/// operation runs on a thread of [`unblock`](crate::unblock())'s pool, one at a time.
///
/// A read asks for 64 KiB and keeps the bytes that the caller does not take. A seek counts from the
/// last taken byte. So a program seeks between reading a file and writing to it. A write collects
/// 64 KiB before a thread writes them to the object. **Written bytes are lost without
/// [`flush`](crate::io::AsyncWriteExt::flush)** or [`close`](crate::io::AsyncWriteExt::close).
/// `close` also drops the object on a thread and waits for the drop.
///
/// # Errors
///
/// The next write, flush or close reports a failed write to the object. If the system starts no
/// thread, the operation fails and the object is dropped. Later operations then return an error.
///
/// # Panics
///
/// If the object's own operation panics, the method panics with that panic. Later operations return
/// an error.
///
/// # Cancel safety
///
/// Reading, writing and flushing are cancel safe. If the future is dropped, the thread continues,
/// and the next operation returns the bytes that the thread has read, or the error. Operations that
/// read or write several times, such as `read_exact`, are not cancel safe.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use oneloop::io::{AsyncReadExt, AsyncWriteExt, Unblock};
/// use std::fs::File;
///
/// oneloop::block_on(async {
/// #     let path = std::env::temp_dir().join(format!("oneloop-doc-unblock-{}", std::process::id()));
///     let mut file = Unblock::new(File::create(&path)?);
///     file.write_all(b"hello").await?;
///     file.flush().await?;
///
///     let mut text = String::new();
///     Unblock::new(File::open(&path)?).read_to_string(&mut text).await?;
///     assert_eq!(text, "hello");
/// #   std::fs::remove_file(&path)
/// })
/// # }
/// ```
pub struct Unblock<T>(State<T>);

enum State<T> {
    Idle(Box<Parts<T>>),
    /// A thread has the object.
    Busy(Started<Box<Parts<T>>>),
    /// A thread drops the object. After the drop, the object's last error is reported.
    Closing(Started<()>, Option<io::Error>),
    /// The object was closed, or it was lost because a thread panicked or did not start.
    Closed,
}

/// The object and its buffers.
struct Parts<T> {
    object: T,
    /// The bytes that were read. Those from `taken` on were not taken.
    read: Vec<u8>,
    taken: usize,
    /// The bytes that are not written yet, and the function that writes them. Only a type that
    /// writes sets it.
    unwritten: Vec<u8>,
    write_out: Option<WriteOut<T>>,
    /// The thread's operation and its result, until the result is reported.
    ended: Option<(Operation, io::Result<u64>)>,
}

type WriteOut<T> = fn(&mut Parts<T>) -> io::Result<()>;

#[derive(Clone, Copy, PartialEq)]
enum Operation {
    Read,
    Write,
    Seek(SeekFrom),
}

impl<T> Unblock<T> {
    /// Makes a stream of the object. Nothing happens before the first operation. [`Unblock`] has an
    /// example.
    pub fn new(object: T) -> Unblock<T> {
        let (read, unwritten) = (Vec::new(), Vec::new());
        let parts = Parts { object, read, taken: 0, unwritten, write_out: None, ended: None };
        Unblock(State::Idle(Box::new(parts)))
    }
}

impl<T: Send + 'static> Unblock<T> {
    /// Returns the object after the thread that uses it has completed its operation. Bytes that
    /// were not flushed, and bytes that were read and not taken, are lost.
    ///
    /// # Errors
    ///
    /// `BrokenPipe` if the object was closed, or was lost with its thread.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::io::{AsyncReadExt, Unblock};
    ///
    /// oneloop::block_on(async {
    ///     let mut object = Unblock::new(std::io::Cursor::new("hello"));
    ///     object.read_exact(&mut [0; 5]).await?;
    ///     assert_eq!(object.into_inner().await?.position(), 5);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub async fn into_inner(mut self) -> io::Result<T> {
        poll_fn(|cx| self.poll_idle(cx).map_ok(drop)).await?;
        match self.0 {
            State::Idle(parts) => Ok(parts.object),
            _ => Err(closed()),
        }
    }

    /// Ready when no thread has the object.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&mut Parts<T>>> {
        match std::mem::replace(&mut self.0, State::Closed) {
            // If the object has panicked, this poll panics, too.
            State::Busy(mut started) => match Pin::new(&mut started).poll(cx) {
                Poll::Ready(parts) => self.0 = State::Idle(parts),
                Poll::Pending => {
                    self.0 = State::Busy(started);
                    return Poll::Pending;
                }
            },
            other => self.0 = other,
        }
        match &mut self.0 {
            State::Idle(parts) => Poll::Ready(Ok(parts)),
            _ => Poll::Ready(Err(closed())),
        }
    }

    /// Starts a thread that writes the collected bytes and then does `work`. The next poll returns
    /// the result.
    fn begin(
        &mut self,
        operation: Operation,
        mut work: impl FnMut(&mut Parts<T>) -> io::Result<u64> + Send + 'static,
    ) -> io::Result<()> {
        let State::Idle(mut parts) = std::mem::replace(&mut self.0, State::Closed) else {
            return Err(closed());
        };
        let on_thread = move || {
            let written = parts.write_out.take().map_or(Ok(()), |write_out| write_out(&mut parts));
            let ended = written.and_then(|()| {
                loop {
                    match work(&mut parts) {
                        Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                        ended => break ended,
                    }
                }
            });
            parts.ended = Some((operation, ended));
            parts
        };
        self.0 = State::Busy(start(on_thread)?);
        Ok(())
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the object of this `Unblock` was closed, or has panicked")
}

impl<T> Parts<T> {
    fn unread(&self) -> &[u8] {
        &self.read[self.taken..]
    }
}

impl<T> Parts<T> {
    /// Returns the result of `operation`, or the error of another operation that was dropped before
    /// its end.
    fn report(&mut self, operation: Operation) -> io::Result<Option<u64>> {
        match self.ended.take() {
            Some((_, Err(error))) => Err(error),
            Some((ended, Ok(value))) if ended == operation => Ok(Some(value)),
            _ => Ok(None),
        }
    }
}

/// After a failure, the bytes are not written again.
fn write_out<T: Write>(parts: &mut Parts<T>) -> io::Result<()> {
    let mut unwritten = std::mem::take(&mut parts.unwritten);
    parts.object.write_all(&unwritten)?;
    unwritten.clear();
    parts.unwritten = unwritten;
    parts.object.flush()
}

impl<T: Read + Send + 'static> AsyncRead for Unblock<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            let parts = ready!(self.poll_idle(cx))?;
            let has_read = parts.report(Operation::Read)?.is_some();
            let length = parts.unread().len().min(buf.len());
            if length > 0 || has_read || buf.is_empty() {
                buf[..length].copy_from_slice(&parts.unread()[..length]);
                parts.taken += length;
                return Poll::Ready(Ok(length)); // 0 after a read means the end
            }
            self.begin(Operation::Read, |parts| {
                parts.read.resize(BUFFER, 0);
                parts.taken = 0;
                let read = parts.object.read(&mut parts.read);
                parts.read.truncate(*read.as_ref().unwrap_or(&0));
                read.map(|read| read as u64)
            })?;
        }
    }
}

impl<T: Write + Send + 'static> AsyncWrite for Unblock<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let parts = ready!(self.poll_idle(cx))?;
            parts.report(Operation::Write)?;
            let length = buf.len().min(BUFFER - parts.unwritten.len());
            if length > 0 || buf.is_empty() {
                parts.unwritten.extend_from_slice(&buf[..length]);
                parts.write_out = Some(write_out);
                return Poll::Ready(Ok(length));
            }
            self.begin(Operation::Write, |_| Ok(0))?;
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let parts = ready!(self.poll_idle(cx))?;
            parts.report(Operation::Write)?;
            if parts.write_out.is_none() {
                return Poll::Ready(Ok(()));
            }
            self.begin(Operation::Write, |_| Ok(0))?;
        }
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(self.0, State::Closed) {
            return Poll::Ready(Ok(()));
        }
        if !matches!(self.0, State::Closing(..)) {
            let flushed = ready!(self.as_mut().poll_flush(cx));
            let State::Idle(parts) = std::mem::replace(&mut self.0, State::Closed) else {
                return Poll::Ready(flushed);
            };
            // Dropping the object may block, too.
            self.0 = State::Closing(start(|| drop(parts))?, flushed.err());
        }
        let State::Closing(mut closing, error) = std::mem::replace(&mut self.0, State::Closed) else {
            return Poll::Ready(Err(closed()));
        };
        if Pin::new(&mut closing).poll(cx).is_pending() {
            self.0 = State::Closing(closing, error);
            return Poll::Pending;
        }
        Poll::Ready(error.map_or(Ok(()), Err))
    }
}

impl<T: Seek + Send + 'static> AsyncSeek for Unblock<T> {
    fn poll_seek(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: SeekFrom) -> Poll<io::Result<u64>> {
        loop {
            let parts = ready!(self.poll_idle(cx))?;
            if let Some(reached) = parts.report(Operation::Seek(to))? {
                return Poll::Ready(Ok(reached));
            }
            self.begin(Operation::Seek(to), move |parts| {
                let ahead = parts.unread().len() as i64;
                let reached = parts.object.seek(match to {
                    SeekFrom::Current(offset) => SeekFrom::Current(offset.saturating_sub(ahead)),
                    other => other,
                })?;
                parts.read.clear();
                parts.taken = 0;
                Ok(reached)
            })?;
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Unblock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Unblock");
        match &self.0 {
            State::Idle(parts) => f.field("object", &parts.object).finish(),
            _ => f.finish_non_exhaustive(),
        }
    }
}
