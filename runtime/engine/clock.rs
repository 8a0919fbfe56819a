//! The clock of a loop, which counts nanoseconds. A test can stop the clock.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// A runtime's time in the form of the timer wheel. The time counts nanoseconds since a moment some
/// days before the runtime was made. The start is that early because a `Sleep` may be older than its
/// runtime, and its deadline must keep its order among the other deadlines.
pub(crate) struct Clock {
    start: Instant,
    time: Cell<Time>,
}

/// The source of the time.
#[derive(Clone, Copy)]
enum Time {
    System,
    /// The clock is stopped at this time, until the program or the loop moves it.
    Stopped(Instant),
    /// The clock was stopped and runs again. It showed `.0` when the clock of the system showed `.1`.
    Resumed(Instant, Instant),
}

impl Clock {
    pub(crate) fn new() -> Clock {
        let now = Instant::now();
        // Not every system can represent moments before its start.
        let mut before = Duration::from_secs(30 * 24 * 3600);
        let start = loop {
            match now.checked_sub(before) {
                Some(start) => break start,
                None => before /= 2,
            }
        };
        Clock { start, time: Cell::new(Time::System) }
    }

    /// Reads the clock. On Linux a reading makes no system call and takes about 25 ns.
    #[inline]
    pub(crate) fn now(&self) -> Instant {
        match self.time.get() {
            Time::System => Instant::now(),
            time => time.shown(),
        }
    }

    #[inline]
    pub(crate) fn now_ns(&self) -> u64 {
        self.ns(self.now())
    }

    /// Converts an instant to nanoseconds. A moment before the start counts as the start. A moment 584
    /// years after the start counts as never. The function avoids `Duration::as_nanos`, which uses 128
    /// bits.
    #[inline]
    pub(crate) fn ns(&self, instant: Instant) -> u64 {
        let Some(since) = instant.checked_duration_since(self.start) else { return 0 };
        let ns = since.as_secs().checked_mul(1_000_000_000);
        ns.and_then(|ns| ns.checked_add(since.subsec_nanos().into())).unwrap_or(u64::MAX)
    }

    /// Returns the moment of a number of nanoseconds, or `None` for a time that never comes.
    #[cold]
    pub(crate) fn instant(&self, ns: u64) -> Option<Instant> {
        if ns == u64::MAX { None } else { self.start.checked_add(Duration::from_nanos(ns)) }
    }

    #[inline]
    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self.time.get(), Time::Stopped(_))
    }

    pub(crate) fn stop(&self) {
        self.time.set(Time::Stopped(self.now()));
    }

    pub(crate) fn resume(&self) {
        self.time.set(Time::Resumed(self.now(), Instant::now()));
    }

    /// Moves a clock that is stopped. The function returns `false` if the new time is beyond the range
    /// of [`Instant`].
    pub(crate) fn advance(&self, duration: Duration) -> bool {
        let later = self.now().checked_add(duration);
        later.inspect(|later| self.time.set(Time::Stopped(*later))).is_some()
    }
}

impl Time {
    #[cold]
    fn shown(self) -> Instant {
        match self {
            Time::System => Instant::now(),
            Time::Stopped(at) => at,
            Time::Resumed(at, since) => at + since.elapsed(),
        }
    }
}
