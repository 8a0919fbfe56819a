//! `Runtime` and its `Builder`, `block_on`: the first front end.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::ops::ControlFlow;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_task::{FutureObj, LocalFutureObj, LocalSpawn, Spawn, SpawnError};

use crate::engine::context;
use crate::engine::core::Core;
use crate::engine::driver::Driver;
use crate::engine::options::Options;
use crate::engine::registry;
use crate::engine::ticket::Ticket;
use crate::handle::Handle;
use crate::task::{self, JoinHandle};

/// An async runtime on one thread.
///
/// Most programs need only [`oneloop::block_on`](block_on). A `Runtime` of one's own is for
/// choosing [options](Builder), for [handles](Handle) that other threads use, and for running
/// several futures one after the other on the same loop: tasks that are not finished when
/// `block_on` returns go on in the next one.
///
/// A runtime belongs to its thread:
///
/// ```compile_fail,E0277
/// let runtime = oneloop::Runtime::new().unwrap();
/// std::thread::spawn(move || runtime.block_on(async {})); // a Runtime is not Send
/// ```
///
/// # Forks
///
/// A child process that was forked with the C function `fork` makes runtimes of its own, in which
/// all works, [`unblock`](crate::unblock()) too, as long as the parent had no other threads but
/// those of `unblock`, and those had nothing to do. (POSIX allows the child of a process with other
/// threads little more than `exec`.) A runtime that the child has inherited belongs to the parent:
/// `block_on`, `run` and `turn` panic, and say so; to wait for one of its sockets is an error; what
/// is spawned through a [`Handle`] is cancelled; to drop it, or one of its sources, changes nothing
/// in the parent, and leaks its tasks. Its sockets can be taken over with `into_std`.
///
/// A child that is forked inside a task and returns from there polls the tasks that are ready once
/// more, before its loop panics. Destructors that the child runs can end what both share: a write half that is dropped shuts the
/// connection down. So end a child with `exec` or `_exit`, or fork before the first runtime.
///
/// # Dropping
///
/// drops every task, inside the runtime's context, each exactly once. [Join handles](JoinHandle) of
/// tasks that had not finished then say cancelled; wakers do nothing; sockets and sleeps that are
/// left over return an error, or find the runtime in which they are polled next. What is left over
/// keeps the runtime's tables and its event queue alive until it is dropped, too.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let runtime = oneloop::Runtime::new()?;
/// let background = runtime.spawn(async { 1 });
/// let sum = runtime.block_on(async { background.await.unwrap() + 1 });
/// assert_eq!(sum, 2);
/// # Ok(()) }
/// ```
pub struct Runtime {
    pub(crate) core: Rc<Core>,
}

impl Runtime {
    /// A runtime with the default options. It starts no thread, and runs nothing before
    /// [`block_on`](Runtime::block_on) or [`run`](Runtime::run).
    ///
    /// # Errors
    ///
    /// If the operating system gives no event queue (too many open files), if `ONELOOP_DRIVER`
    /// names a driver that isn't there, or if 65,535 runtimes are alive in this process.
    ///
    /// # Examples
    ///
    /// See [`Runtime`].
    pub fn new() -> io::Result<Runtime> {
        Runtime::builder().build()
    }

    /// Chooses options for a runtime.
    ///
    /// # Examples
    ///
    /// See [`Builder`].
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn with_options(driver: Driver, options: Options) -> io::Result<Runtime> {
        Ok(Runtime { core: Rc::new(Core::new(driver, options)?) })
    }

