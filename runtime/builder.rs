//! `Builder`: a runtime with options.

use std::io;
use std::time::Duration;

use crate::driver::Driver;
use crate::runtime::Runtime;

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
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct Builder {
    driver: Option<Driver>,
    options: Options,
}

/// What a runtime's loop goes by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) event_interval: u32,
    /// Zero: never.
    pub(crate) busy_poll: Duration,
}

impl Builder {
    pub(crate) fn new() -> Builder {
        let options = Options { event_interval: Builder::EVENT_INTERVAL, busy_poll: Duration::ZERO };
        Builder { driver: None, options }
    }

    /// A poll counts for one and a half-share of its I/O operations, of which 512 then fit, at about 2 µs: sockets and
    /// timers wait for busy tasks about a millisecond at most. For tasks that do no I/O, one `epoll_wait` that finds
    /// nothing (about 0.3 µs) is spread over so many polls that it can't be measured.
    const EVENT_INTERVAL: u32 = 256;

    /// Which driver speaks to the operating system. The default is [`Driver::Mio`], or what the environment
    /// variable `ONELOOP_DRIVER` says.
    ///
    /// # Examples
    ///
    /// See [`Driver`].
    pub fn driver(mut self, driver: Driver) -> Builder {
        self.driver = Some(driver);
        self
    }

    /// At most how many polls of tasks there are before timers and sockets are looked at again, when tasks are always
    /// ready. A poll counts one more for every two I/O operations in it. Lower: sockets are served sooner; higher: fewer
    /// system calls. The default is 256; 0 is refused by [`build`](Builder::build).
    ///
    /// # Examples
    ///
    /// See [`Builder`].
    pub fn event_interval(mut self, tasks: u32) -> Builder {
        self.options.event_interval = tasks;
        self
    }

    /// For how long a loop with nothing to do asks the driver again and again before it goes to sleep. The default is zero: it
    /// sleeps at once.
    ///
    /// Going to sleep and being woken takes the operating system some microseconds, on a virtual machine about twenty, which is
    /// most of a round trip on a connection that is alone. A loop that asks busily answers sooner, at the price of a core that
    /// it keeps busy for this long after each event. Worth it for few connections that want low latency, on a core of
    /// their own; on a shared core it takes the time from whoever it waits for.
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

    /// Makes the runtime.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the event interval is 0, or if no driver was chosen and `ONELOOP_DRIVER` names none
    /// that exists; `Unsupported` if it names one that was not built in; otherwise the operating system's
    /// refusal to give an event queue, or that 65,535 runtimes are alive in this process.
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
        let driver = self.driver.map_or_else(Driver::from_env, Ok)?;
        Runtime::with_options(driver, self.options)
    }
}
