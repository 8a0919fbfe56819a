//! The writing end of a pipe.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, IoSlice, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll};

use futures_io::AsyncWrite;
use mio::unix::pipe::Sender;

#[cfg(doc)]
use super::PipeReader;
use super::{MADE, check_pipe};
use crate::engine::context;
use crate::engine::driver::Readiness;
use crate::io::own_operations::own_operations;
use crate::io::socket::Socket;
use crate::io::stream::WriteBytes;

impl WriteBytes for Sender {
    fn write(&self, buf: &[u8]) -> io::Result<usize> {
        Write::write(&mut &*self, buf)
    }

    fn write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        Write::write_vectored(&mut &*self, bufs)
    }

    /// Does nothing, because the drop closes the only direction of a pipe.
    fn shut_down(&self, _: Shutdown) -> io::Result<()> {
        Ok(())
    }
}

/// The writing end of a pipe. Dropping or [closing](crate::io::AsyncWriteExt::close) the writer
/// closes this end. After the last writer is closed, the reader reads the remaining bytes and then
/// the end.
///
/// `AsyncWrite` is implemented for the value only, because closing removes the descriptor. Several
/// tasks that share a reference use [`try_write`](PipeWriter::try_write).
///
/// # Errors
///
/// A write returns `BrokenPipe` if all readers are closed, and also after this end was closed. The
/// [module](super) describes `SIGPIPE`.
///
/// # Cancel safety
///
/// Writing is cancel safe: the poll that writes bytes also reports them. Operations that write
/// several times, such as `write_all`, are not cancel safe.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use oneloop::io::{AsyncReadExt, AsyncWriteExt};
///
/// oneloop::block_on(async {
///     let (mut reader, mut writer) = oneloop::pipe::pipe()?;
///     writer.write_all(b"hello").await?;
///     writer.close().await?;
///     assert!(writer.write(b"more").await.is_err());
///     let mut text = String::new();
///     reader.read_to_string(&mut text).await?;
///     assert_eq!(text, "hello");
/// #   Ok(())
/// })
/// # }
/// ```
pub struct PipeWriter {
    /// The socket, or `None` after this end was closed.
    open: Option<Socket<Sender>>,
}

own_operations!(
    PipeWriter, |this| this.socket()?,
    /// See [`TcpStream::try_io`](crate::net::TcpStream::try_io).
);

impl PipeWriter {
    #[track_caller]
    pub(super) fn new(sender: Sender) -> io::Result<PipeWriter> {
        let socket = context::with(MADE, |core| Socket::on(core, sender, Readiness::WRITABLE))?;
        Ok(PipeWriter { open: Some(socket) })
    }

    /// Converts a descriptor that is known to be a pipe.
    #[track_caller]
    #[cfg_attr(not(feature = "process"), allow(dead_code))]
    pub(crate) fn adopt(fd: OwnedFd) -> io::Result<PipeWriter> {
        let sender = Sender::from(fd);
        sender.set_nonblocking(true)?;
        PipeWriter::new(sender)
    }

    /// Opens a named pipe for writing. The call returns at once.
    ///
    /// # Errors
    ///
    /// `ENXIO`, "no such device or address", means that the pipe has no reader. The system has no
    /// event for a new reader, so the program calls `open` again later. `InvalidInput` means that
    /// the path is not a named pipe. All other errors are those of the operating system, for
    /// example `NotFound`.
    ///
    /// # Panics
    ///
    /// The call panics outside a runtime.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::io::AsyncWriteExt;
    /// use oneloop::pipe::PipeWriter;
    ///
    /// oneloop::block_on(async {
    ///     let mut commands = PipeWriter::open("/run/my-server/commands")?;
    ///     commands.write_all(b"reload\n").await?;
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    #[track_caller]
    pub fn open(path: impl AsRef<Path>) -> io::Result<PipeWriter> {
        context::require(MADE);
        let file = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(path)?;
        PipeWriter::new(Sender::from(check_pipe(file.into())?))
    }

    fn socket(&self) -> io::Result<&Socket<Sender>> {
        self.open.as_ref().ok_or_else(PipeWriter::closed)
    }

    fn closed() -> io::Error {
        io::Error::new(io::ErrorKind::BrokenPipe, "this end of the pipe was closed")
    }

    /// Waits until the pipe counts as writable. A write may still return `WouldBlock`; the caller
    /// then waits again. [`try_write`](PipeWriter::try_write) has an example.
    ///
    /// # Errors
    ///
    /// The errors are those of [`PipeReader::readable`], and `BrokenPipe` after this end was
    /// closed.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe: it writes no bytes.
    pub async fn writable(&self) -> io::Result<()> {
        self.socket()?.writable().await
    }

