//! Work that would block the loop, on threads of its own.

mod pool;

use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread;

use futures_channel::oneshot;

use crate::engine::context;
use crate::engine::inbox::Hold;
use crate::engine::panic::drop_quietly;

/// Runs `closure` on a thread of a pool and waits for what it returns: for files, for names, for
/// anything that computes long or has no async form.
///
/// The pool is shared by the whole process. Threads are started when they are needed, 500 at most
/// (or as many as `ONELOOP_UNBLOCK_THREADS` says when the first one is needed), and each ends when
/// it had nothing to do for half a second. Nothing is started before the first call. Handing the
/// closure over and its result back wakes two threads: not worth it for what takes a few
/// microseconds.
///
/// The future needs no runtime of this crate and may be awaited on any thread. In the child of a
/// fork there is a pool of its own.
///
/// The end of the process waits for no closure.
///
/// # Panics
///
/// When awaited, if `closure` panicked: with its panic. Also if the system gives no thread and none
/// is there, and if `ONELOOP_UNBLOCK_THREADS` is no number. (The captures of a closure that never
/// ran, a result and a payload may panic when they are dropped: that panic stays on the thread
/// where it happens.)
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
    Unblock(start(closure).map_err(Some))
}

/// Hands `closure` to the pool.
///
/// # Errors
///
/// As [`pool::submit`].
pub(crate) fn start<T, C>(closure: C) -> io::Result<Started<T>>
where
    C: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let (sender, result) = oneshot::channel::<thread::Result<T>>();
    let closure = Quiet(Some(closure));
    // A stopped clock waits for the result, until it was sent or the future is dropped.
    let hold = context::current().map(|core| Arc::new(Hold::new(&core.inbox)));
    let held = hold.clone();
    let job = move || {
        if sender.is_canceled() {
            return; // the closure never runs
        }
        let result = catch_unwind(AssertUnwindSafe(closure.take()));
        drop_quietly(sender.send(result)); // it comes back if the future was dropped
        if let Some(hold) = held {
            hold.release();
        }
    };
    pool::submit(Box::new(job))?;
    Ok(Started { result, hold })
}

/// Hands `closure` to the pool, and waits for nothing.
///
/// # Errors
///
/// As [`pool::submit`].
pub(crate) fn detach(closure: impl FnOnce() + Send + 'static) -> io::Result<()> {
    pool::submit(Box::new(closure))
}

/// A closure whose captures may panic when they are dropped, on a thread or by a caller whom that
/// panic doesn't concern.
struct Quiet<C>(Option<C>);

impl<C> Quiet<C> {
    fn take(mut self) -> C {
        self.0.take().expect("it is taken once, by value")
    }
}

impl<C> Drop for Quiet<C> {
    fn drop(&mut self) {
        drop_quietly(self.0.take());
    }
}

/// A closure that was handed to the pool, until its result is taken.
pub(crate) struct Started<T> {
    result: oneshot::Receiver<thread::Result<T>>,
    hold: Option<Arc<Hold>>,
}

impl<T> Drop for Started<T> {
    fn drop(&mut self) {
        // Quietly, as on the thread.
        self.result.close();
        drop_quietly(self.result.try_recv());
        if let Some(hold) = &self.hold {
            hold.release();
        }
    }
}

impl<T> Future for Started<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match ready!(Pin::new(&mut self.result).poll(cx)) {
            Ok(Ok(value)) => Poll::Ready(value),
            Ok(Err(payload)) => resume_unwind(payload),
            Err(oneshot::Canceled) => panic!("no thread could be started for `unblock`"),
        }
    }
}

/// What [`unblock`] returns: the refusal comes out where it is awaited.
struct Unblock<T>(Result<Started<T>, Option<io::Error>>);

impl<T> Future for Unblock<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match &mut self.0 {
            Ok(started) => Pin::new(started).poll(cx),
            Err(error) => panic!("{}", error.take().expect("it is not polled again after a panic")),
        }
    }
}
