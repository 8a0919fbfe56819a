//! The reading end of a pipe.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Stdio;

use mio::unix::pipe::Receiver;

use super::{MADE, check_pipe};
use crate::engine::context;
use crate::engine::driver::Readiness;
use crate::io::own_operations::own_operations;
use crate::io::ready::Ready;
use crate::io::socket::Socket;
use crate::io::stream::{ReadBytes, forward_read};

impl ReadBytes for Receiver {
    /// The rule does not hold in packet mode, and kqueue does not guarantee it; see the module.
    const SHORT_READ_DRAINS: bool = false;
}

/// The reading end of a pipe. Reads work by value and by shared reference. The function
/// [`pipe`](super::pipe()) has an example.
pub struct PipeReader(Socket<Receiver>);

forward_read!(
    /// Reads by shared reference.
    ///
    /// # Errors
    ///
    /// A read returns the operating system's error, or an error if the runtime of the pipe was
    /// dropped.
    ///
    /// # Cancel safety
    ///
    /// Reading is cancel safe: the poll that reads bytes also returns them. Operations that read
    /// several times, such as `read_exact`, are not cancel safe.
    [] &PipeReader, [], |this| &mut &this.0
);
forward_read!([] PipeReader, [], |this| &mut &this.0);

own_operations!(
    PipeReader, |this| this.0,
    /// See [`TcpStream::try_io`](crate::net::TcpStream::try_io).
);

impl PipeReader {
    #[track_caller]
    pub(super) fn new(receiver: Receiver) -> io::Result<PipeReader> {
        PipeReader::assuming(receiver, Readiness::READABLE)
    }

    #[track_caller]
    fn assuming(receiver: Receiver, assumed: Readiness) -> io::Result<PipeReader> {
        context::with(MADE, |core| Socket::on(core, receiver, assumed)).map(PipeReader)
    }

    /// Converts a descriptor that is known to be a pipe.
    #[track_caller]
    #[cfg_attr(not(feature = "process"), allow(dead_code))]
    pub(crate) fn adopt(fd: OwnedFd) -> io::Result<PipeReader> {
        let receiver = Receiver::from(fd);
        receiver.set_nonblocking(true)?;
        PipeReader::new(receiver)
    }

    /// Opens a named pipe for reading. The call returns at once, also if the pipe has no writer.
    ///
    /// On Linux, a read waits for the first writer. On other systems a read may return the end (0
    /// bytes) until the first writer opens the pipe. After the last writer has closed the pipe, a
    /// read returns the end, and the pipe stays readable. So a loop that continues to read for the
    /// next writer spins. A program that serves one writer after another keeps a writer open
    /// itself, so that reads never return the end.
    ///
    /// # Errors
    ///
    /// The call returns the operating system's error, for example `NotFound`, and `InvalidInput` if
    /// the path is not a named pipe.
    ///
    /// # Panics
    ///
    /// The call panics outside a runtime.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::io::{AsyncBufReadExt, BufReader};
    /// use oneloop::pipe::PipeReader;
    ///
    /// oneloop::block_on(async {
    ///     // … made with mkfifo …
    ///     let mut commands = BufReader::new(PipeReader::open("/run/my-server/commands")?);
    ///     let mut command = String::new();
    ///     commands.read_line(&mut command).await?;
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    #[track_caller]
    pub fn open(path: impl AsRef<Path>) -> io::Result<PipeReader> {
        context::require(MADE);
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
        // The pipe is not assumed to be readable, because a read before the first writer would
        // return the end.
        PipeReader::assuming(Receiver::from(check_pipe(file.into())?), Readiness::NONE)
    }

