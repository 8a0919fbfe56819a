//! A watched object's place in the reactor, as its owner uses it: waiting for readiness, and trying
//! operations.

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use super::core::Core;
#[cfg(any(windows, oneloop_loom))]
use super::driver::IoEvent;
use super::driver::{Object, Readiness, Token, Trigger};
use super::fork;
use super::interest::Interest;
use super::reactor::{IoSlot, Reactor};
use super::slots::KEY_MAX;
use super::wait_list::{NodeKey, Waiter};

/// Registers an object with the driver.
///
/// A system that says "exists already" means either that this object is watched twice, which is an
/// error (the second watch would silence the first), or that an earlier object with this number was
/// closed while a duplicate of it lives on, whose watch is then taken over.
fn register(core: &Core, mut object: Object<'_>, token: Token) -> io::Result<Trigger> {
    let driver = core.driver.borrow();
    match driver.register(object.reborrow(), token) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => match object.raw {
            Some(raw) if !core.reactor.watches(raw, token.key) => driver.take_over(object, token),
            _ => Err(io::Error::new(e.kind(), "this object is watched by the loop already")),
        },
        result => result,
    }
}

#[cold]
fn no_room() -> io::Error {
    io::Error::other(format!(
        "oneloop: {} objects are watched by this runtime, which is the most it can watch",
        KEY_MAX + 1
    ))
}

#[cold]
fn closed(reactor: &Reactor) -> io::Error {
    if reactor.is_closed() {
        io::Error::other("the oneloop runtime that this socket belongs to was dropped")
    } else {
        fork::inherited()
    }
}

/// A watched object's place in the reactor, as its owner borrows it. (The owner keeps runtime and
/// key in fields of its own: as a struct in a struct they would be padded, and a socket would take
/// 24 bytes instead of 16.)
#[derive(Clone, Copy)]
pub(crate) struct Registration<'a> {
    pub(crate) core: &'a Rc<Core>,
    pub(crate) key: u32,
}

