//! The figures of a core.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use oneloop::{Handle, Metrics};

use crate::counters::Counters;

/// The figures of a core since its first start. They include the time before its restarts.
///
/// A reading takes the numbers one by one while the core runs, so the numbers of one reading may belong
/// to slightly different moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Figures {
    /// The core's number, from 0 on.
    pub core: usize,
    /// The number of the CPU that the core's thread is bound to, or `None` for a thread that is not
    /// bound.
    pub cpu: Option<usize>,
    /// The number of connections that the core's listeners accepted or received from the acceptor.
    pub accepted: u64,
    /// The number of open connections. It includes the connections that wait for the core to take them.
    pub open: u64,
    /// The number of connections that a panic closed, either of their own task or of the core.
    pub lost: u64,
    /// The number of the core's restarts after a panic.
    pub restarts: u64,
    /// The number of polls of tasks.
    pub polls: u64,
    /// The time in which the core's loop was parked.
    pub time_parked: Duration,
    /// The time in which the core's loop was not parked.
    pub time_busy: Duration,
}

impl Figures {
    /// Returns the busy part of the loop's time, from 0 to 1. A loop that has never parked counts as
    /// busy.
    pub fn busy_share(&self) -> f64 {
        let all = self.time_busy + self.time_parked;
        if all.is_zero() { 0.0 } else { self.time_busy.as_secs_f64() / all.as_secs_f64() }
    }
}

/// The source of one core's figures.
pub(crate) struct Gauge {
    pub(crate) counters: Counters,
    runtimes: Mutex<Runtimes>,
}

#[derive(Default)]
struct Runtimes {
    cpu: Option<usize>,
    current: Option<Handle>,
    /// The sums over the runtimes that have ended.
    ended: Sums,
}

#[derive(Clone, Copy, Default)]
struct Sums {
    polls: u64,
    parked: Duration,
    busy: Duration,
}

impl Sums {
    fn and(self, metrics: &Metrics) -> Sums {
        Sums {
            polls: self.polls + metrics.polls,
            parked: self.parked + metrics.time_parked,
            busy: self.busy + metrics.time_busy,
        }
    }
}

impl Gauge {
    pub(crate) fn new() -> Gauge {
        Gauge { counters: Counters::new(), runtimes: Mutex::default() }
    }

    pub(crate) fn set_cpu(&self, cpu: Option<usize>) {
        self.runtimes.lock().unwrap_or_else(PoisonError::into_inner).cpu = cpu;
    }

    /// Records the start of a runtime. The first call of `metrics` starts the measurement of its time.
    pub(crate) fn begin(&self, handle: Handle) {
        handle.metrics();
        self.runtimes.lock().unwrap_or_else(PoisonError::into_inner).current = Some(handle);
    }

    /// Adds the figures of the core's runtime to the sums, after the core has dropped the runtime.
    pub(crate) fn end(&self) {
        let mut runtimes = self.runtimes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = runtimes.current.take() {
            runtimes.ended = runtimes.ended.and(&handle.metrics());
        }
    }

    pub(crate) fn figures(&self, core: usize) -> Figures {
        let runtimes = self.runtimes.lock().unwrap_or_else(PoisonError::into_inner);
        let current = runtimes.current.as_ref().map(Handle::metrics);
        let sums = current.iter().fold(runtimes.ended, |sums, metrics| sums.and(metrics));
        Figures {
            core,
            cpu: runtimes.cpu,
            open: self.counters.open(),
            lost: self.counters.lost(),
            accepted: self.counters.accepted(),
            restarts: self.counters.restarts(),
            polls: sums.polls,
            time_parked: sums.parked,
            time_busy: sums.busy,
        }
    }
}
