//! The reactor: the objects that are watched, their cached readiness, and their waiters.
//!
//! An object is registered once. Its slot then *caches* readiness in each direction. An operation
//! is simply tried while its direction counts as ready; when it says `WouldBlock` the direction
//! counts as not ready and the task waits; an event makes it ready again and wakes all waiters. So
//! a socket that is ready costs no call here, and one that is not costs none either until the event
//! comes.
//!
//! **The short-read rule.** On an edge-triggered driver a read that fills only part of its buffer
//! has drained the socket: the next one would only say `WouldBlock`. Clearing the readiness at once
//! saves that system call, half of an echo server's reads. But when the event also said that the
//! peer has closed, readiness must stay: the end of file is never announced again. Hence the two
//! `CLOSED` bits, which are never cleared. Neither does the rule hold once urgent data has come
//! (`URGENT`): a read stops short of it with more behind.
//!
//! A slot is 32 bytes and is the only memory that a round trip touches here. It is reached through
//! its key, not a pointer, and an event carries key and generation: a late event for a slot that
//! has a new owner is recognised and dropped.

use std::cell::{Cell, RefCell};

use super::driver::{IoEvent, Raw, Readiness, Token, Trigger};
use super::fork;
use super::interest::Interest;
use super::slots::{NIL, Slot, Slots};
use super::tasks::Tasks;
use super::wait_list::WaitList;

/// `raw` of an object that is known to mio only: no descriptor, no socket.
const NO_RAW: Raw = !0;

pub(super) struct IoSlot {
    pub(super) waiting: [WaitList; 2],
    generation: Cell<u32>,
    /// The link of the free list.
    link: Cell<u32>,
    raw: Cell<Raw>,
    readiness: Cell<Readiness>,
    pub(super) trigger: Cell<Trigger>,
}

#[cfg(unix)]
const _: () = assert!(size_of::<IoSlot>() == 32, "two slots share a cache line");

impl Default for IoSlot {
    fn default() -> Self {
        IoSlot {
            waiting: Default::default(),
            generation: Cell::new(0),
            link: Cell::new(NIL),
            raw: Cell::new(NO_RAW),
            readiness: Cell::new(Readiness::NONE),
            trigger: Cell::new(Trigger::Edge),
        }
    }
}

impl Slot for IoSlot {
    fn link(&self) -> &Cell<u32> {
        &self.link
    }
}

impl IoSlot {
    pub(super) fn raw(&self) -> Option<Raw> {
        (self.raw.get() != NO_RAW).then_some(self.raw.get())
    }

    pub(super) fn token(&self, key: u32) -> Token {
        Token { key, generation: self.generation.get() }
    }

    #[inline]
    pub(super) fn is(&self, readiness: Readiness) -> bool {
        self.readiness.get().has(readiness)
    }

    #[inline]
    pub(super) fn add(&self, readiness: Readiness) {
        self.readiness.set(self.readiness.get().with(readiness));
    }

    #[inline]
    pub(super) fn clear(&self, readiness: Readiness) {
        self.readiness.set(self.readiness.get().without(readiness));
    }

    /// The short-read rule, after a read or write that has moved less than it was asked for.
    #[inline]
    pub(super) fn clear_if_drained(&self, interest: Interest) {
        let more_behind = self.readiness.get().has_any(interest.closed().with(Readiness::URGENT));
        if !more_behind && self.trigger.get() == Trigger::Edge {
            self.clear(interest.ready());
        }
    }

    /// The directions that have waiters.
    pub(super) fn wanted(&self) -> Readiness {
        let of = |list: &WaitList, ready| if list.is_empty() { Readiness::NONE } else { ready };
        let [readers, writers] = &self.waiting;
        of(readers, Readiness::READABLE).with(of(writers, Readiness::WRITABLE))
    }
}

/// An interest that has to be declared again.
pub(crate) struct Rearm {
    pub(crate) raw: Raw,
    pub(crate) token: Token,
    pub(crate) wanted: Readiness,
}

