//! The runtime, and the turn: the whole loop in one function.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::builder::{Builder, Options};
use crate::context;
use crate::driver::{self, Backend, Driver, Event};
use crate::handle::Handle;
use crate::reactor::{Reactor, Rearm};
use crate::remote::{self, Inbox, Message};
use crate::sync::Arc;
use crate::task::{self, Budget, JoinHandle, Tasks, Ticket, Turn, Waiter};
use crate::time::Clock;
use crate::timer::Wheel;

/// Everything that one loop owns. Its sockets, sleeps and join handles share it, so it may outlive its
/// [`Runtime`]; then nothing runs any more.
///
/// Each part is borrowed for a few instructions at a time, and never while foreign code runs.
pub(crate) struct Core {
    pub(crate) tasks: RefCell<Tasks>,
    pub(crate) reactor: RefCell<Reactor>,
    pub(crate) driver: RefCell<Backend>,
    pub(crate) timers: RefCell<Wheel>,
    pub(crate) clock: Clock,
    pub(crate) budget: Budget,
    pub(crate) inbox: Arc<Inbox>,
    number: u16,
    options: Options,
    /// Polls until the driver must be asked. Counts on from one `block_on` to the next: a caller who drives the loop in
    /// small steps would otherwise never get there.
    polls_left: Cell<u32>,
    /// Somebody asked for the end of `run`.
    pub(crate) stop: Cell<bool>,
    /// The runtime was dropped.
    closed: Cell<bool>,
    /// Buffers that each turn uses again.
    letters: RefCell<Vec<Message>>,
    due: RefCell<Vec<(u64, Waiter)>>,
}

impl Core {
    fn new(driver: Driver, options: Options) -> io::Result<Core> {
        let (driver, notifier) = Backend::new(driver)?;
        let inbox = Arc::new(Inbox::new(notifier));
        let number = remote::enter(inbox.clone())?;
        Ok(Core {
            tasks: RefCell::new(Tasks::new(number)),
            reactor: RefCell::new(Reactor::new()),
            driver: RefCell::new(driver),
            timers: RefCell::new(Wheel::new()),
            clock: Clock::new(),
            budget: Budget::new(),
            inbox,
            number,
            options,
            polls_left: Cell::new(options.event_interval),
            stop: Cell::new(false),
            closed: Cell::new(false),
            letters: RefCell::default(),
            due: RefCell::default(),
        })
    }

