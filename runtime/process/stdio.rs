//! The child's three streams, as the parent has them: the other ends of its pipes.

use std::fmt;
use std::io;
use std::process::Stdio;

use crate::io::stream::{forward_read, forward_write};
#[cfg(unix)]
use crate::pipe::{PipeReader, PipeWriter};

#[cfg(windows)]
use super::windows::{PipeReader, PipeWriter};

/// What the child reads as its standard input. Dropping it, or [closing](crate::io::AsyncWriteExt::close) it, is the
/// end of that input.
///
/// It becomes the standard output of another child with `Stdio::try_from`. On Unix it is a pipe, whose other
/// methods are reached with `PipeWriter::from`.
///
/// # Errors
///
/// Writing says `BrokenPipe` if the child has closed its end, or has ended, and also after this was closed.
///
/// # Cancel safety
///
/// Writing is cancel safe: bytes count as written in the poll in which they were. (Not so what is built on it
/// and writes several times, as `write_all`.)
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
pub struct ChildStdin(PipeWriter);

/// What the child writes as its standard output.
///
/// It becomes the standard input of another child with `Stdio::try_from`. (On Windows only before it was
/// read from; `WouldBlock` otherwise.) On Unix it is a pipe, whose other methods are reached with
/// `PipeReader::from`.
///
/// # Cancel safety
///
/// Reading is cancel safe: bytes that were read are returned in the same poll. (Not so what is built on it and
/// reads several times, as `read_exact`.)
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
///     let output = Command::new("tr").args(["a-z", "A-Z"]).stdin(Stdio::try_from(stdout)?).output().await?;
///     assert_eq!(output.stdout, b"HELLO\n");
///     assert!(echo.wait().await?.success());
/// #   Ok(())
/// })
/// # }
/// # #[cfg(not(unix))]
/// # fn main() {}
/// ```
pub struct ChildStdout(PipeReader);

/// What the child writes as its standard error. Everything said of [`ChildStdout`] holds for it.
pub struct ChildStderr(PipeReader);

forward_write!([] ChildStdin, [], |this| &mut this.get_mut().0);
forward_read!([] ChildStdout, [], |this| &mut this.get_mut().0);
forward_read!([] ChildStderr, [], |this| &mut this.get_mut().0);

/// What each of the three has, for a type `struct $name($pipe)` made from std's type of the same name.
macro_rules! impl_stdio {
    ($name:ident, $pipe:ident) => {
        impl $name {
            #[track_caller]
            pub(super) fn new(stream: std::process::$name) -> io::Result<$name> {
                $pipe::adopt(stream.into()).map($name)
            }
        }

        /// For another child. On Unix the descriptor is made blocking again, which most programs expect.
        ///
        /// # Errors
        ///
        /// If the operating system refuses, or has no descriptor left; the stream is then closed. An input that was
        /// closed has nothing to give.
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

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.0).finish()
            }
        }
    };
}

impl_stdio!(ChildStdin, PipeWriter);
impl_stdio!(ChildStdout, PipeReader);
impl_stdio!(ChildStderr, PipeReader);
