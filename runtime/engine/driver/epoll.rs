//! The driver over Linux's epoll itself, level-triggered, which uses neither `EPOLLET` nor
//! `EPOLLONESHOT`. The driver proves that one file is enough for a level-triggered system to meet the
//! contract. It is compiled only for that purpose, with `--cfg oneloop_driver_epoll`.
//!
//! A level-triggered system reports a condition at every wait, as long as it holds. A socket with
//! unread bytes would end every sleep, although no task waits for it. So a descriptor is in the
//! kernel's set only while the reactor has declared an interest in it. `rearm` adds the descriptor, and
//! `poll` removes it when it reports the event. To the reactor this is [`Trigger::OneShot`]. The cost
//! is two `epoll_ctl` calls for each wait. The `polling` driver (`EPOLLONESHOT`) makes one, and mio
//! (`EPOLLET`) makes none.
//!
//! An entry with an empty set of events (`EPOLL_CTL_MOD`) is not enough. epoll reports `EPOLLHUP` and
//! `EPOLLERR` also for such an entry, and a socket with a hang-up would end every sleep.
//!
//! **A stale entry.** The kernel keeps an entry for a file *and* a number. If an owner closes a
//! registered descriptor without a call of the loop while a duplicate of it is open, the entry stays,
//! and no number reaches the entry any more. An edge-triggered or one-shot entry reports at most one
//! more event. A level-triggered entry ends every sleep. So each interest has a serial number, which
//! its event carries. An event is stale if the driver doesn't have its interest or can't remove its
//! entry. The driver then makes a new set, and adds every interest that it has.
//!
//! The driver identifies descriptors by number. If the descriptor of a `Source` was closed without the
//! `Source`, the driver refuses the next owner of the number with `AlreadyExists` until the `Source` is
//! dropped.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use rustix::io::Errno;

use super::{IoEvent, Object, Raw, Readiness, Token, Trigger};

/// The data of the notifier's events. No descriptor has the number -1.
const NOTIFIED: u64 = u64::MAX;

/// The number of events that a poll takes from the kernel at most. Further events stay in the kernel
/// until the next turn.
const BATCH: usize = 1024;

pub(crate) struct EpollDriver {
    set: OwnedFd,
    notified: Arc<OwnedFd>,
    events: Vec<epoll::Event>,
    watches: RefCell<HashMap<Raw, Watch>>,
    /// The serial number of the newest interest.
    serial: Cell<u32>,
}

/// The notifier, which writes to an eventfd.
pub(crate) struct EpollNotifier(Arc<OwnedFd>);

/// A registered descriptor.
struct Watch {
    token: Token,
    /// The directions that `rearm` has declared since the last event. If there are none, the
    /// descriptor is not in the kernel's set.
    wanted: Readiness,
    serial: u32,
}

impl EpollDriver {
    pub(super) fn new() -> io::Result<(EpollDriver, EpollNotifier)> {
        let notified = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let notifier = EpollNotifier(notified.clone());
        let driver = EpollDriver {
            set: new_set(&notified)?,
            notified,
            events: Vec::with_capacity(BATCH),
            watches: RefCell::default(),
            serial: Cell::default(),
        };
        Ok((driver, notifier))
    }

