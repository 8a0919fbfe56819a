//! The boundary to the operating system. All modules above this one are the same on every system and
//! with every driver.
//!
//! # The contract of a driver
//!
//! A driver supplies these functions:
//!
//! | function | contract |
//! |---|---|
//! | `new` | The function makes the event queue and its notifier. With `precise_timers`, it also makes the objects that time-outs shorter than a millisecond need. |
//! | `register(object, token)` | The function registers both directions, and returns the [`Trigger`]. If the object can't be registered, the error is reported here and not later. If the number of the object is registered already, the error is `AlreadyExists`. |
//! | `take_over(object, token)` | The reactor calls the function after `register` has returned `AlreadyExists`. The function registers this object instead of the object that was registered under the same number. |
//! | `rearm(raw, token, interest)` | Only `Trigger::OneShot` needs the function. It registers exactly these directions until the next event. |
//! | `deregister(object)` | The function ends the registration of an object that stays open. No event of its token comes after the current batch. |
//! | `notices_close` | The function returns whether the close of an object ends its registration. |
//! | `forget(raw)` | If `notices_close` returns `false`, the reactor calls this function for an object that is about to be closed. The function then does the same as `deregister`. |
//! | `poll(timeout, on_event)` | The function sleeps until an event, a notification or the time-out (of `SLEEP_MAX` at most). Then it reports every event. If a signal interrupts the sleep, the function returns early without an error. It may also return early for a timer of the driver (`alarm.rs`), but only once for each time that the timer was set. |
//! | `had_events` | The function returns whether the last `poll` has taken events. |
//! | `descriptor` | On Unix the function returns a duplicate of the descriptor that is readable when `poll` has an event to report. If there is no such descriptor, the error is `Unsupported`. |
//! | `notify` | Any thread may call the function. It ends the current or the next `poll`. |
//!
//! An event may be spurious, may report more than the interest, and may name a token whose registration
//! has ended. The reactor handles all three cases. A lost event is a defect. An event that the driver
//! reports repeatedly for an object that no task waits for is also a defect, because the loop would
//! never sleep.
//!
//! # The three triggers
//!
//! Drivers differ in the condition for the next event after an event. The reactor must know that
//! condition. The condition belongs to the registration, so one driver may return different triggers.
//!
//! | [`Trigger`] | promise of the driver | behaviour of the reactor |
//! |---|---|---|
//! | `Edge` | Readiness that exists at `register` makes an event. Each later change makes another event, and no call is needed in between. | The reactor caches readiness until an operation returns `WouldBlock` or moves fewer bytes than requested (the short-read rule). It never calls `rearm`. |
//! | `EdgeAfterWouldBlock` | The promise is that of `Edge` with one difference. After an event, the next event comes only after an operation on the object has returned `WouldBlock`. The object's own methods tell the driver of that result. | The reactor caches readiness exactly until `WouldBlock`. The short-read rule does not apply. After a short read no operation has returned `WouldBlock`, so no event would come. The reactor never calls `rearm`. |
//! | `OneShot` | Readiness that exists at `rearm`, or the first change after it, makes one event. The event ends the interest in *both* directions. Without an interest the driver need not report any event. | The reactor caches readiness until `WouldBlock`. `Registration::wait` calls `rearm` with every direction that has waiters, each time that a task waits. `Core::take_events` calls `rearm` after a batch, for an object that still has waiters in the direction that the event did not name. |
//!
//! **An `Edge` driver must report the closed and the urgent facts** ([`Readiness::READ_CLOSED`],
//! [`Readiness::WRITE_CLOSED`], [`Readiness::URGENT`]) in the event of the change that causes them. The
//! short-read rule (see `reactor.rs`) takes a read that fills only a part of its buffer as proof that
//! the socket is drained. The proof fails in two cases. In the first case the peer has closed, and the
//! program has not read the end of file, which has no edge of its own. In the second case the read has
//! stopped at urgent data, and bytes follow the urgent data. The rule does not apply to a slot that has
//! one of these facts. If a driver does not report the facts, the program loses the end of file or
//! those bytes. With the other two triggers the facts have no effect, and a driver may omit them.
//!
//! # The places that a new driver touches
//!
//! 1. The driver needs a file in this folder, and a `mod` line and a `use` line for the file.
//! 2. [`Driver`] needs the public variant, and `Driver::from_env` its name.
//! 3. [`Backend`] needs the variant, an arm in `each!`, and an arm in `Backend::new`.
//! 4. [`Notifier`] needs the variant, and an arm in `notify`.
//! 5. `Cargo.toml` needs the dependency, and the feature or the `cfg` that compiles the driver.
//!    `tests/Cargo.toml` passes a feature on, and `lib.rs` has a row for it. A `cfg` needs an entry in
//!    the `check-cfg` list of both manifests.
//! 6. `tests/common/drivers.rs` needs a line in the list of drivers, and
//!    `tests/process_wide/environment.rs` needs the name.
//! 7. `.ci/run` needs a step that runs the suites with the driver.
//!
//! `epoll.rs` proves that the list is complete. It is a level-triggered driver, which is compiled only
//! with `--cfg oneloop_driver_epoll`.

/// The timer descriptor of Linux, which mio registers with epoll like a socket.
#[cfg(all(
    feature = "precise-timers",
    target_os = "linux",
    not(any(mio_unsupported_force_poll_poll, oneloop_loom))
))]
mod alarm;
/// The replacement on systems without timer descriptors, where `Builder::precise_timers` has no effect.
#[cfg(not(any(
    all(feature = "precise-timers", target_os = "linux", not(mio_unsupported_force_poll_poll)),
    oneloop_loom
)))]
#[path = "no_alarm.rs"]
mod alarm;
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

