//! The counters of a core's connections and restarts.

use crate::sync::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// The counters of one core. Any thread reads them. The core writes them, and so does the acceptor that
/// hands connections to the core. The accesses are relaxed, because no thread reads other memory as
/// a consequence of a counter's value.
pub(crate) struct Counters {
    accepted: AtomicU64,
    open: AtomicU64,
    lost: AtomicU64,
    restarts: AtomicU64,
    /// True while the core drops its tasks after a panic.
    failing: AtomicBool,
    /// True from a panic of the core until its restart.
    restarting: AtomicBool,
}

impl Counters {
    pub(crate) fn new() -> Counters {
        Counters {
            accepted: AtomicU64::new(0),
            open: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            restarts: AtomicU64::new(0),
            failing: AtomicBool::new(false),
            restarting: AtomicBool::new(false),
        }
    }

    pub(crate) fn opened(&self) {
        self.accepted.fetch_add(1, Relaxed);
        self.open.fetch_add(1, Relaxed);
    }

    /// Counts the end of a connection. `panicking` means that its task unwinds.
    pub(crate) fn closed(&self, panicking: bool) {
        if panicking || self.failing.load(Relaxed) {
            self.lost.fetch_add(1, Relaxed);
        }
        self.open.fetch_sub(1, Relaxed);
    }

    /// Takes back the count of a connection that goes to another core before this core has taken it.
    pub(crate) fn withdrawn(&self) {
        self.accepted.fetch_sub(1, Relaxed);
        self.open.fetch_sub(1, Relaxed);
    }

    pub(crate) fn set_failing(&self, failing: bool) {
        if failing {
            self.restarting.store(true, Relaxed);
        }
        self.failing.store(failing, Relaxed);
    }

    /// Returns whether the core is between a panic and its restart.
    pub(crate) fn is_restarting(&self) -> bool {
        self.restarting.load(Relaxed)
    }

    pub(crate) fn restarted(&self) {
        self.restarting.store(false, Relaxed);
        self.restarts.fetch_add(1, Relaxed);
    }

    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Relaxed)
    }

    pub(crate) fn open(&self) -> u64 {
        self.open.load(Relaxed)
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }

    pub(crate) fn restarts(&self) -> u64 {
        self.restarts.load(Relaxed)
    }
}
