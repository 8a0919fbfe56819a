//! Reading and writing: the traits that every stream implements, and what one does with them.
//!
//! All of it is re-exported from [`futures_lite::io`], whose extension traits work with every type
//! of any crate that implements `futures-io`.
//!
//! Mind that its `read_to_string` and `read_line` need an *empty* `String`: what they have read
//! takes the place of what was there, where [`std::io`] appends. In a debug build they panic
//! instead.
//!
//! # Cost
//!
//! An operation on a socket that is ready is one system call. Waiting for one that is known not to
//! be costs none (one, with [`Driver::Polling`](crate::Driver#variant.Polling)). Each operation is
//! charged to the budget of the runtime that the socket belongs to, also when a task of another
//! runtime uses it: after 128 in one poll the task gives way.
//!
//! # Cancel safety
//!
//! `read`, `write` and `fill_buf` are as cancel safe as the stream, and those of this crate are:
//! what was read or written is returned in the same poll. What takes several steps (`read_exact`,
//! `read_line`, `read_to_string`, `write_all`, `copy`) is not: dropped half-way, it doesn't tell
//! what it has moved.
//!
//! # Standard input and output, and files
//!
//! They may be what no system can watch, a regular file for one, and then only a call that blocks
//! is left. With the feature `unblock` a thread makes it:
//!
//! * [`stdin`] reads the process's standard input, bytes or lines. A read that a time-out drops
//!   loses nothing.
//! * [`stdout`] and [`stderr`] write. What a program has not flushed when it ends may be lost.
//! * For files there are [`oneloop::unblock`](crate::unblock()) around std's functions, and the
//!   crate `async-fs`, on threads of its own. [`Unblock`] makes a stream of anything that blocks. What
//!   was written through it is in its buffer until `flush`, and what it has read ahead is lost with
//!   it.
//!
//! # tokio's traits
//!
//! With the feature `tokio-io`, off by default, streams and their halves, pipes, and the streams of
//! child processes also implement `AsyncRead` and `AsyncWrite` of the crate `tokio`, for libraries
//! that ask for those. It adds that one crate, without tokio's runtime: a library that also starts
//! tasks, timers or sockets of tokio's does not work here. Sockets are read into memory that is not
//! initialised, without zeros first. Shutting down does what closing does.
//!
//! Both pairs of traits have methods of the same names. Where the extension traits of both crates
//! are in scope, a call such as `stream.read(&mut buf)` is ambiguous, which is an error of the
//! compiler (E0034). So a module imports those of one crate, or names the trait in the call:
//! `tokio::io::AsyncReadExt::read(&mut stream, &mut buf)`. Methods of the stream itself come before
//! those of any trait: `stream.shutdown(how)` of `TcpStream` and `UnixStream` is theirs, and tokio's
//! is `AsyncWriteExt::shutdown(&mut stream)`.
//!
//! ```
//! # #[cfg(feature = "tokio-io")]
//! # fn main() -> std::io::Result<()> {
//! use std::future::poll_fn;
//! use std::pin::Pin;
//! use tokio::io::{AsyncRead, ReadBuf};
//!
//! /// As a library has it that is written for tokio's traits.
//! async fn first_bytes(mut stream: impl AsyncRead + Unpin) -> std::io::Result<Vec<u8>> {
//!     let mut bytes = [0; 64];
//!     let mut buf = ReadBuf::new(&mut bytes);
//!     poll_fn(|cx| Pin::new(&mut stream).poll_read(cx, &mut buf)).await?;
//!     Ok(buf.filled().to_vec())
//! }
//!
//! oneloop::block_on(async {
//! #   let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
//! #   let stream = oneloop::net::TcpStream::connect(listener.local_addr()?).await?;
//! #   let (peer, _) = listener.accept().await?;
//!     peer.try_write(b"hello")?;
//!     assert_eq!(first_bytes(&stream).await?, b"hello");
//! #   Ok(())
//! })
//! # }
//! # #[cfg(not(feature = "tokio-io"))]
//! # fn main() {}
//! ```
//!
//! # Examples
//!
//! ```
//! # #[cfg(unix)]
//! # fn main() -> std::io::Result<()> {
//! use oneloop::io::{self, AsyncBufReadExt, AsyncWriteExt, BufReader};
//! use oneloop::net::UnixStream;
//!
//! oneloop::block_on(async {
//!     let (mut ours, theirs) = UnixStream::pair()?;
//!     ours.write_all(b"one\ntwo\n").await?;
//!     ours.close().await?;
//!     let mut line = String::new();
//!     BufReader::new(theirs).read_line(&mut line).await?;
//!     assert_eq!(line, "one\n");
//! #   Ok(())
//! })
//! # }
//! # #[cfg(not(unix))]
//! # fn main() {}
//! ```

#[cfg(feature = "net")]
pub(crate) mod own_operations;
pub(crate) mod ready;
#[cfg_attr(not(feature = "net"), allow(dead_code))] // `Source` uses a part of it
pub(crate) mod socket;
pub(crate) mod source;
#[cfg(feature = "net")]
pub(crate) mod split;
#[cfg(feature = "unblock")]
mod stdio;
#[cfg(feature = "net")]
pub(crate) mod stream;
#[cfg(feature = "unblock")]
mod unblock;

#[doc(no_inline)]
pub use futures_lite::io::*;
#[cfg(feature = "unblock")]
pub use stdio::{Stderr, Stdin, StdinLines, Stdout, stderr, stdin, stdout};
#[cfg(feature = "unblock")]
pub use unblock::Unblock;