    #[inline]
    pub(crate) fn number(&self) -> u16 {
        self.number
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// **The turn.** Runs the loop once around: [`block_on`](Runtime::block_on) calls it again and again. `true` when `main`
    /// (which polls `block_on`'s own future, the one *named* turn there is) says that it is done.
    ///
    /// Bounds: the inbox is emptied, before each task, of what is in it then; at most `event_interval` tasks run; every
    /// timer that is due fires; at most one batch of events is taken from the driver.
    fn turn(&self, main: &mut dyn FnMut(&mut Context<'_>) -> bool) -> io::Result<bool> {
        while let Some(turn) = self.next_turn() {
            match turn {
                Turn::Task { task, ticket, aborted } => self.run(task, ticket, aborted),
                Turn::Named(ticket) => {
                    if main(&mut Context::from_waker(&ticket.waker())) {
                        return Ok(true);
                    }
                }
                Turn::Foreign(waker) => task::wake_foreign(waker),
            }
            self.count_turn();
        }
        self.look_outside(None)?;
        Ok(false)
    }

    /// Whether the loop was told to stop, if only in mail that is still to be read.
    #[inline]
    pub(crate) fn take_stop(&self) -> bool {
        if self.inbox.mailbox.has_mail() {
            self.read_mail();
        }
        self.stop.take()
    }

    /// Whose turn it is, after the mail has been read. `None` if nobody is ready, or if so many have had their turns that
    /// the driver must be asked first.
    #[inline(always)]
    pub(crate) fn next_turn(&self) -> Option<Turn> {
        if self.polls_left.get() == 0 {
            return None;
        }
        if self.inbox.mailbox.has_mail() {
            self.read_mail();
        }
        let turn = self.tasks.borrow_mut().pop()?;
        self.budget.refill();
        Some(turn)
    }

    /// After each turn. One with many operations counts as several.
    #[inline(always)]
    pub(crate) fn count_turn(&self) {
        self.polls_left.set(self.polls_left.get().saturating_sub(1 + self.budget.used() / 2));
    }

    /// Fires due timers and asks the driver what happened. If nobody is ready it sleeps, for `limit` at most.
    pub(crate) fn look_outside(&self, limit: Option<Duration>) -> io::Result<()> {
        self.polls_left.set(self.options.event_interval);
        let mut limit = self.fire_timers().into_iter().chain(limit).min();
        let idle = !self.tasks.borrow().has_ready();
        if idle && !self.options.busy_poll.is_zero() && !self.poll_busily(&mut limit)? {
            return Ok(());
        }
        if idle && self.inbox.mailbox.park() {
            let polled = self.poll_driver(limit);
            self.inbox.mailbox.unpark();
            polled?;
        } else if !self.reactor.borrow().is_empty() {
            self.poll_driver(Some(Duration::ZERO))?;
        }
        Ok(())
    }

    /// Asks the driver again and again before the loop goes to sleep. `false` if it need not: somebody is ready, or `limit` is
    /// over. Otherwise takes the time that has passed from `limit`.
    #[cold]
    fn poll_busily(&self, limit: &mut Option<Duration>) -> io::Result<bool> {
        let start = Instant::now();
        loop {
            self.poll_driver(Some(Duration::ZERO))?;
            let passed = start.elapsed();
            if self.tasks.borrow().has_ready()
                || self.inbox.mailbox.has_mail()
                || limit.is_some_and(|limit| passed >= limit)
            {
                return Ok(false);
            }
            if passed >= self.options.busy_poll {
                *limit = limit.map(|limit| limit - passed);
                return Ok(true);
            }
            std::hint::spin_loop();
        }
    }

    /// One task's turn: polls it, or drops it if it was aborted.
    #[inline]
    pub(crate) fn run(&self, mut task: task::BoxedTask, ticket: Ticket, aborted: bool) {
        if aborted {
            task::cancel(&mut task);
        } else if !task::poll(&mut task, &ticket.waker()) {
            self.tasks.borrow_mut().put_back(ticket, task);
            return;
        }
        self.finish(ticket, task);
    }

    #[inline(always)]
    fn finish(&self, ticket: Ticket, task: task::BoxedTask) {
        let remains = self.tasks.borrow_mut().finish(ticket, task);
        if remains.is_some() {
            task::drop_quietly(remains);
        }
    }

    /// Does what other threads asked for.
    #[cold]
    fn read_mail(&self) {
        let mut letters = self.letters.take();
        self.inbox.mailbox.drain(&mut letters);
        for letter in letters.drain(..) {
            match letter {
                Message::Wake(ticket) => self.tasks.borrow_mut().wake(ticket),
                // It runs foreign code; the letters behind it must not be lost to a panic.
                Message::Spawn(spawn) => task::call_quietly(spawn),
                Message::Stop => {
                    self.stop.set(true);
                    self.tasks.borrow_mut().wake_main();
                }
            }
        }
        self.letters.replace(letters);
    }

    /// Wakes all whose time has come; returns how long until the next one.
    pub(crate) fn fire_timers(&self) -> Option<Duration> {
        let next_ns = self.timers.borrow().next_ns()?;
        let now_ns = self.clock.now_ns();
        if next_ns > now_ns {
            return Some(Duration::from_nanos(next_ns - now_ns));
        }
        let mut due = self.due.take();
        self.timers.borrow_mut().fire(now_ns, &mut due);
        due.drain(..).for_each(|(_, waiter)| self.wake(waiter));
        self.due.replace(due);
        let next_ns = self.timers.borrow().next_ns()?;
        Some(Duration::from_nanos(next_ns.saturating_sub(now_ns)))
    }

    /// Wakes one who waits, now, whoever's waker it is: so that what is due at once is woken in order.
    fn wake(&self, waiter: Waiter) {
        match waiter {
            Waiter::Task(ticket) => ticket.wake(),
            Waiter::Foreign(waker) => task::wake_foreign(waker),
        }
    }

    /// Asks the operating system what happened, and wakes all who waited for it.
    fn poll_driver(&self, timeout: Option<Duration>) -> io::Result<()> {
        // Who sleeps for longer is asleep again after one turn.
        let timeout = timeout.map(|timeout| timeout.min(driver::SLEEP_MAX));
        let mut driver = self.driver.borrow_mut();
        let mark = |event| self.reactor.borrow_mut().mark(&event, &mut self.tasks.borrow_mut());
        driver.poll(timeout, mark)?;
        loop {
            let Some(Rearm { raw, token, wanted }) = self.reactor.borrow_mut().next_to_rearm() else { break };
            if driver.rearm(raw, token, wanted).is_err() {
                // Whoever waits finds out at its next operation.
                mark(Event { token, readiness: wanted });
            }
        }
        Ok(())
    }

    /// Ends everything: drops every task inside the runtime's context, those too that tasks being dropped
    /// still spawn, and wakes whoever waits for a socket or a timer of this runtime, so that they see it.
    fn shut_down(&self) {
        self.closed.set(true);
        let unread = self.inbox.mailbox.close();
        unread.into_iter().for_each(task::drop_quietly);
        let mut due = Vec::new();
        self.timers.borrow_mut().fire_all(&mut due);
        due.into_iter().for_each(|(_, waiter)| self.wake(waiter));
        self.reactor.borrow_mut().close(&mut self.tasks.borrow_mut());
        // No bound but the tasks' own: one whose drop always spawns another such task would go on for ever.
        loop {
            let mut busy = false;
            while let Some(waker) = self.take_foreign() {
                busy = true;
                task::wake_foreign(waker);
            }
            let mut next = 0;
            while let Some((mut task, ticket)) = self.take_live(next) {
                busy = true;
                next = ticket.key() + 1;
                task::cancel(&mut task);
                self.finish(ticket, task);
            }
            if !busy {
                break;
            }
        }
    }

    fn take_live(&self, from: u32) -> Option<(task::BoxedTask, Ticket)> {
        self.tasks.borrow_mut().take_live(from)
    }

    fn take_foreign(&self) -> Option<Waker> {
        self.tasks.borrow_mut().take_foreign()
    }
}

/// An async runtime on one thread.
///
/// Most programs need only [`oneloop::block_on`](block_on). A `Runtime` of one's own is for choosing
/// [options](Builder), for [handles](Handle) that other threads use, and for running several futures one after
/// the other on the same loop: tasks that are not finished when `block_on` returns go on in the next one.
///
/// A runtime belongs to its thread:
///
/// ```compile_fail,E0277
/// let runtime = oneloop::Runtime::new().unwrap();
/// std::thread::spawn(move || runtime.block_on(async {})); // a Runtime is not Send
/// ```
///
/// # Dropping
///
/// drops every task, inside the runtime's context, each exactly once. [Join handles](JoinHandle) of tasks
/// that had not finished then say cancelled; wakers do nothing; sockets and sleeps that are left over
/// return an error, or find the runtime in which they are polled next. What is left over keeps the
/// runtime's tables and its event queue alive until it is dropped, too.
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
    /// If the operating system gives no event queue (too many open files), if `ONELOOP_DRIVER` names a
    /// driver that isn't there, or if 65,535 runtimes are alive in this process.
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

    /// Runs `future`, and with it all tasks of this runtime, until `future` is ready. The thread sleeps
    /// while there is nothing to do.
    ///
    /// The future may borrow and need not be `Send`. Tasks that are not finished stay and go on at the
    /// next call.
    ///
    /// # Panics
    ///
    /// Inside another `block_on` on the same thread, which would stop that one's loop. If `future` panics, or
    /// the operating system's event queue fails for good; the runtime can be used again afterwards.
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
            !context::is_inside(),
            "block_on was called inside a oneloop runtime, whose loop it would stop: `.await` the future \
             instead, or spawn it"
        );
        context::enter(&self.core, || {
            let mut future = pin!(future);
            let mut output = None;
            let mut main = |cx: &mut Context<'_>| match future.as_mut().poll(cx) {
                Poll::Ready(value) => output.replace(value).is_none(),
                Poll::Pending => false,
            };
            self.core.tasks.borrow_mut().renew_main();
            loop {
                match self.core.turn(&mut main) {
                    Ok(false) => {}
                    Ok(true) => break,
                    Err(error) => panic!("oneloop: the operating system's event queue failed: {error}"),
                }
            }
            output.expect("the loop ends when the future is ready")
        })
    }

    /// Runs this runtime's tasks until [`Handle::stop`] is called, from a task or any other thread: for a
    /// thread that serves others.
    ///
    /// A stop that was asked for before counts: then the tasks that are ready have their turns, and this
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

    /// Starts a task; it runs in the next [`block_on`](Runtime::block_on) or [`run`](Runtime::run), or the
    /// current one. Otherwise it is as [`oneloop::spawn`](crate::spawn), but needs no runtime around it.
    ///
    /// # Panics
    ///
    /// If 16,777,215 tasks are alive in this runtime: a task's name has 24 bits. One that has finished counts
    /// until its result is taken or its join handle dropped.
    ///
    /// # Examples
    ///
    /// See [`Runtime`].
    pub fn spawn<F: Future + 'static>(&self, future: F) -> JoinHandle<F::Output> {
        task::spawn_on(&self.core, future)
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

impl Drop for Runtime {
    fn drop(&mut self) {
        context::enter(&self.core, || self.core.shut_down());
        // Not before: a runtime made by a task's destructor must not get our number while wakers compare
        // with it.
        remote::leave(self.core.number);
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("number", &self.core.number).finish_non_exhaustive()
    }
}

/// Runs `future` on a new runtime with the default options, until it is ready; then drops the runtime
/// and with it all tasks that are left. To wait for several futures one after the other, make one
/// [`Runtime`]: each call here makes an event queue and closes it.
///
/// # Panics
///
/// Inside another `block_on` on the same thread; if no runtime can be made (see [`Runtime::new`]); and if
/// `future` panics.
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
