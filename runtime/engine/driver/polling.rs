//! The driver over the `polling` crate, in its one-shot mode. An event ends the interest in an object.
//! A wait for the next event declares the interest again, with a system call.
//!
//! The driver exists for two reasons. An interface with only one driver is not proven to be an
//! interface. And one-shot is the simplest trigger, because no cached edge can be wrong. So a
//! difference in behaviour between the two drivers is a defect of the layers above.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use ::polling::{Events, Poller};

use super::{IoEvent, Object, Raw, Readiness, Token, Trigger};

const BATCH: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

pub(crate) struct PollingDriver {
    poller: Arc<Poller>,
    events: Events,
}

pub(crate) struct PollingNotifier(Arc<Poller>);

impl PollingDriver {
    pub(super) fn new() -> io::Result<(PollingDriver, PollingNotifier)> {
        let poller = Arc::new(Poller::new()?);
        let notifier = PollingNotifier(poller.clone());
        Ok((PollingDriver { poller, events: Events::with_capacity(BATCH) }, notifier))
    }

    pub(super) fn register(&self, object: Object<'_>, token: Token) -> io::Result<Trigger> {
        let Some(raw) = object.raw else {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "the polling driver can't watch a mio event source: use Source::new with its descriptor, or Driver::Mio",
            ));
        };
        let interest = interest(token, Readiness::NONE);
        // SAFETY: a socket or source deletes its number (`deregister`, `forget`) before it closes its
        // descriptor. A user's object may close its own descriptor unnoticed, or may be leaked. Then
        // the kernel has ended the registration, or reports events for a token that is no longer
        // registered. No memory depends on the registration on any system.
        unsafe { self.poller.add(raw, interest) }?;
        Ok(Trigger::OneShot)
    }

    pub(super) fn take_over(&self, object: Object<'_>, token: Token) -> io::Result<Trigger> {
        object.raw.map_or(Ok(()), |raw| self.rearm(raw, token, Readiness::NONE))?;
        Ok(Trigger::OneShot)
    }

    pub(super) fn rearm(&self, raw: Raw, token: Token, wanted: Readiness) -> io::Result<()> {
        self.poller.modify(super::borrow(&raw), interest(token, wanted))
    }

    pub(super) fn deregister(&self, object: Object<'_>) -> io::Result<()> {
        object.raw.map_or(Ok(()), |raw| self.poller.delete(super::borrow(&raw)))
    }

    pub(super) fn notices_close(&self) -> bool {
        false
    }

    pub(super) fn forget(&self, raw: Raw) {
        // The call fails only if the owner has closed the object already. Then the kernel has removed
        // the registration, too.
        let _ = self.poller.delete(super::borrow(&raw));
    }

    #[cfg(unix)]
    pub(super) fn descriptor(&self) -> io::Result<std::os::fd::OwnedFd> {
        std::os::fd::AsFd::as_fd(&*self.poller).try_clone_to_owned()
    }

    pub(super) fn had_events(&self) -> bool {
        !self.events.is_empty()
    }

    pub(super) fn poll(
        &mut self,
        timeout: Option<Duration>,
        mut on_event: impl FnMut(IoEvent),
    ) -> io::Result<()> {
        self.events.clear();
        match self.poller.wait(&mut self.events, timeout) {
            Err(e) if e.kind() != io::ErrorKind::Interrupted => return Err(e),
            _ => {}
        }
        for event in self.events.iter() {
            on_event(IoEvent { token: Token::from_word(event.key), readiness: readiness(&event) });
        }
        Ok(())
    }
}

/// On Windows each registration that was removed is an operation that was cancelled. `polling` frees
/// the memory of the operation in the `wait` that reports the cancellation. The loop makes no `wait`
/// after its last sleep, so this drop makes one.
#[cfg(windows)]
impl Drop for PollingDriver {
    fn drop(&mut self) {
        let _ = self.poller.wait(&mut self.events, Some(Duration::ZERO));
    }
}

/// Returns the readiness that an event reports. A hang-up or an error makes both directions ready.
/// Closed directions need no mark of their own, because each wait declares a one-shot interest again.
fn readiness(event: &::polling::Event) -> Readiness {
    let broken = event.is_interrupt() || event.is_err().unwrap_or(false);
    let mut readiness = Readiness::NONE;
    if event.readable || broken {
        readiness = readiness.with(Readiness::READABLE);
    }
    if event.writable || broken {
        readiness = readiness.with(Readiness::WRITABLE);
    }
    readiness
}

fn interest(token: Token, wanted: Readiness) -> ::polling::Event {
    let mut interest = ::polling::Event::none(token.word());
    interest.readable = wanted.has(Readiness::READABLE);
    interest.writable = wanted.has(Readiness::WRITABLE);
    interest
}

impl PollingNotifier {
    pub(super) fn notify(&self) {
        let notified = self.0.notify();
        debug_assert!(notified.is_ok(), "{notified:?}");
    }
}
