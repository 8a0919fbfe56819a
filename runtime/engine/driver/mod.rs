//! The seam to the operating system. Everything above it is the same on every system and driver.
//!
//! # The contract of a driver
//!
//! A driver is one file here and one variant of [`Backend`]. It supplies:
//!
//! | what | must |
//! |---|---|
//! | `new` | make the queue and its notifier |
//! | `register(object, token)` | watch both directions. Readiness that exists already must be reported, too |
//! | `take_over(object, token)` | after `register` has said `AlreadyExists`: watch this object instead of the one that was registered under its number |
//! | `rearm(raw, token, interest)` | only if `register` said so: watch these directions until the next event |
//! | `deregister(object)` | end the watch of an object that lives on: no event of its token comes later than the current batch |
//! | `forget(raw)` | the same for one that is about to be closed; nothing, where closing is enough |
//! | `poll(timeout, on_event)` | sleep until an event, a notification or the time-out, never less than the time-out (of `SLEEP_MAX` at most) without one of them; then report every event. A signal that interrupts the sleep is no error: it returns early |
//! | `notify` | from any thread: end the current or the next `poll` |
//!
//! Events may be spurious, may report more than was asked for, and may name a token whose registration is
//! gone; the reactor above copes with all three. Lost ones are not allowed.
//!
//! Drivers differ in one thing that the reactor must know ([`Trigger`]): after an event, does the next
//! change make a new one by itself (edge), or must interest be declared again (one-shot)? Edge-triggered
//! drivers save a system call for each wait, and allow the short-read rule (see `reactor.rs`).

#[cfg_attr(oneloop_loom, path = "model.rs")]
mod mio;
#[cfg(feature = "polling")]
mod polling;

use std::io;
use std::time::Duration;

use self::mio::{MioDriver, MioNotifier};
#[cfg(feature = "polling")]
use self::polling::{PollingDriver, PollingNotifier};

/// The longest time-out that a driver is given, 24 days. With longer ones the systems and crates differ: 25 days in ms are more
/// than a C `int`; 50 days are for ever to polling on Windows; three years are an error on macOS.
pub(crate) const SLEEP_MAX: Duration = Duration::from_secs(1 << 21);

/// Which crate speaks to the operating system for a runtime.
///
/// The default is [`Driver::Mio`], or what the environment variable `ONELOOP_DRIVER` says (`mio` or
/// `polling`), which is how one test suite runs on each of them.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let runtime = oneloop::Runtime::builder().driver(oneloop::Driver::Mio).build()?;
/// assert_eq!(runtime.block_on(async { 42 }), 42);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Driver {
    /// The `mio` crate: epoll, kqueue or IOCP, edge-triggered.
    Mio,
    /// The `polling` crate: the same systems, one-shot. A second opinion, with a system call more for
    /// each wait.
    #[cfg(feature = "polling")]
    Polling,
}

impl Driver {
    /// The driver that `ONELOOP_DRIVER` names, or the default.
    pub(crate) fn from_env() -> io::Result<Driver> {
        let Some(name) = std::env::var_os("ONELOOP_DRIVER") else { return Ok(Driver::Mio) };
        match name.to_str() {
            Some("" | "mio") => Ok(Driver::Mio),
            #[cfg(feature = "polling")]
            Some("polling") => Ok(Driver::Polling),
            #[cfg(not(feature = "polling"))]
            Some("polling") => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "ONELOOP_DRIVER is `polling`, but oneloop was built without its feature `polling`",
            )),
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("ONELOOP_DRIVER is {name:?}; the drivers are `mio` and `polling`"),
            )),
        }
    }
}

/// Names a registration in events: its slot's key and generation, which fit because the generation's
/// top bit stays clear. Words with that bit set are the drivers' own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) key: u32,
    pub(crate) generation: u32,
}

impl Token {
    pub(crate) const GENERATION_MAX: u32 = u32::MAX >> 1;

    fn word(self) -> usize {
        (self.generation as usize) << 32 | self.key as usize
    }

    fn from_word(word: usize) -> Token {
        Token { key: word as u32, generation: (word >> 32) as u32 }
    }
}

/// A set of facts about an object's readiness, or of interests in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Readiness(pub(crate) u8);

