//! Futures that wait for a time: `sleep`, `timeout` and (in `time/interval.rs`) `interval`, on the
//! timer wheel.
//!
//! A waiting timer takes 40 bytes in the wheel. Starting, moving and cancelling a timer are O(1)
//! and make no system call.

mod clock;
mod interval;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
pub use std::time::{Duration, Instant};

use pin_project_lite::pin_project;

pub use self::clock::{advance, now, pause, resume};
pub use self::interval::{Interval, MissedTickBehavior, interval, interval_at};
use crate::engine::context;
use crate::engine::core::Core;
use crate::engine::registry;
use crate::engine::wait_list::Waiter;

/// Waits until `duration` has passed, counted from this call.
///
/// The sleep never ends early. On an idle loop it ends at most about a millisecond late, because
/// the driver sleeps in milliseconds, rounded up. On a busy loop it ends late by the time of the
/// running tasks. A sleep whose duration overflows [`Instant`] never ends. A sleep may be created
/// anywhere, and its first poll is inside a runtime. The first poll adds a timer to the wheel and
/// is pending, also if the deadline has passed.
///
/// # Panics
///
/// The future panics if its first poll is outside a runtime.
///
/// # Cancel safety
///
/// The future is cancel safe. A new sleep counts from its own creation.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
///
/// let start = Instant::now();
/// oneloop::block_on(oneloop::time::sleep(Duration::from_millis(5)));
/// assert!(start.elapsed() >= Duration::from_millis(5));
/// ```
pub fn sleep(duration: Duration) -> Sleep {
    Sleep { deadline: now().checked_add(duration), timer: None }
}

/// Waits until `deadline`. If the deadline has passed, the future completes in the loop's next
/// turn. [`sleep`] describes the possible delay.
///
/// # Panics
///
/// The future panics if its first poll is outside a runtime.
///
/// # Cancel safety
///
/// The future is cancel safe.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
///
/// let deadline = Instant::now() + Duration::from_millis(5);
/// oneloop::block_on(oneloop::time::sleep_until(deadline));
/// assert!(Instant::now() >= deadline);
/// ```
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep { deadline: Some(deadline), timer: None }
}

/// The future of [`sleep`] and [`sleep_until`].
///
/// The future waits in the timer wheel of the loop that polls it. A sleep that moves to another
/// loop, also on another thread, waits there for the same deadline. If a sleep is dropped outside
/// its loop, it sends a message to its loop, which removes the timer from the wheel.
///
/// # Panics
///
/// Polling the future outside a runtime panics. The first poll panics if 16,777,216 timers are in
/// use in the runtime, because a timer's key has 24 bits.
///
/// # Cancel safety
///
/// The future is cancel safe. Awaiting `&mut Sleep` keeps the deadline for a later await.
///
/// # Examples
///
/// ```
/// use oneloop::time::{Duration, Instant, sleep};
///
/// oneloop::block_on(async {
///     let mut pause = sleep(Duration::from_secs(60));
///     assert!(!pause.is_elapsed());
///     let sooner = Instant::now() + Duration::from_millis(5);
///     pause.reset(sooner);
///     assert_eq!(pause.deadline(), Some(sooner));
///     (&mut pause).await;
///     assert!(pause.is_elapsed());
/// });
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct Sleep {
    /// The deadline, or `None` for a sleep that never ends.
    deadline: Option<Instant>,
    timer: Option<Timer>,
}

impl Sleep {
    /// Returns the deadline. `None` means that the sleep never ends, because the duration
    /// overflowed [`Instant`].
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Returns whether the clock has reached the deadline. The loop may not have fired the timer
    /// yet.
    pub fn is_elapsed(&self) -> bool {
        self.deadline.is_some_and(|deadline| now() >= deadline)
    }

    /// Sets a new deadline. A task that waits for the sleep has to poll it again. A sleep that has
    /// completed may be used again.
    pub fn reset(&mut self, deadline: Instant) {
        self.deadline = Some(deadline);
        self.timer = None;
    }

    /// Polls without a charge to the cooperative budget, for combinators whose inner future is
    /// charged.
    #[inline]
    fn poll_elapsed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else { return Poll::Pending };
        match self.timer.as_ref().map(Timer::state) {
            Some(State::Fired) => Poll::Ready(()),
            Some(State::Waiting) => self.wait_with(cx),
            _ => self.start(deadline, cx),
        }
    }

    /// Adds a timer to the wheel of this thread's loop.
    fn start(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        self.timer = None; // an earlier timer belongs to another loop
        let waiter = Waiter::of(cx.waker());
        match context::try_with(|core| core.map(|core| Timer::start(core, deadline, waiter))) {
            Some(timer) => self.timer = Some(timer),
            None => context::outside("a oneloop Sleep was polled"),
        }
        Poll::Pending
    }

    fn wait_with(&self, cx: &mut Context<'_>) -> Poll<()> {
        let waiter = Waiter::of(cx.waker());
        let timer = self.timer.as_ref().expect("it is waiting");
        let old = context::try_with(|core| core?.timers.set_waiter(timer.key, waiter));
        old.into_iter().for_each(Waiter::discard);
        Poll::Pending
    }
}

/// A timer in a runtime's wheel. The timer is named by numbers, because a sleep may be on another
/// thread than its loop. The key belongs to this timer until the `Timer` is dropped.
struct Timer {
    key: u32,
    serial: u32,
    number: u16,
}