    /// Writes the bytes that fit into the pipe, without waiting, and returns their number, which
    /// may be less than `buf.len()`. A buffer of at most 512 bytes (4,096 on Linux) is written
    /// completely or not at all, so that the buffers of several writers don't mix.
    ///
    /// # Errors
    ///
    /// `WouldBlock` means that no byte fits. [`writable`](PipeWriter::writable) then waits for
    /// space. `BrokenPipe` means that all readers are closed, or that this end was closed.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::ErrorKind::WouldBlock;
    ///
    /// oneloop::block_on(async {
    ///     let (_reader, writer) = oneloop::pipe::pipe()?;
    ///     loop {
    ///         writer.writable().await?;
    ///         match writer.try_write(b"one line\n") {
    ///             Err(e) if e.kind() == WouldBlock => {}
    ///             written => break assert_eq!(written?, 9),
    ///         }
    ///     }
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.socket()?.try_write(buf)
    }

    /// Writes the bytes that fit from several buffers, one after the other, without waiting, and
    /// returns their number. A call uses at most 16 non-empty buffers.
    ///
    /// # Errors
    ///
    /// The errors are those of [`try_write`](PipeWriter::try_write).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::IoSlice;
    ///
    /// oneloop::block_on(async {
    ///     let (_reader, writer) = oneloop::pipe::pipe()?;
    ///     let written = writer.try_write_vectored(&[IoSlice::new(b"head"), IoSlice::new(b"body")])?;
    ///     assert_eq!(written, 8);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.socket()?.try_write_vectored(bufs)
    }

    /// Unregisters this end and returns its descriptor, which is still non-blocking.
    ///
    /// # Errors
    ///
    /// `BrokenPipe` is the error after this end was closed. All other errors are those of the
    /// operating system, for example if no descriptor is left. This end is closed after an error.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::Write;
    ///
    /// oneloop::block_on(async {
    ///     let (_reader, writer) = oneloop::pipe::pipe()?;
    ///     let mut file = std::fs::File::from(writer.into_owned_fd()?);
    ///     file.write_all(b"hello")?;
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn into_owned_fd(self) -> io::Result<OwnedFd> {
        self.open.ok_or_else(PipeWriter::closed)?.leave()
    }
}

impl AsyncWrite for PipeWriter {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket()?).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket()?).poll_write_vectored(cx, bufs)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().open = None;
        Poll::Ready(Ok(()))
    }
}

/// Converts the writing end of a pipe and makes it non-blocking for all holders; see the
/// [module](super).
///
/// # Errors
///
/// The errors are those of the same conversion to `PipeReader`.
///
/// # Panics
///
/// The conversion panics outside a runtime.
impl TryFrom<OwnedFd> for PipeWriter {
    type Error = io::Error;

    #[track_caller]
    fn try_from(fd: OwnedFd) -> io::Result<PipeWriter> {
        context::require(MADE);
        PipeWriter::adopt(check_pipe(fd)?)
    }
}

/// Converts as [`PipeWriter::into_owned_fd`] does.
impl TryFrom<PipeWriter> for OwnedFd {
    type Error = io::Error;

    fn try_from(writer: PipeWriter) -> io::Result<OwnedFd> {
        writer.into_owned_fd()
    }
}

/// Converts the end for a child process that writes to it. The end becomes blocking again, because
/// most programs expect blocking descriptors.
///
/// # Errors
///
/// The errors are those of [`PipeWriter::into_owned_fd`].
impl TryFrom<PipeWriter> for Stdio {
    type Error = io::Error;

    fn try_from(writer: PipeWriter) -> io::Result<Stdio> {
        writer.socket()?.io().set_nonblocking(false)?;
        writer.into_owned_fd().map(Stdio::from)
    }
}

/// # Panics
///
/// The call panics after the writer was closed, because a closed writer has no descriptor.
impl AsFd for PipeWriter {
    #[track_caller]
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.open.as_ref().expect("a PipeWriter that was closed has no descriptor").io().as_fd()
    }
}

/// # Panics
///
/// The call panics after the writer was closed, because a closed writer has no descriptor.
impl AsRawFd for PipeWriter {
    #[track_caller]
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl fmt::Debug for PipeWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PipeWriter").field(&self.open.as_ref().map(|socket| socket.io().as_raw_fd())).finish()
    }
}
