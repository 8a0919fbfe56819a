//! `JoinHandle` and `AbortHandle`, the handles of a task.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use crate::engine::cell::BoxedTask;
use crate::engine::core::Core;
use crate::engine::happening::Happening;
use crate::engine::join_error::JoinError;
use crate::engine::panic::drop_quietly;
use crate::engine::ticket::{Id, Ticket};
use crate::engine::wait_list::Waiter;

/// The handle of a spawned task. A program awaits the handle for the task's result, or aborts the
/// task. Dropping the handle detaches the task, which then keeps running.
///
/// The handle may outlive its runtime, and another runtime may await the handle. If the task had
/// finished before its runtime was dropped, the handle returns the task's value. If not, it returns a
/// [cancelled](JoinError::is_cancelled) error. Until the handle is dropped, it keeps the runtime's
/// tables and event queue, so the descriptors of the queue stay open. It also keeps a result that was
/// not taken, but never the task's future. Each await of the handle is charged to the budget of the
/// task's own runtime, also on another runtime.
///
/// The handle belongs to the thread of its loop:
///
/// ```compile_fail,E0277
/// # oneloop::block_on(async {
/// let task = oneloop::spawn(async { 1 });
/// std::thread::spawn(move || drop(task)); // a JoinHandle is not Send
/// # });
/// ```
///
/// # Errors
///
/// [`JoinError`], if the task panicked or was cancelled.
///
/// # Panics
///
/// The handle panics if it is polled again after it has returned the result.
///
/// # Cancel safety
///
/// Awaiting `&mut JoinHandle` is cancel safe. If the future is dropped before it is ready, nothing
/// is lost, and the handle can be awaited again.
///
/// # Examples
///
/// ```
/// oneloop::block_on(async {
///     let task = oneloop::spawn(async { 6 * 7 });
///     assert_eq!(task.await.unwrap(), 42);
/// });
/// ```
pub struct JoinHandle<T> {
    /// The ticket in it is `None` after the output was taken.
    task: AbortHandle,
    output: PhantomData<fn() -> T>,
}

impl<T> JoinHandle<T> {
    pub(crate) fn new(core: Rc<Core>, ticket: Ticket) -> Self {
        JoinHandle { task: AbortHandle { core, ticket: Some(ticket) }, output: PhantomData }
    }

    /// Cancels the task. The loop drops the task's future as its next entry, before it polls
    /// another task. Then this handle resolves to an error with [`JoinError::is_cancelled`]. A task
    /// that has already finished still returns its value. So does a task that aborts itself and
    /// finishes in the same poll.
    ///
    /// # Examples
    ///
    /// ```
    /// oneloop::block_on(async {
    ///     let task = oneloop::spawn(std::future::pending::<()>());
    ///     task.abort();
    ///     assert!(task.await.unwrap_err().is_cancelled());
    /// });
    /// ```
    pub fn abort(&self) {
        self.task.abort();
    }

    /// Returns whether the task has finished, has panicked, or was dropped. An aborted task has not
    /// finished until the loop drops it.
    ///
    /// # Examples
    ///
    /// ```
    /// oneloop::block_on(async {
    ///     let task = oneloop::spawn(async { 42 });
    ///     assert!(!task.is_finished()); // `spawn` doesn't poll it
    ///     oneloop::yield_now().await;
    ///     assert!(task.is_finished());
    ///     assert_eq!(task.await.unwrap(), 42);
    /// });
    /// ```
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Returns the task's id. [`task::Id`](crate::task::Id) has an example.
    ///
    /// # Panics
    ///
    /// The method panics if the handle has returned the task's result.
    #[track_caller]
    pub fn id(&self) -> Id {
        Id(self.task.ticket.expect("JoinHandle::id was called after the handle had given the task's result"))
    }

    /// Returns a handle that can abort the task but not await it. [`AbortHandle`] has an example.
    pub fn abort_handle(&self) -> AbortHandle {
        self.task.clone()
    }
}

impl<T: 'static> JoinHandle<T> {
    /// Returns the result if the task has finished, or `None` if it has not. The method does not
    /// wait, and the budget does not apply to it.
    ///
    /// # Panics
    ///
    /// The method panics if the handle has already returned the result.
    ///
    /// # Examples
    ///
    /// ```
    /// # oneloop::block_on(async {
    /// let mut task = oneloop::spawn(async { 42 });
    /// assert!(task.try_join().is_none());
    /// oneloop::yield_now().await;
    /// assert_eq!(task.try_join().unwrap().unwrap(), 42);
    /// # });
    /// ```
    pub fn try_join(&mut self) -> Option<Result<T, JoinError>> {
        let ticket = self.task.ticket.expect(GIVEN);
        let core = &self.task.core;
        let slot = core.tasks.slot(ticket);
        if !slot.is_done() {
            return None;
        }
        let task = core.tasks.take_done(slot, ticket);
        self.task.ticket = None;
        match output_of(task) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }
}