    /// Runs `future`, and with it all tasks of this runtime, until `future` is ready. The thread
    /// sleeps while there is nothing to do.
    ///
    /// The future may borrow and need not be `Send`. Tasks that are not finished stay and go on at
    /// the next call.
    ///
    /// # Panics
    ///
    /// Inside another `block_on` on the same thread, which would stop that one's loop. If `future`
    /// panics, or the operating system's event queue fails for good; the runtime can be used again
    /// afterwards.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let runtime = oneloop::Runtime::new()?;
    /// let words = vec!["borrowed", "by", "the", "future"];
    /// assert_eq!(runtime.block_on(async { words.len() }), 4);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        assert!(
            !context::runs_here(),
            "block_on was called inside a oneloop runtime, whose loop it would stop: `.await` the future \
             instead, or spawn it"
        );
        context::enter(&self.core, || {
            let mut future = pin!(future);
            let mut output = None;
            let mut poll_main =
                |ticket: Ticket| match future.as_mut().poll(&mut Context::from_waker(&ticket.waker())) {
                    Poll::Ready(value) => {
                        output = Some(value);
                        ControlFlow::Break(())
                    }
                    Poll::Pending => ControlFlow::Continue(()),
                };
            begin(&self.core);
            self.core.tasks.renew_main();
            run_until_break(&self.core, &mut poll_main);
            self.core.end();
            output.expect("the loop ends when the future is ready")
        })
    }

    /// Runs this runtime's tasks until [`Handle::stop`] is called, from a task or any other thread:
    /// for a thread that serves others.
    ///
    /// A stop that was requested before counts: then the tasks that are ready are polled, and this
    /// returns. If they are few, that takes at most one turn of the loop.
    ///
    /// # Panics
    ///
    /// As [`block_on`](Runtime::block_on).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let runtime = oneloop::Runtime::new()?;
    /// let handle = runtime.handle();
    /// let helper = std::thread::spawn(move || {
    ///     let answer = oneloop::block_on(handle.spawn(async { 6 * 7 })).unwrap();
    ///     handle.stop();
    ///     answer
    /// });
    /// runtime.run();
    /// assert_eq!(helper.join().unwrap(), 42);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn run(&self) {
        self.block_on(poll_fn(|_| if self.core.stop.take() { Poll::Ready(()) } else { Poll::Pending }));
    }

    /// Goes once around the loop without sleeping: polls the tasks that are ready, fires the timers
    /// that are due, and polls the driver with a zero time-out. For a program that has a loop of
    /// its own: a game, a graphical interface, another library's event loop.
    ///
    /// Returns how long the program may wait before the next call: zero if a task is ready again,
    /// otherwise until the next timer; `None` if there is none. An event, or another thread that
    /// wakes a task, may make a task ready sooner: on Unix [`descriptor`](Runtime::descriptor) says
    /// so. A task that is started between two calls, by [`spawn`](Runtime::spawn), is not announced:
    /// call this again. A [stopped clock](crate::time::pause) does not move here by itself.
    ///
    /// One call polls at most [`event_interval`](Builder::event_interval) tasks. It costs one system
    /// call, and none if a task is ready again and nothing is registered.
    ///
    /// # Panics
    ///
    /// As [`block_on`](Runtime::block_on).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::time::Duration;
    ///
    /// let runtime = oneloop::Runtime::new()?;
    /// let task = runtime.spawn(oneloop::time::sleep(Duration::from_millis(50)));
    /// let frame = Duration::from_millis(16);
    /// while !task.is_finished() {
    ///     // … draw a frame …
    ///     let wait = runtime.turn();
    ///     std::thread::sleep(wait.map_or(frame, |wait| wait.min(frame)));
    /// }
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn turn(&self) -> Option<Duration> {
        assert!(!context::runs_here(), "Runtime::turn was called inside a oneloop runtime");
        context::enter(&self.core, || {
            begin(&self.core);
            let on_key = |_| ControlFlow::Continue(()); // no future of `block_on` is there
            if let Err(error) = self.core.turn(|| Some(Duration::ZERO), on_key) {
                failed(&error);
            }
            self.core.park_outside()
        })
    }

    /// A descriptor that is readable when [`turn`](Runtime::turn) has an event to take, or another
    /// thread has woken a task, since the last `turn`. It is for `poll`, `epoll` or another loop;
    /// only `turn` may read from it. A duplicate, which stays valid when the runtime is dropped.
    /// One system call.
    ///
    /// # Errors
    ///
    /// If no descriptor is left. `Unsupported` where mio falls back to `poll(2)`.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use mio::{Events, Interest, Poll, Token, unix::SourceFd};
    /// use std::os::fd::AsRawFd;
    ///
    /// let runtime = oneloop::Runtime::new()?;
    /// let task = runtime.spawn(oneloop::time::sleep(std::time::Duration::from_millis(5)));
    ///
    /// let mut program = Poll::new()?;
    /// let descriptor = runtime.descriptor()?;
    /// let mut source = SourceFd(&descriptor.as_raw_fd());
    /// program.registry().register(&mut source, Token(0), Interest::READABLE)?;
    /// loop {
    ///     let wait = runtime.turn();
    ///     if task.is_finished() {
    ///         break; // before the wait: nothing might end it
    ///     }
    ///     program.poll(&mut Events::with_capacity(1), wait)?;
    /// }
    /// # Ok(()) }
    /// ```
    #[cfg(unix)]
    pub fn descriptor(&self) -> io::Result<std::os::fd::OwnedFd> {
        self.core.driver.borrow().descriptor()
    }

    /// Starts a task; it runs in the next [`block_on`](Runtime::block_on) or [`run`](Runtime::run),
    /// or the current one. Otherwise it is as [`oneloop::spawn`](crate::spawn), but needs no
    /// runtime around it.
    ///
    /// # Panics
    ///
    /// If 16,777,215 tasks are alive in this runtime: a task's name has 24 bits. One that has
    /// finished counts until its result is taken or its join handle dropped.
    ///
    /// # Examples
    ///
    /// See [`Runtime`].
    pub fn spawn<F: Future + 'static>(&self, future: F) -> JoinHandle<F::Output> {
        task::spawn_on(self.core.clone(), future)
    }

    /// Makes this runtime the current one of this thread until the guard is dropped: tasks, sockets,
    /// sources, children and sleeps can then be made outside of [`block_on`](Runtime::block_on), and
    /// belong to it. Nothing runs meanwhile.
    ///
    /// Guards nest, the last one counts, and they may be dropped in any order. `block_on` of any
    /// runtime may be called under a guard, and counts inside. A guard that a task keeps while it
    /// awaits counts for the other tasks, too.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let runtime = oneloop::Runtime::new()?;
    /// let guard = runtime.enter();
    /// let (mut ours, theirs) = oneloop::net::UnixStream::pair()?; // they belong to `runtime`
    /// let task = oneloop::spawn(async { 42 });
    /// drop(guard);
    /// assert_eq!(runtime.block_on(task).unwrap(), 42);
    /// # drop((ours, theirs));
    /// # Ok(()) }
    /// ```
    #[must_use = "the runtime is left when the guard is dropped"]
    pub fn enter(&self) -> EnterGuard<'_> {
        EnterGuard { _guard: context::Guard::new(&self.core) }
    }

    /// A handle through which other threads reach this runtime. Cheap: one atomic count.
    ///
    /// # Examples
    ///
    /// See [`Handle`].
    pub fn handle(&self) -> Handle {
        Handle::new(&self.core)
    }
}

