//! The functions `consume_budget` and `unconstrained`. `engine/budget.rs` says what the budget is,
//! and why it exists.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::engine::context;

/// Charges one operation to the budget of the current runtime. If the budget is used up, the task
/// gives way. That is the case in one of 128 calls. The other calls cost almost nothing.
///
/// A loop needs this function if no budget covers its operations. Examples are a channel of another
/// crate that always has a message, a parser, a computation. Socket I/O, timers and joins charge
/// themselves, to the same budget. [`yield_now`](crate::yield_now) gives way in each call.
///
/// Outside a runtime of this crate there is no budget, and the future is ready at once.
///
/// # Cancel safety
///
/// The future is cancel safe: a dropped future loses nothing.
///
/// # Examples
///
/// ```
/// # oneloop::block_on(async {
/// let (sender, receiver) = async_channel::unbounded();
/// (0..10_000).for_each(|n| sender.try_send(n).unwrap());
/// sender.close();
///
/// let mut sum = 0;
/// while let Ok(n) = receiver.recv().await {
///     sum += n; // the next message is ready each time, so this loop never waits elsewhere
///     oneloop::consume_budget().await;
/// }
/// assert_eq!(sum, 49_995_000);
/// # });
/// ```
pub fn consume_budget() -> impl Future<Output = ()> + Send + Sync + Unpin + use<> {
    poll_fn(context::charge)
}

/// Returns a future to which the budget of the current runtime does not apply. While the future is
/// polled, no operation is charged to that budget. The other parts of its task keep the budget: the
/// code before and after, and other branches.
///
/// **A future that always finds its socket, its channel or its timer ready then holds the loop
/// until the future completes.** Meanwhile the loop serves no other task, timer or socket, and no
/// [`timeout`](crate::time::timeout) around the future. Use this function for work that is known to
/// be short and must not be interrupted.
///
/// Operations on sockets and tasks of another runtime are still charged to that runtime. Outside a
/// runtime of this crate the function changes nothing.
///
/// # Cancel safety
///
/// The returned future is as cancel safe as `future`.
///
/// # Examples
///
/// ```
/// # oneloop::block_on(async {
/// let tasks: Vec<_> = (0..1000).map(|n| oneloop::spawn(async move { n })).collect();
/// oneloop::yield_now().await;
/// let in_one_poll = oneloop::unconstrained(async {
///     let mut sum = 0;
///     for task in tasks {
///         sum += task.await.unwrap();
///     }
///     sum
/// });
/// assert_eq!(in_one_poll.await, 499_500);
/// # });
/// ```
pub fn unconstrained<F: Future>(future: F) -> Unconstrained<F> {
    Unconstrained { future }
}

pin_project! {
    /// The future that [`unconstrained`] returns. [`unconstrained`] has an example.
    ///
    /// # Cancel safety
    ///
    /// This future is as cancel safe as the future in it.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Unconstrained<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Unconstrained<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let core = context::try_with(|core| core.cloned());
        let _lifted = core.as_ref().map(|core| core.budget.lift());
        self.project().future.poll(cx)
    }
}