/// Moves the output out of a task that is done, and frees the task.
#[inline]
fn output_of<T: 'static>(task: Option<BoxedTask>) -> Poll<Result<T, JoinError>> {
    let mut output = Poll::Pending;
    task.expect("a task that is done is in its slot").take_output(&mut output);
    output
}

/// The message of the panic if `poll` or `try_join` is called after the handle has returned the result.
const GIVEN: &str = "a JoinHandle was polled again after it had given the task's result";

impl<T: 'static> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let ticket = self.task.ticket.expect(GIVEN);
        let core = &self.task.core;
        let slot = core.tasks.slot(ticket);
        if !slot.is_done() {
            core.tasks.hook.tell(|_| Happening::WaitsForTask { task: ticket, unit: Ticket::of(cx.waker()) });
            if !slot.joiners().add_alone(cx.waker()) {
                self.wait_beside(ticket, cx.waker());
            }
            return Poll::Pending;
        }
        ready!(core.budget.poll(cx));
        let task = core.tasks.take_done(slot, ticket);
        let output = output_of(task);
        self.task.ticket = None; // Last, so that the drop of the handle needs no test.
        output
    }
}

impl<T> JoinHandle<T> {
    #[cold]
    fn wait_beside(&self, ticket: Ticket, waker: &Waker) {
        let waiter = Waiter::of(waker); // the clone may run foreign code, so no table is borrowed yet
        if self.is_finished() {
            return waker.wake_by_ref(); // the clone has finished the task
        }
        let discarded = self.task.core.tasks.add_joiner(ticket, waiter);
        discarded.into_iter().for_each(Waiter::discard);
    }
}

impl<T> Drop for JoinHandle<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(ticket) = self.task.ticket {
            detach(&self.task.core, ticket);
        }
    }
}

/// Drops the rest of a task for its join handle. The function is not inlined, because most handles
/// are dropped after they have returned the output.
#[inline(never)]
fn detach(core: &Core, ticket: Ticket) {
    if !core.tasks.detach_unfinished(ticket) {
        detach_with_remains(core, ticket);
    }
}

/// `detach` for a task that leaves an output or waiters to drop.
#[cold]
#[inline(never)]
fn detach_with_remains(core: &Core, ticket: Ticket) {
    let (output, waiters) = core.tasks.detach(ticket);
    // Both drops may run foreign code. They catch panics, as the loop does when it drops an output:
    // two panics of handles in one `Vec` would end the process.
    core.discard_waiters(&waiters);
    if output.is_some() {
        drop_quietly(output);
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.task.fmt_as("JoinHandle", f)
    }
}

/// A handle that aborts a task and can't await it. It can be cloned any number of times. A clone
/// does not keep the task or its result. Each clone keeps the runtime's tables and event queue
/// until it is dropped, so the descriptors of the queue stay open. The handle belongs to the thread of
/// its loop, as the [`JoinHandle`] does.
///
/// # Examples
///
/// ```
/// oneloop::block_on(async {
///     let task = oneloop::spawn(std::future::pending::<()>());
///     let abort = task.abort_handle();
///     oneloop::spawn(async move { abort.abort() });
///     assert!(task.await.unwrap_err().is_cancelled());
/// });
/// ```
#[derive(Clone)]
pub struct AbortHandle {
    core: Rc<Core>,
    /// `None` if the task's output was taken before this handle was made.
    ticket: Option<Ticket>,
}

impl AbortHandle {
    /// Cancels the task, as [`JoinHandle::abort`] does. If the task has finished, the call does
    /// nothing. [`AbortHandle`] has an example.
    pub fn abort(&self) {
        if let Some(ticket) = self.ticket {
            self.core.tasks.abort(ticket);
        }
    }

    /// Returns the task's id, or `None` if the task's result was taken before this handle was made.
    ///
    /// # Examples
    ///
    /// ```
    /// oneloop::block_on(async {
    ///     let task = oneloop::spawn(async { 42 });
    ///     assert_eq!(task.abort_handle().id(), Some(task.id()));
    /// });
    /// ```
    pub fn id(&self) -> Option<Id> {
        self.ticket.map(Id)
    }

    fn fmt_as(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct(name);
        if let Some(ticket) = self.ticket {
            f.field("id", &format_args!("{}", Id(ticket)));
            if let Some(name) = self.core.tasks.name(ticket) {
                f.field("name", &name);
            }
        }
        f.field("finished", &self.is_finished()).finish_non_exhaustive()
    }

    /// Returns whether the task has finished, has panicked, or was dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// oneloop::block_on(async {
    ///     let task = oneloop::spawn(async { 42 });
    ///     let abort = task.abort_handle();
    ///     assert!(!abort.is_finished());
    ///     assert_eq!(task.await.unwrap(), 42);
    ///     assert!(abort.is_finished());
    /// });
    /// ```
    pub fn is_finished(&self) -> bool {
        self.ticket.is_none_or(|ticket| self.core.tasks.is_finished(ticket))
    }
}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_as("AbortHandle", f)
    }
}
