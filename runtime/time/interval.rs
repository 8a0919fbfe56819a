//! `interval`, which ticks on a grid.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_lite::Stream;

use super::{Duration, Instant, Sleep, now, sleep, sleep_until};

/// Ticks every `period`. The first tick is immediate and starts the grid of the further ticks.
///
/// Ticks that the task does not await in time are *skipped*, and the grid is kept. For example,
/// with a period of 10 ms, a consumer that is busy from 5 to 37 ms receives the tick of 10 ms at 37
/// ms, and the tick of 40 ms on time. [`MissedTickBehavior`] has the other two behaviours.
///
/// An interval may be created anywhere, and its ticks are awaited inside a runtime. The first tick
/// is due at the time of this call.
///
/// # Panics
///
/// The call panics if `period` is zero. A tick panics if its first poll is outside a runtime.
///
/// # Examples
///
/// ```
/// use oneloop::time::{Duration, interval, now};
///
/// oneloop::block_on(async {
/// #   oneloop::time::pause();
///     let start = now();
///     let mut interval = interval(Duration::from_millis(5));
///     let first = interval.tick().await;
///     let second = interval.tick().await;
///     assert_eq!(second - first, Duration::from_millis(5));
///     assert!(now() - start >= Duration::from_millis(5));
/// });
/// ```
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    assert!(!period.is_zero(), "oneloop::time::interval was called with a period of zero");
    interval_at(now(), period)
}

/// Ticks every `period`, for the first time at `start`. In all other respects the function is as
/// [`interval`].
///
/// # Panics
///
/// The call panics if `period` is zero. A tick panics if its first poll is outside a runtime.
///
/// # Examples
///
/// ```
/// use oneloop::time::{Duration, Instant, interval_at};
///
/// oneloop::block_on(async {
///     let start = Instant::now() + Duration::from_millis(5);
///     let mut interval = interval_at(start, Duration::from_millis(2));
///     assert_eq!(interval.tick().await, start);
///     assert!(Instant::now() >= start);
/// });
/// ```
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(!period.is_zero(), "oneloop::time::interval_at was called with a period of zero");
    Interval { sleep: sleep_until(start), period, missed: MissedTickBehavior::default() }
}

/// The behaviour of an [`Interval`] for ticks that its task did not await in time.
///
/// The table shows the times of the ticks for a period of 10 ms and a consumer that is busy from 5
/// to 37 ms:
///
/// | | tick that is due at 10 ms | next ticks |
/// |---|---|---|
/// | `Skip` | 37 | 40, 50, 60 |
/// | `Burst` | 37 | 37 (due at 20), 37 (due at 30), 40, 50 |
/// | `Delay` | 37 | 47, 57, 67 |
///
/// # Examples
///
/// ```
/// use oneloop::time::{Duration, MissedTickBehavior, advance, interval, now, pause};
///
/// oneloop::block_on(async {
///     pause();
///     let start = now();
///     let mut interval = interval(Duration::from_millis(10));
///     interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
///     interval.tick().await;
///     advance(Duration::from_millis(37)).await; // busy
///     interval.tick().await;
///     assert_eq!(interval.tick().await - start, Duration::from_millis(47));
/// });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissedTickBehavior {
    /// Missed ticks are skipped, and the grid is kept. (The default of tokio is `Burst`.)
    #[default]
    Skip,
    /// Missed ticks complete without waiting, one after the other, until the next tick on the grid
    /// is in the future.
    Burst,
    /// The next tick is one period after the late tick, which starts a new grid.
    Delay,
}

/// Ticks at a fixed rate; see [`interval`]. The type is also a [`Stream`] of the same instants,
/// which never ends.
///
/// # Panics
///
/// A tick, or the stream's next item, panics if its first poll is outside a runtime.
///
/// # Cancel safety
///
/// Both [`tick`](Interval::tick) and the stream are cancel safe: only the poll that returns a tick
/// consumes the tick.
///
/// # Examples
///
/// ```
/// use oneloop::future::StreamExt;
/// use oneloop::time::{Duration, interval};
///
/// oneloop::block_on(async {
/// #   oneloop::time::pause();
///     let mut interval = interval(Duration::from_millis(5));
///     let first = interval.tick().await;
///     let second = interval.next().await.unwrap(); // as a stream
///     assert_eq!(second - first, interval.period());
/// });
/// ```
#[derive(Debug)]
pub struct Interval {
    /// The sleep until the next tick.
    sleep: Sleep,
    period: Duration,
    missed: MissedTickBehavior,
}

