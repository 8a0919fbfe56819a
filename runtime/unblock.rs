//! Work that would block the loop, on threads of its own.

use std::future::Future;

/// Runs `closure` on a thread of a pool and waits for what it returns: for files, for names, for anything
/// that computes long or has no async form.
///
/// The pool is that of the [`blocking`] crate, shared by the whole process: threads are started when they are
/// needed (500 at most, unless `BLOCKING_MAX_THREADS` says otherwise) and end when they are idle. Nothing is
/// started before the first call. Handing the closure over and its result back wakes two threads: not worth
/// it for what takes a few microseconds.
///
/// The future needs no runtime of this crate and may be awaited on any thread.
///
/// # Panics
///
/// When awaited, if `closure` panicked: with its panic.
///
/// # Cancel safety
///
/// Dropping it before the closure has begun cancels it. One that has begun runs to its end, and what it
/// returns is dropped.
///
/// # Examples
///
/// ```
/// oneloop::block_on(async {
///     let sum = oneloop::unblock(|| (1..=1_000_000u64).sum::<u64>()).await;
///     assert_eq!(sum, 500_000_500_000);
/// });
/// ```
pub fn unblock<T, C>(closure: C) -> impl Future<Output = T> + Send + Unpin + use<T, C>
where
    C: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    blocking::unblock(closure)
}