pub(crate) struct Reactor {
    slots: Slots<IoSlot>,
    /// Bound: one for each event of a batch. Empty between turns.
    to_rearm: RefCell<Vec<Rearm>>,
    has_to_rearm: Cell<bool>,
    registered: Cell<usize>,
    /// The generation of the process whose loop marks readiness (see `fork.rs`), or [`CLOSED`].
    process: Cell<u32>,
}

/// The runtime was dropped: no object becomes ready any more.
const CLOSED: u32 = u32::MAX;

impl Reactor {
    pub(crate) fn new(process: u32) -> Reactor {
        Reactor {
            slots: Slots::new(),
            to_rearm: RefCell::new(Vec::new()),
            has_to_rearm: Cell::new(false),
            registered: Cell::new(0),
            process: Cell::new(process),
        }
    }

    /// Whether an object may become ready still: the runtime is there, and is this process's.
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        self.process.get() == fork::generation()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.process.get() == CLOSED
    }

    /// Without registrations there is nothing to ask the driver for.
    pub(crate) fn is_empty(&self) -> bool {
        self.registered.get() == 0
    }

    /// The slot of a registration.
    #[inline(always)]
    pub(super) fn slot(&self, key: u32) -> &IoSlot {
        &self.slots[key]
    }

    /// A slot for an object, if there is room for one more.
    pub(super) fn claim(&self, raw: Option<Raw>) -> Option<u32> {
        if !self.slots.has_room() {
            return None;
        }
        let (key, slot) = self.slots.claim();
        slot.raw.set(raw.unwrap_or(NO_RAW));
        slot.readiness.set(Readiness::NONE);
        self.registered.set(self.registered.get() + 1);
        Some(key)
    }

    /// Ends a registration. Returns what waited, which is to be dropped.
    pub(super) fn release(&self, key: u32) -> [WaitList; 2] {
        self.registered.set(self.registered.get() - 1);
        let slot = &self.slots[key];
        slot.generation.set((slot.generation.get() + 1) & Token::GENERATION_MAX);
        slot.raw.set(NO_RAW);
        self.slots.release(key, slot);
        let [readers, writers] = &slot.waiting;
        [readers.take(), writers.take()]
    }

    /// Whether an object other than `key`'s is watched under this number.
    pub(super) fn watches(&self, raw: Raw, key: u32) -> bool {
        (0..self.slots.used()).any(|other| other != key && self.slots[other].raw.get() == raw)
    }

    /// Takes an event in: marks what is ready and wakes the waiters.
    #[inline(always)]
    pub(crate) fn mark(&self, event: &IoEvent, tasks: &Tasks) {
        let IoEvent { token, readiness } = *event;
        let slot = &self.slots[token.key];
        if slot.generation.get() != token.generation {
            return;
        }
        slot.add(readiness);
        for interest in [Interest::Readable, Interest::Writable] {
            if readiness.has(interest.ready()) {
                tasks.wake_all(&slot.waiting[interest as usize]);
            }
        }
        if slot.trigger.get() == Trigger::OneShot {
            self.rearm_later(slot, token);
        }
    }

    /// A one-shot event has ended the interest of the waiters in the other direction, too.
    #[cold]
    fn rearm_later(&self, slot: &IoSlot, token: Token) {
        let wanted = slot.wanted();
        if wanted != Readiness::NONE
            && let Some(raw) = slot.raw()
        {
            self.to_rearm.borrow_mut().push(Rearm { raw, token, wanted });
            self.has_to_rearm.set(true);
        }
    }

    /// An object whose one-shot event has ended the interest of the waiters in its other direction.
    #[inline]
    pub(crate) fn next_to_rearm(&self) -> Option<Rearm> {
        if !self.has_to_rearm.get() {
            return None;
        }
        let next = self.to_rearm.borrow_mut().pop();
        self.has_to_rearm.set(next.is_some());
        next
    }

    /// Nothing will become ready any more: wakes all waiters.
    pub(crate) fn close(&self, tasks: &Tasks) {
        self.process.set(CLOSED);
        for key in 0..self.slots.used() {
            self.slots[key].waiting.iter().for_each(|waiters| tasks.wake_all(waiters));
        }
    }
}
