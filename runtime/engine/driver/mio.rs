//! The driver over `mio`, which uses epoll on Linux, kqueue on macOS and the BSDs, and IOCP on Windows.
//!
//! Each object is registered once, in both directions, until it is closed. So an echo round trip costs
//! only its share of one `epoll_wait` in this driver. The close of a descriptor ends its registration,
//! so `forget` does nothing. A descriptor that was duplicated keeps its registration until the last
//! duplicate is closed. The generation in the token of its late events makes the reactor drop them.

use std::io;
use std::time::Duration;

use ::mio::{Events, Interest, Poll, Waker};

use super::alarm::Alarm;
use super::{IoEvent, Object, Raw, Readiness, Token, Trigger};

/// The token of the notifier's events. No registration has this token, because its generation is out of
/// range.
const NOTIFIED: ::mio::Token = ::mio::Token(usize::MAX);
/// The token of the alarm's events.
const ALARM: ::mio::Token = ::mio::Token(usize::MAX - 1);

/// The number of events that a poll takes from the kernel at most. Further events stay in the kernel
/// until the next turn.
const BATCH: usize = 1024;

/// The interests of a registration, which are both directions, and on Linux also urgent data.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const INTERESTS: Interest = Interest::READABLE.add(Interest::WRITABLE);
#[cfg(any(target_os = "linux", target_os = "android"))]
const INTERESTS: Interest = Interest::READABLE.add(Interest::WRITABLE).add(Interest::PRIORITY);

/// Whether mio's backend reports each change without a further call, as epoll and kqueue do. On IOCP,
/// and where mio falls back to poll(2), mio registers an object again only after an operation on it has
/// returned `WouldBlock`.
const EDGE: bool = cfg!(all(
    any(
        target_os = "linux",
        target_os = "android",
        target_vendor = "apple",
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "openbsd",
        target_os = "dragonfly",
    ),
    not(mio_unsupported_force_poll_poll)
));

pub(crate) struct MioDriver {
    poll: Poll,
    events: Events,
    /// The alarm of `precise_timers`, on systems that have one.
    alarm: Option<Alarm>,
}

pub(crate) struct MioNotifier(Waker);

impl MioDriver {
    pub(super) fn new(precise_timers: bool) -> io::Result<(MioDriver, MioNotifier)> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), NOTIFIED)?;
        let alarm = if precise_timers { Alarm::new(poll.registry(), ALARM)? } else { None };
        Ok((MioDriver { poll, events: Events::with_capacity(BATCH), alarm }, MioNotifier(waker)))
    }

    pub(super) fn register(&self, object: Object<'_>, token: Token) -> io::Result<Trigger> {
        let trigger = trigger(&object);
        with_source(object, |source| {
            source.register(self.poll.registry(), ::mio::Token(token.word()), INTERESTS)
        })?;
        Ok(trigger)
    }

    pub(super) fn take_over(&self, object: Object<'_>, token: Token) -> io::Result<Trigger> {
        let trigger = trigger(&object);
        with_source(object, |source| {
            source.reregister(self.poll.registry(), ::mio::Token(token.word()), INTERESTS)
        })?;
        Ok(trigger)
    }

    /// Registers plain descriptors again. Only the poll(2) fallback uses the function.
    pub(super) fn rearm(&self, raw: Raw, token: Token, interest: Readiness) -> io::Result<()> {
        let interest = match (interest.has(Readiness::READABLE), interest.has(Readiness::WRITABLE)) {
            (true, false) => Interest::READABLE,
            (false, true) => Interest::WRITABLE,
            _ => Interest::READABLE | Interest::WRITABLE,
        };
        let object = Object { mio: None, raw: Some(raw) };
        with_source(object, |source| {
            source.reregister(self.poll.registry(), ::mio::Token(token.word()), interest)
        })
    }

    pub(super) fn deregister(&self, object: Object<'_>) -> io::Result<()> {
        with_source(object, |source| source.deregister(self.poll.registry()))
    }

    /// Returns whether the close of an object ends its registration. The poll(2) fallback has no kernel
    /// object that would notice a close. IOCP supports no plain handles.
    #[inline]
    pub(super) fn notices_close(&self) -> bool {
        EDGE
    }

    pub(super) fn forget(&self, raw: Raw) {
        let _ = self.deregister(Object { mio: None, raw: Some(raw) });
    }

    #[cfg(all(unix, not(mio_unsupported_force_poll_poll)))]
    pub(super) fn descriptor(&self) -> io::Result<std::os::fd::OwnedFd> {
        super::borrow(&std::os::fd::AsRawFd::as_raw_fd(&self.poll)).try_clone_to_owned()
    }

    #[cfg(mio_unsupported_force_poll_poll)]
    pub(super) fn descriptor(&self) -> io::Result<std::os::fd::OwnedFd> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn had_events(&self) -> bool {
        !self.events.is_empty()
    }

    #[inline(always)]
    pub(super) fn poll(
        &mut self,
        timeout: Option<Duration>,
        mut on_event: impl FnMut(IoEvent),
    ) -> io::Result<()> {
        let timeout = match &mut self.alarm {
            Some(alarm) => alarm.instead_of(timeout),
            None => timeout,
        };
        match self.poll.poll(&mut self.events, timeout) {
            Err(e) if e.kind() != io::ErrorKind::Interrupted => return Err(e),
            _ => {}
        }
        for event in &self.events {
            if event.token() < ALARM {
                on_event(IoEvent { token: Token::from_word(event.token().0), readiness: readiness(event) });
            } else {
                own_event(&mut self.alarm, event.token());
            }
        }
        Ok(())
    }
}