/// The longest time-out that a driver receives, 24 days. The systems and crates treat longer time-outs
/// differently. 25 days in ms exceed a C `int`. On Windows, `polling` treats 50 days as an endless
/// time-out. On macOS three years are an error.
pub(crate) const SLEEP_MAX: Duration = Duration::from_secs(1 << 21);

/// The crate that a runtime uses to call the operating system.
///
/// The default is [`Driver::Mio`]. The environment variable `ONELOOP_DRIVER` (`mio` or `polling`)
/// changes the default, so that one test suite can run with each driver.
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
    /// The `mio` crate, which uses epoll, kqueue or IOCP and is edge-triggered.
    Mio,
    /// The `polling` crate, which uses the same systems and is one-shot. The driver serves as a second
    /// implementation for tests. Each wait costs one more system call.
    #[cfg(feature = "polling")]
    Polling,
    /// Linux's epoll itself, level-triggered. Each wait costs two more system calls. The driver proves
    /// the contract of a driver. It is compiled only for that purpose, with `--cfg
    /// oneloop_driver_epoll`.
    #[cfg(oneloop_driver_epoll)]
    Epoll,
}

impl Driver {
    /// Returns the driver that `ONELOOP_DRIVER` names, or the default.
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

/// The name of a registration in events, which holds its slot's key and generation. The generation's
/// top bit is always clear. The drivers use words with that bit set for their own events.
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
    /// The peer will send no more bytes. The end of file follows the bytes that are still unread.
    pub(crate) const READ_CLOSED: Readiness = Readiness(4);
    pub(crate) const WRITE_CLOSED: Readiness = Readiness(8);
    /// Urgent data has arrived. A read stops before such data.
    pub(crate) const URGENT: Readiness = Readiness(16);

    pub(crate) fn has(self, other: Readiness) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) fn has_any(self, others: Readiness) -> bool {
        self.0 & others.0 != 0
    }

    /// Returns the facts as a number, for a record.
    #[cfg(feature = "trace")]
    pub(crate) fn bits(self) -> u64 {
        u64::from(self.0)
    }

    pub(crate) const fn with(self, other: Readiness) -> Readiness {
        Readiness(self.0 | other.0)
    }

    pub(crate) fn without(self, other: Readiness) -> Readiness {
        Readiness(self.0 & !other.0)
    }

    pub(crate) fn among(self, others: Readiness) -> Readiness {
        Readiness(self.0 & others.0)
    }
}

/// An event of one object.
pub(crate) struct IoEvent {
    pub(crate) token: Token,
    pub(crate) readiness: Readiness,
}

/// The condition for the next event of a registration after an event. The contract above gives the
/// promise of each trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// Each change makes an event. The short-read rule applies.
    Edge,
    /// Each change after an operation has returned `WouldBlock` makes an event, as on mio's IOCP
    /// backend.
    EdgeAfterWouldBlock,
    /// An event ends the interest, so only `rearm` makes the next event possible.
    OneShot,
}

/// The operating system's number of an object, which is a descriptor on Unix and a socket on Windows.
#[cfg(unix)]
pub(crate) type Raw = std::os::fd::RawFd;
#[cfg(windows)]
pub(crate) type Raw = std::os::windows::io::RawSocket;

#[cfg(unix)]
pub(crate) type Borrowed<'a> = std::os::fd::BorrowedFd<'a>;
#[cfg(all(windows, any(feature = "polling", feature = "net")))]
pub(crate) type Borrowed<'a> = std::os::windows::io::BorrowedSocket<'a>;

/// Borrows the object that a number names, for a system call.
#[cfg(any(unix, feature = "polling", feature = "net"))]
#[cfg_attr(mio_unsupported_force_poll_poll, allow(dead_code))]
pub(crate) fn borrow(raw: &Raw) -> Borrowed<'_> {
    // SAFETY: the number belongs to an object that is registered or about to be registered, or to the
    // driver's own event queue. Each of these is open. If the owner of an object has closed it
    // unnoticed, the system call returns an error. The call accesses no memory of the object.
    unsafe { Borrowed::borrow_raw(*raw) }
}

/// An object to register. A driver uses the field that it supports.
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

/// Calls the same method of the driver in each variant.
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
    pub(crate) fn new(driver: Driver, precise_timers: bool) -> io::Result<(Backend, Notifier)> {
        Ok(match driver {
            Driver::Mio => {
                let (driver, notifier) = MioDriver::new(precise_timers)?;
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

    /// Returns whether the close of an object ends its registration. If so, `forget` has no effect.
    #[inline]
    pub(crate) fn notices_close(&self) -> bool {
        each!(self, driver => driver.notices_close())
    }

    pub(crate) fn forget(&self, raw: Raw) {
        each!(self, driver => driver.forget(raw));
    }

    pub(crate) fn had_events(&self) -> bool {
        each!(self, driver => driver.had_events())
    }

    #[cfg(unix)]
    pub(crate) fn descriptor(&self) -> io::Result<std::os::fd::OwnedFd> {
        each!(self, driver => driver.descriptor())
    }

    #[inline(always)]
    pub(crate) fn poll(
        &mut self,
        timeout: Option<Duration>,
        on_event: impl FnMut(IoEvent),
    ) -> io::Result<()> {
        debug_assert!(timeout.is_none_or(|timeout| timeout.as_millis() <= i32::MAX as u128));
        each!(self, driver => driver.poll(timeout, on_event))
    }
}

/// The notifier of a driver, which ends the driver's sleep from any thread.
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
