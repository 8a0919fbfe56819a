//! The functions of the task table for join handles. They wait for the end of a task, take its output,
//! and drop the handle.
//!
//! No function of this file calls foreign code. Each function returns the values that its caller has to
//! drop.

use super::cell::BoxedTask;
use super::task_slot::{DETACHED, DONE, TaskSlot};
use super::tasks::Tasks;
use super::ticket::Ticket;
use super::wait_list::{WaitList, Waiter};

impl Tasks {
    /// Returns whether the task has its output or had its output.
    #[inline]
    pub(crate) fn is_finished(&self, ticket: Ticket) -> bool {
        let slot = &self.slots[ticket.key()];
        !slot.is_of(ticket) || slot.has(DONE)
    }

    /// Adds a waiter for the end of a task beside other waiters. The function returns the waiters that
    /// the caller [discards](Waiter::discard).
    #[cold]
    pub(crate) fn add_joiner(&self, ticket: Ticket, waiter: Waiter) -> Vec<Waiter> {
        self.add_waiter(&self.slots[ticket.key()].joiners, waiter, None)
    }

    /// Returns the slot of a task, for its join handle.
    #[inline(always)]
    pub(crate) fn slot(&self, ticket: Ticket) -> &TaskSlot {
        &self.slots[ticket.key()]
    }

    /// Takes a task that is done out of its slot, for its join handle.
    #[inline(always)]
    pub(crate) fn take_done(&self, slot: &TaskSlot, ticket: Ticket) -> Option<BoxedTask> {
        let task = slot.take();
        self.end(ticket.key(), slot);
        task
    }

    /// Detaches a join handle that is dropped before its task has finished. The function returns
    /// `false` and changes nothing if an output or waiters have to be dropped with the handle.
    #[inline]
    pub(crate) fn detach_unfinished(&self, ticket: Ticket) -> bool {
        let slot = &self.slots[ticket.key()];
        let alone = !slot.is_done() && !slot.joiners.has_nodes();
        if alone {
            slot.set(DETACHED);
            slot.joiners.take();
        }
        alone
    }

    /// Detaches a join handle that is dropped. The function returns the output and the waiters, which
    /// the caller drops.
    #[inline]
    pub(crate) fn detach(&self, ticket: Ticket) -> (Option<BoxedTask>, WaitList) {
        let slot = &self.slots[ticket.key()];
        slot.set(DETACHED);
        let waiters = slot.joiners.take();
        (if slot.is_done() { self.take_done(slot, ticket) } else { None }, waiters)
    }
}
