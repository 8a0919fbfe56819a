//! The replacement of `mio.rs` under `--cfg oneloop_loom`. The driver reports no events and can only be
//! notified. It sleeps on loom's condition variable, so loom sees each sleep and tries every order of a
//! notification and a sleep. Loom reports a loop that sleeps for ever as a deadlock.

use std::io;
use std::time::Duration;

use loom::sync::{Arc, Condvar, Mutex};

use super::{IoEvent, Object, Raw, Readiness, Token, Trigger};

#[derive(Default)]
struct Bell {
    /// The driver was notified. The flag stores a notification that comes before the sleep, as an
    /// eventfd does.
    rung: Mutex<bool>,
    changed: Condvar,
}

pub(crate) struct MioDriver(Arc<Bell>);

pub(crate) struct MioNotifier(Arc<Bell>);

impl MioDriver {
    pub(super) fn new(_precise_timers: bool) -> io::Result<(MioDriver, MioNotifier)> {
        let bell = Arc::new(Bell::default());
        Ok((MioDriver(bell.clone()), MioNotifier(bell)))
    }

    /// Sleeps until a notification if there is no time-out. Models have no timers.
    pub(super) fn poll(&mut self, timeout: Option<Duration>, _: impl FnMut(IoEvent)) -> io::Result<()> {
        let mut rung = self.0.rung.lock().unwrap();
        while timeout.is_none() && !*rung {
            rung = self.0.changed.wait(rung).unwrap();
        }
        *rung = false;
        Ok(())
    }

    pub(super) fn had_events(&self) -> bool {
        false
    }

    /// Registers no object. The driver reports no event, so a model announces readiness itself
    /// (`Registration::announce`).
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