impl Timer {
    /// Adds a timer to the wheel. A timer whose deadline has passed fires in the next turn, in the
    /// order of the deadlines.
    fn start(core: &Core, deadline: Instant, waiter: Waiter) -> Timer {
        let key = core.set_timer(core.clock.ns(deadline), waiter);
        Timer { key, serial: core.serial(), number: core.number() }
    }

    #[inline]
    fn is_of(&self, core: &Core) -> bool {
        self.serial == core.serial()
    }

    #[inline]
    fn state(&self) -> State {
        context::try_with(|core| match core {
            Some(core) if self.is_of(core) && !core.is_closed() => {
                if core.timers.has_fired(self.key) {
                    State::Fired
                } else {
                    State::Waiting
                }
            }
            _ => State::Elsewhere,
        })
    }
}

enum State {
    Fired,
    Waiting,
    /// The timer belongs to another loop than that of this thread, or to a loop that has ended.
    Elsewhere,
}

impl Drop for Timer {
    #[inline]
    fn drop(&mut self) {
        let removed = context::try_with(|core| match core {
            Some(core) if self.is_of(core) => Some(core.drop_timer(self.key)),
            _ => None,
        });
        match removed {
            Some(waiter) => waiter.into_iter().for_each(Waiter::discard),
            None => cancel_elsewhere(self.number, self.serial, self.key),
        }
    }
}

/// Sends a message to the loop of a sleep that is dropped outside of its loop.
#[cold]
fn cancel_elsewhere(number: u16, serial: u32, key: u32) {
    registry::call(number, serial, move || drop(Timer { key, serial, number }));
}

impl Future for Sleep {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.poll_elapsed(cx));
        context::charge(cx)
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

/// Waits for `future` for at most `duration`, counted from this call.
///
/// The future is polled before the timer, so a ready future has priority over an elapsed time-out.
/// The future is dropped with the returned `Timeout`, and not when the time-out elapses. A time-out
/// can't interrupt a future that never yields to the loop. A duration that overflows [`Instant`]
/// means no limit.
///
/// # Errors
///
/// The future returns [`Elapsed`] if the time-out elapses first.
///
/// # Panics
///
/// The future panics if its first poll is outside a runtime, unless `future` completes in this
/// poll.
///
/// # Cancel safety
///
/// The future is as cancel safe as `future`, which is dropped with it.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use oneloop::time::timeout;
///
/// oneloop::block_on(async {
///     assert_eq!(timeout(Duration::from_secs(1), async { 42 }).await, Ok(42));
///     let never = std::future::pending::<()>();
///     assert!(timeout(Duration::from_millis(5), never).await.is_err());
/// });
/// ```
pub fn timeout<F: Future>(duration: Duration, future: F) -> Timeout<F> {
    Timeout { future, sleep: sleep(duration) }
}

/// Waits for `future` until `deadline` at the latest. Several steps can share one deadline. In all
/// other respects the function is as [`timeout`].
///
/// # Errors
///
/// The future returns [`Elapsed`] if the deadline passes first. `future` is polled at least once,
/// also if the deadline has passed before.
///
/// # Panics
///
/// The future panics if its first poll is outside a runtime, unless `future` completes in this
/// poll.
///
/// # Cancel safety
///
/// The future is as cancel safe as `future`, which is dropped with it.
///
/// # Examples
///
/// ```
/// use oneloop::time::{Duration, Instant, timeout_at};
///
/// oneloop::block_on(async {
///     let deadline = Instant::now() + Duration::from_millis(5);
///     assert_eq!(timeout_at(deadline, async { 42 }).await, Ok(42));
///     assert!(timeout_at(deadline, std::future::pending::<()>()).await.is_err());
///     assert!(Instant::now() >= deadline);
/// });
/// ```
pub fn timeout_at<F: Future>(deadline: Instant, future: F) -> Timeout<F> {
    Timeout { future, sleep: sleep_until(deadline) }
}

pin_project! {
    /// The future of [`timeout`] and [`timeout_at`].
    ///
    /// # Errors
    ///
    /// The future returns [`Elapsed`] if the time-out elapses first.
    ///
    /// # Panics
    ///
    /// The future panics if its first poll is outside a runtime, unless the inner future completes
    /// in this poll.
    ///
    /// # Cancel safety
    ///
    /// The future is as cancel safe as the inner future, which is dropped with it.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Timeout<F> {
        #[pin]
        future: F,
        sleep: Sleep,
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        // The timer is not charged to the budget. Otherwise a future that has used up the budget
        // would never time out.
        this.sleep.poll_elapsed(cx).map(|()| Err(Elapsed(())))
    }
}

/// The error of [`timeout`] and [`timeout_at`]: the time-out elapsed before the future completed.
/// The error converts to an [`std::io::Error`] of the kind `TimedOut`, so `?` works in functions
/// that return I/O errors.
///
/// # Examples
///
/// ```
/// use oneloop::time::{Duration, timeout};
///
/// async fn answer() -> std::io::Result<u32> {
///     Ok(timeout(Duration::from_millis(5), std::future::pending()).await?)
/// }
/// let error = oneloop::block_on(answer()).unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed(());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time-out has elapsed")
    }
}

impl std::error::Error for Elapsed {}

impl From<Elapsed> for std::io::Error {
    fn from(elapsed: Elapsed) -> Self {
        std::io::Error::new(std::io::ErrorKind::TimedOut, elapsed)
    }
}
