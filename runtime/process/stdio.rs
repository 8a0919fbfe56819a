//! The child's three streams, which are the parent's ends of the pipes.

use std::io;
use std::process::Stdio;

use crate::io::stream::{forward_read, forward_write};
#[cfg(unix)]
use crate::pipe::{PipeReader, PipeWriter};

#[cfg(windows)]
use super::windows::{PipeReader, PipeWriter};

/// The child's standard input. Dropping or [closing](crate::io::AsyncWriteExt::close) the stream
/// ends the input.
///
/// `Stdio::try_from` converts the stream into the standard output of another child. On Unix the
/// stream is a pipe, and `PipeWriter::from` converts it into a type with the pipe's other methods.
///
/// # Errors
///
/// A write returns `BrokenPipe` if the child has closed its end or has ended, and also after this
/// stream was closed.
///
/// # Cancel safety
///
/// Writing is cancel safe: the poll that writes bytes also reports them. Operations that write
/// several times, such as `write_all`, are not cancel safe.
///
/// # Examples
///
/// ```ignore-windows
/// # fn main() -> std::io::Result<()> {
/// use oneloop::io::AsyncWriteExt;
/// use oneloop::process::{Command, Stdio};
///
/// oneloop::block_on(async {
///     let mut sort = Command::new("sort").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
///     let mut stdin = sort.stdin.take().expect("it is piped");
///     stdin.write_all(b"b\na\n").await?;
///     stdin.close().await?;
///     let output = sort.wait_with_output().await?;
///     assert_eq!(output.stdout, b"a\nb\n");
/// #   Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct ChildStdin(PipeWriter);

/// The child's standard output.
///
/// `Stdio::try_from` converts the stream into the standard input of another child. On Windows the
/// conversion returns `WouldBlock` after the first read. On Unix the stream is a pipe, and
/// `PipeReader::from` converts it into a type with the pipe's other methods.
///
/// # Cancel safety
///
/// Reading is cancel safe: the poll that reads bytes also returns them. Operations that read
/// several times, such as `read_exact`, are not cancel safe.
///
/// # Examples
///
/// ```ignore-windows
/// # fn main() -> std::io::Result<()> {
/// use oneloop::process::{Command, Stdio};
///
/// oneloop::block_on(async {
///     let mut echo = Command::new("echo").arg("hello").stdout(Stdio::piped()).spawn()?;
///     let stdout = echo.stdout.take().expect("it is piped");
///     let mut tr = Command::new("tr");
///     tr.args(["a-z", "A-Z"]).stdin(Stdio::try_from(stdout)?);
///     let output = tr.output().await?;
///     assert_eq!(output.stdout, b"HELLO\n");
///     assert!(echo.wait().await?.success());
/// #   Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct ChildStdout(PipeReader);

/// The child's standard error. The documentation of [`ChildStdout`] applies to this type, too.
#[derive(Debug)]
pub struct ChildStderr(PipeReader);

forward_write!([] ChildStdin, [], |this| &mut this.get_mut().0);
forward_read!([] ChildStdout, [], |this| &mut this.get_mut().0);
forward_read!([] ChildStderr, [], |this| &mut this.get_mut().0);

/// The conversions of the three streams, for a type `struct $name($pipe)` that wraps std's type of
/// the same name.
macro_rules! impl_stdio {
    ($name:ident, $pipe:ident) => {
        impl $name {
            #[track_caller]
            pub(super) fn new(stream: std::process::$name) -> io::Result<$name> {
                $pipe::adopt(stream.into()).map($name)
            }
        }

        /// Converts the stream for another child. On Unix the descriptor becomes blocking again,
        /// because most programs expect blocking descriptors.
        ///
        /// # Errors
        ///
        /// The conversion returns the error of the operating system, for example if no descriptor
        /// is left. The stream is closed after an error. An input that was closed is also an error.
        impl TryFrom<$name> for Stdio {
            type Error = io::Error;

            fn try_from(stream: $name) -> io::Result<Stdio> {
                stream.0.try_into()
            }
        }

        /// Converts the stream into a pipe, for the pipe's own methods.
        #[cfg(unix)]
        impl From<$name> for $pipe {
            fn from(stream: $name) -> $pipe {
                stream.0
            }
        }

        #[cfg(unix)]
        impl std::os::fd::AsFd for $name {
            #[track_caller]
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                self.0.as_fd()
            }
        }

        #[cfg(unix)]
        impl std::os::fd::AsRawFd for $name {
            #[track_caller]
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                self.0.as_raw_fd()
            }
        }
    };
}

impl_stdio!(ChildStdin, PipeWriter);
impl_stdio!(ChildStdout, PipeReader);
impl_stdio!(ChildStderr, PipeReader);
