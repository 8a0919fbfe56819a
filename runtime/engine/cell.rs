//! The one allocation of a task. The cell holds the future first, and later its output in the same
//! place.
//!
//! The loop takes the box out of its slot before a poll, and puts it back afterwards. So no other code
//! can reach the future while it runs. If the future aborts itself, drops its own handle or spawns,
//! that code finds an empty slot and never a future that is already borrowed. For this reason the file
//! needs no `unsafe`.

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

/// The interface of a task to the loop, the same for every type of future.
pub(crate) trait Task {
    /// Polls the future. The function returns `true` when the output exists.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool;
    /// Drops the future or the output that the task holds, and stores `error` as the output.
    fn finish(self: Pin<&mut Self>, error: JoinError);
    /// Writes the task's ticket and name into the output, if the output is an error.
    fn describe(self: Pin<&mut Self>, ticket: Ticket, name: Option<Arc<str>>);
    /// Returns the place, the number of polls and the type of the task's future.
    fn note(&self) -> Note;
    /// Moves the output into `place`, and frees the task. `place` is a pending `Poll<Result<T,
    /// JoinError>>` of the task's own `T`.
    fn take_output(self: Pin<Box<Self>>, place: &mut dyn Any);
}

/// A task on the heap: the box is the task's only allocation.
pub(crate) type BoxedTask = Pin<Box<dyn Task>>;

/// The facts that a dump prints of a task and that its slot doesn't hold.
#[derive(Clone, Copy)]
pub(crate) struct Note {
    /// The number of the place where the task was spawned. The number of a finished task is 0.
    pub(crate) place: u16,
    /// The number of polls of the task's future, modulo 2³². The number of a finished task is 0.
    pub(crate) polls: u32,
    /// The name of the future's type.
    pub(crate) future: &'static str,
}

pin_project! {
    /// The tag of the two variants costs eight bytes. The place and the number of polls are in its
    /// padding. All other data of a task is in its slot, so a wake-up and the queue do not access this
    /// memory.
    #[project = StageProjection]
    enum Stage<F: Future> {
        Running { place: u16, polls: u32, #[pin] future: F },
        /// The output is `None` after the join handle has taken it.
        Done { output: Option<Result<F::Output, JoinError>> },
    }
}

const _: () = assert!(size_of::<Stage<std::future::Ready<[u64; 3]>>>() <= 6 * size_of::<u64>());

pub(crate) fn boxed<F: Future + 'static>(future: F, place: u16) -> BoxedTask {
    // The allocation comes before the write, so that the future moves to the heap directly.
    let cell = Box::<Stage<F>>::new_uninit();
    let cell: Box<Stage<F>> = Box::write(cell, Stage::Running { place, polls: 0, future });
    Box::into_pin(cell)
}

impl<F: Future + 'static> Task for Stage<F> {
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        if let StageProjection::Running { polls, future, .. } = self.as_mut().project() {
            *polls = polls.wrapping_add(1);
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

    fn note(&self) -> Note {
        let (place, polls) = match *self {
            Stage::Running { place, polls, .. } => (place, polls),
            Stage::Done { .. } => (0, 0),
        };
        Note { place, polls, future: std::any::type_name::<F>() }
    }

    fn describe(self: Pin<&mut Self>, ticket: Ticket, name: Option<Arc<str>>) {
        if let StageProjection::Done { output: Some(Err(error)) } = self.project() {
            error.set_task(ticket, name);
        }
    }

    fn take_output(mut self: Pin<Box<Self>>, place: &mut dyn Any) {
        let place = place.downcast_mut().expect("a join handle is made with its task's own type");
        if let StageProjection::Done { output } = self.as_mut().project() {
            let output = output.take();
            drop(self); // Only its memory is left, which the compiler knows here.
            let pending = std::mem::replace(place, output.map_or(Poll::Pending, Poll::Ready));
            std::mem::forget(pending); // This tells the compiler that there is nothing to drop.
        }
    }
}

/// The result of a poll.
pub(crate) enum Polled {
    Pending,
    Finished,
    /// The task has finished, too. Its output is an error.
    Panicked,
}

/// Polls a task. A panic, in the poll or in the drop of the finished future, becomes its output.
#[inline(always)]
pub(crate) fn poll(task: &mut BoxedTask, waker: &Waker) -> Polled {
    /// Drops the rest of a future that panics while that panic unwinds. So a lock that another branch
    /// of the future holds is poisoned, as in a thread.
    struct DropRemains<'a>(&'a mut BoxedTask);
    impl Drop for DropRemains<'_> {
        fn drop(&mut self) {
            finish(self.0, JoinError::cancelled()); // the payload replaces this error
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

/// The drop of the future or the output runs the user's code, which may panic. `Pin::set` is an
/// assignment, and Rust completes an assignment even if the drop of the old value unwinds. So the
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
