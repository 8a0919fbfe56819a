//! Reading and writing: the traits that every stream implements, and what one does with them.
//!
//! All of it is re-exported from [`futures_lite::io`], whose extension traits work with every type of any
//! crate that implements `futures-io`.
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

#[doc(no_inline)]
pub use futures_lite::io::*;
