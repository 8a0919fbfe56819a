//! `yield_now`, with which a task lets the other tasks run.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Lets every other ready task run first.
///
/// A task that computes for a long time without an await delays the whole loop. Such a task calls
/// this function now and then. The task is queued behind all tasks that are ready now. In between,
/// the loop polls the driver and fires timers as often as
/// [`Builder::event_interval`](crate::Builder::event_interval) says. If the yielding task is the
/// only ready one, the loop polls the driver once in `event_interval` polls, which are 256 by
/// default.
///
/// A task that uses sockets, timers and join handles need not call this function: after 128
/// operations in one poll the budget makes it give way. For other work,
/// [`consume_budget`](crate::consume_budget) gives way equally often.
///
/// The future works in any executor, and is charged to no budget.
///
/// # Cancel safety
///
/// The future is cancel safe: a dropped future loses nothing.
///
/// # Examples
///
/// ```
/// # oneloop::block_on(async {
/// for step in 0..3 {
///     // a part of the work
///     oneloop::yield_now().await;
/// }
/// # });
/// ```
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false }
}

/// The future that [`yield_now`] returns. [`yield_now`] has an example.
///
/// # Cancel safety
///
/// The future is cancel safe: a dropped future loses nothing.
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
