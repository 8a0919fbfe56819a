//! The waiters at one place: one direction of an I/O object, or the end of a task.
//!
//! Nearly always there is none, or one task of this loop, and then eight bytes hold it. Further
//! waiters, and wakers of other crates (a combinator such as `FuturesUnordered` makes its own), are
//! nodes of a list, and the eight bytes hold the first node's key. An event wakes all of them. To
//! keep only the last waker would lose the wake-ups of the others, and to wake the one that is
//! replaced would make two tasks that wait at one socket wake each other for ever.
//!
//! # The lifetime of a node
//!
//! A future such as `Ready` *owns* its node: the future holds the key, and its drop removes the
//! node. An event takes the waker out and leaves the node, so the key stays reserved. If the event
//! freed the key, another future could get it, and the drop of the woken one would remove the node
//! of a future that still waits: a lost wake-up.
//!
//! The `poll_*` forms and `AsyncRead` have no future that could own a node. Theirs is found by
//! `will_wake`, so a task that polls again adds none, and an event removes it. A task that has
//! ended leaves its ticket behind; the next addition, which passes over the whole list in any case,
//! removes it.
//!
//! Bound of a list: its futures, the tasks that are alive, and `FOREIGN_MAX` wakers of other
//! crates: one more wakes the oldest, which polls again if it still waits. A future that is leaked
//! (`mem::forget`) leaks its node.

use std::task::Waker;

use slab::Slab;

use super::panic::{call_quietly, drop_quietly};
use super::slots::NIL;
use super::ticket::Ticket;

/// One that waits.
#[derive(Debug)]
pub(crate) enum Waiter {
    Task(Ticket),
    Foreign(Waker),
}

impl Waiter {
    /// Cloning a waker of another crate runs its code: make a `Waiter` before any table is
    /// borrowed.
    #[inline]
    pub(crate) fn of(waker: &Waker) -> Waiter {
        match Ticket::of(waker) {
            Some(ticket) => Waiter::Task(ticket),
            None => Waiter::Foreign(waker.clone()),
        }
    }

    fn will_wake(&self, other: &Waiter) -> bool {
        match (self, other) {
            (Waiter::Task(a), Waiter::Task(b)) => a == b,
            (Waiter::Foreign(a), Waiter::Foreign(b)) => a.will_wake(b),
            _ => false,
        }
    }

    /// Drops a waiter that is not needed any more. Dropping a waker of another crate may panic,
    /// which must not reach the owner of the place: call it with nothing borrowed.
    #[inline]
    pub(crate) fn discard(self) {
        if let Waiter::Foreign(waker) = self {
            drop_quietly(waker);
        }
    }
}

/// Calls a waker of another crate. The panic hook has printed the message of one that panics; the
/// panic ends neither the loop nor the other waiters.
#[cold]
pub(crate) fn wake_foreign(waker: Waker) {
    call_quietly(|| waker.wake());
}

/// The eight bytes at a place: 0, a ticket, or (with no runtime number in the top bits) the key of
/// the list's first node + 1.
#[derive(Default)]
pub(crate) struct WaitList(u64);

impl WaitList {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// Adds a task of this crate if it is the only waiter; `false` if a node is needed.
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

    /// Whether there is something to be removed and dropped: a ticket needs neither.
    #[inline]
    pub(crate) fn has_nodes(&self) -> bool {
        self.0 != 0 && self.alone().is_none()
    }

    /// The only waiter, if it needs no node.
    #[inline]
    pub(crate) fn alone(&self) -> Option<Ticket> {
        Ticket::from_word(self.0)
    }

    #[inline]
    fn first(&self) -> Option<u32> {
        self.has_nodes().then(|| (self.0 - 1) as u32)
    }

    fn set_first(&mut self, first: Option<u32>) {
        self.0 = first.map_or(0, |key| u64::from(key) + 1);
    }
}

/// The key of the node that a future owns, from its first wait beside others until its drop.
pub(crate) type NodeKey = Option<u32>;

/// Wakers of other crates that wait at one place without a future: more than any program has, and
/// few enough that a connection which is idle for months keeps little. More of them that all still
/// wait would wake each other until the event.
const FOREIGN_MAX: usize = 512;

struct Node {
    /// `None` after an event; then the node is in no list.
    waiter: Option<Waiter>,
    /// A future holds the key.
    owned: bool,
    /// The list is a ring: the first node's `previous` is the last.
    previous: u32,
    next: u32,
}

