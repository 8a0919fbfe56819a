//! Waiting for several things at once: what one does with futures, re-exported from
//! [`futures_lite::future`].
//!
//! None of it starts a task: the parts are polled in place, in the task that awaits them. That
//! costs no allocation, and any wake-up polls each part that is not ready yet. If both parts are,
//! `or` prefers the first.
//!
//! # Cancel safety
//!
//! `or` drops the part that was not first, `try_zip` both when one fails, and `poll_once` what it
//! was given: so each must be cancel safe, or be pinned and passed as `&mut`, to go on later.
//!
//! # Jobs that borrow
//!
//! A task that [`spawn`](crate::spawn) starts borrows nothing, because nothing makes its parent wait
//! for it. [`zip`] waits, for two. For any number the crate `moro-local` has a scope, as
//! [`std::thread::scope`] is for threads:
//!
//! ```ignore
//! let words = vec![String::from("one"), String::from("three")];
//! let total = Cell::new(0);
//! moro_local::async_scope!(|scope| {
//!     for word in &words {
//!         let total = &total;
//!         scope.spawn(async move {
//!             sleep(Duration::from_millis(5)).await;
//!             total.set(total.get() + word.len());
//!         });
//!     }
//! })
//! .await; // when all of them have ended
//! assert_eq!(total.get(), 8);
//! ```
//!
//! Its jobs are parts of the task that awaits the scope: dropping the scope drops them, and a panic
//! of one is the task's. In version 0.4 only the scope's own body may spawn and `terminate`; a job
//! that does so panics.
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
