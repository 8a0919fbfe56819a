//! Work that would block the loop, on threads of its own.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread;

use crate::engine::panic::drop_quietly;

/// Runs `closure` on a thread of a pool and waits for what it returns: for files, for names, for
/// anything that computes long or has no async form.
///
/// The pool is that of the [`blocking`] crate, shared by the whole process: threads are started
/// when they are needed (500 at most, unless `BLOCKING_MAX_THREADS` says otherwise) and end when
/// they are idle. Nothing is started before the first call. Handing the closure over and its result
/// back wakes two threads: not worth it for what takes a few microseconds.
///
/// The future needs no runtime of this crate and may be awaited on any thread.
///
/// # Panics
///
/// When awaited, if `closure` panicked: with its panic. (The captures of a closure that never ran,
/// a result and a payload may panic when they are dropped: that panic stays on the thread where it
/// happens. Only a waker that isn't this crate's and panics when it is
/// called there ends the process; so the pool's crate has decided.)
///
/// # Cancel safety
///
/// Dropping it before the closure has begun cancels it. One that has begun runs to its end, and
/// what it returns is dropped.
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
    let closure = Quiet(Some(closure));
    Unblock(blocking::unblock(move || Quiet(Some(catch_unwind(AssertUnwindSafe(closure.take()))))))
}

/// The pool's crate ends the process if what it drops panics: the closure of work that was
/// cancelled, or a result or a payload whose future was dropped.
struct Quiet<T>(Option<T>);

impl<T> Quiet<T> {
    fn take(mut self) -> T {
        self.0.take().expect("it is taken once, by value")
    }
}

impl<T> Drop for Quiet<T> {
    fn drop(&mut self) {
        if let Some(value) = self.0.take() {
            drop_quietly(value);
        }
    }
}

struct Unblock<T>(blocking::Task<Quiet<thread::Result<T>>>);

impl<T> Future for Unblock<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match ready!(Pin::new(&mut self.0).poll(cx)).take() {
            Ok(value) => Poll::Ready(value),
            Err(payload) => resume_unwind(payload),
        }
    }
}
