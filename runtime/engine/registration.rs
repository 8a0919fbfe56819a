//! The registration of an object in the reactor. Its owner uses the registration to wait for readiness
//! and to try operations.

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use super::core::Core;
#[cfg(any(windows, oneloop_loom))]
use super::driver::IoEvent;
use super::driver::{Object, Readiness, Token, Trigger};
use super::fork;
use super::happening::Happening;
use super::interest::Interest;
use super::reactor::{IoSlot, Reactor};
use super::slots::KEY_MAX;
use super::ticket::Ticket;
use super::wait_list::{NodeKey, Waiter};

/// Registers an object with the driver.
///
/// The operating system returns "exists already" in two cases. In the first case the program registers
/// the object twice. This is an error, because the second registration would take the events of the
/// first. In the second case an earlier object with the same number was closed while a duplicate of it
/// is still open. Then the new object takes over the registration of the duplicate.
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

/// The registration of an object, as a borrow of its owner's fields. The owner stores the runtime and
/// the key in fields of its own. A struct of both inside the owner would be padded, and a socket would
/// need 24 bytes instead of 16.
#[derive(Clone, Copy)]
pub(crate) struct Registration<'a> {
    pub(crate) core: &'a Rc<Core>,
    pub(crate) key: u32,
}

impl Registration<'_> {
    /// Registers an object in both directions and returns its key. The owner
    /// [releases](Registration::release) the key before it closes the object. The directions in
    /// `assumed` count as ready until an operation returns `WouldBlock`.
    pub(crate) fn open(core: &Core, object: Object<'_>, assumed: Readiness) -> io::Result<u32> {
        /// Releases the slot if the registration fails or panics.
        struct Claim<'a>(&'a Core, u32, &'a IoSlot);
        impl Drop for Claim<'_> {
            fn drop(&mut self) {
                self.0.reactor.release(self.1, self.2); // the slot has no waiters yet
            }
        }

        core.refuse_inherited()?;
        let (key, slot) = core.reactor.claim(object.raw).ok_or_else(no_room)?;
        let claim = Claim(core, key, slot);
        // The object may be of a type of the user, so the registration may run foreign code. During
        // that code only the driver is borrowed, and this borrow is shared. Only the sleep of the loop
        // borrows the driver mutably.
        let trigger = register(core, object, slot.token(key))?;
        std::mem::forget(claim);
        slot.trigger.set(trigger);
        slot.add(assumed);
        let object = slot.token(key);
        core.tasks.hook.tell(|_| Happening::Registered { object, raw: slot.raw(), assumed });
        Ok(key)
    }

    #[inline(always)]
    fn slot(&self) -> &IoSlot {
        self.core.reactor.slot(self.key)
    }

    /// Returns `Ready` if `interest` counts as ready. Otherwise the task waits. A future passes the key
    /// of its node in the wait list, and [removes](Registration::stop_waiting) the node when the future
    /// is dropped. A `poll_*` function has no node.
    ///
    /// # Errors
    ///
    /// The call returns an error if the runtime was dropped, or if a one-shot driver can't register the
    /// interest again.
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

    /// Returns the directions among `wanted` that count as ready. The source of an `EventLoop` waits
    /// for the other directions. The function does not charge the budget.
    ///
    /// # Errors
    ///
    /// The errors are those of [`poll_ready`](Registration::poll_ready).
    #[inline(always)]
    pub(crate) fn look(self, ticket: Ticket, wanted: Readiness) -> io::Result<Readiness> {
        let slot = self.slot();
        let ready = slot.holds(wanted);
        if ready != wanted {
            self.wait_for_all(slot, ticket, wanted.without(ready))?;
        }
        Ok(ready)
    }

    /// Waits for each direction in `missing`.
    #[inline(always)]
    fn wait_for_all(self, slot: &IoSlot, ticket: Ticket, missing: Readiness) -> io::Result<()> {
        for interest in [Interest::Readable, Interest::Writable] {
            if missing.has(interest.ready())
                && !(self.may_wait_alone(slot) && slot.waiting[interest as usize].add_ticket_alone(ticket))
                && let Some(error) = self.wait_otherwise(&ticket.waker(), interest, None)
            {
                return Err(error);
            }
            if missing.has(interest.ready()) {
                self.core.tasks.hook.tell(|_| self.waits(slot, interest, Some(ticket)));
            }
        }
        Ok(())
    }

    /// Returns whether a waiter needs only an entry in the slot. This is so if the driver has the
    /// object's interest already.
    #[inline(always)]
    fn may_wait_alone(self, slot: &IoSlot) -> bool {
        self.core.reactor.is_open() && slot.trigger.get() != Trigger::OneShot
    }

    /// Adds the task as a waiter, because the direction doesn't count as ready. The task is nearly
    /// always the only waiter.
    #[inline]
    fn wait<R>(
        self,
        slot: &IoSlot,
        waker: &Waker,
        interest: Interest,
        node: Option<&mut NodeKey>,
    ) -> Poll<io::Result<R>> {
        self.core.tasks.hook.tell(|_| self.waits(slot, interest, Ticket::of(waker)));
        if self.may_wait_alone(slot) && slot.waiting[interest as usize].add_alone(waker) {
            return Poll::Pending;
        }
        let error = self.wait_otherwise(waker, interest, node);
        error.map_or(Poll::Pending, |error| Poll::Ready(Err(error)))
    }

    /// Adds a waiter beside other waiters or on a one-shot driver. The function returns an error if no
    /// event can arrive any more.
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
            let waiter = Waiter::of(waker); // the clone of a waker is foreign code
            if self.core.reactor.is_closed() {
                waker.wake_by_ref(); // the clone has closed the reactor
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

    /// Declares the interest of all waiters to a one-shot driver.
    fn rearm(self, slot: &IoSlot) -> Option<io::Error> {
        let raw = slot.raw()?;
        self.core.driver.borrow().rearm(raw, slot.token(self.key), slot.wanted()).err()
    }

    /// Tries `operation` if `interest` counts as ready. The task waits if `interest` does not count as
    /// ready, or if the operation returns `WouldBlock`. `drained` returns whether a result is a short
    /// read or write of a *stream*.
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
            let result = attempt(slot, interest, operation, drained);
            self.tell_not_ready(slot, interest);
            match result {
                Err(e) if would_block(&e) => discard(e),
                result => return Poll::Ready(result),
            }
        }
        self.wait(slot, cx.waker(), interest, node)
    }

    /// Tries `operation` if `interest` counts as ready. Otherwise the function returns `WouldBlock`.
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
        let result = attempt(slot, interest, operation, drained);
        self.tell_not_ready(slot, interest);
        result
    }

    /// Tells an observer that an operation has found its direction drained.
    #[inline(always)]
    fn tell_not_ready(self, slot: &IoSlot, interest: Interest) {
        let hook = &self.core.tasks.hook;
        if hook.is_on() && !slot.is(interest.ready()) {
            let (object, readiness) = (slot.token(self.key), interest.ready());
            hook.tell(|_| Happening::NotReady { object, readiness });
        }
    }

    /// Marks directions as ready without an event, so that the next operation is tried.
    pub(crate) fn assume_ready(self, readiness: Readiness) {
        self.slot().add(readiness);
    }

    /// Marks readiness that the program knows without the driver. The effect is that of an event of the
    /// driver.
    #[cfg(any(windows, oneloop_loom))]
    pub(crate) fn announce(self, readiness: Readiness) {
        let token = self.slot().token(self.key);
        self.core.reactor.mark(&IoEvent { token, readiness }, &self.core.tasks);
    }

    /// Removes an object from the driver that is about to be closed.
    pub(crate) fn forget(self) {
        let driver = self.core.driver.borrow();
        if driver.notices_close() || self.core.is_inherited() {
            return; // an inherited registration belongs to the parent
        }
        let raw = self.slot().raw();
        raw.into_iter().for_each(|raw| driver.forget(raw));
    }

    /// Removes an object from the driver that stays open. The function uses the number of the
    /// registration, because the owner may have replaced the object.
    pub(crate) fn deregister(self, object: Object<'_>) -> io::Result<()> {
        if self.core.is_inherited() {
            return Ok(()); // the registration belongs to the parent
        }
        let raw = self.slot().raw();
        self.core.driver.borrow().deregister(Object { mio: object.mio, raw })
    }

    /// Returns the happening that an observer receives for a wait.
    fn waits(self, slot: &IoSlot, interest: Interest, unit: Option<Ticket>) -> Happening<'static> {
        Happening::WaitsForSocket { object: slot.token(self.key), interest, unit }
    }

    /// Releases the slot.
    pub(crate) fn release(self) {
        let slot = self.slot();
        self.core.tasks.hook.tell(|_| Happening::Unregistered { object: slot.token(self.key) });
        let waiting = self.core.reactor.release(self.key, slot);
        waiting.iter().for_each(|waiters| self.core.discard_waiters(waiters));
    }
}

