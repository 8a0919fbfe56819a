//! `consume_budget` and `unconstrained`: a task and its budget. What the budget is, and why, is in
//! `engine/budget.rs`.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::engine::context;

/// Charges one operation to the budget of the current runtime, and gives way if the budget is used
/// up: once in 128 calls. In between it costs next to nothing.
///
/// For loops whose operations no budget covers: a channel of another crate that always has a
/// message, parsing, computing. Socket I/O, timers and joins charge by themselves, to the same
/// budget. [`yield_now`](crate::yield_now) gives way each time.
///
/// Outside a runtime of this crate there is no budget, and it is ready at once.
///
/// # Cancel safety
///
/// Nothing is lost if it is dropped.
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
///     sum += n; // the next message is there: nothing else in this loop would ever wait
///     oneloop::consume_budget().await;
/// }
/// assert_eq!(sum, 49_995_000);
/// # });
/// ```
pub fn consume_budget() -> impl Future<Output = ()> + Send + Sync + Unpin + use<> {
    poll_fn(context::charge)
}

/// Makes a future that is never denied anything for the sake of others: while it is polled, no
/// operation is charged to the budget of the current runtime. The rest of its task, before and
/// after and in other branches, has the budget that it had.
///
/// **A future that always finds its socket, its channel or its timer ready then holds the loop for
/// as long as it does.** Meanwhile no other task, timer or socket is served, nor a
/// [`timeout`](crate::time::timeout) around it. Use it for what is known to be short, and must not
/// be broken off in the middle.
///
/// Sockets and tasks of another runtime are charged to that one all the same. Outside a runtime of
/// this crate it changes nothing.
///
/// # Cancel safety
///
/// As the future's.
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
    /// The future of [`unconstrained`].
    ///
    /// # Cancel safety
    ///
    /// As the future's that it was made of.
    ///
    /// # Examples
    ///
    /// See [`unconstrained`].
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
