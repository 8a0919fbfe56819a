//! `interval`: ticks on a grid.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_lite::Stream;

use super::{Duration, Instant, Sleep, sleep};

/// Ticks every `period`: the first time at once, then on the grid that the first tick begins.
///
/// Ticks that were missed because the task did not await them are *skipped*, and the grid is kept:
/// with a period of 10 ms, a consumer that is busy from 5 to 37 ms gets the ticks of 10 ms (late,
/// at 37) and 40 ms.
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
    Interval { sleep: sleep(Duration::ZERO), period }
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
        self.sleep = Sleep { deadline: next_tick(due, self.period, Instant::now()), timer: None };
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

    /// The time from one tick to the next.
    ///
    /// # Examples
    ///
    /// See [`Interval`].
    pub fn period(&self) -> Duration {
        self.period
    }
}

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
