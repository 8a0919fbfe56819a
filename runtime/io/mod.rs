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
//! # Standard input, and files
//!
//! They may be what no system can watch, a regular file for one, and then only a read that blocks
//! is left. [`Unblock`] (with the feature `unblock`) makes such a read on another thread:
//! `BufReader::new(Unblock::new(std::io::stdin())).lines()` are the lines of standard input. For
//! files there are also [`oneloop::unblock`](crate::unblock()) around std's functions, and the
//! crate `async-fs`, on threads of its own.
//!
//! Two things can be lost there. What was written through `Unblock` is in its buffer until `flush`:
//! a program that ends without it loses the rest. And a line that `unblock` reads from standard
//! input is lost if a time-out drops that future, because its thread goes on reading: keep one
//! `BufReader` over `Unblock` for the whole program, and give the time-out to its `lines().next()`.
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
#[cfg(feature = "net")]
pub(crate) mod stream;
#[cfg(feature = "unblock")]
mod unblock;

#[doc(no_inline)]
pub use futures_lite::io::*;
#[cfg(feature = "unblock")]
pub use unblock::Unblock;
