//! The clock of a loop, and the functions that pause the clock for tests.

use super::{Duration, Instant};
use crate::engine::context;
use crate::engine::core::Core;
use crate::task::yield_now;

/// Returns the time that `sleep`, `timeout` and `interval` use. Inside a runtime with a
/// [paused](pause) clock, this is the time of that clock. Otherwise the function returns
/// [`Instant::now`].
pub fn now() -> Instant {
    context::try_with_last(|core| core.map_or_else(Instant::now, |core| core.clock.now()))
}

/// Pauses the clock of this runtime. A test then waits for no real time, and its times are exact.
///
/// The time then changes in two ways: by [`advance`], and by jumps when all tasks wait. The clock
/// jumps if no task is ready, the driver has no event, and no task waits for a child process. Also
/// no closure of [`unblock`](crate::unblock()) and no look-up of a host name of this runtime may
/// run. The clock then jumps to the next deadline of a `sleep`, a `timeout`, an `interval`, or a
/// timer or time-out of the event loop. [`Builder::auto_advance`](crate::Builder::auto_advance)
/// turns the jumps off.
///
/// The clock does not wait for a peer outside of the loop, such as another thread, another process
/// or the network. So a time-out may fire before the answer of such a peer arrives. Sockets of one
/// loop that communicate with each other don't have this problem, and neither has a clock without
/// jumps.
///
/// Deadlines are instants. So a `sleep` that was created before the pause, or outside of the
/// runtime, keeps its deadline of the system's clock. The pause does not affect other runtimes and
/// the system's time.
///
/// # Panics
///
/// The call panics outside a runtime, and if the clock is already paused.
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
///     assert_eq!(now() - start, Duration::from_secs(30)); // without waiting, and exact to the nanosecond
/// });
/// ```
#[track_caller]
pub fn pause() {
    context::with("oneloop::time::pause was called", |core| {
        assert!(!core.clock.is_stopped(), "oneloop::time::pause was called, but the clock is already paused");
        core.stop_clock();
    });
}

/// Resumes the clock from its current time.
///
/// # Panics
///
/// The call panics outside a runtime, and if the clock is not paused.
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
///     assert!(now() > Instant::now() + Duration::from_secs(3000)); // the clock stays ahead
/// });
/// ```
#[track_caller]
pub fn resume() {
    context::with("oneloop::time::resume was called", |core| {
        require_stopped(core, "resume");
        core.resume_clock();
    });
}

/// Moves a paused clock by `duration`. The future first yields to the other ready tasks. Then it
/// moves the clock, fires the due timers in the order of their deadlines, and yields again. The
/// move is one jump. So a task that repeatedly sleeps for 1 ms wakes once in an `advance` of 10 ms.
///
/// # Panics
///
/// Polling the future panics outside a runtime, if the clock is not paused, and if the new time
/// overflows [`Instant`].
///
/// # Cancel safety
///
/// If the future is dropped before it completes, the clock may have moved or not.
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
        assert!(core.clock.advance(duration), "oneloop::time::advance overflows Instant");
        core.fire_due_timers();
    });
    yield_now().await;
}

#[track_caller]
fn require_stopped(core: &Core, what: &str) {
    assert!(
        core.clock.is_stopped(),
        "oneloop::time::{what} was called, but the clock is not paused: call oneloop::time::pause first, \
         or build the runtime with start_paused(true)"
    );
}
