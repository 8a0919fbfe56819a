//! The driver over `mio`: epoll on Linux, kqueue on macOS and the BSDs, IOCP on Windows.
//!
//! Everything is registered once, in both directions, and stays so: an echo round trip costs no system
//! call here but its share of one `epoll_wait`. Closing a descriptor ends its registration, so `forget` does
//! nothing; a descriptor that was duplicated keeps its registration until the last duplicate is
//! closed, and its late events are stopped by their token's generation.

use std::io;
use std::time::Duration;

use ::mio::{Events, Interest, Poll, Waker};

use super::{Event, Object, Raw, Readiness, Token, Trigger};

/// The notifier's own events. No registration has this token: its generation is out of range.
const NOTIFIED: ::mio::Token = ::mio::Token(usize::MAX);

/// Events taken from the kernel at once. More just stay there until the next turn.
const BATCH: usize = 1024;

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// Whether mio's backend reports each change by itself. On IOCP, and on its poll(2) fallback, an object
/// is watched again only after an operation on it has said `WouldBlock`.
const EDGE: bool = cfg!(all(unix, not(mio_unsupported_force_poll_poll)));

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
        let registry = self.poll.registry();
        let token = ::mio::Token(token.word());
        let by_mio = object.mio.is_some();
        with_source(object, |source| match source.register(registry, token, BOTH) {
            // A duplicate of this file that was registered under the same number is still open.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => source.reregister(registry, token, BOTH),
            result => result,
        })?;
        Ok(match (EDGE, by_mio) {
            (true, _) => Trigger::Edge,
            (false, true) => Trigger::EdgeAfterWouldBlock,
            (false, false) => Trigger::OneShot,
        })
    }

    /// Only for plain descriptors on the poll(2) fallback.
    pub(super) fn rearm(&self, raw: Raw, token: Token, interest: Readiness) -> io::Result<()> {
        let interest = match (interest.has(Readiness::READABLE), interest.has(Readiness::WRITABLE)) {
            (true, false) => Interest::READABLE,
            (false, true) => Interest::WRITABLE,
            _ => BOTH,
        };
        let object = Object { mio: None, raw: Some(raw) };
        with_source(object, |source| {
            source.reregister(self.poll.registry(), ::mio::Token(token.word()), interest)
        })
    }

    pub(super) fn deregister(&self, object: Object<'_>) -> io::Result<()> {
        with_source(object, |source| source.deregister(self.poll.registry()))
    }

    pub(super) fn forget(&self, raw: Raw) {
        if !EDGE {
            // poll(2) has no kernel object that would notice the close. (IOCP doesn't know plain handles.)
            let _ = self.deregister(Object { mio: None, raw: Some(raw) });
        }
    }

    pub(super) fn poll(
        &mut self,
        timeout: Option<Duration>,
        mut on_event: impl FnMut(Event),
    ) -> io::Result<()> {
        match self.poll.poll(&mut self.events, timeout) {
            Err(e) if e.kind() != io::ErrorKind::Interrupted => return Err(e),
            _ => {}
        }
        for event in &self.events {
            if event.token() != NOTIFIED {
                on_event(Event { token: Token::from_word(event.token().0), readiness: readiness(event) });
            }
        }
        Ok(())
    }
}

/// What an event says. An error makes both directions ready: the next operation will report it.
#[inline]
fn readiness(event: &::mio::event::Event) -> Readiness {
    let mut readiness = Readiness::NONE;
    let error = event.is_error();
    if event.is_read_closed() {
        readiness = readiness.with(Readiness::READ_CLOSED).with(Readiness::READABLE);
    }
    if event.is_write_closed() {
        readiness = readiness.with(Readiness::WRITE_CLOSED).with(Readiness::WRITABLE);
    }
    if event.is_readable() || error {
        readiness = readiness.with(Readiness::READABLE);
    }
    if event.is_writable() || error {
        readiness = readiness.with(Readiness::WRITABLE);
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
        // Fails only if the driver's own descriptors are broken. There is nobody to tell: the caller is a
        // waker.
        let woken = self.0.wake();
        debug_assert!(woken.is_ok(), "{woken:?}");
    }
}
