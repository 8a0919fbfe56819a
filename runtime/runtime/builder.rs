//! `Builder`, the options of a runtime.

use std::fmt;
use std::io;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use super::Runtime;
use super::slow_poll::{Report, SlowPoll};
use super::watchdog::{Callback, Stuck, Watchdog};
use crate::engine::driver::Driver;
use crate::engine::options::Options;
#[cfg(feature = "trace")]
use crate::trace;

/// Options for a [`Runtime`].
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let runtime = oneloop::Runtime::builder().driver(oneloop::Driver::Mio).event_interval(64).build()?;
/// # runtime.block_on(async {});
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct Builder {
    driver: Option<Driver>,
    options: Options,
    slow_poll: Option<(Duration, Report)>,
    /// The callback, or `None` for reports to stderr.
    watchdog: Option<(Duration, Option<Callback>)>,
    #[cfg(feature = "trace")]
    trace_bytes: Option<usize>,
}

// A builder calls neither callback, and a panic of a callback does not change the runtime.
impl UnwindSafe for Builder {}
impl RefUnwindSafe for Builder {}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("driver", &self.driver)
            .field("options", &self.options)
            .field("slow_poll", &self.slow_poll.as_ref().map(|(limit, _)| limit))
            .field("watchdog", &self.watchdog.as_ref().map(|(limit, _)| limit))
            .finish()
    }
}

impl Builder {
    pub(crate) fn new() -> Builder {
        let options = Options {
            event_interval: Builder::EVENT_INTERVAL,
            busy_poll: Duration::ZERO,
            precise_timers: false,
            spin_after_remote_wake: Builder::SPIN_AFTER_REMOTE_WAKE,
            start_paused: false,
            auto_advance: true,
        };
        Builder {
            driver: None,
            options,
            slow_poll: None,
            watchdog: None,
            #[cfg(feature = "trace")]
            trace_bytes: None,
        }
    }

    /// An operation counts as half a poll, so an interval has at most 512 system calls of about 2
    /// µs each. Sockets and timers therefore wait for busy tasks for about a millisecond at most.
    /// For tasks without I/O, one `epoll_wait` without events costs about 0.3 µs, which is not
    /// measurable when it is spread over this many polls.
    const EVENT_INTERVAL: u32 = 256;

    /// Parking costs 4.6 µs in our measurement. The figure is the time by which a wake of a parked
    /// loop is slower than a wake of a busy loop (`wake-asleep` and `wake-busy` in
    /// `benches/RESULTS.md`).
    const SPIN_AFTER_REMOTE_WAKE: Duration = Duration::from_micros(4);

    /// Sets the driver. The default is [`Driver::Mio`], or the driver that the environment variable
    /// `ONELOOP_DRIVER` names.
    pub fn driver(mut self, driver: Driver) -> Builder {
        self.driver = Some(driver);
        self
    }

    /// Sets the maximum number of polls of tasks between two checks of timers and sockets, which
    /// matters when tasks are always ready. An operation in a poll (socket I/O, a due timer, a
    /// ready join) counts as half a poll more. A lower number serves sockets sooner, and a higher
    /// number makes fewer system calls. The default is 256. [`build`](Builder::build) refuses 0.
    pub fn event_interval(mut self, tasks: u32) -> Builder {
        self.options.event_interval = tasks;
        self
    }

    /// Sets the time that an idle loop polls the driver repeatedly before it parks. The default is
    /// zero, with which an idle loop parks at once.
    ///
    /// A park and its wake-up take some microseconds in the operating system, and about twenty on a
    /// virtual machine. On a single connection this is most of a round trip. A loop that polls
    /// repeatedly answers sooner, but occupies a core for this time after each event. The option
    /// suits a few connections that need low latency, on a core of their own. On a shared core the
    /// option takes time from the programs for which the loop waits.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::time::Duration;
    ///
    /// let runtime = oneloop::Runtime::builder().busy_poll(Duration::from_micros(50)).build()?;
    /// assert_eq!(runtime.block_on(async { 42 }), 42);
    /// # Ok(()) }
    /// ```
    pub fn busy_poll(mut self, duration: Duration) -> Builder {
        self.options.busy_poll = duration;
        self
    }

