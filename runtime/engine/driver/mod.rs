//! The boundary to the operating system. Everything above it is the same on every system and
//! driver.
//!
//! # The contract of a driver
//!
//! A driver supplies:
//!
//! | what | must |
//! |---|---|
//! | `new` | make the queue and its notifier |
//! | `register(object, token)` | watch both directions, and say with which [`Trigger`]. An object that can't be watched is an error here, not later; one whose number is watched already is `AlreadyExists` |
//! | `take_over(object, token)` | after `register` has said `AlreadyExists`: watch this object instead of the one that was registered under its number |
//! | `rearm(raw, token, interest)` | with `Trigger::OneShot` only: watch exactly these directions until the next event |
//! | `deregister(object)` | end the watch of an object that lives on: no event of its token comes later than the current batch |
//! | `notices_close` | say whether closing an object is enough to end its watch |
//! | `forget(raw)` | otherwise: `deregister` for one that is about to be closed |
//! | `poll(timeout, on_event)` | sleep until an event, a notification or the time-out, never less than the time-out (of `SLEEP_MAX` at most) without one of them; then report every event. A signal that interrupts the sleep is no error: it returns early |
//! | `descriptor` | on Unix: a duplicate of the descriptor that is readable when `poll` has something to report; `Unsupported` if there is none |
//! | `notify` | from any thread: end the current or the next `poll` |
//!
//! Events may be spurious, may report more than was asked for, and may name a token whose
//! registration has ended; the reactor copes with all three. A lost event is a defect, and so is an
//! event that comes again and again for an object that no task waits for: the loop would never
//! sleep.
//!
//! # The three triggers
//!
//! Drivers differ in one thing that the reactor must know: what makes the next event after an
//! event? The answer belongs to the registration, so one driver may give different ones.
//!
//! | [`Trigger`] | the driver promises | the reactor |
//! |---|---|---|
//! | `Edge` | readiness that exists at `register` makes an event, and each change after it makes another, with no call in between | caches readiness until an operation says `WouldBlock` or moves less than it asked for (the short-read rule); never calls `rearm` |
//! | `EdgeAfterWouldBlock` | the same, but after an event the next one comes only once an operation on the object has said `WouldBlock`: the object's own methods tell the driver | caches readiness until `WouldBlock`, and only until then: after a short read no operation has said it, so no event would come; never calls `rearm` |
//! | `OneShot` | readiness that exists at `rearm`, or the first change after it, makes one event, which ends the interest in *both* directions. Without an interest the driver need not report anything | caches readiness until `WouldBlock`. `Registration::wait` calls `rearm` with every direction that has waiters, each time that a task waits; `Core::take_events` calls it after a batch, for an object that still has waiters in the direction that the event did not name |
//!
//! **An `Edge` driver must report the closed and the urgent facts** ([`Readiness::READ_CLOSED`],
//! [`Readiness::WRITE_CLOSED`], [`Readiness::URGENT`]) in the event of the change that brings them.
//! The short-read rule (see `reactor.rs`) takes a read that fills a part of its buffer as proof
//! that the socket is drained. The proof fails in two cases: the peer has closed, so that the end
//! of file is still to be read and has no edge of its own; or the read has stopped at urgent data,
//! with bytes behind it. The rule spares a slot that has one of these facts. A driver that leaves
//! them out loses the end of file, or those bytes. With the other two triggers the facts change
//! nothing, and a driver may leave them out.
//!
//! # The places that a new driver touches
//!
//! 1. Its file here, and the `mod` line and the `use` line for it.
//! 2. [`Driver`]: the public variant, and its name in `Driver::from_env`.
//! 3. [`Backend`]: the variant, its arm in `each!`, and its arm in `Backend::new`.
//! 4. [`Notifier`]: the variant, and its arm in `notify`.
//! 5. `Cargo.toml`: the dependency, and the feature or the `cfg` that compiles the driver. A
//!    feature is passed on in `tests/Cargo.toml` and has a row in `lib.rs`; a `cfg` stands in the
//!    `check-cfg` list of either manifest.
//! 6. `tests/common/drivers.rs`: its line in the list of drivers; its name in
//!    `tests/process_wide/environment.rs`.
//! 7. `.ci/run`: the step that runs the suites on it.
//!
//! `epoll.rs` proves that the list is complete: a level-triggered driver, compiled only with
//! `--cfg oneloop_driver_epoll`.

#[cfg(oneloop_driver_epoll)]
mod epoll;
#[cfg_attr(oneloop_loom, path = "model.rs")]
mod mio;
#[cfg(feature = "polling")]
mod polling;

use std::io;
use std::time::Duration;

#[cfg(oneloop_driver_epoll)]
use self::epoll::{EpollDriver, EpollNotifier};
use self::mio::{MioDriver, MioNotifier};
#[cfg(feature = "polling")]
use self::polling::{PollingDriver, PollingNotifier};

