//! The reactor, which holds the registered objects, their cached readiness, and their waiters.
//!
//! An object is registered once. Its slot then *caches* the readiness of each direction. While a
//! direction counts as ready, an operation tries its system call at once. When the call returns
//! `WouldBlock`, the direction counts as not ready, and the task waits. An event makes the direction
//! ready again and wakes all its waiters. So the reactor makes no system call for a ready socket, and
//! none for a socket that waits for an event.
//!
//! **The short-read rule.** On an edge-triggered driver, a read that fills only part of its buffer has
//! drained the socket. The next read would only return `WouldBlock`. The reactor clears the readiness
//! at once and saves that system call, which is half of an echo server's reads. But if the event also
//! reported that the peer has closed, the readiness must stay, because the driver never reports the end
//! of file again. For this reason the slot has two `CLOSED` bits, which are never cleared. The rule
//! does not hold after urgent data has arrived (`URGENT`), because a read stops before the urgent byte
//! although more data follows.
//!
//! A slot has 32 bytes, and a round trip uses no other memory of the reactor. Code reaches a slot
//! through its key, not through a pointer. An event carries the key and the generation of the slot. So
//! the reactor recognises a late event for a slot that has a new owner, and drops the event.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use super::counters::Counters;
use super::driver::{IoEvent, Raw, Readiness, Token, Trigger};
use super::fork;
use super::happening::{Cause, Happening};
use super::interest::Interest;
use super::slots::{NIL, Slot, Slots};
use super::tasks::Tasks;
use super::wait_list::WaitList;

/// The `raw` of an object that only mio knows, which has no descriptor and no socket number.
const NO_RAW: Raw = !0;

/// The `raw` of a slot without an object.
const VACANT: Raw = !1;

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
            raw: Cell::new(VACANT),
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

    /// Returns the bits of `of` that are set in the slot.
    #[inline]
    pub(super) fn holds(&self, of: Readiness) -> Readiness {
        of.among(self.readiness.get())
    }

    #[inline]
    pub(super) fn add(&self, readiness: Readiness) {
        self.readiness.set(self.readiness.get().with(readiness));
    }

    #[inline]
    pub(super) fn clear(&self, readiness: Readiness) {
        self.readiness.set(self.readiness.get().without(readiness));
    }

    /// Applies the short-read rule after a read or write that has moved fewer bytes than requested.
    #[inline]
    pub(super) fn clear_if_drained(&self, interest: Interest) {
        let more_behind = self.readiness.get().has_any(interest.closed().with(Readiness::URGENT));
        if !more_behind && self.trigger.get() == Trigger::Edge {
            self.clear(interest.ready());
        }
    }

    /// Returns the directions that have waiters.
    pub(super) fn wanted(&self) -> Readiness {
        let of = |list: &WaitList, ready| if list.is_empty() { Readiness::NONE } else { ready };
        let [readers, writers] = &self.waiting;
        of(readers, Readiness::READABLE).with(of(writers, Readiness::WRITABLE))
    }
}

/// A registered object, in the form that a dump receives.
#[allow(dead_code)] // a dump reads only some of the fields
pub(crate) struct Watched<'a> {
    /// The key and the generation of the object's slot.
    pub(crate) token: Token,
    /// The number of the object, or `None` if only mio knows the object.
    pub(crate) raw: Option<Raw>,
    /// The cached readiness.
    pub(crate) readiness: Readiness,
    /// The waiters of each direction, for [`Tasks::for_each_waiter`].
    pub(crate) waiting: &'a [WaitList; 2],
}

/// An interest that the loop has to declare to the driver again.
pub(crate) struct Rearm {
    pub(crate) raw: Raw,
    pub(crate) token: Token,
    pub(crate) wanted: Readiness,
}

pub(crate) struct Reactor {
    slots: Slots<IoSlot>,
    /// The bound is one entry for each event of a batch. The list is empty between turns.
    to_rearm: RefCell<Vec<Rearm>>,
    has_to_rearm: Cell<bool>,
    registered: Cell<usize>,
    counters: Arc<Counters>,
    /// The generation of the process whose loop marks readiness (see `fork.rs`), or [`CLOSED`].
    process: Cell<u32>,
}

/// The runtime was dropped, so no object becomes ready any more.
const CLOSED: u32 = u32::MAX;

