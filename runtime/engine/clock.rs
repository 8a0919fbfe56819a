//! The clock of a loop: nanoseconds since its start.

use std::time::{Duration, Instant};

/// A runtime's time as the timer wheel counts it: nanoseconds since a moment some days before the
/// runtime was made, because a `Sleep` may be older than its runtime and keeps its place in the
/// order of deadlines.
pub(crate) struct Clock {
    start: Instant,
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
        Clock { start }
    }

    /// Reads the clock: on Linux no system call, about 25 ns.
    pub(crate) fn now_ns(&self) -> u64 {
        self.ns(Instant::now())
    }

    /// A moment before the start counts as the start; 584 years from it, as for ever.
    pub(crate) fn ns(&self, instant: Instant) -> u64 {
        u64::try_from(instant.saturating_duration_since(self.start).as_nanos()).unwrap_or(u64::MAX)
    }
}
