//! The waker over a ticket, with which a future wakes its task from any thread.

use std::mem::ManuallyDrop;
use std::ptr;
use std::task::{RawWaker, RawWakerVTable, Waker};

use super::context;
use super::registry;
use super::ticket::Ticket;

impl Ticket {
    /// Returns the ticket inside a waker of this crate, or `None` for a waker of another crate.
    #[inline]
    pub(crate) fn of(waker: &Waker) -> Option<Ticket> {
        if !ptr::eq(waker.vtable(), &VTABLE) {
            return None;
        }
        Ticket::from_waker_word(waker.data().addr() as u64)
    }

    /// Makes a waker for a poll. The waker owns no memory and needs no drop.
    #[inline]
    pub(crate) fn waker(self) -> ManuallyDrop<Waker> {
        // SAFETY: the vtable's functions keep `RawWaker`'s contract for any data word. They never
        // dereference the word, may be called from any thread, and own no memory that could be freed
        // twice.
        ManuallyDrop::new(unsafe { Waker::new(ptr::without_provenance(self.word() as usize), &VTABLE) })
    }

    /// Queues the task on its own loop, from any thread.
    #[inline(always)]
    pub(crate) fn wake(self) {
        let here = context::try_with(
            #[inline(always)]
            |core| match core {
                Some(core) if core.number() == self.runtime() => {
                    core.tasks.wake_often_current(self);
                    true
                }
                _ => false,
            },
        );
        if !here {
            registry::wake(self);
        }
    }
}

/// The vtable of every waker of this crate. The table is a `static` and so has one address, which makes
/// `will_wake` of a clone return `true`.
static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, drop);

fn clone(word: *const ()) -> RawWaker {
    RawWaker::new(word, &VTABLE)
}

fn wake(word: *const ()) {
    if let Some(ticket) = Ticket::from_word(word.addr() as u64) {
        ticket.wake();
    }
}

fn drop(_word: *const ()) {}
