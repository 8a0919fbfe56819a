//! `yield_now`: a task lets the others run.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Lets every other task that is ready run first.
///
/// A task that computes for long without awaiting anything keeps the whole loop waiting: call this
/// now and then. It queues the task behind all that are ready now; the loop polls the driver and
/// fires timers in between as often as [`Builder::event_interval`](crate::Builder::event_interval)
/// says. A task that is busy with sockets, timers and join handles need not call it: after 128
/// operations in one poll the budget makes it give way.
/// [`consume_budget`](crate::consume_budget) lets one that is busy with something else give way as
/// often as that. A task that yields and is alone goes around
/// without the driver, which is polled once in 256 polls.
///
/// It works in any executor, and is charged to no budget.
///
/// # Cancel safety
///
/// Nothing is lost if it is dropped.
///
/// # Examples
///
/// ```
/// # oneloop::block_on(async {
/// for step in 0..3 {
///     // … a slice of work …
///     oneloop::yield_now().await;
/// }
/// # });
/// ```
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false }
}

/// The future of [`yield_now`].
///
/// # Cancel safety
///
/// Nothing is lost if it is dropped.
///
/// # Examples
///
/// See [`yield_now`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