impl Registration<'_> {
    /// Watches an object in both directions and returns its key, which the owner gives
    /// [back](Registration::release) before it closes the object. `assumed` counts as ready until
    /// an operation says otherwise.
    pub(crate) fn open(core: &Core, object: Object<'_>, assumed: Readiness) -> io::Result<u32> {
        /// Gives the slot back if registering fails, or panics.
        struct Claim<'a>(&'a Core, u32);
        impl Drop for Claim<'_> {
            fn drop(&mut self) {
                self.0.reactor.release(self.1); // it has no waiters yet
            }
        }

        core.refuse_inherited()?;
        let key = core.reactor.claim(object.raw).ok_or_else(no_room)?;
        let claim = Claim(core, key);
        let slot = core.reactor.slot(key);
        // The object may be the user's own, so registering it may run foreign code: nothing is
        // borrowed but the driver, and that shared; only the loop's own sleep borrows it otherwise.
        let trigger = register(core, object, slot.token(key))?;
        std::mem::forget(claim);
        slot.trigger.set(trigger);
        slot.add(assumed);
        Ok(key)
    }

    #[inline(always)]
    fn slot(&self) -> &IoSlot {
        self.core.reactor.slot(self.key)
    }

    /// Ready as soon as `interest` counts as ready; until then the task waits. A future lends the
    /// key of its node in the wait list, and gives it [back](Registration::stop_waiting) when it is
    /// dropped; a `poll_*` form has none.
    ///
    /// # Errors
    ///
    /// If the runtime was dropped, or a one-shot driver can't watch the object any more.
    #[inline]
    pub(crate) fn poll_ready(
        self,
        cx: &mut Context<'_>,
        interest: Interest,
        node: Option<&mut NodeKey>,
    ) -> Poll<io::Result<()>> {
        let slot = self.slot();
        if slot.is(interest.ready()) {
            ready!(self.core.budget.poll(cx));
            return Poll::Ready(Ok(()));
        }
        self.wait(slot, cx.waker(), interest, node)
    }

    /// Waits, because the direction doesn't count as ready. Nearly always the task is alone there.
    #[inline]
    fn wait<R>(
        self,
        slot: &IoSlot,
        waker: &Waker,
        interest: Interest,
        node: Option<&mut NodeKey>,
    ) -> Poll<io::Result<R>> {
        if self.core.reactor.is_open()
            && slot.trigger.get() != Trigger::OneShot
            && slot.waiting[interest as usize].add_alone(waker)
        {
            return Poll::Pending;
        }
        let error = self.wait_otherwise(waker, interest, node);
        error.map_or(Poll::Pending, |error| Poll::Ready(Err(error)))
    }

    /// Waits beside others or on a one-shot driver, or returns why no event will come.
    #[cold]
    #[inline(never)]
    fn wait_otherwise(
        self,
        waker: &Waker,
        interest: Interest,
        node: Option<&mut NodeKey>,
    ) -> Option<io::Error> {
        if !self.core.reactor.is_open() {
            return Some(closed(&self.core.reactor));
        }
        let slot = self.slot();
        let place = &slot.waiting[interest as usize];
        if !place.add_alone(waker) {
            let waiter = Waiter::of(waker); // a clone, which is foreign code
            if self.core.reactor.is_closed() {
                waker.wake_by_ref(); // by that clone
                return None;
            }
            let replaced = self.core.tasks.add_waiter(place, waiter, node);
            replaced.into_iter().for_each(Waiter::discard);
        }
        if slot.trigger.get() == Trigger::OneShot { self.rearm(slot) } else { None }
    }

    /// Removes the node of a future that is dropped.
    #[cold]
    pub(crate) fn stop_waiting(self, interest: Interest, node: u32) {
        let list = &self.slot().waiting[interest as usize];
        let waiter = self.core.tasks.wait_nodes.borrow_mut().remove(list, node);
        waiter.into_iter().for_each(Waiter::discard);
    }

    /// Declares the interest of all waiters, on a one-shot driver.
    fn rearm(self, slot: &IoSlot) -> Option<io::Error> {
        let raw = slot.raw()?;
        self.core.driver.borrow().rearm(raw, slot.token(self.key), slot.wanted()).err()
    }

    /// Tries `operation` if `interest` counts as ready. It waits if not, or if the operation says
    /// `WouldBlock`. `drained` says whether a result is a short read or write of a *stream*.
    #[inline(always)]
    pub(crate) fn poll_io<R>(
        self,
        cx: &mut Context<'_>,
        interest: Interest,
        node: Option<&mut NodeKey>,
        operation: impl FnMut() -> io::Result<R>,
        drained: impl FnOnce(&R) -> bool,
    ) -> Poll<io::Result<R>> {
        let slot = self.slot();
        if slot.is(interest.ready()) {
            ready!(self.core.budget.poll(cx));
            match attempt(slot, interest, operation, drained) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
        self.wait(slot, cx.waker(), interest, node)
    }

    /// Tries `operation` if `interest` counts as ready; `WouldBlock` otherwise.
    #[inline(always)]
    pub(crate) fn try_io<R>(
        self,
        interest: Interest,
        operation: impl FnMut() -> io::Result<R>,
        drained: impl FnOnce(&R) -> bool,
    ) -> io::Result<R> {
        let slot = self.slot();
        if !slot.is(interest.ready()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        attempt(slot, interest, operation, drained)
    }

    /// Lets the next operation try, although nothing said that it can.
    pub(crate) fn assume_ready(self, interest: Interest) {
        self.slot().add(interest.ready());
    }

    /// Marks readiness that the program knows without the driver, as an event of the driver does.
    #[cfg(any(windows, oneloop_loom))]
    pub(crate) fn announce(self, readiness: Readiness) {
        let token = self.slot().token(self.key);
        self.core.reactor.mark(&IoEvent { token, readiness }, &self.core.tasks);
    }

    /// Ends the watch of an object that is about to be closed.
    pub(crate) fn forget(self) {
        let driver = self.core.driver.borrow();
        if driver.notices_close() || self.core.is_inherited() {
            return; // if it is inherited, the watch is the parent's
        }
        let raw = self.slot().raw();
        raw.into_iter().for_each(|raw| driver.forget(raw));
    }

    /// Ends the watch of an object that lives on. (By the number that it was registered under,
    /// should its owner have exchanged it.)
    pub(crate) fn deregister(self, object: Object<'_>) -> io::Result<()> {
        if self.core.is_inherited() {
            return Ok(()); // the watch is the parent's
        }
        let raw = self.slot().raw();
        self.core.driver.borrow().deregister(Object { mio: object.mio, raw })
    }

    /// Releases the slot.
    pub(crate) fn release(self) {
        let waiting = self.core.reactor.release(self.key);
        for waiters in waiting.iter().filter(|waiters| waiters.has_nodes()) {
            let waiters = self.core.tasks.take_waiters(waiters);
            waiters.into_iter().for_each(Waiter::discard);
        }
    }
}

/// Tries `operation`; again if a signal interrupts it. What it says changes the cached readiness.
#[inline(always)]
fn attempt<R>(
    slot: &IoSlot,
    interest: Interest,
    mut operation: impl FnMut() -> io::Result<R>,
    drained: impl FnOnce(&R) -> bool,
) -> io::Result<R> {
    match operation() {
        Ok(done) => {
            if drained(&done) {
                slot.clear_if_drained(interest);
            }
            Ok(done)
        }
        Err(error) => attempt_again(error, slot, interest, operation, drained),
    }
}

#[cold]
#[inline(never)]
fn attempt_again<R>(
    error: io::Error,
    slot: &IoSlot,
    interest: Interest,
    mut operation: impl FnMut() -> io::Result<R>,
    drained: impl FnOnce(&R) -> bool,
) -> io::Result<R> {
    let mut result = Err(error);
    while matches!(&result, Err(e) if e.kind() == io::ErrorKind::Interrupted) {
        result = operation();
    }
    match &result {
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => slot.clear(interest.ready()),
        Ok(done) if drained(done) => slot.clear_if_drained(interest),
        _ => {}
    }
    result
}
