//! The waiters of one place, which is one direction of an I/O object or the end of a task.
//!
//! A place nearly always has no waiter, or one task of this loop, and then eight bytes hold the waiter.
//! Further waiters are nodes of a list, and the eight bytes hold the first node's key. Wakers of other
//! crates are nodes, too (a combinator such as `FuturesUnordered` makes its own wakers). An event wakes
//! all waiters. A place that kept only the last waker would lose the wake-ups of the others. A place
//! that woke the replaced waker would make two tasks that wait for one socket wake each other for ever.
//!
//! # The lifetime of a node
//!
//! A future such as `Ready` *owns* its node. The future holds the key, and its drop removes the node.
//! An event takes the waker out and leaves the node, so the key stays reserved. If the event freed the
//! key, another future could get the key. Then the drop of the woken future would remove the node of a
//! future that still waits, and a wake-up would be lost.
//!
//! The `poll_*` functions and `AsyncRead` have no future that could own a node. An event removes their
//! nodes. Until the event, a task that polls again may be in the list twice. A task that has ended may
//! still be in the list, but its ticket wakes nothing. Each time the list has doubled, a *sweep*
//! removes both kinds of nodes, so an addition costs O(1) on average.
//!
//! A waker of another crate doesn't say whether its task still waits. So if the list has more than
//! `FOREIGN_KEPT` such wakers, a sweep removes the oldest ones and wakes them. A task that still waits
//! polls again.
//!
//! The bound of a list is the number of its futures, plus twice the number of tasks, plus about 1,000
//! wakers of other crates. A future that is leaked (`mem::forget`) leaks its node.

use std::cell::Cell;
use std::collections::HashSet;
use std::task::Waker;

use slab::Slab;

use super::panic::{call_quietly, drop_quietly};
use super::slots::NIL;
use super::ticket::{RuntimeNumber, Ticket};

/// The waker of a task that waits.
#[derive(Debug)]
pub(crate) enum Waiter {
    Task(Ticket),
    Foreign(Waker),
}

impl Waiter {
    /// Makes a waiter from a waker. The clone of a waker of another crate runs that crate's code, so
    /// the caller must not have borrowed a table.
    #[inline]
    pub(crate) fn of(waker: &Waker) -> Waiter {
        match Ticket::of(waker) {
            Some(ticket) => Waiter::Task(ticket),
            None => Waiter::Foreign(waker.clone()),
        }
    }

    /// Returns the ticket of the waiter, if the waiter is a task of this crate.
    #[allow(dead_code)] // the tests build this file alone
    pub(crate) fn ticket(&self) -> Option<Ticket> {
        if let Waiter::Task(ticket) = self { Some(*ticket) } else { None }
    }

    /// Returns two words that are equal for wakers that wake the same task, as long as both wakers
    /// exist.
    fn identity(&self) -> (u64, usize) {
        match self {
            Waiter::Task(ticket) => (ticket.word(), 0),
            Waiter::Foreign(waker) => (waker.data().addr() as u64, std::ptr::from_ref(waker.vtable()).addr()),
        }
    }

    /// Drops a waiter that is not needed any more. The drop of a waker of another crate may panic, and
    /// the panic must not reach the owner of the place. The caller must not have borrowed a table.
    #[inline]
    pub(crate) fn discard(self) {
        if let Waiter::Foreign(waker) = self {
            drop_quietly(waker);
        }
    }
}

/// The kind of a waiter without a future.
pub(crate) enum Kind {
    /// A task of this runtime that has not ended.
    Live,
    /// A task of this runtime that has ended.
    Stale,
    /// A waiter of another crate or another runtime.
    Unknown,
}

/// Calls a waker of another crate. If the waker panics, the panic hook prints the message. The panic
/// ends neither the loop nor the other waiters.
#[cold]
pub(crate) fn wake_foreign(waker: Waker) {
    call_quietly(|| waker.wake());
}

/// The eight bytes of a place. They hold 0, a ticket, or the key of the list's first node + 1. A key
/// has no runtime number in the top bits.
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

    /// Adds a task of this crate if the task is the only waiter. The function returns `false` if the
    /// waiter needs a node.
    #[inline]
    pub(crate) fn add_alone(&self, waker: &Waker) -> bool {
        Ticket::of(waker).is_some_and(|ticket| self.add_ticket_alone(ticket))
    }

    /// Adds the task of a ticket if the task is the only waiter. The function returns `false` if the
    /// waiter needs a node.
    #[inline]
    pub(crate) fn add_ticket_alone(&self, ticket: Ticket) -> bool {
        let alone = self.0.get() == 0 || self.0.get() == ticket.word();
        if alone {
            self.0.set(ticket.word());
        }
        alone
    }

    /// Returns whether the list has nodes, which have to be removed and dropped. A ticket needs
    /// neither.
    #[inline]
    pub(crate) fn has_nodes(&self) -> bool {
        !self.is_empty() && self.alone().is_none()
    }

    /// Returns the only waiter, if that waiter has no node.
    #[inline]
    pub(crate) fn alone(&self) -> Option<Ticket> {
        Ticket::from_word(self.0.get())
    }

    /// Removes the only waiter, if the waiter is a task of `runtime`.
    #[inline]
    pub(crate) fn take_own(&self, runtime: RuntimeNumber) -> Option<Ticket> {
        let ticket = Ticket::from_word_of(runtime, self.0.get());
        if ticket.is_some() {
            self.0.set(0);
        }
        ticket
    }

    #[inline]
    fn first(&self) -> Option<u32> {
        self.has_nodes().then(|| (self.0.get() - 1) as u32)
    }

    fn set_first(&self, first: Option<u32>) {
        self.0.set(first.map_or(0, |key| u64::from(key) + 1));
    }
}