    pub(super) fn register(&self, object: Object<'_>, token: Token) -> io::Result<Trigger> {
        let Some(raw) = object.raw else {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "the epoll driver can't watch a mio event source: use Source::new with its descriptor, \
                 or Driver::Mio",
            ));
        };
        let mut watches = self.watches.borrow_mut();
        let Entry::Vacant(place) = watches.entry(raw) else {
            return Err(io::ErrorKind::AlreadyExists.into());
        };
        // The kernel returns an error here if it can't watch the object. The entry is removed again,
        // because no task waits for the object yet.
        epoll::add(&self.set, super::borrow(&raw), data(raw, 0), epoll::EventFlags::empty())?;
        epoll::delete(&self.set, super::borrow(&raw))?;
        place.insert(Watch { token, wanted: Readiness::NONE, serial: 0 });
        Ok(Trigger::OneShot)
    }

    pub(super) fn take_over(&self, object: Object<'_>, token: Token) -> io::Result<Trigger> {
        if let Some(raw) = object.raw {
            self.watches.borrow_mut().remove(&raw);
            // The earlier object has an entry only if it had waiters.
            let _ = epoll::delete(&self.set, super::borrow(&raw));
        }
        self.register(object, token)
    }

    pub(super) fn rearm(&self, raw: Raw, token: Token, wanted: Readiness) -> io::Result<()> {
        let mut watches = self.watches.borrow_mut();
        let watch = watches.get_mut(&raw).filter(|watch| watch.token == token);
        let watch = watch.ok_or(io::ErrorKind::NotFound)?;
        let serial = self.serial.get().wrapping_add(1);
        self.serial.set(serial);
        match epoll::add(&self.set, super::borrow(&raw), data(raw, serial), flags(wanted)) {
            // The other direction has an interest already.
            Err(Errno::EXIST) => {
                epoll::modify(&self.set, super::borrow(&raw), data(raw, serial), flags(wanted))
            }
            result => result,
        }?;
        (watch.wanted, watch.serial) = (wanted, serial);
        Ok(())
    }

    pub(super) fn deregister(&self, object: Object<'_>) -> io::Result<()> {
        let Some(raw) = object.raw else { return Ok(()) };
        match self.watches.borrow_mut().remove(&raw) {
            Some(watch) if watch.wanted == Readiness::NONE => Ok(()),
            Some(_) => Ok(epoll::delete(&self.set, super::borrow(&raw))?),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn notices_close(&self) -> bool {
        false
    }

    pub(super) fn forget(&self, raw: Raw) {
        // The call fails only if the owner has closed the descriptor already. Then the kernel has
        // removed the entry, or the entry is stale.
        let _ = self.deregister(Object { mio: None, raw: Some(raw) });
    }

    /// Returns an error, because the driver may replace the set.
    pub(super) fn descriptor(&self) -> io::Result<OwnedFd> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn had_events(&self) -> bool {
        !self.events.is_empty()
    }

    pub(super) fn poll(
        &mut self,
        timeout: Option<Duration>,
        mut on_event: impl FnMut(IoEvent),
    ) -> io::Result<()> {
        // rustix rounds a time-out up to whole milliseconds.
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: timeout.as_secs() as i64,
            tv_nsec: timeout.subsec_nanos().into(),
        });
        self.events.clear();
        match epoll::wait(&self.set, spare_capacity(&mut self.events), timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let watches = self.watches.get_mut();
        let mut stale = false;
        for &epoll::Event { flags, data, .. } in &self.events {
            let data = data.u64();
            if data == NOTIFIED {
                let _ = rustix::io::read(&self.notified, &mut [0; 8]);
                continue;
            }
            let (raw, serial) = (data as u32 as Raw, (data >> 32) as u32);
            let Some(watch) = watches.get_mut(&raw).filter(|watch| watch.serial == serial) else {
                stale = true;
                continue;
            };
            watch.wanted = Readiness::NONE;
            stale |= epoll::delete(&self.set, super::borrow(&raw)).is_err();
            on_event(IoEvent { token: watch.token, readiness: readiness(flags) });
        }
        if stale {
            // If no descriptor is left for a new set, the stale entry's next event causes the next
            // attempt.
            let _ = self.renew(on_event);
        }
        Ok(())
    }

    /// Replaces the set by one without stale entries.
    #[cold]
    fn renew(&mut self, mut on_event: impl FnMut(IoEvent)) -> io::Result<()> {
        let set = new_set(&self.notified)?;
        for (raw, watch) in self.watches.get_mut() {
            if watch.wanted != Readiness::NONE
                && epoll::add(&set, super::borrow(raw), data(*raw, watch.serial), flags(watch.wanted))
                    .is_err()
            {
                // The descriptor was closed, too. The next operation of each task that waits reports
                // the error.
                on_event(IoEvent { token: watch.token, readiness: std::mem::take(&mut watch.wanted) });
            }
        }
        self.set = set;
        Ok(())
    }
}

/// Makes a set that holds only the notifier's eventfd.
fn new_set(notified: &OwnedFd) -> io::Result<OwnedFd> {
    let set = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&set, notified, epoll::EventData::new_u64(NOTIFIED), epoll::EventFlags::IN)?;
    Ok(set)
}

/// Returns the data of an event, which are the number of the descriptor and the serial number of the
/// interest.
fn data(raw: Raw, serial: u32) -> epoll::EventData {
    epoll::EventData::new_u64(u64::from(serial) << 32 | u64::from(raw as u32))
}

/// Returns the epoll events of an interest. Urgent data and the peer's end make an object readable.
fn flags(wanted: Readiness) -> epoll::EventFlags {
    use epoll::EventFlags as Flags;
    let mut flags = Flags::empty();
    if wanted.has(Readiness::READABLE) {
        flags |= Flags::IN | Flags::PRI | Flags::RDHUP;
    }
    if wanted.has(Readiness::WRITABLE) {
        flags |= Flags::OUT;
    }
    flags
}

/// Returns the readiness that an event reports. A hang-up or an error makes both directions ready. The
/// driver reports no closed and urgent facts, because `Trigger::OneShot` needs none.
fn readiness(flags: epoll::EventFlags) -> Readiness {
    use epoll::EventFlags as Flags;
    let mut readiness = Readiness::NONE;
    if flags.intersects(Flags::IN | Flags::PRI | Flags::RDHUP | Flags::HUP | Flags::ERR) {
        readiness = readiness.with(Readiness::READABLE);
    }
    if flags.intersects(Flags::OUT | Flags::HUP | Flags::ERR) {
        readiness = readiness.with(Readiness::WRITABLE);
    }
    readiness
}

impl EpollNotifier {
    pub(super) fn notify(&self) {
        let notified = rustix::io::write(&*self.0, &1u64.to_ne_bytes());
        debug_assert!(notified.is_ok(), "{notified:?}");
    }
}