    /// Waits until the pipe counts as readable. A read may still return `WouldBlock`; the caller
    /// then waits again. [`try_read`](PipeReader::try_read) has an example.
    ///
    /// The future makes no system call if the pipe already counts as readable. Only an operation
    /// that returns `WouldBlock` marks the pipe as not readable. So a loop that waits without an
    /// operation spins.
    ///
    /// # Errors
    ///
    /// The future returns an error if the pipe's runtime was dropped. On the driver `Polling` it
    /// also returns an error if the operating system refuses to watch the pipe.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe: it reads no bytes.
    pub fn readable(&self) -> Ready<'_> {
        self.0.readable()
    }

    /// Reads the available bytes without waiting, and returns their number. `Ok(0)` means that all
    /// writers have closed the other end, or that `buf` is empty.
    ///
    /// # Errors
    ///
    /// `WouldBlock` means that the pipe is empty. [`readable`](PipeReader::readable) then waits for
    /// more bytes. All other errors are those of the operating system.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::ErrorKind::WouldBlock;
    ///
    /// oneloop::block_on(async {
    ///     let (reader, writer) = oneloop::pipe::pipe()?;
    ///     writer.try_write(b"hello")?;
    ///     let mut buf = [0; 16];
    ///     let n = loop {
    ///         reader.readable().await?;
    ///         match reader.try_read(&mut buf) {
    ///             Err(e) if e.kind() == WouldBlock => {}
    ///             read => break read?,
    ///         }
    ///     };
    ///     assert_eq!(&buf[..n], b"hello");
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buf)
    }

    /// Reads the available bytes into several buffers, one after the other, without waiting, and
    /// returns their number. A call uses at most 16 non-empty buffers.
    ///
    /// # Errors
    ///
    /// The errors are those of [`try_read`](PipeReader::try_read).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::IoSliceMut;
    ///
    /// oneloop::block_on(async {
    ///     let (reader, writer) = oneloop::pipe::pipe()?;
    ///     writer.try_write(b"headbody")?;
    ///     let (mut head, mut body) = ([0; 4], [0; 16]);
    ///     let n = reader.try_read_vectored(&mut [IoSliceMut::new(&mut head), IoSliceMut::new(&mut body)])?;
    ///     assert_eq!((&head, &body[..n - 4]), (b"head", &b"body"[..]));
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.0.try_read_vectored(bufs)
    }

    /// Unregisters this end and returns its descriptor, which is still non-blocking.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system, for example if no descriptor is left.
    /// This end is closed after an error.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::pipe::PipeReader;
    ///
    /// oneloop::block_on(async {
    ///     let (reader, _writer) = oneloop::pipe::pipe()?;
    ///     let descriptor = reader.into_owned_fd()?;
    ///     let reader = PipeReader::try_from(descriptor)?; // the reverse conversion
    /// #   drop(reader);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn into_owned_fd(mut self) -> io::Result<OwnedFd> {
        self.0.leave()
    }
}

/// Converts the reading end of a pipe and makes it non-blocking for all holders; see the
/// [module](super).
///
/// # Errors
///
/// `InvalidInput` is the error if the descriptor is not a pipe.
/// [`Source`](crate::io::source::Source) watches other descriptors. The operating system may also
/// refuse to make the descriptor non-blocking or to watch it. The descriptor is closed after an
/// error. The conversion does not check that the descriptor is a reading end. Reading from a
/// writing end returns an error.
///
/// # Panics
///
/// The conversion panics outside a runtime.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::os::fd::OwnedFd;
/// use oneloop::pipe::PipeReader;
///
/// oneloop::block_on(async {
///     let (reader, _writer) = std::io::pipe()?;
///     let reader = PipeReader::try_from(OwnedFd::from(reader))?;
/// #   drop(reader);
/// #   Ok(())
/// })
/// # }
/// ```
impl TryFrom<OwnedFd> for PipeReader {
    type Error = io::Error;

    #[track_caller]
    fn try_from(fd: OwnedFd) -> io::Result<PipeReader> {
        context::require(MADE); // panics before the mode changes
        PipeReader::adopt(check_pipe(fd)?)
    }
}

/// Converts as [`PipeReader::into_owned_fd`] does.
impl TryFrom<PipeReader> for OwnedFd {
    type Error = io::Error;

    fn try_from(reader: PipeReader) -> io::Result<OwnedFd> {
        reader.into_owned_fd()
    }
}

/// Converts the end for a child process that reads from it. The end becomes blocking again, because
/// most programs expect blocking descriptors.
///
/// # Errors
///
/// The errors are those of [`PipeReader::into_owned_fd`].
impl TryFrom<PipeReader> for Stdio {
    type Error = io::Error;

    fn try_from(reader: PipeReader) -> io::Result<Stdio> {
        reader.0.io().set_nonblocking(false)?;
        reader.into_owned_fd().map(Stdio::from)
    }
}

impl AsFd for PipeReader {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.io().as_fd()
    }
}

impl AsRawFd for PipeReader {
    fn as_raw_fd(&self) -> RawFd {
        self.0.io().as_raw_fd()
    }
}

impl fmt::Debug for PipeReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PipeReader").field(&self.as_raw_fd()).finish()
    }
}
