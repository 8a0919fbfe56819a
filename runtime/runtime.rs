//! `Runtime` and `block_on`, the first front end.

mod builder;
mod slow_poll;
mod thread_state;
mod watchdog;

use std::any::type_name;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::ops::ControlFlow;
use std::panic::Location;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

pub use builder::Builder;
use futures_task::{FutureObj, LocalFutureObj, LocalSpawn, Spawn, SpawnError};
pub use slow_poll::SlowPoll;
pub use watchdog::Stuck;
use watchdog::Watchdog;

use crate::engine::context;
use crate::engine::core::Core;
use crate::engine::driven::Driven;
use crate::engine::driver::Driver;
use crate::engine::happening::Outcome;
use crate::engine::observation::Activity;
use crate::engine::options::Options;
use crate::engine::registry;
use crate::engine::ticket::Ticket;
use crate::handle::Handle;
use crate::metrics::Metrics;
use crate::task::{self, JoinHandle};
#[cfg(feature = "trace")]
use crate::trace;

/// An async runtime on one thread.
///
/// Most programs need only [`oneloop::block_on`](block_on). A program creates a `Runtime` to set
/// [options](Builder), to get [handles](Handle) for other threads, and to run several futures one
/// after the other on the same loop. Tasks that are not finished when `block_on` returns continue
/// in the next call.
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
/// A child process that was forked with the C function `fork` may create its own runtimes. All
/// functions work in them, including [`unblock`](crate::unblock()), if the parent had no other
/// threads than idle threads of `unblock`. (POSIX allows the child of a process with other threads
/// little more than `exec`.)
///
/// A runtime that the child has inherited belongs to the parent. In the child, `block_on`, `run`
/// and `turn` panic with a message that names the fork. Waiting for a socket of the runtime is an
/// error, and a task that is spawned through a [`Handle`] is cancelled. Dropping the runtime, or
/// one of its sources, changes nothing in the parent and leaks the tasks. `into_std` returns the
/// sockets of the runtime for use in the child.
///
/// If a task forks and the child returns from the task, the child polls the ready tasks once more
/// before its loop panics. Destructors in the child may affect shared objects. For example, the
/// drop of a write half shuts down the connection. So end a child with `exec` or `_exit`, or fork
/// before you create the first runtime.
///
/// # Dropping
///
/// Dropping the runtime drops each task exactly once, inside the runtime's context. After the drop,
/// [join handles](JoinHandle) of unfinished tasks return the error "cancelled", and wakers have no
/// effect. A remaining socket returns an error. A remaining sleep waits in the runtime that polls
/// it next. Remaining objects keep the runtime's tables and its event queue until they are dropped,
/// too.
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
    /// The watchdog is dropped last, because it also watches the drops of the tasks.
    watchdog: Option<Watchdog>,
}

impl Runtime {
    /// Creates a runtime with the default options. The runtime starts no thread, and runs no task
    /// before [`block_on`](Runtime::block_on) or [`run`](Runtime::run).
    ///
    /// # Errors
    ///
    /// The call returns an error if the operating system can't create an event queue (too many open
    /// files), if `ONELOOP_DRIVER` names a driver that does not exist, or if 65,535 runtimes exist
    /// in this process.
    pub fn new() -> io::Result<Runtime> {
        Runtime::builder().build()
    }