/// Tries `operation`, and repeats it if a signal interrupts it. The result changes the cached
/// readiness.
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
        Err(error) if would_block(&error) => {
            slot.clear(interest.ready());
            Err(error)
        }
        Err(error) => attempt_again(error, slot, interest, operation, drained),
    }
}

#[cold]
#[inline(never)]
fn attempt_again<R>(
    mut error: io::Error,
    slot: &IoSlot,
    interest: Interest,
    mut operation: impl FnMut() -> io::Result<R>,
    drained: impl FnOnce(&R) -> bool,
) -> io::Result<R> {
    while error.kind() == io::ErrorKind::Interrupted {
        match operation() {
            Ok(done) => {
                if drained(&done) {
                    slot.clear_if_drained(interest);
                }
                return Ok(done);
            }
            Err(next) => error = next,
        }
    }
    if would_block(&error) {
        slot.clear(interest.ready());
    }
    Err(error)
}

/// Returns whether an error means that the operation would block. The function compares the system's
/// error number first, because that costs least.
#[inline(always)]
fn would_block(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(libc::EWOULDBLOCK) {
        return true;
    }
    error.kind() == io::ErrorKind::WouldBlock
}

/// Drops an error. An error with an error number of the system owns no memory, so the function skips
/// its drop. The compiler does not know this.
#[inline(always)]
fn discard(error: io::Error) {
    if error.raw_os_error().is_some() {
        std::mem::forget(error);
    }
}
