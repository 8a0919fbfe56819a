//! Unix pipes: bytes in one direction, between processes or within one.
//!
//! A pipe has two ends, each of its own type. They come from [`pipe`], from a descriptor that is
//! there already (`TryFrom<OwnedFd>`), or from a named pipe in the file system
//! ([`PipeReader::open`], [`PipeWriter::open`]).
//!
//! **Non-blocking is a mark of the open file, not of a descriptor**: all holders of the same end
//! share it, also other processes that inherited it. So an end that is taken over changes under
//! them, and an end that is given away is non-blocking still, unless it goes through
//! `Stdio::try_from`, which undoes that.
//!
//! **Writing when no reader is left** is the error `BrokenPipe`. Rust programs ignore
//! `SIGPIPE`, the signal that comes with it; in one that has restored its default action it ends
//! the process, because for pipes, other than sockets, the system has no way to ask for the error
//! alone.
//!
//! # Implementation
//!
//! The sockets' own: an end is a `Socket` whose other direction never becomes ready. A write that
//! has moved a part has filled the pipe, and the reader's next read is news, as with sockets. But
//! for reads the short-read rule (see `engine/reactor.rs`) is not used. It would hold for bytes in
//! epoll, but not for a pipe in packet mode (`O_DIRECT`), each of whose reads stops at a packet
//! with more behind, and on kqueue nothing promises it. The price is the system call that the rule
//! would save.

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

/// A new pipe. Both ends belong to the current runtime, and neither is inherited by child
/// processes.
///
/// # Errors
///
/// If the operating system gives none (too many open files).
///
/// # Panics
///
/// Outside a runtime.
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

/// Only pipes: a regular file is never waited for, and what reads of a terminal mean is another
/// story.
fn check_pipe(fd: OwnedFd) -> io::Result<OwnedFd> {
    let file = File::from(fd);
    if !file.metadata()?.file_type().is_fifo() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is not a pipe"));
    }
    Ok(file.into())
}