    /// Returns a builder, which sets options for a runtime.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn with_options(driver: Driver, options: Options) -> io::Result<Runtime> {
        Ok(Runtime { core: Rc::new(Core::new(driver, options)?), watchdog: None })
    }

    /// Runs `future` and all tasks of this runtime until `future` completes. The thread sleeps
    /// while all tasks wait.
    ///
    /// The future may borrow and need not be `Send`. Unfinished tasks continue in the next call.
    ///
    /// # Panics
    ///
    /// The call panics inside another `block_on` on the same thread, because it would stop the
    /// outer loop. The call also panics if `future` panics, or if the operating system's event
    /// queue fails permanently. The program may use the runtime again after such a panic.
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
        let place = Location::caller();
        context::enter(&self.core, || {
            let mut future = pin!(future);
            let mut output = None;
            let mut poll_main = |ticket: Ticket| {
                let waker = ticket.waker();
                let poll = || future.as_mut().poll(&mut Context::from_waker(&waker));
                let outcome =
                    |poll: &Poll<_>| if poll.is_ready() { Outcome::Ready } else { Outcome::Pending };
                self.core.tasks.main_polls.set(self.core.tasks.main_polls.get().wrapping_add(1));
                match self.core.run_outside_table(Activity::BlockOn, ticket, poll, outcome) {
                    Poll::Ready(value) => {
                        output = Some(value);
                        ControlFlow::Break(())
                    }
                    Poll::Pending => ControlFlow::Continue(()),
                }
            };
            begin(&self.core);
            let _driven = Driven::begin_main(&self.core, place, type_name::<F>());
            self.core.tasks.renew_main(self.core.places.number(place));
            run_until_break(&self.core, &mut poll_main);
            self.core.end();
            output.expect("the loop ends when the future completes")
        })
    }

    /// Runs this runtime's tasks until a task or another thread calls [`Handle::stop`]. The method
    /// is for a thread that serves other threads.
    ///
    /// An earlier request to stop also counts. The method then polls the ready tasks and returns. A
    /// small number of ready tasks takes at most one turn of the loop.
    ///
    /// # Panics
    ///
    /// The panics are those of [`block_on`](Runtime::block_on).
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

    /// Runs one turn of the loop without sleeping. The turn polls the ready tasks, fires the due
    /// timers, and polls the driver with a zero time-out. The method is for a program with a loop
    /// of its own, such as a game, a graphical interface, or another library's event loop.
    ///
    /// The method returns the time that the program may wait before the next call. The time is zero
    /// if a task is ready again, and otherwise the time until the next timer. `None` means that no
    /// timer is set. An event, or a wake-up from another thread, may make a task ready earlier. On
    /// Unix [`descriptor`](Runtime::descriptor) becomes readable then. A task that
    /// [`spawn`](Runtime::spawn) starts between two calls does not make the descriptor readable, so
    /// call `turn` again after a `spawn`. A [paused clock](crate::time::pause) does not jump in
    /// this method.
    ///
    /// One call polls at most [`event_interval`](Builder::event_interval) tasks. The call makes one
    /// system call, and none if a task is ready again and no object is registered.
    ///
    /// # Panics
    ///
    /// The panics are those of [`block_on`](Runtime::block_on).
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
            let _driven = Driven::begin(&self.core);
            let on_key = |_| ControlFlow::<()>::Continue(()); // `block_on` has no future here
            if let Err(error) = self.core.turn(|| Some(Duration::ZERO), on_key) {
                failed(&error);
            }
            self.core.park_outside()
        })
    }

    /// Returns a descriptor that becomes readable when [`turn`](Runtime::turn) has an event, or
    /// when another thread has woken a task since the last `turn`. The descriptor is for `poll`,
    /// `epoll` or another loop, and only `turn` may read from it. It is a duplicate, which stays
    /// valid when the runtime is dropped. The call makes one system call.
    ///
    /// # Errors
    ///
    /// The call returns an error if no descriptor is left, and `Unsupported` if mio falls back to
    /// `poll(2)`.
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
    ///         break; // before the wait, which might have no event
    ///     }
    ///     program.poll(&mut Events::with_capacity(1), wait)?;
    /// }
    /// # Ok(()) }
    /// ```
    #[cfg(unix)]
    pub fn descriptor(&self) -> io::Result<std::os::fd::OwnedFd> {
        self.core.driver.borrow().descriptor()
    }

    /// Starts a task, which runs in the current or the next [`block_on`](Runtime::block_on) or
    /// [`run`](Runtime::run). In all other respects the method is as
    /// [`oneloop::spawn`](crate::spawn), but may be called outside a runtime.
    ///
    /// # Panics
    ///
    /// The call panics if 16,777,215 tasks exist in this runtime, because a task's key has 24 bits.
    /// A finished task counts until its result is taken or its join handle is dropped.
    #[track_caller]
    pub fn spawn<F: Future + 'static>(&self, future: F) -> JoinHandle<F::Output> {
        task::spawn_on(self.core.clone(), future)
    }

    /// Makes this runtime the current runtime of this thread until the guard is dropped. The
    /// program may then create tasks, sockets, sources, children and sleeps outside of
    /// [`block_on`](Runtime::block_on), and they belong to this runtime. The guard does not run
    /// tasks.
    ///
    /// Guards nest, and may be dropped in any order. The runtime of the last guard is the current
    /// one. A program may call `block_on` of any runtime under a guard, and inside of `block_on`
    /// its runtime is the current one. If a task holds a guard across an await, the guard also
    /// applies to the other tasks.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let runtime = oneloop::Runtime::new()?;
    /// let guard = runtime.enter();
    /// let (mut ours, theirs) = oneloop::net::UnixStream::pair()?; // both belong to `runtime`
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

    /// Returns the loop's counters. Reading them costs the loop no time, except for the measurement
    /// of times; see [`Metrics`].
    pub fn metrics(&self) -> Metrics {
        self.core.publish_counters(); // a handle returns the values of the last turn
        Metrics::read(&self.core.inbox.counters)
    }

    /// Returns the record of the loop's events, as [`Handle::trace_record`] does, or `None` if no
    /// record was started.
    #[cfg(feature = "trace")]
    pub fn trace_record(&self, last: Option<Duration>) -> Option<Vec<u8>> {
        trace::record(&self.core, last)
    }

    /// Returns a handle for other threads. The call costs one atomic increment.
    pub fn handle(&self) -> Handle {
        Handle::new(&self.core)
    }
}

/// The guard of [`Runtime::enter`]. The guard belongs to its thread:
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
    /// The call never returns an error.
    ///
    /// # Panics
    ///
    /// The panics are those of [`Runtime::spawn`].
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        drop(self.spawn(future));
        Ok(())
    }
}

impl LocalSpawn for Runtime {
    /// The call never returns an error.
    ///
    /// # Panics
    ///
    /// The panics are those of [`Runtime::spawn`].
    fn spawn_local_obj(&self, future: LocalFutureObj<'static, ()>) -> Result<(), SpawnError> {
        drop(self.spawn(future));
        Ok(())
    }
}

/// Runs turn after turn. The function is not generic, so that the program has the loop's code once
/// and not once for each future of `block_on`.
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
            // The objects of the tasks belong to the parent, and their destructors might affect it.
            return std::mem::forget(self.core.clone());
        }
        context::enter(&self.core, || self.core.shut_down());
        // The number is released last. A new runtime of a task's destructor must not get this
        // number while wakers compare with it.
        registry::leave(self.core.number());
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("number", &self.core.number()).finish_non_exhaustive()
    }
}

/// Runs `future` on a new runtime with the default options until `future` completes. Then the
/// function drops the runtime with all remaining tasks. A program that waits for several futures
/// one after the other should create one [`Runtime`], because each call of this function creates
/// and closes an event queue.
///
/// # Panics
///
/// The call panics inside another `block_on` on the same thread, if the runtime can't be created
/// (see [`Runtime::new`]), and if `future` panics.
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
        Err(error) => panic!("oneloop: the runtime can't be created: {error}"),
    }
}
