//! Waiting for several things at once: what one does with futures, re-exported from [`futures_lite::future`].
//!
//! # Examples
//!
//! ```
//! use std::time::Duration;
//! use oneloop::future::or;
//! use oneloop::time::sleep;
//!
//! oneloop::block_on(async {
//!     let slow = async { sleep(Duration::from_secs(60)).await; "slow" };
//!     let quick = async { sleep(Duration::from_millis(1)).await; "quick" };
//!     // The first that is ready; the other is dropped.
//!     assert_eq!(or(slow, quick).await, "quick");
//! });
//! ```

#[doc(no_inline)]
pub use futures_lite::future::{FutureExt, or, poll_once, try_zip, zip};
#[doc(no_inline)]
pub use futures_lite::stream::StreamExt;
