//! The clock of a loop: nanoseconds since its start, which a test can stop.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// A runtime's time as the timer wheel counts it: nanoseconds since a moment some days before the
/// runtime was made, because a `Sleep` may be older than its runtime and keeps its place in the
/// order of deadlines.
pub(crate) struct Clock {
    start: Instant,
    time: Cell<Time>,
}

/// Where the time comes from.
#[derive(Clone, Copy)]
enum Time {
    System,
    /// The clock stands still there, until the program or the loop moves it.
    Stopped(Instant),
    /// The clock was stopped and goes again: it showed `.0` when the system's showed `.1`.
    Resumed(Instant, Instant),
}

impl Clock {
    pub(crate) fn new() -> Clock {
        let now = Instant::now();
        // Not every system has moments before it was started.
        let mut before = Duration::from_secs(30 * 24 * 3600);
        let start = loop {
            match now.checked_sub(before) {
                Some(start) => break start,
                None => before /= 2,
            }
        };
        Clock { start, time: Cell::new(Time::System) }
    }

    /// Reads the clock: on Linux no system call, about 25 ns.
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

    /// A moment before the start counts as the start; 584 years from it, as for ever.
    pub(crate) fn ns(&self, instant: Instant) -> u64 {
        u64::try_from(instant.saturating_duration_since(self.start).as_nanos()).unwrap_or(u64::MAX)
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

    /// Moves a clock that is stopped. `false` if it would pass the end of what [`Instant`] can name.
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
