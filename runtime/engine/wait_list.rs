//! Who waits at a place: for a join, or for one direction of a socket.
//!
//! Nearly always it is nobody or one task of this loop, and then eight bytes hold it. A second waiter,
//! or one with a waker that isn't ours (a combinator such as `FuturesUnordered` makes its own), goes to
//! a crowd kept aside, and the eight bytes hold its number. All of a crowd are woken: keeping only the last
//! waker would lose the others' wake-ups, and waking the one that is replaced would make two tasks that
//! wait on one socket wake each other for ever.

use std::task::Waker;

use super::panic::{call_quietly, drop_quietly};
use super::slots::{NIL, Slot, Slots};
use super::ticket::Ticket;

type Identity = (u64, usize);

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

    /// Words that are the same for the same waiter. (Another one may get them later, when this one is gone.)
    fn identity(&self) -> Identity {
        match self {
            Waiter::Task(ticket) => (ticket.word(), 0),
            Waiter::Foreign(waker) => (waker.data().addr() as u64, std::ptr::from_ref(waker.vtable()).addr()),
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
    call_quietly(|| waker.wake());
}

/// Drops one that waits no longer. A waker that isn't ours may panic at that, which is no business of the one whose timer,
/// or whose place in a crowd, it was.
#[inline]
pub(crate) fn dismiss(waiter: Option<Waiter>) {
    if let Some(Waiter::Foreign(waker)) = waiter {
        drop_quietly(waker);
    }
}

/// The eight bytes at a place: 0, a ticket, or (with no runtime number in the top bits) a crowd's key + 1.
#[derive(Default)]
pub(crate) struct Waiters(u64);

impl Waiters {
    pub(crate) fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// Adds a task of ours if nobody else waits; `false` if it takes a crowd.
    #[inline]
    pub(crate) fn add_alone(&mut self, waker: &Waker) -> bool {
        match Ticket::of(waker) {
            Some(ticket) if self.0 == 0 || self.0 == ticket.word() => {
                self.0 = ticket.word();
                true
            }
            _ => false,
        }
    }

    /// Adds one that waits to the place's crowd, unless the same one already does.
    #[cold]
    pub(crate) fn add_to_crowd(&mut self, crowds: &mut Crowds, waiter: Waiter) -> Crowded {
        let first = Ticket::from_word(self.0);
        if self.0 == 0 || first.is_some() {
            self.0 = u64::from(crowds.0.claim().0) + 1;
        }
        let crowd = &mut crowds.0[(self.0 - 1) as u32];
        crowd.waiters.extend(first.map(Waiter::Task));
        if crowd.waiters.iter().any(|w| w.will_wake(&waiter)) {
            return Crowded { duplicate: Some(waiter), to_wake: Vec::new() };
        }
        Crowded { duplicate: None, to_wake: crowd.join(waiter) }
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

/// What is left to do after somebody has joined a crowd.
pub(crate) struct Crowded {
    /// The one that joined, if it was in the crowd already; to be dropped, which is foreign code.
    pub(crate) duplicate: Option<Waiter>,
    /// Those who made room.
    pub(crate) to_wake: Vec<Waiter>,
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
        self.0[key] = Crowd { waiters: buffer, ..Crowd::default() };
        self.0.release(key);
    }
}

/// Several that wait at one place.
///
/// One that has given up waiting (a future that was dropped) says so to nobody, and at a place that never becomes
/// ready those would pile up for ever. So a crowd has a limit. When it is reached all are woken and forgotten, and
/// who still waits comes back.
///
/// A crowd of more than the limit who all still wait must not wake itself round and round. So one of those who
/// were sent away is *marked*: when it comes back, as many have joined in between as there are who still wait,
/// and the limit becomes twice that. If the marked one doesn't come back it had given up, and after some patience
/// another is marked. With 65 who wait: the 65th finds the crowd full, so 64 are sent away and the 64th is marked; they
/// come back one by one, the 64th as the 64th to join since, and the limit becomes 128. From then on all is quiet.
struct Crowd {
    waiters: Vec<Waiter>,
    limit: usize,
    marked: Option<Identity>,
    /// How many have joined since it was marked.
    joined: usize,
    patience: usize,
    link: u32,
}

impl Crowd {
    /// What the limit is at first.
    const LIMIT: usize = 64;

    /// Adds one; returns those to be woken, who made room for it.
    fn join(&mut self, waiter: Waiter) -> Vec<Waiter> {
        self.joined += 1;
        if self.marked == Some(waiter.identity()) {
            self.marked = None;
            self.limit = self.limit.max(2 * self.joined);
        }
        let sent_away = if self.waiters.len() < self.limit { Vec::new() } else { self.send_away() };
        self.waiters.push(waiter);
        sent_away
    }

    fn send_away(&mut self) -> Vec<Waiter> {
        if self.marked.is_some() && self.joined > self.patience {
            self.marked = None;
            self.patience *= 2;
        }
        if self.marked.is_none() {
            // The last: tasks come back in the order in which they are woken, so when it does all others have.
            self.marked = self.waiters.last().map(Waiter::identity);
            self.joined = 0;
        }
        std::mem::take(&mut self.waiters)
    }
}

impl Default for Crowd {
    fn default() -> Self {
        Crowd {
            waiters: Vec::new(),
            limit: Self::LIMIT,
            marked: None,
            joined: 0,
            patience: 4 * Self::LIMIT,
            link: NIL,
        }
    }
}

impl Slot for Crowd {
    fn link(&mut self) -> &mut u32 {
        &mut self.link
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::engine::ticket::RuntimeNumber;

    fn waiter(n: u32) -> Waiter {
        Waiter::Task(Ticket::new(RuntimeNumber::new(1), 0, n))
    }

    fn number(waiter: &Waiter) -> u32 {
        match waiter {
            Waiter::Task(ticket) => ticket.key(),
            Waiter::Foreign(_) => unreachable!("the test only uses tickets"),
        }
    }

    #[test]
    fn a_crowd_of_any_size_settles_when_all_still_wait() {
        for size in (1..300).chain([500, 1000, 1023, 1024, 1025, 5000]) {
            let mut crowd = Crowd::default();
            let mut coming: VecDeque<u32> = (0..size).collect();
            let mut joins = 0;
            while let Some(n) = coming.pop_front() {
                coming.extend(crowd.join(waiter(n)).iter().map(number));
                joins += 1;
                assert!(joins <= 20 * size, "{size} who wait keep waking each other");
            }
            assert_eq!(crowd.waiters.len(), size as usize);
        }
    }

    #[test]
    fn those_who_gave_up_are_forgotten_and_those_who_wait_are_not() {
        for still_wait in [0, 1, 10, 63, 64, 65, 100] {
            let mut crowd = Crowd::default();
            let mut coming: VecDeque<u32> = (0..still_wait).collect();
            for n in 0..20_000 {
                coming.push_back(1_000_000 + n); // waits, and gives up at once
                while let Some(n) = coming.pop_front() {
                    let woken = crowd.join(waiter(n));
                    coming.extend(woken.iter().map(number).filter(|&n| n < still_wait));
                }
            }
            assert!(crowd.waiters.len() <= 1024, "{} are remembered", crowd.waiters.len());
            for n in 0..still_wait {
                assert!(crowd.waiters.iter().any(|w| number(w) == n), "{n} still waits");
            }
        }
    }
}