impl Reactor {
    pub(crate) fn new(process: u32, counters: Arc<Counters>) -> Reactor {
        Reactor {
            slots: Slots::new(),
            to_rearm: RefCell::new(Vec::new()),
            has_to_rearm: Cell::new(false),
            registered: Cell::new(0),
            counters,
            process: Cell::new(process),
        }
    }

    /// Returns whether an object can still become ready. This is so if the runtime was not dropped and
    /// belongs to this process.
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        self.process.get() == fork::generation()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.process.get() == CLOSED
    }

    /// Returns whether no object is registered. Without a registration the loop need not poll the
    /// driver.
    pub(crate) fn is_empty(&self) -> bool {
        self.registered.get() == 0
    }

    /// Returns the slot of a registration.
    #[inline(always)]
    pub(super) fn slot(&self, key: u32) -> &IoSlot {
        &self.slots[key]
    }

    /// Claims a slot for an object. The function returns the slot and its key, or `None` if the table
    /// is full.
    pub(super) fn claim(&self, raw: Option<Raw>) -> Option<(u32, &IoSlot)> {
        if !self.slots.has_room() {
            return None;
        }
        let (key, slot) = self.slots.claim();
        slot.raw.set(raw.unwrap_or(NO_RAW));
        slot.readiness.set(Readiness::NONE);
        self.count(self.registered.get() + 1);
        Some((key, slot))
    }

    #[inline]
    fn count(&self, registered: usize) {
        self.registered.set(registered);
        self.counters.registrations.set(registered as u64);
    }

    /// Ends a registration. The function returns the wait lists, whose waiters the caller drops.
    pub(super) fn release(&self, key: u32, slot: &IoSlot) -> [WaitList; 2] {
        self.count(self.registered.get() - 1);
        slot.generation.set((slot.generation.get() + 1) & Token::GENERATION_MAX);
        slot.raw.set(VACANT);
        self.slots.release(key, slot);
        let [readers, writers] = &slot.waiting;
        [readers.take(), writers.take()]
    }

    /// Returns whether an object with another key is registered under this number.
    pub(super) fn watches(&self, raw: Raw, key: u32) -> bool {
        (0..self.slots.used()).any(|other| other != key && self.slots[other].raw.get() == raw)
    }

    /// Passes each registered object to `show`, for a dump.
    #[cold]
    #[inline(never)]
    pub(crate) fn for_each(&self, mut show: impl FnMut(Watched<'_>)) {
        for key in 0..self.slots.used() {
            let slot = &self.slots[key];
            if slot.raw.get() != VACANT {
                let (token, raw) = (slot.token(key), slot.raw());
                show(Watched { token, raw, readiness: slot.readiness.get(), waiting: &slot.waiting });
            }
        }
    }

    /// Handles an event. The function marks the ready directions and wakes their waiters.
    #[inline(always)]
    pub(crate) fn mark(&self, event: &IoEvent, tasks: &Tasks) {
        let IoEvent { token, readiness } = *event;
        // A token comes from outside the program. A token that names no slot does no harm.
        let Some(slot) = self.slots.get(token.key) else { return };
        if slot.generation.get() != token.generation {
            return;
        }
        slot.add(readiness);
        tasks.hook.tell(|_| Happening::Readiness { object: token, readiness });
        tasks.hook.because(|| Cause::socket(token));
        for interest in [Interest::Readable, Interest::Writable] {
            if readiness.has(interest.ready()) {
                tasks.wake_all(&slot.waiting[interest as usize]);
            }
        }
        if slot.trigger.get() == Trigger::OneShot {
            self.rearm_later(slot, token);
        }
    }

    /// Queues an object to be rearmed. A one-shot event has also ended the interest of the waiters in
    /// the other direction.
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

    /// Removes and returns an object that has to be rearmed after its one-shot event.
    #[inline]
    pub(crate) fn next_to_rearm(&self) -> Option<Rearm> {
        if !self.has_to_rearm.get() {
            return None;
        }
        let next = self.to_rearm.borrow_mut().pop();
        self.has_to_rearm.set(next.is_some());
        next
    }

    /// Closes the reactor and wakes all waiters. After this call no object becomes ready any more.
    pub(crate) fn close(&self, tasks: &Tasks) {
        self.process.set(CLOSED);
        for key in 0..self.slots.used() {
            self.slots[key].waiting.iter().for_each(|waiters| tasks.wake_all(waiters));
        }
    }
}
