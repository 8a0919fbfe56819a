//! Functions that wait for several futures at once, re-exported from [`futures_lite::future`].
//!
//! None of these functions starts a task. They poll their futures in place, in the task that awaits
//! them. That costs no allocation, and any wake-up polls each future that is not ready yet. If both
//! futures are ready, `or` prefers the first.
//!
//! # Cancel safety
//!
//! `or` drops the future that was not first. `try_zip` drops both futures when one fails, and
//! `poll_once` drops its argument. So each of these futures must be cancel safe. A future that must
//! continue later is pinned and passed as `&mut`.
//!
//! # Jobs that borrow
//!
//! A task that [`spawn`](crate::spawn) starts borrows nothing, because its parent need not wait for
//! it. [`zip`] waits for two futures. For any number of futures the crate `moro-local` has a scope,
//! as [`std::thread::scope`] is for threads:
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
//! .await; // the scope is ready after all jobs have ended
//! assert_eq!(total.get(), 8);
//! ```
//!
//! The jobs of a scope are parts of the task that awaits the scope. Dropping the scope drops the
//! jobs. If a job panics, the task panics. In version 0.4 only the scope's own body may call
//! `spawn` and `terminate`; a job that does so panics.
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
//!     // `or` returns the value of the first ready future and drops the other one.
//!     assert_eq!(or(slow, quick).await, "quick");
//! });
//! ```

#[doc(no_inline)]
pub use futures_lite::future::{FutureExt, or, poll_once, try_zip, zip};
#[doc(no_inline)]
pub use futures_lite::stream::StreamExt;
