//! The entries that come before the ready queue. They are wake-ups and drops that run foreign code, so
//! the loop handles them between two polls.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::task::Waker;

use super::cell::BoxedTask;
use super::task_slot::TaskSlot;
use super::ticket::Ticket;

/// An entry of the queue.
pub(super) enum Deferred {
    /// A waker of another crate, which the loop calls.
    Wake(Waker),
    /// A task whose future the loop drops.
    Abort(Ticket),
}

/// An entry that comes before the ready queue. The loop handles it between two polls, because it runs
/// foreign code.
pub(crate) enum Urgent<'a> {
    /// A task that was aborted. The task is out of its slot, and the loop drops its future.
    Aborted(&'a TaskSlot, BoxedTask, Ticket),
    /// A waker of another crate, which the loop calls.
    Foreign(Waker),
}

/// The queue of urgent entries. The bound is one entry for each foreign waker that an event has woken,
/// and one for each task that was aborted.
#[derive(Default)]
pub(super) struct UrgentQueue {
    entries: RefCell<VecDeque<Deferred>>,
    /// The queue has entries. Each poll reads this flag, so the flag is outside of the `RefCell`.
    any: Cell<bool>,
}

impl UrgentQueue {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        !self.any.get()
    }

    #[cold]
    pub(super) fn push(&self, entry: Deferred) {
        self.entries.borrow_mut().push_back(entry);
        self.any.set(true);
    }

    pub(super) fn pop(&self) -> Option<Deferred> {
        let mut entries = self.entries.borrow_mut();
        let first = entries.pop_front();
        self.any.set(!entries.is_empty());
        first
    }
}
