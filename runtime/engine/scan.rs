//! Scans of the whole table of tasks, for a dump and for the end of the loop.

use std::task::Waker;

use super::cell::{BoxedTask, Note};
use super::slots::NIL;
use super::task_slot::{DONE, QUEUED, RELEASED_WHILE_QUEUED, TaskSlot};
use super::tasks::Tasks;
use super::ticket::Ticket;
use super::urgent::Deferred;
use super::wait_list::{WaitList, Waiter};

/// The state of a unit, for a dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Waiting,
    /// The unit is in the ready queue.
    Ready,
    /// The task has its output, and its join handle has not taken the output.
    Finished,
}

impl Tasks {
    /// Passes each unit that has a slot to `show`, for a dump. A unit is a task (with its note), a
    /// source of an `EventLoop`, or slot 0. Slot 0 belongs to `block_on`'s own future, also while no
    /// such future runs. The units of the ready queue come first, in the order of the queue. The state
    /// of a unit that is polled would be wrong, so the caller calls the function between two polls.
    /// `show` runs no foreign code.
    #[cold]
    #[inline(never)]
    pub(crate) fn for_each_unit(&self, mut show: impl FnMut(Ticket, State, Option<Note>)) {
        let ticket = |key, slot: &TaskSlot| Ticket::new(self.runtime, slot.generation(), key);
        let mut key = self.head.get();
        while key != NIL {
            let slot = &self.slots[key];
            if !slot.has(DONE | RELEASED_WHILE_QUEUED) {
                show(ticket(key, slot), State::Ready, slot.note());
            }
            key = slot.next.get();
        }
        for key in 0..self.slots.used() {
            let slot = &self.slots[key];
            if slot.has(DONE) {
                show(ticket(key, slot), State::Finished, slot.note());
            } else if !slot.has(QUEUED) {
                show(ticket(key, slot), State::Waiting, slot.note());
            } // any other slot is vacant, or its unit was shown
        }
    }

    /// Passes the waiters of each task's join handle to `show`, for a dump. `show` obeys the rules of
    /// [`Nodes::for_each`](super::wait_list::Nodes::for_each).
    #[cold]
    #[inline(never)]
    pub(crate) fn for_each_joiner(&self, mut show: impl FnMut(Ticket, &Waiter)) {
        for key in 0..self.slots.used() {
            let slot = &self.slots[key];
            if !slot.joiners.is_empty() {
                let ticket = Ticket::new(self.runtime, slot.generation(), key);
                self.for_each_waiter(&slot.joiners, |waiter| show(ticket, waiter));
            }
        }
    }

    /// Passes the waiters of one place to `show`, for a dump. `show` obeys the rules of
    /// [`Nodes::for_each`](super::wait_list::Nodes::for_each).
    #[cold]
    pub(crate) fn for_each_waiter(&self, place: &WaitList, show: impl FnMut(&Waiter)) {
        if !place.is_empty() {
            self.wait_nodes.borrow().for_each(place, show);
        }
    }

    /// Returns the next task at or after `from` whose future was not dropped. Only the end of the loop
    /// uses the function.
    pub(super) fn take_live(&self, from: u32) -> Option<(&TaskSlot, BoxedTask, Ticket)> {
        (from..self.slots.used()).find_map(|key| {
            let slot = &self.slots[key];
            let task = if slot.has(DONE) { None } else { slot.take() };
            task.map(|task| (slot, task, Ticket::new(self.runtime, slot.generation(), key)))
        })
    }

    /// Returns a foreign waker that was not called yet. Only the end of the loop uses the function.
    pub(crate) fn take_foreign(&self) -> Option<Waker> {
        loop {
            if let Deferred::Wake(waker) = self.urgent.pop()? {
                return Some(waker);
            }
        }
    }
}
