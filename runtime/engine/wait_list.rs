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
//! The `poll_*` forms and `AsyncRead` have no future that could own a node. An event removes
//! theirs. Until then a task that polls again may stand in the list twice, and a task that has
//! ended may still stand there: its ticket wakes nothing. Whenever the list has doubled, a *sweep*
//! removes both kinds, so an addition costs O(1) on average.
//!
//! A waker of another crate doesn't tell whether its task still waits. So if more than
//! `FOREIGN_KEPT` of them stand in the list, a sweep takes the oldest out and wakes them: those
//! that still wait poll again.
//!
//! Bound of a list: its futures, twice the tasks that are alive, and some 1,000 wakers of other
//! crates. A future that is leaked (`mem::forget`) leaks its node.

use std::cell::Cell;
use std::collections::HashSet;
use std::task::Waker;

use slab::Slab;

use super::panic::{call_quietly, drop_quietly};
use super::slots::NIL;
use super::ticket::Ticket;

/// The waker of a task that waits.
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

    /// Two words that are the same for wakers that wake the same, as long as both exist.
    fn identity(&self) -> (u64, usize) {
        match self {
            Waiter::Task(ticket) => (ticket.word(), 0),
            Waiter::Foreign(waker) => (waker.data().addr() as u64, std::ptr::from_ref(waker.vtable()).addr()),
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

/// What is known of a waiter without a future.
pub(crate) enum Kind {
    /// A task of this runtime that is alive.
    Live,
    /// A task of this runtime that has ended.
    Stale,
    /// Of another crate or another runtime.
    Unknown,
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
pub(crate) struct WaitList(Cell<u64>);

impl WaitList {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.get() == 0
    }

    /// Takes the waiters out of the place.
    #[inline]
    pub(crate) fn take(&self) -> WaitList {
        WaitList(Cell::new(self.0.take()))
    }

    /// Adds a task of this crate if it is the only waiter; `false` if a node is needed.
    #[inline]
    pub(crate) fn add_alone(&self, waker: &Waker) -> bool {
        match Ticket::of(waker) {
            Some(ticket) if self.0.get() == 0 || self.0.get() == ticket.word() => {
                self.0.set(ticket.word());
                true
            }
            _ => false,
        }
    }

    /// Whether there is something to be removed and dropped: a ticket needs neither.
    #[inline]
    pub(crate) fn has_nodes(&self) -> bool {
        !self.is_empty() && self.alone().is_none()
    }

    /// The only waiter, if it needs no node.
    #[inline]
    pub(crate) fn alone(&self) -> Option<Ticket> {
        Ticket::from_word(self.0.get())
    }

    #[inline]
    fn first(&self) -> Option<u32> {
        self.has_nodes().then(|| (self.0.get() - 1) as u32)
    }

    fn set_first(&self, first: Option<u32>) {
        self.0.set(first.map_or(0, |key| u64::from(key) + 1));
    }
}

/// The key of the node that a future owns, from its first wait beside others until its drop.
pub(crate) type NodeKey = Option<u32>;

/// Additions between two sweeps of a short list.
const SWEEP_MIN: u32 = 64;

/// Wakers of other crates that a sweep leaves, and how many more make it take some out. A
/// connection that is idle for months keeps little; if more than the sum still wait at one place,
/// they wake each other until the event.
const FOREIGN_KEPT: usize = 256;
const FOREIGN_ADDED_MAX: u32 = 700;

struct Node {
    /// `None` after an event; then the node is in no list.
    waiter: Option<Waiter>,
    /// A future holds the key.
    owned: bool,
    /// The list is a ring: the first node's `previous` is the last.
    previous: u32,
    next: u32,
    /// In the first node: additions without a future until the next sweep.
    until_sweep: u32,
}

impl Node {
    /// Whether it is a waiter without a future that wakes the same.
    fn stands_for(&self, other: &Waiter) -> bool {
        !self.owned && self.waiter.as_ref().is_some_and(|waiter| waiter.identity() == other.identity())
    }
}

/// What is left to be done, with nothing borrowed, after a waiter was added.
#[derive(Default)]
pub(crate) struct Swept {
    /// To be woken.
    pub(crate) woken: Vec<Waiter>,
    /// To be [discarded](Waiter::discard).
    pub(crate) discarded: Vec<Waiter>,
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
    pub(crate) fn add_owned(&mut self, list: &WaitList, waiter: Waiter, key: &mut NodeKey) -> Option<Waiter> {
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

    /// Adds a waiter that has no future. A task that is there already, but not as the last one, is
    /// there twice then, which costs nothing at the event; the waker of another crate is not,
    /// because it would be called twice. (For these alone it passes over the list.)
    #[cold]
    pub(crate) fn add(&mut self, list: &WaitList, waiter: Waiter, kind: impl Fn(&Waiter) -> Kind) -> Swept {
        self.make_list(list);
        let mut swept = Swept::default();
        if let Some(first) = list.first() {
            let last = self.node(first).previous;
            let is_there = match kind(&waiter) {
                Kind::Unknown => self.keys(list).into_iter().any(|key| self.node(key).stands_for(&waiter)),
                _ => self.node(last).stands_for(&waiter),
            };
            if is_there {
                swept.discarded.push(waiter);
                return swept;
            }
            match self.node(first).until_sweep {
                0 => swept = self.sweep(list, kind),
                left => self.node(first).until_sweep = left - 1,
            }
        }
        self.append(list, waiter, false);
        swept
    }

    /// Removes the waiters without a future that have ended or stand in the list twice, and the
    /// oldest ones of other crates if there are many.
    #[cold]
    fn sweep(&mut self, list: &WaitList, kind: impl Fn(&Waiter) -> Kind) -> Swept {
        let (mut swept, mut seen, mut foreign, mut kept) = (Swept::default(), HashSet::new(), Vec::new(), 0);
        for key in self.keys(list) {
            let node = self.node(key);
            let Some(waiter) = node.waiter.as_ref().filter(|_| !node.owned) else { continue };
            match kind(waiter) {
                Kind::Live | Kind::Unknown if !seen.insert(waiter.identity()) => {
                    swept.discarded.extend(self.remove(list, key));
                }
                Kind::Stale => drop(self.remove(list, key)),
                Kind::Live => kept += 1,
                Kind::Unknown => foreign.push(key),
            }
        }
        let mut until_sweep = SWEEP_MIN.max(kept + foreign.len() as u32);
        if foreign.len() > FOREIGN_KEPT {
            for &key in &foreign[..foreign.len() - FOREIGN_KEPT] {
                swept.woken.extend(self.remove(list, key));
            }
            until_sweep = kept.max(FOREIGN_ADDED_MAX);
        }
        if let Some(first) = list.first() {
            self.node(first).until_sweep = until_sweep;
        }
        swept
    }

    /// The keys of a list's nodes, in the order in which they were added.
    fn keys(&self, list: &WaitList) -> Vec<u32> {
        let first = list.first();
        let next = |&key: &u32| Some(self.0[key as usize].next).filter(|&next| Some(next) != first);
        std::iter::successors(first, next).collect()
    }

    /// Removes the node that a future owns. Returns its waiter, to be [discarded](Waiter::discard).
    #[cold]
    pub(crate) fn remove(&mut self, list: &WaitList, key: u32) -> Option<Waiter> {
        if self.node(key).waiter.is_some() {
            self.unlink(list, key);
        }
        self.0.remove(key as usize).waiter
    }

    /// Takes the first waiter out. Its node stays if a future owns it.
    pub(crate) fn pop(&mut self, list: &WaitList) -> Option<Waiter> {
        let Some(first) = list.first() else {
            return list.take().alone().map(Waiter::Task);
        };
        self.unlink(list, first);
        let node = self.node(first);
        if node.owned { node.waiter.take() } else { self.0.remove(first as usize).waiter }
    }

    fn node(&mut self, key: u32) -> &mut Node {
        &mut self.0[key as usize]
    }

    /// Gives the waiter that stands in the place itself a node.
    fn make_list(&mut self, list: &WaitList) {
        if let Some(ticket) = list.alone() {
            list.0.set(0);
            self.append(list, Waiter::Task(ticket), false);
        }
    }

    fn append(&mut self, list: &WaitList, waiter: Waiter, owned: bool) -> u32 {
        let (previous, next, until_sweep) = (NIL, NIL, SWEEP_MIN);
        let node = Node { waiter: Some(waiter), owned, previous, next, until_sweep };
        let key = self.0.insert(node) as u32;
        self.link(list, key);
        key
    }

    /// Links a node to the end of a list.
    fn link(&mut self, list: &WaitList, key: u32) {
        let first = list.first().unwrap_or(key);
        let last = if first == key { key } else { self.node(first).previous };
        self.join(last, key);
        self.join(key, first);
        list.set_first(Some(first));
    }

    fn unlink(&mut self, list: &WaitList, key: u32) {
        let Node { previous, next, until_sweep, .. } = *self.node(key);
        self.join(previous, next);
        if list.first() == Some(key) {
            self.node(next).until_sweep = until_sweep;
            list.set_first(Some(next).filter(|&next| next != key));
        }
    }

    fn join(&mut self, previous: u32, next: u32) {
        self.node(previous).next = next;
        self.node(next).previous = previous;
    }
}
