//! `interval`: ticks on a grid.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_lite::Stream;

use super::{Duration, Instant, Sleep, now, sleep, sleep_until};

/// Ticks every `period`: the first time at once, then on the grid that the first tick begins.
///
/// Ticks that were missed because the task did not await them are *skipped*, and the grid is kept:
/// with a period of 10 ms, a consumer that is busy from 5 to 37 ms gets the ticks of 10 ms (late,
/// at 37) and 40 ms. [`MissedTickBehavior`] has the other two ways.
///
/// It may be made anywhere; its ticks are awaited inside a runtime. The first one is due when this
/// is called.
///
/// # Panics
///
/// If `period` is zero. A tick panics when it is first polled outside a runtime.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
///
/// oneloop::block_on(async {
///     let start = Instant::now();
///     let mut interval = oneloop::time::interval(Duration::from_millis(5));
///     let first = interval.tick().await;
///     let second = interval.tick().await;
///     assert_eq!(second - first, Duration::from_millis(5));
///     assert!(start.elapsed() >= Duration::from_millis(5));
/// });
/// ```
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    assert!(!period.is_zero(), "oneloop::time::interval was called with a period of zero");
    interval_at(now(), period)
}

/// Ticks every `period`, the first time at `start`. Otherwise as [`interval`].
///
/// # Panics
///
/// If `period` is zero. A tick panics when it is polled outside a runtime.
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

/// What an [`Interval`] does about ticks that were due while its task did not await them.
///
/// With a period of 10 ms and a consumer that is busy from 5 to 37 ms, the ticks after that come at:
///
/// | | due at 10 ms | then |
/// |---|---|---|
/// | `Skip` | 37 | 40, 50, 60 |
/// | `Burst` | 37 | 37 (that of 20), 37 (that of 30), 40, 50 |
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
    /// Missed ticks are left out, and the grid is kept. (The default of tokio is `Burst`.)
    #[default]
    Skip,
    /// Missed ticks come at once, one after the other, until the grid is caught up with.
    Burst,
    /// The next tick is one period after the late one, which begins a new grid.
    Delay,
}

/// Ticks at a fixed rate; see [`interval`]. Also a [`Stream`] of the same instants, which never
/// ends.
///
/// # Panics
///
/// When a tick, or the stream's next item, is first polled outside a runtime.
///
/// # Cancel safety
///
/// Cancel safe, by [`tick`](Interval::tick) and as a stream: a tick counts as taken only in the
/// poll that returns it.
///
/// # Examples
///
/// ```
/// use oneloop::future::StreamExt;
/// use oneloop::time::{Duration, interval};
///
/// oneloop::block_on(async {
///     let mut interval = interval(Duration::from_millis(5));
///     let first = interval.tick().await;
///     let second = interval.next().await.unwrap(); // as a stream
///     assert_eq!(second - first, interval.period());
/// });
/// ```
#[derive(Debug)]
pub struct Interval {
    /// Its deadline is the next tick.
    sleep: Sleep,
    period: Duration,
    missed: MissedTickBehavior,
}

impl Interval {
    /// Waits for the next tick and returns the moment it was due, which may be a while ago.
    ///
    /// # Panics
    ///
    /// When first polled outside a runtime.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no tick is lost if it is dropped before it is ready.
    ///
    /// # Examples
    ///
    /// See [`interval`].
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    /// The poll behind [`tick`](Interval::tick). Of several wakers that it was called with, the
    /// last is woken.
    ///
    /// # Panics
    ///
    /// When a tick is first polled outside a runtime.
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
        // Once time has run out (in 584 years) there is no next tick.
        let Some(due) = self.sleep.deadline() else { return Poll::Pending };
        ready!(Pin::new(&mut self.sleep).poll(cx));
        let now = now();
        let next = match self.missed {
            MissedTickBehavior::Skip => next_tick(due, self.period, now),
            MissedTickBehavior::Burst => due.checked_add(self.period),
            // A loop that is late by less than a tick of the wheel has missed nothing.
            MissedTickBehavior::Delay if now - due < LATE_MIN => due.checked_add(self.period),
            MissedTickBehavior::Delay => now.checked_add(self.period),
        };
        self.sleep = Sleep { deadline: next, timer: None };
        Poll::Ready(due)
    }

    /// Starts a new grid: the next tick is one period from now. A task that waits for a tick has to
    /// poll again.
    ///
    /// # Examples
    ///
    /// ```
    /// use oneloop::time::{Duration, Instant, interval};
    ///
    /// oneloop::block_on(async {
    ///     let mut interval = interval(Duration::from_millis(5));
    ///     let start = Instant::now();
    ///     interval.reset(); // no tick at once now
    ///     assert!(interval.tick().await >= start + interval.period());
    /// });
    /// ```
    pub fn reset(&mut self) {
        self.sleep = sleep(self.period);
    }

    /// Starts a new grid with a tick now. A task that waits for a tick has to poll again.
    ///
    /// # Examples
    ///
    /// See [`reset_at`](Interval::reset_at).
    pub fn reset_immediately(&mut self) {
        self.reset_at(now());
    }

    /// Starts a new grid with a tick `after` from now. A task that waits for a tick has to poll
    /// again. A duration that overflows [`Instant`] means never.
    ///
    /// # Examples
    ///
    /// See [`reset_at`](Interval::reset_at).
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

    /// What is done about missed ticks.
    ///
    /// # Examples
    ///
    /// See [`set_missed_tick_behavior`](Interval::set_missed_tick_behavior).
    pub fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.missed
    }

    /// Chooses what is done about missed ticks, from the next one on.
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

    /// The time from one tick to the next.
    ///
    /// # Examples
    ///
    /// See [`Interval`].
    pub fn period(&self) -> Duration {
        self.period
    }
}

/// From how late on a tick counts as missed by `Delay`: what an idle loop is late by is less (the
/// driver sleeps in whole milliseconds). tokio's threshold is 5 ms, too.
const LATE_MIN: Duration = Duration::from_millis(5);

/// The first point after `now` on the grid through `due`.
fn next_tick(due: Instant, period: Duration, now: Instant) -> Option<Instant> {
    let next = due.checked_add(period)?;
    if next > now {
        return Some(next);
    }
    let into_period_ns = (now - due).as_nanos() % period.as_nanos();
    let rest_ns = period.as_nanos() - into_period_ns;
    // Less than the period, which is a Duration.
    now.checked_add(Duration::new((rest_ns / 1_000_000_000) as u64, (rest_ns % 1_000_000_000) as u32))
}

/// Cancel safe: no tick is lost if a `next` is dropped before it is ready. It never ends.
impl Stream for Interval {
    type Item = Instant;

    /// # Panics
    ///
    /// When a tick is first polled outside a runtime.
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Instant>> {
        self.poll_tick(cx).map(Some)
    }
}
