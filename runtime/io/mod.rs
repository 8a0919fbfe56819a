//! Reading and writing: the traits that every stream implements, and their extension methods.
//!
//! The module re-exports [`futures_lite::io`], whose extension traits work with every type of any
//! crate that implements `futures-io`.
//!
//! Its methods `read_to_string` and `read_line` need an *empty* `String`. They replace the contents
//! of the string, where [`std::io`] appends. In a debug build they panic if the string is not
//! empty.
//!
//! # Cost
//!
//! An operation on a socket that is ready is one system call. A wait for a socket that is known not
//! to be ready makes no system call (one, with [`Driver::Polling`](crate::Driver#variant.Polling)).
//! Each operation is charged to the budget of the runtime that the socket belongs to, also when a
//! task of another runtime uses the socket. After 128 operations in one poll the task gives way.
//!
//! # Cancel safety
//!
//! `read`, `write` and `fill_buf` are as cancel safe as the stream. The streams of this crate are
//! cancel safe: the bytes that were read or written are returned in the same poll. Methods that
//! take several steps are not cancel safe (`read_exact`, `read_line`, `read_to_string`,
//! `write_all`, `copy`): a dropped future does not say which bytes it has moved.
//!
//! # Standard input and output, and files
//!
//! Standard input and output may be an object that no system can watch, for instance a regular
//! file. Only a blocking call reads or writes such an object. With the feature `unblock` a thread
//! makes this call:
//!
//! * [`stdin`] reads the process's standard input, as bytes or lines. A read that a time-out drops
//!   loses nothing.
//! * [`stdout`] and [`stderr`] write. Bytes that are not flushed when the program ends may be lost.
//! * Files are read and written with [`oneloop::unblock`](crate::unblock()) around std's functions,
//!   or with the crate `async-fs`, which has threads of its own. [`Unblock`] makes a stream of any
//!   object that blocks. Its buffer holds the written bytes until `flush`. If an `Unblock` is
//!   dropped, the bytes that it has read ahead are lost.
//!
//! # tokio's traits
//!
//! With the feature `tokio-io`, off by default, more traits are implemented: `AsyncRead` and
//! `AsyncWrite` of the crate `tokio`. The types are the streams and their halves, the pipes, and
//! the streams of child processes. The feature is for libraries that require these traits. It adds
//! the crate `tokio` without tokio's runtime, so a library that also starts tasks, timers or
//! sockets of tokio does not work here. Sockets are read into memory that is not initialised,
//! without zeros first. `shutdown` does the same as `close`.
//!
//! Both pairs of traits have methods of the same names. If the extension traits of both crates are
//! in scope, a call such as `stream.read(&mut buf)` is ambiguous, and the compiler reports the
//! error E0034. So a module imports the traits of one crate, or names the trait in the call:
//! `tokio::io::AsyncReadExt::read(&mut stream, &mut buf)`. Methods of the stream itself take
//! precedence over those of any trait. `stream.shutdown(how)` calls the method of `TcpStream` or
//! `UnixStream`, and `AsyncWriteExt::shutdown(&mut stream)` calls tokio's method.
//!
//! ```
//! # #[cfg(feature = "tokio-io")]
//! # fn main() -> std::io::Result<()> {
//! use std::future::poll_fn;
//! use std::pin::Pin;
//! use tokio::io::{AsyncRead, ReadBuf};
//!
//! /// A function of a library that is written for tokio's traits.
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
//! ```ignore-windows
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
