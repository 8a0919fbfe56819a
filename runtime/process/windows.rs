//! The streams of a child on Windows. Its anonymous pipes can't be waited for, so a thread of the
//! pool of `unblock` reads or writes each that is used.

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

/// The end that is read from.
#[derive(Debug)]
pub(super) struct PipeReader {
    pipe: Unblock<File>,
    /// A thread reads from it, or has read more than was taken.
    used: bool,
}

/// The end that is written to.
#[derive(Debug)]
pub(super) struct PipeWriter {
    /// `None` once it is closed.
    pipe: Option<Unblock<File>>,
    /// A thread may still have bytes to pass on to the child.
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

/// The pipe itself, if no thread uses it.
fn unused(pipe: Unblock<File>) -> io::Result<Stdio> {
    match pin!(pipe.into_inner()).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(file) => file.map(Stdio::from),
        Poll::Pending => Err(used()),
    }
}

fn used() -> io::Error {
    io::Error::new(io::ErrorKind::WouldBlock, "it was used already")
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
            return Err(used()); // dropped by this, it passes on what it has
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

/// On Unix the system has the bytes that were written, and passes them on after the handle was
/// dropped. Here they are in a buffer, which would be lost with the handle: so a thread passes them
/// on. It is done at the latest when the child has ended, because then the write fails.
impl Drop for PipeWriter {
    fn drop(&mut self) {
        if let Some(mut pipe) = self.pipe.take().filter(|_| self.unflushed) {
            let _ = unblock::detach(move || drop(future::block_on(pipe.close())));
        }
    }
}
