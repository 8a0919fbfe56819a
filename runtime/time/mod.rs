//! Waiting for a time: `sleep`, `timeout` and (in `time/interval.rs`) `interval`, over the timer
//! wheel.
//!
//! A timer that waits is 40 bytes in the wheel; starting one, moving it and giving it up are O(1)
//! and make no system call.
//!
//! # Examples
//!
//! See [`sleep`], [`timeout`] and [`interval`].

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
/// Never early; on an idle loop at most about a millisecond late (the driver sleeps in
/// milliseconds, rounded up), on a busy one as late as the tasks that keep it busy. A duration that
/// overflows [`Instant`] means never. It may be made anywhere, and is first polled inside a
/// runtime. The first poll enters the timer wheel and is pending, also if the deadline has passed.
///
/// # Panics
///
/// When first polled outside a runtime.
///
/// # Cancel safety
///
/// Nothing is lost if it is dropped; a new one counts anew.
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

/// Waits until `deadline`. If that has passed, it is ready in the loop's next turn. See [`sleep`]
/// for how late it may be.
///
/// # Panics
///
/// When first polled outside a runtime.
///
/// # Cancel safety
///
/// Nothing is lost if it is dropped.
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
/// It waits in the timer wheel of the loop that polls it. Carried to another loop, also to another
/// thread, it waits there for the same deadline. Dropped elsewhere than inside its loop, it sends
/// that loop a message, which takes it out of the wheel.
///
/// # Panics
///
/// When polled outside a runtime. When first polled, if 16,777,216 timers are in use in the runtime:
/// a timer's key has 24 bits.
///
/// # Cancel safety
///
/// Nothing is lost if it is dropped. Awaiting `&mut Sleep` keeps the deadline for the next time.
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
    /// `None`: never.
    deadline: Option<Instant>,
    timer: Option<Timer>,
}

impl Sleep {
    /// When it will be ready; `None` if never, because the duration overflowed [`Instant`].
    ///
    /// # Examples
    ///
    /// See [`Sleep`].
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether its time has come, by the clock: the loop may not have noticed yet.
    ///
    /// # Examples
    ///
    /// See [`Sleep`].
    pub fn is_elapsed(&self) -> bool {
        self.deadline.is_some_and(|deadline| now() >= deadline)
    }

    /// Moves the deadline. If it was waiting, it has to be polled again to wait for the new one.
    /// One that was ready can be used anew.
    ///
    /// # Examples
    ///
    /// See [`Sleep`].
    pub fn reset(&mut self, deadline: Instant) {
        self.deadline = Some(deadline);
        self.timer = None;
    }

    /// Like `poll`, but free of the cooperative budget: for combinators whose other half pays.
    #[inline]
    fn poll_elapsed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else { return Poll::Pending };
        match self.timer.as_ref().map(Timer::state) {
            Some(State::Fired) => Poll::Ready(()),
            Some(State::Waiting) => self.wait_with(cx),
            _ => self.start(deadline, cx),
        }
    }

    /// Enters the wheel of this thread's loop.
    fn start(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        self.timer = None; // what may be left is another loop's
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

/// A timer in a runtime's wheel, by name: a sleep may be on another thread than its loop. The key is
/// this timer's until the `Timer` is dropped.
struct Timer {
    key: u32,
    serial: u32,
    number: u16,
}

impl Timer {
    /// Enters the wheel. A deadline that has passed fires in the next turn, in its order among the
    /// others.
    fn start(core: &Core, deadline: Instant, waiter: Waiter) -> Timer {
        let key = core.timers.insert(core.clock.ns(deadline), waiter);
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
    /// Of another loop than this thread's, or of one that has ended.
    Elsewhere,
}

impl Drop for Timer {
    #[inline]
    fn drop(&mut self) {
        let removed = context::try_with(|core| match core {
            Some(core) if self.is_of(core) => Some(core.timers.remove(self.key)),
            _ => None,
        });
        match removed {
            Some(waiter) => waiter.into_iter().for_each(Waiter::discard),
            None => cancel_elsewhere(self.number, self.serial, self.key),
        }
    }
}

/// For a sleep that is dropped outside of its loop.
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

/// Waits for `future`, but not longer than `duration`, counted from this call.
///
/// The future is polled first: one that is ready wins over a time-out that has passed. It is
/// dropped with the returned `Timeout`, not when the time is over. A future that never gives way to
/// the loop can't be timed out. A duration that overflows [`Instant`] means no limit.
///
/// # Errors
///
/// [`Elapsed`], if the time was over first.
///
/// # Panics
///
/// When first polled outside a runtime, unless `future` is ready at once.
///
/// # Cancel safety
///
/// As cancel safe as `future`, which is dropped with it.
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

/// Waits for `future`, but not beyond `deadline`: for several steps that share one limit. Otherwise
/// as [`timeout`].
///
/// # Errors
///
/// [`Elapsed`], if the deadline passed first. One that has passed already still lets `future` be
/// polled, once at least.
///
/// # Panics
///
/// When first polled outside a runtime, unless `future` is ready at once.
///
/// # Cancel safety
///
/// As cancel safe as `future`, which is dropped with it.
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
    /// [`Elapsed`], if the time was over first.
    ///
    /// # Panics
    ///
    /// When first polled outside a runtime, unless the future inside is ready at once.
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as the future inside, which is dropped with it.
    ///
    /// # Examples
    ///
    /// See [`timeout`].
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
        // Not charged to the budget: a future that has used it up would otherwise never be timed
        // out.
        this.sleep.poll_elapsed(cx).map(|()| Err(Elapsed(())))
    }
}

/// The error of [`timeout`] and [`timeout_at`]: the time was over before the future was ready. As
/// an [`std::io::Error`] it is of kind `TimedOut`, so `?` passes it on among I/O.
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