/// The longest time-out that a driver is given, 24 days. With longer ones the systems and crates
/// differ: 25 days in ms are more than a C `int`; 50 days are for ever to polling on Windows; three
/// years are an error on macOS.
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
    /// The `polling` crate: the same systems, one-shot. A second opinion, with a system call more
    /// for each wait.
    #[cfg(feature = "polling")]
    Polling,
    /// Linux's epoll itself, level-triggered: two more system calls for each wait. It proves the
    /// contract of a driver, and is compiled only for that, with `--cfg oneloop_driver_epoll`.
    #[cfg(oneloop_driver_epoll)]
    Epoll,
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
            #[cfg(oneloop_driver_epoll)]
            Some("epoll") => Ok(Driver::Epoll),
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("ONELOOP_DRIVER is {name:?}; the drivers are `mio` and `polling`"),
            )),
        }
    }
}

/// Names a registration in events: its slot's key and generation, which fit because the
/// generation's top bit stays clear. Words with that bit set are the drivers' own.
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

    pub(crate) fn has_any(self, others: Readiness) -> bool {
        self.0 & others.0 != 0
    }

    pub(crate) const fn with(self, other: Readiness) -> Readiness {
        Readiness(self.0 | other.0)
    }

    pub(crate) fn without(self, other: Readiness) -> Readiness {
        Readiness(self.0 & !other.0)
    }
}

/// What happened to one object.
pub(crate) struct IoEvent {
    pub(crate) token: Token,
    pub(crate) readiness: Readiness,
}

/// What makes the next event of a registration after an event. The contract above says what each
/// one promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// Each change. The short-read rule holds.
    Edge,
    /// Each change after an operation has said `WouldBlock`, as on mio's IOCP backend.
    EdgeAfterWouldBlock,
    /// `rearm`: an event ends the interest.
    OneShot,
}

/// The operating system's name for an object: a descriptor, or a socket on Windows.
#[cfg(unix)]
pub(crate) type Raw = std::os::fd::RawFd;
#[cfg(windows)]
pub(crate) type Raw = std::os::windows::io::RawSocket;

#[cfg(unix)]
type Borrowed<'a> = std::os::fd::BorrowedFd<'a>;
#[cfg(all(windows, feature = "polling"))]
type Borrowed<'a> = std::os::windows::io::BorrowedSocket<'a>;

/// The object that a number names, for a call of the operating system.
#[cfg(any(unix, feature = "polling"))]
#[cfg_attr(mio_unsupported_force_poll_poll, allow(dead_code))]
fn borrow(raw: &Raw) -> Borrowed<'_> {
    // SAFETY: the number is that of an object that is registered, or about to be, or of the driver's
    // own event queue, and so open. Should the owner of an object have closed it behind our back,
    // the call answers with an error; no memory is touched.
    unsafe { Borrowed::borrow_raw(*raw) }
}

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
    #[cfg(oneloop_driver_epoll)]
    Epoll(EpollDriver),
}

/// Calls the same method of whichever driver it is.
macro_rules! each {
    ($self:expr, $driver:ident => $call:expr) => {
        match $self {
            Backend::Mio($driver) => $call,
            #[cfg(feature = "polling")]
            Backend::Polling($driver) => $call,
            #[cfg(oneloop_driver_epoll)]
            Backend::Epoll($driver) => $call,
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
            #[cfg(oneloop_driver_epoll)]
            Driver::Epoll => {
                let (driver, notifier) = EpollDriver::new()?;
                (Backend::Epoll(driver), Notifier::Epoll(notifier))
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

    /// Whether closing an object is enough to end its watch, so that `forget` has nothing to do.
    #[inline]
    pub(crate) fn notices_close(&self) -> bool {
        each!(self, driver => driver.notices_close())
    }

    pub(crate) fn forget(&self, raw: Raw) {
        each!(self, driver => driver.forget(raw));
    }

    #[cfg(unix)]
    pub(crate) fn descriptor(&self) -> io::Result<std::os::fd::OwnedFd> {
        each!(self, driver => driver.descriptor())
    }

    pub(crate) fn poll(
        &mut self,
        timeout: Option<Duration>,
        on_event: impl FnMut(IoEvent),
    ) -> io::Result<()> {
        debug_assert!(timeout.is_none_or(|timeout| timeout.as_millis() <= i32::MAX as u128));
        each!(self, driver => driver.poll(timeout, on_event))
    }
}

/// Ends a driver's sleep, from any thread.
pub(crate) enum Notifier {
    Mio(MioNotifier),
    #[cfg(feature = "polling")]
    Polling(PollingNotifier),
    #[cfg(oneloop_driver_epoll)]
    Epoll(EpollNotifier),
}

impl Notifier {
    pub(crate) fn notify(&self) {
        match self {
            Notifier::Mio(notifier) => notifier.notify(),
            #[cfg(feature = "polling")]
            Notifier::Polling(notifier) => notifier.notify(),
            #[cfg(oneloop_driver_epoll)]
            Notifier::Epoll(notifier) => notifier.notify(),
        }
    }
}
