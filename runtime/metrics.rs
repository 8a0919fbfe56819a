//! `Metrics`, the counters of a loop.

use std::time::Duration;

use crate::engine::counters::Counters;

/// The counters of a loop, as [`Runtime::metrics`](crate::Runtime::metrics) and
/// [`Handle::metrics`](crate::Handle::metrics) return them.
///
/// The loop's thread writes the counters one by one, and any thread reads them without stopping the
/// loop. So the counters of one reading may belong to slightly different moments. Polls, wake-ups,
/// the ready queue and timers have their values at the end of the last turn, and with
/// [`Runtime::metrics`](crate::Runtime::metrics) their current values. Sums count from the start of
/// the runtime and never decrease. A monitor takes the difference of two readings.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let runtime = oneloop::Runtime::new()?;
/// runtime.block_on(async {
///     let task = oneloop::spawn(async { oneloop::yield_now().await });
///     task.await.unwrap();
/// });
/// let metrics = runtime.metrics();
/// assert_eq!(metrics.spawned, 1);
/// assert_eq!(metrics.tasks, 0);
/// assert!(metrics.polls >= 4); // two polls of `block_on`'s future and two of the task
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Turns of the loop. A turn ends with a poll of the driver, which may park the loop.
    pub turns: u64,
    /// Polls of tasks, of `block_on`'s own future, and of an `EventLoop`'s sources.
    pub polls: u64,
    /// Wake-ups from the loop's own thread that put an entry into the ready queue. Their sources
    /// are tasks, sockets and timers. A wake-up of a task that is already in the queue does not
    /// count.
    pub wakes_local: u64,
    /// The same for wake-ups from other threads.
    pub wakes_remote: u64,
    /// The number of parks, in which the loop sleeps in the driver.
    pub parks: u64,
    /// Spawned tasks.
    pub spawned: u64,
    /// Existing tasks. A finished task counts until its output is taken or dropped.
    pub tasks: u64,
    /// Entries of the ready queue.
    pub ready: u64,
    /// The largest number of entries of the ready queue at the start of a turn.
    pub ready_longest: u64,
    /// Timers that are set.
    pub timers: u64,
    /// Objects that are registered with the driver: sockets, pipes, listeners of signals.
    pub registrations: u64,
    /// The time that the loop was parked, since the first park after the first call of `metrics`.
    /// The measurement costs two readings of the clock for each park, about 70 ns. So a loop whose
    /// metrics are never read does not measure the time.
    pub time_parked: Duration,
    /// The time that the loop was not parked in the same period. This includes the time in which
    /// the program ran outside of the loop.
    pub time_busy: Duration,
}

impl Metrics {
    pub(crate) fn read(counters: &Counters) -> Metrics {
        counters.measure_time();
        let (parked_ns, busy_ns) = counters.times();
        // `ended` is read before `spawned`, so that the difference is never negative.
        let ended = counters.ended.get();
        let spawned = counters.spawned.get();
        Metrics {
            turns: counters.turns.get(),
            polls: counters.polls(),
            wakes_local: counters.wakes_local(),
            wakes_remote: counters.wakes_remote.get(),
            parks: counters.parks.get(),
            spawned,
            tasks: spawned.saturating_sub(ended),
            ready: counters.ready(),
            ready_longest: counters.ready_longest.get(),
            timers: counters.timers.get(),
            registrations: counters.registrations.get(),
            time_parked: Duration::from_nanos(parked_ns),
            time_busy: Duration::from_nanos(busy_ns),
        }
    }
}
