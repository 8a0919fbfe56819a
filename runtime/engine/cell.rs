//! A task's one allocation: first the future, later its output in the same place.
//!
//! The loop takes the box out of its slot to poll it and puts it back afterwards. While a future
//! runs, nothing else can reach it, so whatever it does (abort itself, drop its own handle, spawn)
//! meets an empty slot and never a future that is already borrowed. That is why this file needs no
//! `unsafe`.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use super::join_error::JoinError;
use super::panic::drop_payload;
use super::ticket::Ticket;

/// A task as the loop sees it, whatever its future is.
pub(crate) trait Task {
    /// Polls the future; `true` once the output is there.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool;
    /// Drops whatever the task holds, future or output, and leaves `error` as its output.
    fn finish(self: Pin<&mut Self>, error: JoinError);
    /// Says in an error that is the output which task it was.
    fn describe(self: Pin<&mut Self>, ticket: Ticket, name: Option<Arc<str>>);
    /// Moves the output into `place`, a `Poll<Result<T, JoinError>>` of the task's own `T` that is
    /// pending, and frees the task.
    fn take_output(self: Pin<Box<Self>>, place: &mut dyn Any);
}

/// A task on the heap: the box is the task's only allocation.
pub(crate) type BoxedTask = Pin<Box<dyn Task>>;

pin_project! {
    /// The tag that tells the two apart costs eight bytes; everything else that a task needs stands
    /// in its slot, where waking and queueing touch it without touching this.
    #[project = StageProjection]
    enum Stage<F: Future> {
        Running { #[pin] future: F },
        /// `None` once the join handle has taken it.
        Done { output: Option<Result<F::Output, JoinError>> },
    }
}

pub(crate) fn boxed<F: Future + 'static>(future: F) -> BoxedTask {
    Box::pin(Stage::Running { future })
}

impl<F: Future + 'static> Task for Stage<F> {
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        if let StageProjection::Running { future } = self.as_mut().project() {
            match future.poll(cx) {
                Poll::Ready(output) => self.set(Stage::Done { output: Some(Ok(output)) }),
                Poll::Pending => return false,
            }
        }
        true
    }

    fn finish(mut self: Pin<&mut Self>, error: JoinError) {
        self.set(Stage::Done { output: Some(Err(error)) });
    }

    fn describe(self: Pin<&mut Self>, ticket: Ticket, name: Option<Arc<str>>) {
        if let StageProjection::Done { output: Some(Err(error)) } = self.project() {
            error.set_task(ticket, name);
        }
    }

    fn take_output(mut self: Pin<Box<Self>>, place: &mut dyn Any) {
        if let StageProjection::Done { output } = self.as_mut().project() {
            let place = place.downcast_mut().expect("a join handle is made with its task's own type");
            *place = output.take().map_or(Poll::Pending, Poll::Ready);
        }
    }
}

/// What a poll has led to.
pub(crate) enum Polled {
    Pending,
    Finished,
    /// It has finished, too; the output is an error.
    Panicked,
}

/// Polls a task. A panic, in the poll or in the drop of the finished future, becomes its output.
#[inline(always)]
pub(crate) fn poll(task: &mut BoxedTask, waker: &Waker) -> Polled {
    /// Drops what is left of a future that panics, as a part of that panic: a lock that another branch
    /// of the future holds is poisoned, as it would be in a thread.
    struct DropRemains<'a>(&'a mut BoxedTask);
    impl Drop for DropRemains<'_> {
        fn drop(&mut self) {
            finish(self.0, JoinError::cancelled()); // until the payload is there
        }
    }
    let mut cx = Context::from_waker(waker);
    let poll = || {
        let remains = DropRemains(task);
        let finished = remains.0.as_mut().poll(&mut cx);
        std::mem::forget(remains);
        finished
    };
    match catch_unwind(AssertUnwindSafe(poll)) {
        Ok(true) => Polled::Finished,
        Ok(false) => Polled::Pending,
        Err(payload) => {
            finish(task, JoinError::panic(payload));
            Polled::Panicked
        }
    }
}

/// Drops a task's future early. A panic in that drop becomes the task's output.
#[cold]
pub(crate) fn cancel(task: &mut BoxedTask) {
    finish(task, JoinError::cancelled());
}

/// Dropping what the task holds runs its owner's code, which may panic. The assignment is made all
/// the same (`Pin::set` is an assignment, and Rust completes one whose drop unwinds), so that the
/// second attempt only replaces an error with the panic.
fn finish(task: &mut BoxedTask, error: JoinError) {
    let after_a_panic = error.is_panic();
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| task.as_mut().finish(error))) {
        if after_a_panic {
            drop_payload(payload);
        } else {
            task.as_mut().finish(JoinError::panic(payload));
        }
    }
}
