//! Tasks: futures that the loop owns and polls.
//!
//! | file | holds |
//! |---|---|
//! | `cell` | the one allocation: a future, later its output |
//! | `table` | the slots that tasks live in and the ready queue threaded through them |
//! | `ticket` | the waker, one word that names a task |
//! | `waiter` | who waits at a place: eight bytes for the usual case |
//! | `join`, `error` | a task seen from outside |
//! | `budget` | how long a task may find everything ready before it has to give way |
//!
//! The states that a task goes through are drawn in `DESIGN.md`. They are spread over three facts: is the box in its
//! slot (if not, the task is running), does the slot's `next` say queued, is the flag `DONE` set.

mod budget;
mod cell;
mod error;
mod join;
mod table;
mod ticket;
mod waiter;

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

pub(crate) use budget::Budget;
pub(crate) use cell::{BoxedTask, call_quietly, cancel, drop_quietly, poll};
pub use error::{JoinError, Panic};
pub use join::{AbortHandle, JoinHandle};
pub(crate) use table::{Tasks, Turn};
use ticket::KEY_MAX;
pub(crate) use ticket::Ticket;
pub(crate) use waiter::{Waiter, Waiters, dismiss, wake_foreign};

use crate::context;
use crate::runtime::Core;

/// Starts a task on the current loop. It need not be `Send` and runs whether or not the handle is
/// awaited; dropping the handle detaches it. It is first polled when its turn comes, never inside `spawn`.
///
/// One allocation, of the future's size or the result's plus 8 bytes.
///
/// # Panics
///
/// Outside a runtime. If 16,777,215 tasks are alive in this one: a task's name has 24 bits. One that has
/// finished counts until its result is taken or its join handle dropped.
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
///
/// oneloop::block_on(async {
///     let shared = Rc::new(21);
///     let theirs = shared.clone();
///     let task = oneloop::spawn(async move { *theirs * 2 });
///     assert_eq!(task.await.unwrap(), 42);
/// });
/// ```
#[inline]
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
{
    context::with("oneloop::spawn was called", |core| spawn_on(core, future))
}

#[inline]
pub(crate) fn spawn_on<F>(core: &Rc<Core>, future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
{
    let task = cell::boxed(future);
    let mut tasks = core.tasks.borrow_mut();
    if !tasks.has_room() {
        drop(tasks); // the panic drops the future, which is foreign code
        panic!("oneloop: {KEY_MAX} tasks are alive in this runtime, which is the most it can name");
    }
    JoinHandle::new(core.clone(), tasks.insert(task))
}

/// Gives every other task that is ready a turn first.
///
/// A task that computes for long without awaiting anything keeps the whole loop waiting: call this now and
/// then. It queues the task behind all that are ready now; sockets and timers are looked at in between as
/// often as [`Builder::event_interval`](crate::Builder::event_interval) says. A task that is busy with
/// sockets, timers and join handles need not call it: after 128 operations in one poll it gives way by
/// itself.
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