/// What [`Runtime::enter`] returns. It belongs to its thread:
///
/// ```compile_fail,E0277
/// let runtime = oneloop::Runtime::new().unwrap();
/// let guard = runtime.enter();
/// std::thread::scope(|scope| drop(scope.spawn(move || drop(guard)))); // an EnterGuard is not Send
/// ```
pub struct EnterGuard<'a> {
    _guard: context::Guard<'a>,
}

impl fmt::Debug for EnterGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnterGuard").finish_non_exhaustive()
    }
}

impl Spawn for Runtime {
    /// Never an error.
    ///
    /// # Panics
    ///
    /// As [`Runtime::spawn`].
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        drop(self.spawn(future));
        Ok(())
    }
}

impl LocalSpawn for Runtime {
    /// Never an error.
    ///
    /// # Panics
    ///
    /// As [`Runtime::spawn`].
    fn spawn_local_obj(&self, future: LocalFutureObj<'static, ()>) -> Result<(), SpawnError> {
        drop(self.spawn(future));
        Ok(())
    }
}

/// Runs turn after turn. Not generic, so that the loop's code is there once and not for each future
/// that is blocked on.
#[track_caller]
fn run_until_break(core: &Core, poll_main: &mut dyn FnMut(Ticket) -> ControlFlow<()>) {
    loop {
        match core.turn(|| None, &mut *poll_main) {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => return,
            Err(error) => failed(&error),
        }
    }
}

#[track_caller]
fn begin(core: &Core) {
    core.begin().unwrap_or_else(|error| panic!("oneloop: {error}"));
}