/// Handles an event of the driver's own. The notifier's event only ends the sleep, so it needs no
/// further step.
#[cold]
#[inline(never)]
fn own_event(alarm: &mut Option<Alarm>, token: ::mio::Token) {
    if token == ALARM {
        alarm.iter_mut().for_each(Alarm::has_expired);
    }
}

fn trigger(object: &Object<'_>) -> Trigger {
    match (EDGE, &object.mio) {
        (true, _) => Trigger::Edge,
        (false, Some(_)) => Trigger::EdgeAfterWouldBlock,
        (false, None) => Trigger::OneShot,
    }
}

/// Returns the readiness that an event reports.
#[inline]
fn readiness(event: &::mio::event::Event) -> Readiness {
    let readable = if event.is_readable() { Readiness::READABLE } else { Readiness::NONE };
    let writable = if event.is_writable() { Readiness::WRITABLE } else { Readiness::NONE };
    let ready = readable.with(writable);
    // On epoll and poll(2), an event that reports the end of writing reports one of the other facts,
    // too.
    let write_closed = !cfg!(any(target_os = "linux", target_os = "android")) && event.is_write_closed();
    let more = event.is_error() | event.is_read_closed() | write_closed | event.is_priority();
    if more { ready.with(rare(event)) } else { ready }
}

/// Returns the facts that few events report. An error makes both directions ready, because the next
/// operation reports the error.
#[cold]
fn rare(event: &::mio::event::Event) -> Readiness {
    let mut readiness = Readiness::NONE;
    if event.is_error() {
        readiness = readiness.with(Readiness::READABLE).with(Readiness::WRITABLE);
    }
    if event.is_read_closed() {
        readiness = readiness.with(Readiness::READ_CLOSED).with(Readiness::READABLE);
    }
    if event.is_write_closed() {
        readiness = readiness.with(Readiness::WRITE_CLOSED).with(Readiness::WRITABLE);
    }
    if event.is_priority() {
        readiness = readiness.with(Readiness::URGENT).with(Readiness::READABLE);
    }
    readiness
}

/// Calls `f` with the object as a mio source. The source is the object itself, or wraps a plain
/// descriptor.
fn with_source<R>(
    object: Object<'_>,
    f: impl FnOnce(&mut dyn ::mio::event::Source) -> io::Result<R>,
) -> io::Result<R> {
    match object {
        Object { mio: Some(source), .. } => f(source),
        #[cfg(unix)]
        Object { raw: Some(raw), .. } => f(&mut ::mio::unix::SourceFd(&raw)),
        _ => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "mio has no way to watch this kind of object here",
        )),
    }
}

impl MioNotifier {
    pub(super) fn notify(&self) {
        // The call fails only if the driver's own descriptors are broken. A waker can't report such an
        // error.
        let woken = self.0.wake();
        debug_assert!(woken.is_ok(), "{woken:?}");
    }
}
