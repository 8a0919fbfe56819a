//! The clock of a loop, and how a test stops it.

use super::{Duration, Instant};
use crate::engine::context;
use crate::engine::core::Core;
use crate::task::yield_now;

/// The time that `sleep`, `timeout` and `interval` go by: inside a runtime whose clock was
/// [stopped](pause) the time of that clock, otherwise [`Instant::now`].
///
/// # Examples
///
/// See [`pause`].
pub fn now() -> Instant {
    context::try_with_last(|core| core.map_or_else(Instant::now, |core| core.clock.now()))
}

/// Stops the clock of this runtime: a test then waits for no real time, and its times are exact.
///
/// From now on time passes in two ways: by [`advance`], and by itself when nothing else can happen.
/// That is when no task is ready, the driver has no event, no closure of
/// [`unblock`](crate::unblock()) and no look-up of a name that was begun in this runtime runs, and no
/// task waits for a child process. Then the clock jumps to the next
/// deadline of a `sleep`, a `timeout`, an `interval`, or a timer or time-out of the event loop.
/// ([`Builder::auto_advance`](crate::Builder::auto_advance) turns the jumps off.)
///
/// A peer outside of the loop does not hold the clock: another thread, another process, the network.
/// While its answer is on the way a time-out may jump over it. Sockets of one loop that talk to each
/// other are safe, as is anything with the jumps turned off.
///
/// Deadlines are instants: a `sleep` that was made before the clock stopped, or outside of the
/// runtime, keeps the deadline that it got then from the system's clock. Other runtimes and the
/// system's time are not affected.
///
/// # Panics
///
/// Outside a runtime, and if the clock stands still already.
///
/// # Examples
///
/// ```
/// use oneloop::time::{Duration, now, pause, sleep, timeout};
///
/// oneloop::block_on(async {
///     pause();
///     let start = now();
///     let slow = sleep(Duration::from_secs(60));
///     assert!(timeout(Duration::from_secs(30), slow).await.is_err());
///     assert_eq!(now() - start, Duration::from_secs(30)); // at once, and to the nanosecond
/// });
/// ```
#[track_caller]
pub fn pause() {
    context::with("oneloop::time::pause was called", |core| {
        assert!(
            !core.clock.is_stopped(),
            "oneloop::time::pause was called, but the clock stands still already"
        );
        core.stop_clock();
    });
}

/// Lets the clock go again, from the time that it shows.
///
/// # Panics
///
/// Outside a runtime, and if the clock goes.
///
/// # Examples
///
/// ```
/// use oneloop::time::{Duration, Instant, now, pause, resume, sleep};
///
/// oneloop::block_on(async {
///     pause();
///     sleep(Duration::from_secs(3600)).await;
///     resume();
///     assert!(now() > Instant::now() + Duration::from_secs(3000)); // it keeps its lead
/// });
/// ```
#[track_caller]
pub fn resume() {
    context::with("oneloop::time::resume was called", |core| {
        require_stopped(core, "resume");
        core.resume_clock();
    });
}

/// Gives every other ready task a turn, then moves a clock that stands still, fires the timers that
/// are due, in the order of their deadlines, and gives the tasks a turn again. It is one jump: a task that sleeps again and
/// again for 1 ms wakes once in an `advance` of 10 ms.
///
/// # Panics
///
/// When polled: outside a runtime, if the clock goes, and if `duration` leads beyond the last
/// instant.
///
/// # Cancel safety
///
/// Dropped before it is ready, it has moved the clock or not.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use oneloop::time::{Duration, advance, sleep};
///
/// let runtime = oneloop::Runtime::builder().start_paused(true).auto_advance(false).build()?;
/// runtime.block_on(async {
///     let task = oneloop::spawn(sleep(Duration::from_secs(10)));
///     advance(Duration::from_secs(9)).await;
///     assert!(!task.is_finished());
///     advance(Duration::from_secs(1)).await;
///     assert!(task.is_finished());
/// });
/// # Ok(()) }
/// ```
pub async fn advance(duration: Duration) {
    yield_now().await;
    context::with("oneloop::time::advance was polled", |core| {
        require_stopped(core, "advance");
        assert!(core.clock.advance(duration), "oneloop::time::advance leads beyond the last instant");
        core.fire_due_timers();
    });
    yield_now().await;
}

#[track_caller]
fn require_stopped(core: &Core, what: &str) {
    assert!(
        core.clock.is_stopped(),
        "oneloop::time::{what} was called, but the clock goes: call oneloop::time::pause first, or build \
         the runtime with start_paused(true)"
    );
}
