//! The streams of a child on Windows. Its anonymous pipes can't be waited for, so a thread of the `blocking` crate's
//! pool reads or writes each that is used.

use std::fmt;
use std::fs::File;
use std::future::Future;
use std::io;
use std::os::windows::io::OwnedHandle;
use std::pin::{Pin, pin};
use std::process::Stdio;
use std::task::{Context, Poll, Waker, ready};

use blocking::Unblock;
use futures_io::{AsyncRead, AsyncWrite};

/// The end that is read from.
pub(super) struct PipeReader(Unblock<File>);

/// The end that is written to; `None` once it is closed.
pub(super) struct PipeWriter(Option<Unblock<File>>);

impl PipeReader {
    pub(super) fn adopt(handle: OwnedHandle) -> io::Result<PipeReader> {
        Ok(PipeReader(Unblock::new(File::from(handle))))
    }
}

impl PipeWriter {
    pub(super) fn adopt(handle: OwnedHandle) -> io::Result<PipeWriter> {
        Ok(PipeWriter(Some(Unblock::new(File::from(handle)))))
    }
}

/// The pipe itself, if no thread is busy with it.
fn unused(pipe: Unblock<File>) -> io::Result<Stdio> {
    match pin!(pipe.into_inner()).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(file) => Ok(Stdio::from(file)),
        Poll::Pending => Err(io::Error::new(io::ErrorKind::WouldBlock, "this stream was used already")),
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "this end of the pipe was closed")
}

impl TryFrom<PipeReader> for Stdio {
    type Error = io::Error;

    fn try_from(reader: PipeReader) -> io::Result<Stdio> {
        unused(reader.0)
    }
}

impl TryFrom<PipeWriter> for Stdio {
    type Error = io::Error;

    fn try_from(writer: PipeWriter) -> io::Result<Stdio> {
        unused(writer.0.ok_or_else(closed)?)
    }
}

impl AsyncRead for PipeReader {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_read(cx, buf)
    }
}

impl AsyncWrite for PipeWriter {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            Some(pipe) => Pin::new(pipe).poll_write(cx, buf),
            None => Poll::Ready(Err(closed())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().0.as_mut().map_or(Poll::Ready(Ok(())), |pipe| Pin::new(pipe).poll_flush(cx))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Some(pipe) = &mut this.0 else { return Poll::Ready(Ok(())) };
        ready!(Pin::new(pipe).poll_close(cx))?;
        this.0 = None;
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for PipeReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipeReader").finish_non_exhaustive()
    }
}

impl fmt::Debug for PipeWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipeWriter").finish_non_exhaustive()
    }
}
