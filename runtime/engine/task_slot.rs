//! The slot of a task: its box, its waiters, its link in the ready queue, and its state.
//!
//! ```text
//!   task 16 B            joiners 8 B       next 4 B           state 4 B
//! ┌────────────────────┬─────────────────┬──────────────────┬───────────────────────┐
//! │ the boxed future   │ waiters of the  │ link of the      │ generation  │ flags   │
//! │ (out while polled) │ join handle     │ queue            │ 24 bits     │ 8 bits  │
//! └────────────────────┴─────────────────┴──────────────────┴───────────────────────┘
//! ```
//!
//! What changes in a slot is a `Cell`, and slots never move. So nothing is borrowed: the loop keeps the
//! slot of the task that it polls, while the poll wakes others or spawns.

use std::cell::Cell;

use super::cell::BoxedTask;
use super::slots::{NIL, Slot};
use super::ticket::Ticket;
use super::wait_list::WaitList;

/// The join handle was dropped: the output is dropped, too.
pub(super) const DETACHED: u32 = 1;
/// The output is there and waits for the join handle.
pub(super) const DONE: u32 = 2;
/// Released while queued: the key goes back to the free list when it is popped.
pub(super) const RELEASED_WHILE_QUEUED: u32 = 4;
/// The future is about to be dropped.
pub(super) const ABORTED: u32 = 8;
/// The table of names has the task's.
pub(super) const NAMED: u32 = 16;
/// The slot is in the ready queue; or its task is polled, and `woken` says whether it is queued; or it
/// is vacant. (A vacant slot can't be queued, not even by a dead runtime's ticket that happens to
/// match.)
pub(super) const QUEUED: u32 = 32;

pub(super) const FLAG_BITS: u32 = 8;
pub(super) const GENERATION: u32 = !0 << FLAG_BITS;

/// What of the state is as a ticket has it if the ticket wakes the task.
pub(super) const WAKES: u32 = GENERATION | DONE | QUEUED;

pub(crate) struct TaskSlot {
    task: Cell<Option<BoxedTask>>,
    pub(super) joiners: WaitList,
    pub(super) next: Cell<u32>,
    pub(super) state: Cell<u32>,
}

const _: () = assert!(size_of::<TaskSlot>() == 32, "two slots share a cache line");

impl Default for TaskSlot {
    fn default() -> Self {
        TaskSlot {
            task: Cell::new(None),
            joiners: WaitList::default(),
            next: Cell::new(NIL),
            state: Cell::new(QUEUED),
        }
    }
}

impl Slot for TaskSlot {
    fn link(&self) -> &Cell<u32> {
        &self.next
    }
}

impl TaskSlot {
    #[inline]
    pub(super) fn generation(&self) -> u32 {
        self.state.get() >> FLAG_BITS
    }

    #[inline]
    pub(super) fn has(&self, flag: u32) -> bool {
        self.state.get() & flag != 0
    }

    #[inline]
    pub(super) fn set(&self, flag: u32) {
        self.state.set(self.state.get() | flag);
    }

    #[inline]
    pub(super) fn clear(&self, flag: u32) {
        self.state.set(self.state.get() & !flag);
    }

    /// Whether a ticket of this slot is that of its present owner.
    #[inline]
    pub(super) fn is_of(&self, ticket: Ticket) -> bool {
        self.generation() == ticket.generation()
    }

    #[inline]
    pub(crate) fn is_done(&self) -> bool {
        self.has(DONE)
    }

    /// The waiters of the join handle.
    #[inline]
    pub(crate) fn joiners(&self) -> &WaitList {
        &self.joiners
    }

    /// Takes the task out, to poll it.
    #[inline]
    pub(super) fn take(&self) -> Option<BoxedTask> {
        self.task.take()
    }

    /// From here on the slot may be queued again.
    #[inline]
    pub(super) fn leave_queue(&self) {
        self.clear(QUEUED);
    }

    /// Puts a task in. The slot holds none: its own is out, or it was vacant.
    #[inline]
    pub(super) fn fill(&self, task: BoxedTask) {
        let nothing = self.task.replace(Some(task));
        debug_assert!(nothing.is_none());
        // Says to the compiler, too, that there is nothing to drop.
        std::mem::forget(nothing);
    }
}