impl Interval {
    /// Waits for the next tick and returns its due time, which may be in the past.
    ///
    /// # Panics
    ///
    /// The future panics if its first poll is outside a runtime.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe: dropping it before it completes loses no tick.
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    /// Polls for [`tick`](Interval::tick). After several calls with different wakers, the tick
    /// wakes the waker of the last call.
    ///
    /// # Panics
    ///
    /// The call panics if the first poll of a tick is outside a runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// use oneloop::time::{Duration, Instant, interval};
    ///
    /// oneloop::block_on(async {
    ///     let mut interval = interval(Duration::from_millis(5));
    ///     let due = std::future::poll_fn(|cx| interval.poll_tick(cx)).await;
    ///     assert!(due <= Instant::now());
    /// });
    /// ```
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        // `None` means that the next tick overflows the clock (after 584 years).
        let Some(due) = self.sleep.deadline() else { return Poll::Pending };
        ready!(Pin::new(&mut self.sleep).poll(cx));
        let now = now();
        let next = match self.missed {
            MissedTickBehavior::Skip => next_tick(due, self.period, now),
            MissedTickBehavior::Burst => due.checked_add(self.period),
            // A loop that is late by less than a tick of the wheel has missed no tick.
            MissedTickBehavior::Delay if now - due < LATE_MIN => due.checked_add(self.period),
            MissedTickBehavior::Delay => now.checked_add(self.period),
        };
        self.sleep = Sleep { deadline: next, timer: None };
        Poll::Ready(due)
    }

    /// Starts a new grid, with the next tick one period from now. A task that waits for a tick has
    /// to poll again.
    ///
    /// # Examples
    ///
    /// ```
    /// use oneloop::time::{Duration, Instant, interval};
    ///
    /// oneloop::block_on(async {
    ///     let mut interval = interval(Duration::from_millis(5));
    ///     let start = Instant::now();
    ///     interval.reset(); // removes the immediate tick
    ///     assert!(interval.tick().await >= start + interval.period());
    /// });
    /// ```
    pub fn reset(&mut self) {
        self.sleep = sleep(self.period);
    }

    /// Starts a new grid with a tick now. A task that waits for a tick has to poll again.
    pub fn reset_immediately(&mut self) {
        self.reset_at(now());
    }

    /// Starts a new grid with a tick `after` from now. A task that waits for a tick has to poll
    /// again. If `after` overflows [`Instant`], the interval never ticks.
    pub fn reset_after(&mut self, after: Duration) {
        self.sleep = sleep(after);
    }

    /// Starts a new grid with a tick at `deadline`. A task that waits for a tick has to poll again.
    ///
    /// # Examples
    ///
    /// ```
    /// use oneloop::time::{Duration, interval, now, pause};
    ///
    /// oneloop::block_on(async {
    ///     pause();
    ///     let mut interval = interval(Duration::from_secs(10));
    ///     let deadline = now() + Duration::from_secs(3);
    ///     interval.reset_at(deadline);
    ///     assert_eq!(interval.tick().await, deadline);
    ///     interval.reset_after(Duration::from_secs(1));
    ///     assert_eq!(interval.tick().await, deadline + Duration::from_secs(1));
    ///     interval.reset_immediately();
    ///     assert_eq!(interval.tick().await, now());
    /// });
    /// ```
    pub fn reset_at(&mut self, deadline: Instant) {
        self.sleep = sleep_until(deadline);
    }

    /// Returns the behaviour for missed ticks.
    pub fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.missed
    }

    /// Sets the behaviour for missed ticks, from the next tick on.
    ///
    /// # Examples
    ///
    /// ```
    /// use oneloop::time::{Duration, MissedTickBehavior, interval};
    ///
    /// let mut interval = interval(Duration::from_secs(1));
    /// assert_eq!(interval.missed_tick_behavior(), MissedTickBehavior::Skip);
    /// interval.set_missed_tick_behavior(MissedTickBehavior::Burst);
    /// assert_eq!(interval.missed_tick_behavior(), MissedTickBehavior::Burst);
    /// ```
    pub fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.missed = behavior;
    }

    /// Returns the time from one tick to the next.
    pub fn period(&self) -> Duration {
        self.period
    }
}

/// The lateness from which `Delay` counts a tick as missed. The lateness of an idle loop is less,
/// because the driver sleeps in whole milliseconds. tokio's threshold is 5 ms, too.
const LATE_MIN: Duration = Duration::from_millis(5);

/// Returns the first point after `now` on the grid through `due`.
fn next_tick(due: Instant, period: Duration, now: Instant) -> Option<Instant> {
    let next = due.checked_add(period)?;
    if next > now {
        return Some(next);
    }
    let into_period_ns = (now - due).as_nanos() % period.as_nanos();
    let rest_ns = period.as_nanos() - into_period_ns;
    // The rest is less than the period, so the seconds fit a `Duration`.
    now.checked_add(Duration::new((rest_ns / 1_000_000_000) as u64, (rest_ns % 1_000_000_000) as u32))
}

/// The stream is cancel safe: dropping a `next` before it completes loses no tick. The stream never
/// ends.
impl Stream for Interval {
    type Item = Instant;

    /// # Panics
    ///
    /// The call panics if the first poll of a tick is outside a runtime.
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Instant>> {
        self.poll_tick(cx).map(Some)
    }
}