/// The key of the node that a future owns. The future has a key from its first wait beside other
/// waiters until its drop.
pub(crate) type NodeKey = Option<u32>;

/// The number of additions between two sweeps of a short list.
const SWEEP_MIN: u32 = 64;

/// The number of wakers of other crates that a sweep leaves in the list. `FOREIGN_ADDED_MAX` is the
/// number of further wakers after which the next sweep removes some. So a connection that is idle for
/// months keeps few wakers. If more than the sum of both still wait at one place, they wake each other
/// until the event.
const FOREIGN_KEPT: usize = 256;
const FOREIGN_ADDED_MAX: u32 = 700;

struct Node {
    /// The waiter, or `None` after an event. A node without a waiter is in no list.
    waiter: Option<Waiter>,
    /// A future holds the key.
    owned: bool,
    /// The previous node. The list is a ring, so the first node's `previous` is the last node.
    previous: u32,
    next: u32,
    /// The number of additions without a future until the next sweep. Only the first node's number is
    /// used.
    until_sweep: u32,
}

impl Node {
    /// Returns whether this node is a waiter without a future that wakes the same task as `other`.
    fn stands_for(&self, other: &Waiter) -> bool {
        !self.owned && self.waiter.as_ref().is_some_and(|waiter| waiter.identity() == other.identity())
    }
}

/// The waiters that the caller has to handle after an addition, while it borrows no table.
#[derive(Default)]
pub(crate) struct Swept {
    /// The waiters that the caller wakes.
    pub(crate) woken: Vec<Waiter>,
    /// The waiters that the caller [discards](Waiter::discard).
    pub(crate) discarded: Vec<Waiter>,
}

/// The nodes of all lists of one runtime.
pub(crate) struct Nodes(Slab<Node>);

impl Nodes {
    pub(crate) const fn new() -> Nodes {
        Nodes(Slab::new())
    }

    /// Adds a waiter whose future owns the node. If the future has a node already, the new waiter
    /// replaces the waiter of that node. The function returns the replaced waiter, which the caller
    /// [discards](Waiter::discard).
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

    /// Adds a waiter that has no future. A task that is in the list already, but not as the last node,
    /// is in the list twice afterwards. The second node costs nothing at the event. A waker of another
    /// crate is never in the list twice, because the event would call it twice. Only for such wakers
    /// does the function search the list.
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

    /// Removes the waiters without a future that have ended or are in the list twice. If the list has
    /// many waiters of other crates, the function also removes the oldest of them.
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

    /// Passes the waiters of a list to `show`, in the order in which they were added, for a dump.
    /// `show` runs no foreign code. It may compare wakers, but it neither clones nor drops them.
    #[cold]
    #[inline(never)]
    pub(crate) fn for_each(&self, list: &WaitList, mut show: impl FnMut(&Waiter)) {
        if let Some(ticket) = list.alone() {
            show(&Waiter::Task(ticket));
        }
        let first = list.first();
        let mut at = first;
        while let Some(key) = at {
            let node = &self.0[key as usize];
            node.waiter.iter().for_each(&mut show);
            at = Some(node.next).filter(|&next| Some(next) != first);
        }
    }

    /// Returns the keys of a list's nodes, in the order in which they were added.
    fn keys(&self, list: &WaitList) -> Vec<u32> {
        let first = list.first();
        let next = |&key: &u32| Some(self.0[key as usize].next).filter(|&next| Some(next) != first);
        std::iter::successors(first, next).collect()
    }

    /// Removes the node that a future owns. The function returns the node's waiter, which the caller
    /// [discards](Waiter::discard).
    #[cold]
    pub(crate) fn remove(&mut self, list: &WaitList, key: u32) -> Option<Waiter> {
        if self.node(key).waiter.is_some() {
            self.unlink(list, key);
        }
        self.0.remove(key as usize).waiter
    }

    /// Removes the first waiter. The node of the waiter stays if a future owns the node.
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

    /// Moves the only waiter from the eight bytes of the place to a node.
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
