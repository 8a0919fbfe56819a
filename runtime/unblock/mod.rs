//! A pool of threads for work that would block the loop.

mod pool;

use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::thread;

use futures_channel::oneshot;

use crate::engine::context;
use crate::engine::happening::Happening;
use crate::engine::inbox::Hold;
use crate::engine::panic::drop_quietly;

/// Runs `closure` on a thread of a pool and waits for its result. Uses are files, the resolution of
/// host names, long computations, and functions without an async form.
///
/// The whole process shares the pool. The pool starts a thread when a closure needs one, and has at
/// most 500 threads. The environment variable `ONELOOP_UNBLOCK_THREADS`, read at the first call,
/// sets another maximum. A thread ends after half a second without work. The pool has no thread
/// before the first call. Each call wakes two threads, one for the closure and one for its result,
/// which costs more than a closure of a few microseconds.
///
/// The future needs no runtime of this crate, and any thread may await it. The child of a fork has
/// a pool of its own.
///
/// The end of the process does not wait for closures.
///
/// # Panics
///
/// If `closure` panics, the await resumes the panic. The await also panics if the system can't
/// start a thread and the pool has none, and if `ONELOOP_UNBLOCK_THREADS` is not a number. The drop
/// of a closure that never ran, of a result or of a panic's payload may panic, too. The thread
/// where such a drop happens catches that panic.
///
/// # Cancel safety
///
/// Dropping the future before the closure begins cancels the closure. A closure that has begun runs
/// to its end, and its result is dropped.
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

/// Submits `closure` to the pool.
///
/// # Errors
///
/// The errors are those of [`pool::submit`].
pub(crate) fn start<T, C>(closure: C) -> io::Result<Started<T>>
where
    C: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let (sender, result) = oneshot::channel::<thread::Result<T>>();
    let closure = Quiet(Some(closure));
    // A stopped clock does not jump until the result was sent or the future is dropped.
    let hold = context::current().map(|core| Arc::new(Hold::new(&core.inbox)));
    let held = hold.clone();
    let job = move || {
        if sender.is_canceled() {
            return; // the closure never runs
        }
        let result = catch_unwind(AssertUnwindSafe(closure.take()));
        drop_quietly(sender.send(result)); // `send` returns the result if the future was dropped
        if let Some(hold) = held {
            hold.release();
        }
    };
    pool::submit(Box::new(job))?;
    let number = next_number();
    context::tell(|by| Happening::UnblockBegins { number, by });
    Ok(Started { result, hold, number })
}

/// Submits `closure` to the pool without waiting for its result.
///
/// # Errors
///
/// The errors are those of [`pool::submit`].
pub(crate) fn detach(closure: impl FnOnce() + Send + 'static) -> io::Result<()> {
    pool::submit(Box::new(closure))
}

/// A closure whose drop catches panics of its captures. The drop may run on a thread of the pool or
/// in an unrelated caller, and neither should receive such a panic.
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

/// A closure that was submitted to the pool, until the caller receives its result.
pub(crate) struct Started<T> {
    result: oneshot::Receiver<thread::Result<T>>,
    hold: Option<Arc<Hold>>,
    /// The number of the closure, for an observer.
    number: u64,
}

/// Returns a number for each closure of this process, or 0 in a build without observers.
fn next_number() -> u64 {
    static NUMBERS: AtomicU64 = AtomicU64::new(1);
    if cfg!(feature = "trace") { NUMBERS.fetch_add(1, Relaxed) } else { 0 }
}

impl<T> Drop for Started<T> {
    fn drop(&mut self) {
        // The drop catches panics, as on the thread.
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
        let result = ready!(Pin::new(&mut self.result).poll(cx));
        let number = self.number;
        context::tell(|_| Happening::UnblockEnds { number });
        match result {
            Ok(Ok(value)) => Poll::Ready(value),
            Ok(Err(payload)) => resume_unwind(payload),
            Err(oneshot::Canceled) => panic!("no thread could be started for `unblock`"),
        }
    }
}

/// The future of [`unblock`]. If the closure could not be submitted, a poll panics.
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