    /// Sets the time that an idle loop looks for further messages before it parks, after another
    /// thread has woken a task, spawned a task or posted a message. The default is 4 µs, which is
    /// less than the cost of a park. Zero turns the option off.
    ///
    /// A thread that wakes a task and waits for its answer often wakes the task again a moment
    /// later. A loop that still looks for messages receives this wake without a system call on
    /// either side. The loop looks only for messages of other threads, so sockets and timers wait
    /// for at most this time.
    ///
    /// A look without a message costs this time of the processor. After such looks the loop looks
    /// less often, down to one look for 64 remote wakes, until a look finds a message. One look for
    /// 64 wakes costs 0.06 µs for each wake (`benches/RESULTS.md` has the measurements). Without
    /// remote wakes the loop does not look, so an idle loop parks at once.
    ///
    /// The loop never looks if the process may use only one CPU. The loop reads
    /// [`available_parallelism`](std::thread::available_parallelism) before its first look. On
    /// Linux a loop that is bound to one CPU looks if other threads of the process may use other
    /// CPUs. The loop also never looks with [`busy_poll`](Builder::busy_poll), which includes
    /// messages.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::time::Duration;
    ///
    /// let runtime = oneloop::Runtime::builder().spin_after_remote_wake(Duration::ZERO).build()?;
    /// assert_eq!(runtime.block_on(async { 42 }), 42);
    /// # Ok(()) }
    /// ```
    pub fn spin_after_remote_wake(mut self, duration: Duration) -> Builder {
        self.options.spin_after_remote_wake = duration;
        self
    }

    /// Sets whether timers fire late by microseconds instead of up to a millisecond. The default is
    /// `false`. No timer fires early with either value.
    ///
    /// On Linux, [`Driver::Mio`] sleeps in whole milliseconds, so that the timers of one
    /// millisecond share a wake-up. With this option a timer descriptor of the kernel ends the
    /// sleep, which costs one more descriptor for each runtime. The end of the sleep is rounded up
    /// to a step of less than 1/128 of the delay, at least 33 µs and at most 1 ms. The rounding
    /// avoids a thousand wake-ups for a thousand timers of one millisecond.
    ///
    /// The option costs a system call whenever the next deadline becomes earlier, and more wake-ups
    /// if many timers are due at different moments. A loop whose next deadline is distant has a
    /// lower cost than without the option, because the kernel does not set and cancel a timer for
    /// each sleep. `benches/RESULTS.md` has the figures.
    ///
    /// The option has no effect without the feature `precise-timers`. It has no effect with
    /// `Driver::Polling`, which sleeps to the nanosecond on Linux and so wakes for each timer. It
    /// has no effect on other systems, where the driver sleeps to the nanosecond (macOS and the
    /// BSDs) or in milliseconds (Windows).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::time::{Duration, Instant};
    ///
    /// let runtime = oneloop::Runtime::builder().precise_timers(true).build()?;
    /// let start = Instant::now();
    /// runtime.block_on(oneloop::time::sleep(Duration::from_micros(300)));
    /// assert!(start.elapsed() >= Duration::from_micros(300));
    /// # Ok(()) }
    /// ```
    pub fn precise_timers(mut self, precise: bool) -> Builder {
        self.options.precise_timers = precise;
        self
    }

    /// Sets whether the runtime's clock is paused from the start, as after
    /// [`time::pause`](crate::time::pause). The option is for tests that should wait for no real
    /// time. The default is `false`.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::time::{Duration, now, sleep};
    ///
    /// let start = std::time::Instant::now();
    /// oneloop::Runtime::builder().start_paused(true).build()?.block_on(async {
    ///     let before = now();
    ///     sleep(Duration::from_secs(3600)).await;
    ///     assert_eq!(now() - before, Duration::from_secs(3600));
    /// });
    /// assert!(start.elapsed() < Duration::from_secs(60));
    /// # Ok(()) }
    /// ```
    pub fn start_paused(mut self, paused: bool) -> Builder {
        self.options.start_paused = paused;
        self
    }

    /// Sets whether a paused clock jumps to the next deadline when all tasks wait; see
    /// [`time::pause`](crate::time::pause). The default is `true`. With `false` only
    /// [`time::advance`](crate::time::advance) moves the clock, and a peer outside of the loop has
    /// time to answer.
    pub fn auto_advance(mut self, advance: bool) -> Builder {
        self.options.auto_advance = advance;
        self
    }

    /// Starts a record of the loop's events together with the runtime, in a ring of at most
    /// `bytes_max` bytes; see [`trace`](crate::trace).
    #[cfg(feature = "trace")]
    pub fn trace(mut self, bytes_max: usize) -> Builder {
        self.trace_bytes = Some(bytes_max);
        self
    }

    /// Sets a callback for polls that hold the loop for longer than `limit`. The loop calls
    /// `callback` after each such poll, with the task's name, the place where the task was spawned,
    /// and the time. Drops of aborted tasks, the future of `block_on` and handlers of an
    /// [`EventLoop`](crate::event_loop::EventLoop) count, too. [`Activity`](crate::Activity) lists
    /// all activities. By default the loop does not measure polls.
    ///
    /// The callback runs on the loop's thread inside the runtime, after the poll. So the callback
    /// may spawn, abort and drop tasks. The loop waits for the callback and does not measure it. A
    /// panic of the callback reaches the panic hook and is then caught.
    ///
    /// The option costs two readings of the clock and two uncontended locks per poll. Without this
    /// option and without a [watchdog](Builder::watchdog), a poll has no such cost.
    pub fn slow_poll<F>(mut self, limit: Duration, callback: F) -> Builder
    where
        F: Fn(&SlowPoll) + Send + Sync + 'static,
    {
        self.slow_poll = Some((limit, Report::Callback(Arc::new(callback))));
        self
    }

