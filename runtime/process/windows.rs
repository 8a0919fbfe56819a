//! The streams of a child on Windows. Anonymous pipes of Windows have no readiness events, so a
//! thread of `unblock`'s pool reads or writes each pipe in use.

use std::fs::File;
use std::future::Future;
use std::io;
use std::os::windows::io::OwnedHandle;
use std::pin::{Pin, pin};
use std::process::Stdio;
use std::task::{Context, Poll, Waker, ready};

use futures_io::{AsyncRead, AsyncWrite};
use futures_lite::{AsyncWriteExt, future};

use crate::io::Unblock;
use crate::unblock;

/// The reading end.
#[derive(Debug)]
pub(super) struct PipeReader {
    pipe: Unblock<File>,
    /// Whether a thread reads from the pipe, or has read bytes that the program has not received.
    used: bool,
}

/// The writing end.
#[derive(Debug)]
pub(super) struct PipeWriter {
    /// The pipe, or `None` after it was closed.
    pipe: Option<Unblock<File>>,
    /// Whether a thread may still have bytes to write.
    unflushed: bool,
}

impl PipeReader {
    pub(super) fn adopt(handle: OwnedHandle) -> io::Result<PipeReader> {
        Ok(PipeReader { pipe: Unblock::new(File::from(handle)), used: false })
    }
}

impl PipeWriter {
    pub(super) fn adopt(handle: OwnedHandle) -> io::Result<PipeWriter> {
        Ok(PipeWriter { pipe: Some(Unblock::new(File::from(handle))), unflushed: false })
    }
}

/// Returns the pipe itself, if no thread uses it.
fn unused(pipe: Unblock<File>) -> io::Result<Stdio> {
    match pin!(pipe.into_inner()).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(file) => file.map(Stdio::from),
        Poll::Pending => Err(used()),
    }
}

fn used() -> io::Error {
    io::Error::new(io::ErrorKind::WouldBlock, "the stream was read from or written to before")
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "this end of the pipe was closed")
}

impl TryFrom<PipeReader> for Stdio {
    type Error = io::Error;

    fn try_from(reader: PipeReader) -> io::Result<Stdio> {
        if reader.used { Err(used()) } else { unused(reader.pipe) }
    }
}

impl TryFrom<PipeWriter> for Stdio {
    type Error = io::Error;

    fn try_from(mut writer: PipeWriter) -> io::Result<Stdio> {
        if writer.unflushed {
            return Err(used()); // the drop of the writer writes its bytes
        }
        unused(writer.pipe.take().ok_or_else(closed)?)
    }
}

impl AsyncRead for PipeReader {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.used = true;
        Pin::new(&mut this.pipe).poll_read(cx, buf)
    }
}

impl AsyncWrite for PipeWriter {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let Some(pipe) = &mut this.pipe else { return Poll::Ready(Err(closed())) };
        this.unflushed = true;
        Pin::new(pipe).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Some(pipe) = &mut this.pipe else { return Poll::Ready(Ok(())) };
        ready!(Pin::new(pipe).poll_flush(cx))?;
        this.unflushed = false;
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Some(pipe) = &mut this.pipe else { return Poll::Ready(Ok(())) };
        ready!(Pin::new(pipe).poll_close(cx))?;
        this.pipe = None;
        Poll::Ready(Ok(()))
    }
}

/// On Unix the system has the written bytes and delivers them after the drop of the handle. On
/// Windows the bytes are in a buffer that the drop of the handle would lose, so a thread writes
/// them. The thread ends at the latest at the end of the child, because the write then fails.
impl Drop for PipeWriter {
    fn drop(&mut self) {
        if let Some(mut pipe) = self.pipe.take().filter(|_| self.unflushed) {
            let _ = unblock::detach(move || drop(future::block_on(pipe.close())));
        }
    }
}
