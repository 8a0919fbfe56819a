//! Under `--cfg oneloop_loom`, this is in the place of `mio.rs`: a driver that watches nothing and
//! can only be notified. It sleeps on loom's condition variable, so loom sees each sleep, tries
//! every order of notifying and going to sleep, and reports a loop that sleeps for ever as a
//! deadlock.

use std::io;
use std::time::Duration;

use loom::sync::{Arc, Condvar, Mutex};

use super::{IoEvent, Object, Raw, Readiness, Token, Trigger};

#[derive(Default)]
struct Bell {
    /// A notification that comes before the sleep is kept, as an eventfd keeps it.
    rung: Mutex<bool>,
    changed: Condvar,
}

pub(crate) struct MioDriver(Arc<Bell>);

pub(crate) struct MioNotifier(Arc<Bell>);

impl MioDriver {
    pub(super) fn new() -> io::Result<(MioDriver, MioNotifier)> {
        let bell = Arc::new(Bell::default());
        Ok((MioDriver(bell.clone()), MioNotifier(bell)))
    }

    /// Models have no timers, so a loop that sleeps sleeps until it is notified.
    pub(super) fn poll(&mut self, timeout: Option<Duration>, _: impl FnMut(IoEvent)) -> io::Result<()> {
        let mut rung = self.0.rung.lock().unwrap();
        while timeout.is_none() && !*rung {
            rung = self.0.changed.wait(rung).unwrap();
        }
        *rung = false;
        Ok(())
    }

    /// No event comes by itself: a model says what becomes ready (`Registration::announce`).
    pub(super) fn register(&self, _: Object<'_>, _: Token) -> io::Result<Trigger> {
        Ok(Trigger::Edge)
    }

    pub(super) fn take_over(&self, _: Object<'_>, _: Token) -> io::Result<Trigger> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn rearm(&self, _: Raw, _: Token, _: Readiness) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn deregister(&self, _: Object<'_>) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn notices_close(&self) -> bool {
        true
    }

    pub(super) fn forget(&self, _: Raw) {}

    #[cfg(unix)]
    pub(super) fn descriptor(&self) -> io::Result<std::os::fd::OwnedFd> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl MioNotifier {
    pub(super) fn notify(&self) {
        let doubled = std::mem::replace(&mut *self.0.rung.lock().unwrap(), true);
        assert!(!doubled, "one notification for each sleep at most");
        self.0.changed.notify_one();
    }
}