    /// Like [`slow_poll`](Builder::slow_poll), with lines on stderr instead of the callback. The
    /// loop writes at most ten lines per second, and the next line has the number of slow polls
    /// without a line. The later of the two calls counts.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::time::Duration;
    ///
    /// let runtime = oneloop::Runtime::builder().report_slow_polls(Duration::from_millis(10)).build()?;
    /// runtime.block_on(async {
    ///     // oneloop: task 1.1.0 (spawned at src/main.rs:9:5) held the loop for 20 ms
    ///     oneloop::spawn(async { std::thread::sleep(Duration::from_millis(20)) }).await.unwrap();
    /// });
    /// # Ok(()) }
    /// ```
    pub fn report_slow_polls(mut self, limit: Duration) -> Builder {
        self.slow_poll = Some((limit, Report::Stderr));
        self
    }

    /// Starts a thread that reports a stuck loop *during* the poll. The thread writes lines to
    /// stderr when one poll has held the loop for `limit`, for twice this time, for four times this
    /// time, and so on, and a line when the poll has ended. [`Stuck`] lists the content of a
    /// report: the task, the state of its thread, and the debugger's command for a stack. The
    /// watchdog also reports a deadlock, which [`slow_poll`](Builder::slow_poll) can't report
    /// because the poll does not end.
    ///
    /// A loop that is parked, or that the program does not run, is not stuck. The thread wakes
    /// twice in each limit, but at most a thousand times per second. The cost for the loop is that
    /// of `slow_poll`, and both options together cost the same as one. The thread ends with the
    /// runtime, and the drop of the runtime does not wait for a running report. The child of a fork
    /// has no such thread.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::time::Duration;
    ///
    /// let runtime = oneloop::Runtime::builder().watchdog(Duration::from_secs(1)).build()?;
    /// runtime.block_on(async { /* … */ });
    /// # Ok(()) }
    /// ```
    pub fn watchdog(mut self, limit: Duration) -> Builder {
        self.watchdog = Some((limit, None));
        self
    }

    /// Like [`watchdog`](Builder::watchdog), with a callback instead of stderr. The callback runs
    /// on the watchdog's thread, which catches a panic of the callback. The later of the two calls
    /// counts.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::sync::mpsc::sync_channel;
    /// use std::time::Duration;
    ///
    /// let (release, released) = sync_channel(1);
    /// let runtime = oneloop::Runtime::builder()
    ///     .watchdog_with(Duration::from_millis(10), move |stuck| {
    ///         println!("{stuck}");
    ///         let _ = release.try_send(()); // ends the wait of the task
    ///     })
    ///     .build()?;
    /// runtime.block_on(async {
    ///     let blocks = oneloop::spawn(async move { released.recv().is_ok() });
    ///     assert!(blocks.await.unwrap());
    /// });
    /// # Ok(()) }
    /// ```
    pub fn watchdog_with<F>(mut self, limit: Duration, callback: F) -> Builder
    where
        F: Fn(&Stuck) + Send + Sync + 'static,
    {
        self.watchdog = Some((limit, Some(Arc::new(callback))));
        self
    }

    /// Creates the runtime.
    ///
    /// # Errors
    ///
    /// `InvalidInput` is the error if the event interval or the watchdog's limit is 0, and if no
    /// driver was set and `ONELOOP_DRIVER` names an unknown driver. `Unsupported` is the error if
    /// `ONELOOP_DRIVER` names a driver that was not built in. The operating system's error is
    /// returned if it can't create an event queue or the watchdog's thread. The existence of 65,535
    /// runtimes in this process is also an error.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let runtime = oneloop::Runtime::builder().event_interval(64).build()?;
    /// assert_eq!(runtime.block_on(async { 42 }), 42);
    ///
    /// let refused = oneloop::Runtime::builder().event_interval(0).build();
    /// assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    /// # Ok(()) }
    /// ```
    pub fn build(self) -> io::Result<Runtime> {
        if self.options.event_interval == 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "event_interval is 0: no task would ever run; it must be at least 1",
            ));
        }
        if self.watchdog.as_ref().is_some_and(|(limit, _)| limit.is_zero()) {
            let text = "the watchdog's limit is 0: every poll would be reported; it must be longer";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let driver = self.driver.map_or_else(Driver::from_env, Ok)?;
        let mut runtime = Runtime::with_options(driver, self.options)?;
        if let Some((limit, report)) = self.slow_poll {
            report.start(&runtime.core, limit);
        }
        #[cfg(feature = "trace")]
        self.trace_bytes.into_iter().for_each(|bytes_max| trace::start(&runtime.core, bytes_max));
        if let Some((limit, callback)) = self.watchdog {
            runtime.watchdog = Some(Watchdog::start(&runtime.core, limit, callback)?);
        }
        Ok(runtime)
    }
}
