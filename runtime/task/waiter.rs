//! Who waits at a place: for a join, or for one direction of a socket.
//!
//! Nearly always it is nobody or one task of this loop, and then eight bytes hold it. A second waiter,
//! or one with a waker that isn't ours (a combinator such as `FuturesUnordered` makes its own), goes to
//! a crowd kept aside, and the eight bytes hold its number. All of a crowd are woken: keeping only the last
//! waker would lose the others' wake-ups, and waking the one that is replaced would make two tasks that
//! wait on one socket wake each other for ever.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

use super::ticket::Ticket;
use crate::slots::{NIL, Slot, Slots};

/// One that waits.
#[derive(Debug)]
pub(crate) enum Waiter {
    Task(Ticket),
    Foreign(Waker),
}

impl Waiter {
    /// Cloning somebody else's waker runs their code: make a `Waiter` before any table is borrowed.
    #[inline]
    pub(crate) fn of(waker: &Waker) -> Waiter {
        match Ticket::of(waker) {
            Some(ticket) => Waiter::Task(ticket),
            None => Waiter::Foreign(waker.clone()),
        }
    }

    pub(crate) fn will_wake(&self, other: &Waiter) -> bool {
        match (self, other) {
            (Waiter::Task(a), Waiter::Task(b)) => a == b,
            (Waiter::Foreign(a), Waiter::Foreign(b)) => a.will_wake(b),
            _ => false,
        }
    }
}

/// Calls a waker that isn't ours. If it panics the panic hook has printed its message; it is not allowed
/// to take the loop, and the others that wait, with it.
#[cold]
pub(crate) fn wake_foreign(waker: Waker) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
        // Dropping the payload could panic in turn.
        std::mem::forget(payload);
    }
}

/// The eight bytes at a place: 0, a ticket, or (with no runtime number in the top bits) a crowd's key + 1.
#[derive(Default)]
pub(crate) struct Waiters(u64);

impl Waiters {
    pub(crate) fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// Adds one that waits, unless the same one already does.
    ///
    /// Bound: one entry for each different waker since the place last became ready. A task has one
    /// ticket however often it polls. Hands back a duplicate, whose drop is foreign code.
    #[inline]
    pub(crate) fn add(&mut self, crowds: &mut Crowds, waiter: Waiter) -> Option<Waiter> {
        if let Waiter::Task(ticket) = waiter
            && (self.0 == 0 || self.0 == ticket.word())
        {
            self.0 = ticket.word();
            return None;
        }
        self.add_to_crowd(crowds, waiter)
    }

    #[cold]
    fn add_to_crowd(&mut self, crowds: &mut Crowds, waiter: Waiter) -> Option<Waiter> {
        let first = Ticket::from_word(self.0);
        if self.0 == 0 || first.is_some() {
            self.0 = u64::from(crowds.0.claim().0) + 1;
        }
        let crowd = &mut crowds.0[(self.0 - 1) as u32].waiters;
        crowd.extend(first.map(Waiter::Task));
        if crowd.iter().any(|w| w.will_wake(&waiter)) {
            return Some(waiter);
        }
        crowd.push(waiter);
        None
    }

    /// Who that is.
    #[inline]
    pub(crate) fn who(self) -> Who {
        match Ticket::from_word(self.0) {
            Some(ticket) => Who::Task(ticket),
            None if self.0 == 0 => Who::Nobody,
            None => Who::Crowd((self.0 - 1) as u32),
        }
    }
}

/// Those who wait at a place.
pub(crate) enum Who {
    Nobody,
    Task(Ticket),
    /// To be disbanded.
    Crowd(u32),
}

/// The crowds of a runtime.
pub(crate) struct Crowds(Slots<Crowd>);

impl Crowds {
    pub(crate) const fn new() -> Crowds {
        Crowds(Slots::new())
    }

    /// Ends a crowd and hands over who was in it. Lend the empty buffer [back](Crowds::recycle).
    #[cold]
    pub(crate) fn disband(&mut self, key: u32) -> Vec<Waiter> {
        std::mem::take(&mut self.0[key].waiters)
    }

    /// Gives a crowd's number back, with a buffer for the next: steady crowds allocate nothing.
    pub(crate) fn recycle(&mut self, key: u32, buffer: Vec<Waiter>) {
        debug_assert!(buffer.is_empty());
        self.0[key].waiters = buffer;
        self.0.release(key);
    }
}

struct Crowd {
    waiters: Vec<Waiter>,
    link: u32,
}

impl Default for Crowd {
    fn default() -> Self {
        Crowd { waiters: Vec::new(), link: NIL }
    }
}

impl Slot for Crowd {
    fn link(&mut self) -> &mut u32 {
        &mut self.link
    }
}
