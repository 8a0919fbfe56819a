//! The slot of a task, which holds its box, its waiters, its link in the ready queue, and its state.
//!
//! ```text
//!   task 16 B            joiners 8 B       next 4 B           state 4 B
//! ┌────────────────────┬─────────────────┬──────────────────┬───────────────────────┐
//! │ the boxed future   │ waiters of the  │ link of the      │ generation  │ flags   │
//! │ (out while polled) │ join handle     │ queue            │ 24 bits     │ 8 bits  │
//! └────────────────────┴─────────────────┴──────────────────┴───────────────────────┘
//! ```
//!
//! Each field that changes is a `Cell`, and slots never move. So the loop borrows no table during a
//! poll. The loop keeps the slot of the task that it polls, while the poll wakes other tasks or spawns
//! tasks.

use std::cell::Cell;

use super::cell::{BoxedTask, Note};
use super::slots::{NIL, Slot};
use super::ticket::Ticket;
use super::wait_list::WaitList;

/// The join handle was dropped, so the loop drops the output, too.
pub(super) const DETACHED: u32 = 1;
/// The output exists, and the join handle has not taken it.
pub(super) const DONE: u32 = 2;
/// The slot was released while it was queued. The key returns to the free list when the queue pops the
/// slot.
pub(super) const RELEASED_WHILE_QUEUED: u32 = 4;
/// The future is about to be dropped.
pub(super) const ABORTED: u32 = 8;
/// The table of names has a name for the task.
pub(super) const NAMED: u32 = 16;
/// The flag is set in three cases. In the first case the slot is in the ready queue. In the second case
/// the slot's task is polled, and `woken` says whether the slot is queued. In the third case the slot
/// is vacant. The flag keeps a vacant slot out of the queue, even if a ticket of a dropped runtime
/// matches the slot.
pub(super) const QUEUED: u32 = 32;

pub(super) const FLAG_BITS: u32 = 8;
pub(super) const GENERATION: u32 = !0 << FLAG_BITS;

/// The bits that decide whether a ticket wakes the task. The ticket wakes the task if the generations
/// are equal and both flags are clear.
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

    /// Returns whether a ticket of this slot belongs to the present task or key.
    #[inline]
    pub(super) fn is_of(&self, ticket: Ticket) -> bool {
        self.generation() == ticket.generation()
    }

    #[inline]
    pub(crate) fn is_done(&self) -> bool {
        self.has(DONE)
    }

    /// Returns the waiters of the join handle.
    #[inline]
    pub(crate) fn joiners(&self) -> &WaitList {
        &self.joiners
    }

    /// Takes the task out of the slot, so that the loop can poll or drop it.
    #[inline]
    pub(super) fn take(&self) -> Option<BoxedTask> {
        self.task.take()
    }

    /// Returns the note of the task, if the slot holds a task.
    #[cold]
    pub(super) fn note(&self) -> Option<Note> {
        let task = self.take()?;
        let note = task.note();
        self.fill(task);
        Some(note)
    }

    /// Marks a popped slot as not queued. Afterwards a wake-up can queue the slot again.
    #[inline]
    pub(super) fn leave_queue(&self) {
        self.clear(QUEUED);
    }

    /// Puts a task into the slot. The slot is empty, because its task is out or the slot was vacant.
    #[inline]
    pub(super) fn fill(&self, task: BoxedTask) {
        let nothing = self.task.replace(Some(task));
        debug_assert!(nothing.is_none());
        // The `forget` tells the compiler that the old value needs no drop.
        std::mem::forget(nothing);
    }
}
