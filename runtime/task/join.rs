//! `JoinHandle` and `AbortHandle`: a task seen from outside.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use crate::engine::cell::BoxedTask;
use crate::engine::core::Core;
use crate::engine::join_error::JoinError;
use crate::engine::panic::drop_quietly;
use crate::engine::ticket::{Id, Ticket};
use crate::engine::wait_list::Waiter;

/// A task that was spawned: await it for its result, or abort it. Dropping it detaches the task,
/// which then runs on by itself.
///
/// It may outlive its runtime, and be awaited on another one: a task that had finished gives its
/// value, any other says [cancelled](JoinError::is_cancelled). Until it is dropped it keeps the
/// runtime's tables and event queue alive (so its descriptors stay open), and a result that was not
/// taken; never the task's future. Awaiting it is charged to the budget of the task's own runtime,
/// wherever it is awaited.
///
/// It belongs to its loop's thread:
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
/// When polled again after it has given the result.
///
/// # Cancel safety
///
/// Awaiting `&mut JoinHandle` is cancel safe: if it is dropped before it is ready nothing is lost,
/// and the handle can be awaited again.
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
    /// Its ticket is `None` once the output was taken.
    task: AbortHandle,
    output: PhantomData<fn() -> T>,
}

impl<T> JoinHandle<T> {
    pub(crate) fn new(core: Rc<Core>, ticket: Ticket) -> Self {
        JoinHandle { task: AbortHandle { core, ticket: Some(ticket) }, output: PhantomData }
    }

    /// Asks the task to stop. Its future is dropped as the loop's next entry, before any other task
    /// runs, and before this handle resolves, with [`JoinError::is_cancelled`]. A task that has
    /// finished, or finishes in the poll in which it aborts itself, delivers its value all the
    /// same.
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

    /// Whether the task has finished, panicked, or been dropped. A task that was only just aborted
    /// hasn't.
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

    /// The task's id.
    ///
    /// # Panics
    ///
    /// If the handle has given the task's result.
    ///
    /// # Examples
    ///
    /// See [`task::Id`](crate::task::Id).
    #[track_caller]
    pub fn id(&self) -> Id {
        Id(self.task.ticket.expect("JoinHandle::id was called after the handle had given the task's result"))
    }

    /// A handle that can abort the task but not await it.
    ///
    /// # Examples
    ///
    /// See [`AbortHandle`].
    pub fn abort_handle(&self) -> AbortHandle {
        self.task.clone()
    }
}

impl<T: 'static> JoinHandle<T> {
    /// The result, if the task has finished; `None` if it has not. It waits for nothing, and the
    /// budget does not deny it.
    ///
    /// # Panics
    ///
    /// If the handle has given the result already.
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

/// The panic of a handle that is asked twice.
const GIVEN: &str = "a JoinHandle was polled again after it had given the task's result";

impl<T: 'static> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let ticket = self.task.ticket.expect(GIVEN);
        let core = &self.task.core;
        let slot = core.tasks.slot(ticket);
        if !slot.is_done() {
            if !slot.joiners().add_alone(cx.waker()) {
                self.wait_beside(ticket, cx.waker());
            }
            return Poll::Pending;
        }
        ready!(core.budget.poll(cx));
        let task = core.tasks.take_done(slot, ticket);
        self.task.ticket = None;
        output_of(task)
    }
}

impl<T> JoinHandle<T> {
    #[cold]
    fn wait_beside(&self, ticket: Ticket, waker: &Waker) {
        let waiter = Waiter::of(waker); // a clone: before anything is borrowed
        if self.is_finished() {
            return waker.wake_by_ref(); // by that clone
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

/// Drops what is left of a task for its join handle. Out of line: most handles are dropped after they
/// have given the output.
#[inline(never)]
fn detach(core: &Core, ticket: Ticket) {
    let (output, waiters) = core.tasks.detach(ticket);
    // Both drops may be foreign code. Quietly, as when the loop drops an output: two panics of
    // handles in one `Vec` would end the process.
    waiters.into_iter().for_each(Waiter::discard);
    if output.is_some() {
        drop_quietly(output);
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.task.fmt_as("JoinHandle", f)
    }
}

/// Aborts a task without being able to await it. Any number of clones may exist. None keeps the
/// task or its result, but each keeps the runtime's tables and event queue alive (so its
/// descriptors stay open) until it is dropped. It belongs to its loop's thread, as the
/// [`JoinHandle`] does.
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
    /// Asks the task to stop, as [`JoinHandle::abort`] does. Nothing happens if it has finished.
    ///
    /// # Examples
    ///
    /// See [`AbortHandle`].
    pub fn abort(&self) {
        if let Some(ticket) = self.ticket {
            self.core.tasks.abort(ticket);
        }
    }

    /// The task's id; `None` if the task's result had been taken when this handle was made.
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

    /// Whether the task has finished, panicked, or been dropped.
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
