//! The counters of a loop, which any thread may read.
//!
//! The loop's thread is the only writer. It loads a number and stores the next number, without an
//! atomic addition and without a barrier. A reader sees recent values, and two values may be of
//! different moments. The tables of the loop count the numbers that change with every poll. The loop
//! stores those numbers here once a turn ([`Counters::publish`]).
//!
//! Times are more expensive. Two readings of the clock cost a park about 100 instructions, which is a
//! tenth of a round trip on one connection. So the loop measures time only after the first reading of
//! the metrics ([`Counters::measure_time`]).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// A number that one thread writes and any thread reads.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    #[inline(always)]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    #[inline(always)]
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    #[inline(always)]
    pub(crate) fn add(&self, count: u64) {
        self.set(self.get().wrapping_add(count));
    }
}

#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) turns: Counter,
    /// The number of entries that were added to the ready queue.
    pub(crate) queued: Counter,
    /// The number of entries that were taken out of the ready queue.
    pub(crate) taken: Counter,
    /// The number of taken entries that had ended before and were not polled.
    pub(crate) passed_over: Counter,
    /// The largest number of entries that the ready queue had when a turn began to run them.
    pub(crate) ready_longest: Counter,
    /// The number of entries that messages of other threads have added to the ready queue.
    pub(crate) wakes_remote: Counter,
    pub(crate) spawned: Counter,
    /// The number of tasks that have finished and whose output was taken or dropped.
    pub(crate) ended: Counter,
    pub(crate) timers: Counter,
    pub(crate) registrations: Counter,
    pub(crate) parks: Counter,
    /// The number of front ends that run the loop now, which is usually 1 or 0. `EventLoop::take` is
    /// not counted.
    pub(crate) driven: Counter,
    /// The ticket's word of the unit that was polled last, or 0 while the loop is parked.
    pub(crate) running: Counter,
    timed: AtomicBool,
    times: Times,
    shown: Shown,
}

/// The times of the loop, in nanoseconds.
#[derive(Default)]
struct Times {
    /// The time at which the measurement began, by [`process_ns`]. The value is 0 before the
    /// measurement.
    begun_ns: Counter,
    /// The sum of the parks that have ended. While the loop is parked, the lowest bit is set, and the
    /// time at which the park began is subtracted from the sum. The counter is one word, so no reader
    /// sees half of a change.
    parked: Counter,
}

/// The largest values that readers have received. A difference of two counters may be too low while the
/// loop has changed only one of them. A reader receives no smaller value than an earlier reader.
#[derive(Default)]
struct Shown {
    polls: AtomicU64,
    wakes_local: AtomicU64,
    parked_ns: AtomicU64,
    busy_ns: AtomicU64,
}

fn no_less_than_shown(shown: &AtomicU64, now: u64) -> u64 {
    shown.fetch_max(now, Relaxed).max(now)
}

/// Returns nanoseconds since a fixed moment of this process. The result is never 0.
pub(crate) fn process_ns() -> u64 {
    static ORIGIN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let origin = ORIGIN.get_or_init(Instant::now);
    u64::try_from(origin.elapsed().as_nanos()).unwrap_or(u64::MAX).saturating_add(1)
}

impl Counters {
    /// Returns the number of entries of the ready queue.
    #[inline]
    pub(crate) fn ready(&self) -> u64 {
        let taken = self.taken.get();
        self.queued.get().saturating_sub(taken)
    }

    /// Returns the number of entries that were polled.
    pub(crate) fn polls(&self) -> u64 {
        let passed_over = self.passed_over.get();
        no_less_than_shown(&self.shown.polls, self.taken.get().saturating_sub(passed_over))
    }

    /// Returns the number of entries that the loop's own thread has added to the ready queue, without
    /// new tasks.
    pub(crate) fn wakes_local(&self) -> u64 {
        let others = self.spawned.get() + self.wakes_remote.get();
        no_less_than_shown(&self.shown.wakes_local, self.queued.get().saturating_sub(others))
    }

    /// Returns the time parked and the time busy, in nanoseconds, up to now.
    pub(crate) fn times(&self) -> (u64, u64) {
        let (parked_ns, busy_ns) = self.times.read();
        (
            no_less_than_shown(&self.shown.parked_ns, parked_ns),
            no_less_than_shown(&self.shown.busy_ns, busy_ns),
        )
    }

    /// Makes the loop measure time from the next park on. Any thread may call the function.
    pub(crate) fn measure_time(&self) {
        self.timed.store(true, Relaxed);
    }

    /// Stores the counts of the tables.
    #[inline(always)]
    pub(crate) fn publish(&self, queued: u64, taken: u64, timers: usize) {
        self.queued.set(queued);
        self.taken.set(taken);
        self.timers.set(timers as u64);
    }

    /// Counts a park. The function returns whether the park is timed.
    #[inline(always)]
    pub(crate) fn park(&self) -> bool {
        self.parks.add(1);
        let timed = self.timed.load(Relaxed);
        if timed {
            self.times.park();
        }
        timed
    }

    /// Notes that a park has ended.
    #[inline(always)]
    pub(crate) fn unpark(&self, timed: bool) {
        if timed {
            self.times.unpark();
        }
    }
}

impl Times {
    #[cold]
    #[inline(never)]
    fn park(&self) {
        let now_ns = process_ns();
        if self.begun_ns.get() == 0 {
            self.begun_ns.set(now_ns);
        }
        self.parked.set((self.parked.get() >> 1).wrapping_sub(now_ns) << 1 | 1);
    }

    #[cold]
    #[inline(never)]
    fn unpark(&self) {
        self.parked.set((self.parked.get() >> 1).wrapping_add(process_ns()) << 1);
    }

    /// Returns the word of the parked time, and a time at which the counter had that word. This thread
    /// may be preempted between the two readings, and the loop may park and unpark in between. Then the
    /// function reads both again. If the loop parks more often than this thread can read, an error of
    /// one such interval remains.
    fn parked_at(&self) -> (u64, u64) {
        const READINGS_MAX: usize = 16;
        let mut parked = self.parked.get();
        let mut now_ns = process_ns();
        for _ in 1..READINGS_MAX {
            let again = self.parked.get();
            if again == parked {
                break;
            }
            (parked, now_ns) = (again, process_ns());
        }
        (parked, now_ns)
    }

    fn read(&self) -> (u64, u64) {
        let begun_ns = self.begun_ns.get();
        if begun_ns == 0 {
            return (0, 0);
        }
        let (parked, now_ns) = self.parked_at();
        let since_ns = if parked & 1 == 0 { 0 } else { now_ns };
        // The time has 63 bits and a sign, because the clocks of two processors may differ slightly.
        let parked_ns = ((parked >> 1).wrapping_add(since_ns) << 1).cast_signed() >> 1;
        let parked_ns = parked_ns.max(0).cast_unsigned();
        (parked_ns, now_ns.saturating_sub(begun_ns).saturating_sub(parked_ns))
    }
}
