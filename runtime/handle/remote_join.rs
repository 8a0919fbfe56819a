//! The result of a task on another thread: `RemoteJoinHandle`, and the future that sends the result.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_channel::oneshot;
use pin_project_lite::pin_project;

use crate::engine::context;
use crate::engine::join_error::JoinError;
use crate::engine::panic::drop_quietly;
use crate::task;

/// The future of [`Handle::spawn`](super::Handle::spawn), which returns the task's result on any thread and any executor.
/// Dropping the handle detaches the task. The handle may be awaited outside a runtime. Inside a
/// runtime, its polls are charged to the budget of that runtime.
///
/// # Errors
///
/// The future returns [`JoinError`] if the task panics, if it is dropped with its runtime, or if
/// the runtime has the maximum number of tasks.
///
/// # Cancel safety
///
/// Awaiting `&mut RemoteJoinHandle` is cancel safe: the handle keeps the result.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let runtime = oneloop::Runtime::new()?;
/// let quick = runtime.handle().spawn(async { 6 * 7 });
/// let never = runtime.handle().spawn(std::future::pending::<()>());
/// assert_eq!(runtime.block_on(quick).unwrap(), 42);
/// drop(runtime);
/// assert!(oneloop::block_on(never).unwrap_err().is_cancelled());
/// # Ok(()) }
/// ```
#[must_use = "dropping the handle detaches the task; use `drop` to do this explicitly"]
pub struct RemoteJoinHandle<T> {
    pub(super) receiver: oneshot::Receiver<Result<T, JoinError>>,
    /// A result that arrived when the budget was used up.
    pub(super) result: Option<Result<T, JoinError>>,
}

impl<T> Unpin for RemoteJoinHandle<T> {}

impl<T> Drop for RemoteJoinHandle<T> {
    fn drop(&mut self) {
        // The drop catches panics, as the loop does for an output. After the close the loop keeps
        // the result.
        self.receiver.close();
        drop_quietly((self.receiver.try_recv(), self.result.take()));
    }
}

impl<T> RemoteJoinHandle<T> {
    /// Returns the result if the task has finished or its runtime was dropped, and `None`
    /// otherwise. The call does not wait, and ignores the budget.
    ///
    /// # Errors
    ///
    /// The errors are those of the future. After the handle has returned its result, a later call
    /// returns a [`JoinError`] that says cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = oneloop::Runtime::new().unwrap();
    /// let mut task = runtime.handle().spawn(async { 42 });
    /// assert!(task.try_join().is_none());
    /// runtime.block_on(oneloop::yield_now());
    /// assert_eq!(task.try_join().unwrap().unwrap(), 42);
    /// ```
    pub fn try_join(&mut self) -> Option<Result<T, JoinError>> {
        if let Some(result) = self.result.take() {
            return Some(result);
        }
        match self.receiver.try_recv() {
            Ok(result) => result,
            Err(oneshot::Canceled) => Some(Err(JoinError::cancelled())),
        }
    }
}

impl<T> Future for RemoteJoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.result.is_none() {
            let received = ready!(Pin::new(&mut self.receiver).poll(cx));
            self.result = Some(received.unwrap_or_else(|_| Err(JoinError::cancelled())));
        }
        ready!(context::charge(cx));
        Poll::Ready(self.result.take().expect("set just now"))
    }
}

impl<T> fmt::Debug for RemoteJoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteJoinHandle").finish_non_exhaustive()
    }
}

pin_project! {
    /// A task's future that sends its result to another thread. A panic in its poll or its drop
    /// becomes the result, as for a task on its own loop.
    pub(super) struct Relay<F: Future> {
        #[pin]
        pub(super) future: Option<F>,
        pub(super) sender: Option<oneshot::Sender<Result<F::Output, JoinError>>>,
    }

    impl<F: Future> PinnedDrop for Relay<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| this.future.set(None)))
                && let Some(sender) = this.sender.take()
            {
                drop_quietly(sender.send(Err(with_id(JoinError::panic(payload)))));
            }
        }
    }
}

/// Adds the id of the task.
fn with_id(mut error: JoinError) -> JoinError {
    if let Some(id) = task::try_id() {
        error.set_task(id.0, task::name());
    }
    error
}

impl<F: Future> Future for Relay<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else { return Poll::Ready(()) };
        let polled = catch_unwind(AssertUnwindSafe(|| future.poll(cx)));
        let mut result = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(payload) => Err(with_id(JoinError::panic(payload))),
        };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| this.future.set(None))) {
            // The first panic is the result. The drop of the output may panic, too.
            match result {
                Ok(_) => {
                    drop_quietly(std::mem::replace(&mut result, Err(with_id(JoinError::panic(payload)))))
                }
                Err(_) => drop_quietly(payload),
            }
        }
        if let Some(sender) = this.sender.take() {
            drop_quietly(sender.send(result)); // returns the result if the receiver was dropped
        }
        Poll::Ready(())
    }
}
