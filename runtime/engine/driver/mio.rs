//! The driver over `mio`: epoll on Linux, kqueue on macOS and the BSDs, IOCP on Windows.
//!
//! Everything is registered once, in both directions, and stays so: an echo round trip costs no
//! system call here but its share of one `epoll_wait`. Closing a descriptor ends its registration,
//! so `forget` does nothing; a descriptor that was duplicated keeps its registration until the last
//! duplicate is closed, and its late events are stopped by their token's generation.

use std::io;
use std::time::Duration;

use ::mio::{Events, Interest, Poll, Waker};

use super::{IoEvent, Object, Raw, Readiness, Token, Trigger};

/// The notifier's own events. No registration has this token: its generation is out of range.
const NOTIFIED: ::mio::Token = ::mio::Token(usize::MAX);

/// Events taken from the kernel at once. More just stay there until the next turn.
const BATCH: usize = 1024;

/// Both directions; on Linux also the news that urgent data has come.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const INTERESTS: Interest = Interest::READABLE.add(Interest::WRITABLE);
#[cfg(any(target_os = "linux", target_os = "android"))]
const INTERESTS: Interest = Interest::READABLE.add(Interest::WRITABLE).add(Interest::PRIORITY);

/// Whether mio's backend reports each change by itself, as epoll and kqueue do. On IOCP, and where
/// mio falls back to poll(2), an object is watched again only after an operation on it has said
/// `WouldBlock`.
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
}

pub(crate) struct MioNotifier(Waker);

impl MioDriver {
    pub(super) fn new() -> io::Result<(MioDriver, MioNotifier)> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), NOTIFIED)?;
        Ok((MioDriver { poll, events: Events::with_capacity(BATCH) }, MioNotifier(waker)))
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

    /// Only for plain descriptors on the poll(2) fallback.
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

    /// poll(2) has no kernel object that would notice it. (IOCP doesn't know plain handles.)
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

    pub(super) fn poll(
        &mut self,
        timeout: Option<Duration>,
        mut on_event: impl FnMut(IoEvent),
    ) -> io::Result<()> {
        match self.poll.poll(&mut self.events, timeout) {
            Err(e) if e.kind() != io::ErrorKind::Interrupted => return Err(e),
            _ => {}
        }
        for event in &self.events {
            if event.token() != NOTIFIED {
                on_event(IoEvent { token: Token::from_word(event.token().0), readiness: readiness(event) });
            }
        }
        Ok(())
    }
}

fn trigger(object: &Object<'_>) -> Trigger {
    match (EDGE, &object.mio) {
        (true, _) => Trigger::Edge,
        (false, Some(_)) => Trigger::EdgeAfterWouldBlock,
        (false, None) => Trigger::OneShot,
    }
}

/// What an event says.
#[inline]
fn readiness(event: &::mio::event::Event) -> Readiness {
    let readable = if event.is_readable() { Readiness::READABLE } else { Readiness::NONE };
    let writable = if event.is_writable() { Readiness::WRITABLE } else { Readiness::NONE };
    let ready = readable.with(writable);
    let more = event.is_error() | event.is_read_closed() | event.is_write_closed() | event.is_priority();
    if more { ready.with(rare(event)) } else { ready }
}

/// What few events say. An error makes both directions ready: the next operation will report it.
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

/// Calls `f` with the object as mio sees it: itself, or a plain descriptor.
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
        // Fails only if the driver's own descriptors are broken. A waker can't report it.
        let woken = self.0.wake();
        debug_assert!(woken.is_ok(), "{woken:?}");
    }
}
