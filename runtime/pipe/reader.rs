//! The end of a pipe that is read from.

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
    /// Not in packet mode, and on kqueue nothing promises it: see the module.
    const SHORT_READ_DRAINS: bool = false;
}

/// The end of a pipe that is read from, by value or by shared reference.
///
/// # Examples
///
/// See [`pipe`](super::pipe()).
pub struct PipeReader(Socket<Receiver>);

forward_read!(
    /// Reads by shared reference.
    ///
    /// # Errors
    ///
    /// What the operating system says; or that the runtime of the pipe was dropped.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: bytes that were read are returned in the same poll. (What is built on it and
    /// reads several times, such as `read_exact`, is not.)
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

    /// Takes over what is known to be a pipe.
    #[track_caller]
    #[cfg_attr(not(feature = "process"), allow(dead_code))]
    pub(crate) fn adopt(fd: OwnedFd) -> io::Result<PipeReader> {
        let receiver = Receiver::from(fd);
        receiver.set_nonblocking(true)?;
        PipeReader::new(receiver)
    }

    /// Opens a named pipe for reading. It returns at once, whether or not it has a writer.
    ///
    /// On Linux, reading waits for the first writer. Elsewhere it may say the end (0 bytes) until
    /// there is one. When the last writer has closed the pipe, a read returns the end, and the pipe
    /// stays readable: a loop that goes on reading for the next writer spins. A program that serves
    /// one writer after another keeps a writer open itself, so that the end never comes.
    ///
    /// # Errors
    ///
    /// What the operating system says, for instance `NotFound`; `InvalidInput` if the path is no
    /// named pipe.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
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
        // Not assumed to be readable: before the first writer comes, trying would say the end.
        PipeReader::assuming(Receiver::from(check_pipe(file.into())?), Readiness::NONE)
    }

    /// Waits until the pipe counts as readable. It may turn out not to be: try, and wait again.
    ///
    /// A pipe that counts as readable already costs no system call here. Only an operation that
    /// says `WouldBlock` makes it count as not readable: one that waits without trying in between
    /// spins.
    ///
    /// # Errors
    ///
    /// If the pipe's runtime was dropped; on the driver `Polling` also if the operating system refuses
    /// to watch the pipe.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only looks.
    ///
    /// # Examples
    ///
    /// See [`try_read`](PipeReader::try_read).
    pub fn readable(&self) -> Ready<'_> {
        self.0.readable()
    }

    /// Reads what is there now, without waiting, and returns how many bytes; `Ok(0)` means that no writer has
    /// the other end any more (or that `buf` is empty).
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is nothing; then [`readable`](PipeReader::readable) waits for more.
    /// Otherwise what the operating system says.
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

    /// Reads what is there now into several buffers, one after the other, without waiting, and
    /// returns how many bytes. At most 16 buffers that are not empty are used.
    ///
    /// # Errors
    ///
    /// As [`try_read`](PipeReader::try_read).
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

    /// Ends the watch and returns a descriptor of this end, which is non-blocking still.
    ///
    /// # Errors
    ///
    /// If the operating system refuses, or has no descriptor left; this end is then closed.
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
    ///     let reader = PipeReader::try_from(descriptor)?; // and back
    /// #   drop(reader);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn into_owned_fd(mut self) -> io::Result<OwnedFd> {
        self.0.leave()
    }
}

/// Takes over the reading end of a pipe and makes it non-blocking, for all that share it (see the
/// [module](super)).
///
/// # Errors
///
/// `InvalidInput` if it is no pipe: for anything else there is
/// [`Source`](crate::io::source::Source). If the operating system refuses to make it non-blocking
/// or to watch it. The descriptor is then closed. Whether it is the reading end is not asked; on
/// the other one, reading is an error.
///
/// # Panics
///
/// Outside a runtime.
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
        context::require(MADE); // before it is changed for others
        PipeReader::adopt(check_pipe(fd)?)
    }
}

/// The same as [`PipeReader::into_owned_fd`].
impl TryFrom<PipeReader> for OwnedFd {
    type Error = io::Error;

    fn try_from(reader: PipeReader) -> io::Result<OwnedFd> {
        reader.into_owned_fd()
    }
}

/// For a child process to read from. The end is made blocking again, which most programs expect.
///
/// # Errors
///
/// As [`PipeReader::into_owned_fd`].
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