#[cold]
#[track_caller]
fn failed(error: &io::Error) -> ! {
    panic!("oneloop: the operating system's event queue failed: {error}")
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if self.core.is_inherited() {
            // What its tasks own is the parent's, and their destructors might end it.
            return std::mem::forget(self.core.clone());
        }
        context::enter(&self.core, || self.core.shut_down());
        // Not before: a runtime made by a task's destructor must not get our number while wakers
        // compare with it.
        registry::leave(self.core.number());
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("number", &self.core.number()).finish_non_exhaustive()
    }
}

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

impl Builder {
    pub(crate) fn new() -> Builder {
        let options = Options {
            event_interval: Builder::EVENT_INTERVAL,
            busy_poll: Duration::ZERO,
            start_paused: false,
            auto_advance: true,
        };
        Builder { driver: None, options }
    }

    /// An operation counts for half a poll, so 512 system calls fit, at about 2 µs each: sockets
    /// and timers wait for busy tasks about a millisecond at most. For tasks that do no I/O, one
    /// `epoll_wait` that finds nothing (about 0.3 µs) is spread over so many polls that it can't be
    /// measured.
    const EVENT_INTERVAL: u32 = 256;

    /// Which driver speaks to the operating system. The default is [`Driver::Mio`], or what the
    /// environment variable `ONELOOP_DRIVER` says.
    ///
    /// # Examples
    ///
    /// See [`Driver`].
    pub fn driver(mut self, driver: Driver) -> Builder {
        self.driver = Some(driver);
        self
    }

    /// At most how many polls of tasks there are before timers and sockets are looked at again,
    /// when tasks are always ready. An operation in a poll (socket I/O, a timer that is due, a join
    /// that is ready) counts for half a poll more. Lower: sockets are served sooner; higher: fewer
    /// system calls. The default is 256; 0 is refused by [`build`](Builder::build).
    ///
    /// # Examples
    ///
    /// See [`Builder`].
    pub fn event_interval(mut self, tasks: u32) -> Builder {
        self.options.event_interval = tasks;
        self
    }

    /// For how long a loop with nothing to do asks the driver again and again before it goes to
    /// sleep. The default is zero: it sleeps at once.
    ///
    /// Going to sleep and being woken takes the operating system some microseconds, on a virtual
    /// machine about twenty, which is most of a round trip on a connection that is alone. A loop
    /// that asks busily answers sooner, at the price of a core that it keeps busy for this long
    /// after each event. Worth it for few connections that want low latency, on a core of their
    /// own; on a shared core it takes the time from the programs that it waits for.
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

    /// Whether the runtime's clock stands still from the beginning, as after
    /// [`time::pause`](crate::time::pause): for tests that are to wait for no real time. The default
    /// is `false`.
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

    /// Whether a clock that stands still moves to the next deadline when nothing else can happen;
    /// see [`time::pause`](crate::time::pause). The default is `true`; with `false` only
    /// [`time::advance`](crate::time::advance) moves it, and a peer outside of the loop has time to
    /// answer.
    ///
    /// # Examples
    ///
    /// See [`time::advance`](crate::time::advance).
    pub fn auto_advance(mut self, advance: bool) -> Builder {
        self.options.auto_advance = advance;
        self
    }

    /// Makes the runtime.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the event interval is 0, or if no driver was chosen and `ONELOOP_DRIVER`
    /// names none that exists; `Unsupported` if it names one that was not built in; otherwise the
    /// operating system's refusal to give an event queue, or that 65,535 runtimes are alive in this
    /// process.
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

/// Runs `future` on a new runtime with the default options, until it is ready; then drops the
/// runtime and with it all tasks that are left. To wait for several futures one after the other,
/// make one [`Runtime`]: each call here makes an event queue and closes it.
///
/// # Panics
///
/// Inside another `block_on` on the same thread; if no runtime can be made (see [`Runtime::new`]);
/// and if `future` panics.
///
/// # Examples
///
/// ```
/// let answer = oneloop::block_on(async { 6 * 7 });
/// assert_eq!(answer, 42);
/// ```
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    match Runtime::new() {
        Ok(runtime) => runtime.block_on(future),
        Err(error) => panic!("oneloop: no runtime can be made: {error}"),
    }
}
