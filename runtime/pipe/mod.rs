//! Unix pipes, which carry bytes in one direction between processes or within one process.
//!
//! A pipe has two ends, and each end has its own type. A program creates ends with [`pipe`], from
//! an existing descriptor (`TryFrom<OwnedFd>`), or from a named pipe in the file system
//! ([`PipeReader::open`], [`PipeWriter::open`]).
//!
//! **Non-blocking mode belongs to the open file, not to a descriptor.** All holders of the same end
//! share the mode, including processes that inherited the end. So `TryFrom<OwnedFd>` also changes
//! the mode for the other holders. An end that leaves the loop is still non-blocking, except
//! through `Stdio::try_from`, which restores blocking mode.
//!
//! **Writing to a pipe without a reader** is the error `BrokenPipe`. The system also sends the
//! signal `SIGPIPE`, which Rust programs ignore. In a program that has restored the signal's
//! default action, the signal ends the process. The system has a flag to suppress the signal for
//! sockets, but not for pipes.
//!
//! # Implementation
//!
//! Pipes use the implementation of the sockets. An end is a `Socket` whose other direction never
//! becomes ready. A partial write has filled the pipe, and the reader's next read causes an event,
//! as with sockets. Reads don't use the short-read rule (see `engine/reactor.rs`). The rule would
//! hold for a byte stream under epoll. It would not hold for a pipe in packet mode (`O_DIRECT`),
//! where each read stops at the end of a packet although more packets follow. The documentation of
//! kqueue does not guarantee the rule. The price is the system call that the rule would save.

mod reader;
mod writer;

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;

pub use reader::PipeReader;
pub use writer::PipeWriter;

use crate::engine::context;

const MADE: &str = "a oneloop pipe was made";

/// Creates a pipe. Both ends belong to the current runtime. Child processes inherit neither end.
///
/// # Errors
///
/// The call returns the operating system's error, for example for too many open files.
///
/// # Panics
///
/// The call panics outside a runtime.
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
///     drop(writer);
///     let mut text = String::new();
///     reader.read_to_string(&mut text).await?;
///     assert_eq!(text, "hello");
/// #   Ok(())
/// })
/// # }
/// ```
#[track_caller]
pub fn pipe() -> io::Result<(PipeReader, PipeWriter)> {
    context::require(MADE);
    let (sender, receiver) = mio::unix::pipe::new()?;
    Ok((PipeReader::new(receiver)?, PipeWriter::new(sender)?))
}

/// Returns an error unless the descriptor is a pipe. Systems report no readiness of regular files,
/// and reads of a terminal have other rules.
fn check_pipe(fd: OwnedFd) -> io::Result<OwnedFd> {
    let file = File::from(fd);
    if !file.metadata()?.file_type().is_fifo() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is not a pipe"));
    }
    Ok(file.into())
}