/// The nodes of all lists of one runtime.
pub(crate) struct Nodes(Slab<Node>);

impl Nodes {
    pub(crate) const fn new() -> Nodes {
        Nodes(Slab::new())
    }

    /// Adds a waiter, whose future owns the node, or makes it that future's waiter instead of the
    /// one before. Returns a waiter to be [discarded](Waiter::discard).
    #[cold]
    pub(crate) fn add_owned(
        &mut self,
        list: &mut WaitList,
        waiter: Waiter,
        key: &mut NodeKey,
    ) -> Option<Waiter> {
        self.make_list(list);
        let Some(key) = *key else {
            *key = Some(self.append(list, waiter, true));
            return None;
        };
        let replaced = self.node(key).waiter.replace(waiter);
        if replaced.is_none() {
            self.link(list, key);
        }
        replaced
    }

    /// Adds a waiter that has no future; removes the stale ones. Returns the oldest one, to be
    /// woken, if there are too many. A waiter that the list has already comes back as the error, to
    /// be [discarded](Waiter::discard).
    #[cold]
    pub(crate) fn add(
        &mut self,
        list: &mut WaitList,
        waiter: Waiter,
        is_stale: impl Fn(Ticket) -> bool,
    ) -> Result<Option<Waiter>, Waiter> {
        self.make_list(list);
        let (mut next, mut foreign, mut oldest) = (list.first(), 0, None);
        while let Some(key) = next {
            let first = list.first();
            let node = self.node(key);
            next = Some(node.next).filter(|&next| Some(next) != first);
            match &node.waiter {
                _ if node.owned => {}
                Some(there) if there.will_wake(&waiter) => return Err(waiter),
                Some(Waiter::Task(ticket)) if is_stale(*ticket) => drop(self.remove(list, key)),
                Some(Waiter::Foreign(_)) => {
                    foreign += 1;
                    oldest = oldest.or(Some(key));
                }
                _ => {}
            }
        }
        self.append(list, waiter, false);
        Ok(oldest.filter(|_| foreign >= FOREIGN_MAX).and_then(|oldest| self.remove(list, oldest)))
    }

    /// Removes the node that a future owns. Returns its waiter, to be [discarded](Waiter::discard).
    #[cold]
    pub(crate) fn remove(&mut self, list: &mut WaitList, key: u32) -> Option<Waiter> {
        if self.node(key).waiter.is_some() {
            self.unlink(list, key);
        }
        self.0.remove(key as usize).waiter
    }

    /// Takes the first waiter out. Its node stays if a future owns it.
    pub(crate) fn pop(&mut self, list: &mut WaitList) -> Option<Waiter> {
        let Some(first) = list.first() else {
            return std::mem::take(list).alone().map(Waiter::Task);
        };
        self.unlink(list, first);
        let node = self.node(first);
        if node.owned { node.waiter.take() } else { self.0.remove(first as usize).waiter }
    }

    fn node(&mut self, key: u32) -> &mut Node {
        &mut self.0[key as usize]
    }

    /// Gives the waiter that stands in the place itself a node.
    fn make_list(&mut self, list: &mut WaitList) {
        if let Some(ticket) = list.alone() {
            list.0 = 0;
            self.append(list, Waiter::Task(ticket), false);
        }
    }

    fn append(&mut self, list: &mut WaitList, waiter: Waiter, owned: bool) -> u32 {
        let key = self.0.insert(Node { waiter: Some(waiter), owned, previous: NIL, next: NIL }) as u32;
        self.link(list, key);
        key
    }

    /// Links a node to the end of a list.
    fn link(&mut self, list: &mut WaitList, key: u32) {
        let first = list.first().unwrap_or(key);
        let last = if first == key { key } else { self.node(first).previous };
        self.join(last, key);
        self.join(key, first);
        list.set_first(Some(first));
    }

    fn unlink(&mut self, list: &mut WaitList, key: u32) {
        let Node { previous, next, .. } = *self.node(key);
        self.join(previous, next);
        if list.first() == Some(key) {
            list.set_first(Some(next).filter(|&next| next != key));
        }
    }

    fn join(&mut self, previous: u32, next: u32) {
        self.node(previous).next = next;
        self.node(next).previous = previous;
    }
}