impl Readiness {
    pub(crate) const NONE: Readiness = Readiness(0);
    pub(crate) const READABLE: Readiness = Readiness(1);
    pub(crate) const WRITABLE: Readiness = Readiness(2);
    /// The peer will send no more: after what is still there comes the end.
    pub(crate) const READ_CLOSED: Readiness = Readiness(4);
    pub(crate) const WRITE_CLOSED: Readiness = Readiness(8);
    /// Urgent data has come, at which reads stop short.
    pub(crate) const URGENT: Readiness = Readiness(16);

    pub(crate) fn has(self, other: Readiness) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) const fn with(self, other: Readiness) -> Readiness {
        Readiness(self.0 | other.0)
    }

    pub(crate) fn without(self, other: Readiness) -> Readiness {
        Readiness(self.0 & !other.0)
    }
}

/// What happened to one object.
pub(crate) struct Event {
    pub(crate) token: Token,
    pub(crate) readiness: Readiness,
}

/// How a registration goes on after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// Each change makes an event, and an event means that what was there may be drained until the next.
    Edge,
    /// Each change makes an event once an operation has said `WouldBlock`, as on mio's IOCP backend.
    EdgeAfterWouldBlock,
    /// An event ends the interest; `rearm` declares it again.
    OneShot,
}

/// The operating system's name for an object: a descriptor, or a socket on Windows.
#[cfg(unix)]
pub(crate) type Raw = std::os::fd::RawFd;
#[cfg(windows)]
pub(crate) type Raw = std::os::windows::io::RawSocket;

/// An object to be watched. A driver takes whichever of the two it can use.
pub(crate) struct Object<'a> {
    pub(crate) mio: Option<&'a mut dyn ::mio::event::Source>,
    pub(crate) raw: Option<Raw>,
}

impl Object<'_> {
    pub(crate) fn reborrow(&mut self) -> Object<'_> {
        Object { mio: self.mio.as_mut().map(|source| &mut **source as _), raw: self.raw }
    }
}

/// The driver of a runtime.
pub(crate) enum Backend {
    Mio(MioDriver),
    #[cfg(feature = "polling")]
    Polling(PollingDriver),
}

/// Calls the same method of whichever driver it is.
macro_rules! each {
    ($self:expr, $driver:ident => $call:expr) => {
        match $self {
            Backend::Mio($driver) => $call,
            #[cfg(feature = "polling")]
            Backend::Polling($driver) => $call,
        }
    };
}

impl Backend {
    pub(crate) fn new(driver: Driver) -> io::Result<(Backend, Notifier)> {
        Ok(match driver {
            Driver::Mio => {
                let (driver, notifier) = MioDriver::new()?;
                (Backend::Mio(driver), Notifier::Mio(notifier))
            }
            #[cfg(feature = "polling")]
            Driver::Polling => {
                let (driver, notifier) = PollingDriver::new()?;
                (Backend::Polling(driver), Notifier::Polling(notifier))
            }
        })
    }

    pub(crate) fn register(&self, object: Object<'_>, token: Token) -> io::Result<Trigger> {
        each!(self, driver => driver.register(object, token))
    }

    pub(crate) fn take_over(&self, object: Object<'_>, token: Token) -> io::Result<Trigger> {
        each!(self, driver => driver.take_over(object, token))
    }

    pub(crate) fn rearm(&self, raw: Raw, token: Token, interest: Readiness) -> io::Result<()> {
        each!(self, driver => driver.rearm(raw, token, interest))
    }

    pub(crate) fn deregister(&self, object: Object<'_>) -> io::Result<()> {
        each!(self, driver => driver.deregister(object))
    }

    pub(crate) fn forget(&self, raw: Raw) {
        each!(self, driver => driver.forget(raw));
    }

    pub(crate) fn poll(&mut self, timeout: Option<Duration>, on_event: impl FnMut(Event)) -> io::Result<()> {
        debug_assert!(timeout.is_none_or(|timeout| timeout.as_millis() <= i32::MAX as u128));
        each!(self, driver => driver.poll(timeout, on_event))
    }
}

/// Ends a driver's sleep, from any thread.
pub(crate) enum Notifier {
    Mio(MioNotifier),
    #[cfg(feature = "polling")]
    Polling(PollingNotifier),
}

impl Notifier {
    pub(crate) fn notify(&self) {
        match self {
            Notifier::Mio(notifier) => notifier.notify(),
            #[cfg(feature = "polling")]
            Notifier::Polling(notifier) => notifier.notify(),
        }
    }
}
