//! The child's three streams: the parent's ends of its pipes.

use std::io;
use std::process::Stdio;

use crate::io::stream::{forward_read, forward_write};
#[cfg(unix)]
use crate::pipe::{PipeReader, PipeWriter};

#[cfg(windows)]
use super::windows::{PipeReader, PipeWriter};

/// The child's standard input. Dropping it, or [closing](crate::io::AsyncWriteExt::close) it, is
/// the end of that input.
///
/// `Stdio::try_from` makes it the standard output of another child. On Unix it is a pipe, and
/// `PipeWriter::from` gives it the pipe's other methods.
///
/// # Errors
///
/// A write returns `BrokenPipe` if the child has closed its end, or has ended, and also after this
/// was closed.
///
/// # Cancel safety
///
/// Writing is cancel safe: bytes are reported in the poll in which they were written. (Operations
/// that write several times, as `write_all`, are not.)
///
/// # Examples
///
/// ```
/// # #[cfg(unix)]
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
/// # #[cfg(not(unix))]
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct ChildStdin(PipeWriter);

/// The child's standard output.
///
/// `Stdio::try_from` makes it the standard input of another child. (On Windows only before it was
/// read from; `WouldBlock` otherwise.) On Unix it is a pipe, and `PipeReader::from` gives it the
/// pipe's other methods.
///
/// # Cancel safety
///
/// Reading is cancel safe: bytes that were read are returned in the same poll. (Operations that
/// read several times, as `read_exact`, are not.)
///
/// # Examples
///
/// ```
/// # #[cfg(unix)]
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
/// # #[cfg(not(unix))]
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct ChildStdout(PipeReader);

/// The child's standard error. Everything in [`ChildStdout`]'s documentation holds for it.
#[derive(Debug)]
pub struct ChildStderr(PipeReader);

forward_write!([] ChildStdin, [], |this| &mut this.get_mut().0);
forward_read!([] ChildStdout, [], |this| &mut this.get_mut().0);
forward_read!([] ChildStderr, [], |this| &mut this.get_mut().0);

/// The conversions of each of the three, for a type `struct $name($pipe)` made from std's type of
/// the same name.
macro_rules! impl_stdio {
    ($name:ident, $pipe:ident) => {
        impl $name {
            #[track_caller]
            pub(super) fn new(stream: std::process::$name) -> io::Result<$name> {
                $pipe::adopt(stream.into()).map($name)
            }
        }

        /// For another child. On Unix the descriptor is made blocking again, which most programs
        /// expect.
        ///
        /// # Errors
        ///
        /// If the operating system refuses, or has no descriptor left; the stream is then closed.
        /// If the input was closed.
        impl TryFrom<$name> for Stdio {
            type Error = io::Error;

            fn try_from(stream: $name) -> io::Result<Stdio> {
                stream.0.try_into()
            }
        }

        /// For the pipe's own methods.
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
