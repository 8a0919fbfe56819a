//! What one loop owns, and the turn: the whole loop in one function.

use std::cell::{Cell, RefCell};
use std::io;
use std::ops::ControlFlow;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use super::budget::Budget;
use super::cell::{self, BoxedTask, Polled};
use super::clock::Clock;
use super::driver::{self, Backend, Driver, IoEvent};
use super::fork;
use super::inbox::{Inbox, Message};
use super::options::Options;
use super::panic::{call_quietly, drop_quietly};
use super::reactor::{Reactor, Rearm};
use super::registry;
use super::sync::Arc;
use super::task_slot::TaskSlot;
use super::tasks::{Tasks, Urgent};
use super::ticket::Ticket;
use super::wait_list::{Waiter, wake_foreign};
use super::wheel::Wheel;

/// Everything that one loop owns. Its sockets and join handles share it, so it may outlive
/// its `Runtime`; then nothing runs any more.
///
/// Each part is borrowed for a few instructions at a time, the driver for as long as the loop
/// sleeps in it. Nothing is borrowed while foreign code runs, but for the driver while an object of
/// the user's is registered.
pub(crate) struct Core {
    pub(crate) tasks: Tasks,
    pub(crate) reactor: Reactor,
    pub(crate) driver: RefCell<Backend>,
    pub(crate) timers: Wheel,
    pub(crate) clock: Clock,
    pub(crate) budget: Budget,
    pub(crate) inbox: Arc<Inbox>,
    number: u16,
    /// Tells this runtime from earlier ones with its number.
    serial: u32,
    /// The process that made this, among those that forks have made of it.
    generation: u32,
    options: Options,
    /// The driver was polled since a front end was entered.
    driver_polled: Cell<bool>,
    /// The loop is parked in a loop of the program's own, which waits for the driver's descriptor.
    parked_outside: Cell<bool>,
    /// The end of `run` was requested.
    pub(crate) stop: Cell<bool>,
    /// The runtime was dropped.
    closed: Cell<bool>,
    /// Buffers that each turn uses again.
    messages: RefCell<Vec<Message>>,
    due: RefCell<Vec<(u64, Waiter)>>,
}

// A panic leaves nothing half done here: each borrow ends before foreign code runs, and the turn
// goes on where it was.
impl UnwindSafe for Core {}
impl RefUnwindSafe for Core {}

impl Core {
    pub(crate) fn new(driver: Driver, options: Options) -> io::Result<Core> {
        fork::watch();
        let generation = fork::generation();
        let (driver, notifier) = Backend::new(driver)?;
        let inbox = Arc::new(Inbox::new(notifier, generation));
        let serial = inbox.serial;
        let number = registry::enter(inbox.clone())?;
        let core = Core {
            tasks: Tasks::new(number),
            reactor: Reactor::new(generation),
            driver: RefCell::new(driver),
            timers: Wheel::new(),
            clock: Clock::new(),
            budget: Budget::new(options.event_interval),
            inbox,
            number,
            serial,
            generation,
            options,
            driver_polled: Cell::new(false),
            parked_outside: Cell::new(false),
            stop: Cell::new(false),
            closed: Cell::new(false),
            messages: RefCell::default(),
            due: RefCell::default(),
        };
        if options.start_paused {
            core.stop_clock();
        }
        Ok(core)
    }

    #[inline]
    pub(crate) fn number(&self) -> u16 {
        self.number
    }

    #[inline]
    pub(crate) fn serial(&self) -> u32 {
        self.serial
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Whether this process is a fork of the one that made this. Then it uses the parent's event
    /// queue, and can't go around.
    #[inline]
    pub(crate) fn is_inherited(&self) -> bool {
        self.generation != fork::generation()
    }

    /// # Errors
    ///
    /// If [inherited](Core::is_inherited).
    #[inline]
    pub(crate) fn refuse_inherited(&self) -> io::Result<()> {
        if self.is_inherited() { Err(fork::inherited()) } else { Ok(()) }
    }

    /// **The turn**: once around the loop. The front ends call it again and again.
    ///
    /// `on_key` gets each entry of the ready queue that holds no future: `block_on`'s own, or a
    /// source of an `EventLoop`. Its `Break` ends the turn there, uncounted, and the next one goes
    /// on behind that entry. `limit` says how long the loop may sleep; it is called only if no
    /// `Break` came.
    ///
    /// Bounds: the inbox is drained, before each task, of what is in it then; at most
    /// `event_interval` tasks are polled; every timer that is due fires; at most one batch of
    /// events is taken from the driver (with `busy_poll`, one for each time it is asked).
    #[inline(always)]
    pub(crate) fn turn(
        &self,
        limit: impl FnOnce() -> Option<Duration>,
        on_key: impl FnMut(Ticket) -> ControlFlow<()>,
    ) -> io::Result<ControlFlow<()>> {
        self.drain_inbox();
        if self.run_ready_tasks(on_key).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let until_next_timer = self.fire_due_timers();
        self.poll_driver(until_next_timer.into_iter().chain(limit()).min())?;
        Ok(ControlFlow::Continue(()))
    }

    /// A front end begins to go around.
    ///
    /// # Errors
    ///
    /// If the process has inherited this by a fork.
    pub(crate) fn begin(&self) -> io::Result<()> {
        self.refuse_inherited()?;
        self.driver_polled.set(false);
        if self.parked_outside.take() {
            self.inbox.queue.unpark();
        }
        Ok(())
    }

    /// A front end is about to return. If no turn has polled the driver since [`begin`](Core::begin),
    /// this does: a program that comes back again and again, each time after a poll or two, would
    /// otherwise never see its timers and sockets. An error is reported by the next turn.
    pub(crate) fn end(&self) {
        if !self.driver_polled() {
            self.budget.begin_turn(self.options.event_interval);
            self.fire_due_timers();
            let _ = self.poll_driver_at_once();
        }
    }

    /// Polls the driver without sleeping. No system call if nothing is registered.
    fn poll_driver_at_once(&self) -> io::Result<()> {
        if self.reactor.is_empty() { Ok(()) } else { self.take_events(Some(Duration::ZERO)).map(drop) }
    }

    /// For a loop of the program's own: how long it may wait until the next turn. Parks the loop, so
    /// that another thread that wakes a task notifies the driver.
    pub(crate) fn park_outside(&self) -> Option<Duration> {
        if self.has_ready() || !self.inbox.queue.park() {
            return Some(Duration::ZERO);
        }
        self.parked_outside.set(true);
        let next_ns = self.timers.next_ns()?;
        Some(Duration::from_nanos(next_ns.saturating_sub(self.clock.now_ns())))
    }

    /// Does what other threads asked for. One load if they asked for nothing.
    #[inline(always)]
    pub(crate) fn drain_inbox(&self) {
        if self.inbox.queue.has_messages() {
            self.read_messages();
        }
    }

    #[cold]
    fn read_messages(&self) {
        self.tasks.current.set(None);
        let mut messages = self.messages.take();
        self.inbox.queue.drain(&mut messages);
        for message in messages.drain(..) {
            match message {
                Message::Wake(ticket) => self.tasks.wake(ticket),
                // It runs foreign code; the messages behind it must not be lost to a panic.
                Message::Call(call) => call_quietly(call),
                Message::Stop => self.request_stop(),
            }
        }
        self.messages.replace(messages);
    }

    /// Polls the tasks that are ready, until none is or so many have been polled that the driver
    /// must be asked first.
    #[inline(always)]
    fn run_ready_tasks(&self, mut on_key: impl FnMut(Ticket) -> ControlFlow<()>) -> ControlFlow<()> {
        if self.budget.turn_is_over() {
            return ControlFlow::Continue(());
        }
        loop {
            self.budget.refill();
            if self.tasks.has_urgent() && self.do_urgent() {
                // An abort, or a waker of another crate: an entry that comes before the queue.
            } else if let Some((slot, ticket)) = self.tasks.pop() {
                match slot.take() {
                    Some(task) => self.run(slot, task, ticket),
                    None => {
                        slot.leave_queue();
                        self.tasks.current.set(None);
                        let uncounted = self.budget.left_of_turn();
                        if on_key(ticket).is_break() {
                            self.budget.continue_turn(uncounted);
                            return ControlFlow::Break(());
                        }
                    }
                }
            } else {
                break;
            }
            self.budget.count_poll();
            if self.budget.turn_is_over() {
                break;
            }
            self.drain_inbox(); // again before each task, so that a busy loop sees at once what other threads ask for
        }
        self.tasks.current.set(None);
        ControlFlow::Continue(())
    }

    /// Does what comes before the ready queue. `false` if nothing was left to do.
    #[cold]
    #[inline(never)]
    fn do_urgent(&self) -> bool {
        match self.tasks.pop_urgent() {
            Some(Urgent::Aborted(slot, task, ticket)) => self.cancel(slot, task, ticket),
            Some(Urgent::Foreign(waker)) => {
                self.tasks.current.set(None);
                wake_foreign(waker);
            }
            None => return false,
        }
        true
    }

    /// Polls one task.
    #[inline(always)]
    fn run(&self, slot: &TaskSlot, mut task: BoxedTask, ticket: Ticket) {
        self.tasks.begin_poll(ticket);
        match cell::poll(&mut task, &ticket.waker()) {
            Polled::Pending => return self.tasks.end_poll(slot, task),
            Polled::Finished => {}
            Polled::Panicked => self.describe(&mut task, ticket),
        }
        self.tasks.end_last_poll(slot);
        self.finish(slot, ticket, task);
    }

    /// Drops the future of a task that was aborted.
    #[cold]
    fn cancel(&self, slot: &TaskSlot, mut task: BoxedTask, ticket: Ticket) {
        self.tasks.begin_drop(ticket);
        cell::cancel(&mut task);
        self.describe(&mut task, ticket);
        self.finish(slot, ticket, task);
        self.tasks.current.set(None); // `shut_down` calls wakers of other crates next
    }

    /// Says in a task's error which one it was.
    #[cold]
    fn describe(&self, task: &mut BoxedTask, ticket: Ticket) {
        let name = self.tasks.name(ticket);
        task.as_mut().describe(ticket, name);
    }

    #[inline(always)]
    fn finish(&self, slot: &TaskSlot, ticket: Ticket, task: BoxedTask) {
        let remains = self.tasks.finish(slot, ticket, task);
        if remains.is_some() {
            drop_quietly(remains);
        }
        self.tasks.end_task();
    }

    /// Wakes all whose deadline has passed; returns how long until the next one.
    pub(crate) fn fire_due_timers(&self) -> Option<Duration> {
        let next_ns = self.timers.next_ns()?;
        let now_ns = self.clock.now_ns();
        if next_ns > now_ns {
            return Some(Duration::from_nanos(next_ns - now_ns));
        }
        let mut due = self.due.take();
        self.timers.fire(now_ns, &mut due);
        due.drain(..).for_each(|(_, waiter)| self.wake(waiter));
        self.due.replace(due);
        let next_ns = self.timers.next_ns()?;
        Some(Duration::from_nanos(next_ns.saturating_sub(now_ns)))
    }

    /// Wakes a waiter at once, also through a foreign waker, so that timers of one batch wake in
    /// the order of their deadlines.
    fn wake(&self, waiter: Waiter) {
        match waiter {
            Waiter::Task(ticket) => ticket.wake(),
            Waiter::Foreign(waker) => wake_foreign(waker),
        }
    }

    /// Asks the driver what happened. If no task is ready the loop sleeps there, for `limit` at
    /// most.
    #[inline(always)]
    fn poll_driver(&self, limit: Option<Duration>) -> io::Result<()> {
        self.driver_polled.set(true);
        self.budget.begin_turn(self.options.event_interval);
        if self.clock.is_stopped() {
            return self.poll_with_stopped_clock(limit);
        }
        self.poll_or_sleep(limit)
    }

    #[inline]
    fn poll_or_sleep(&self, mut limit: Option<Duration>) -> io::Result<()> {
        let idle = !self.has_ready();
        if idle && !self.options.busy_poll.is_zero() && !self.busy_poll(&mut limit)? {
            return Ok(());
        }
        if !idle || !self.inbox.queue.park() {
            return self.poll_driver_at_once();
        }
        let taken = self.take_events(limit);
        self.inbox.queue.unpark();
        taken.map(drop)
    }

    pub(crate) fn stop_clock(&self) {
        self.clock.stop();
        self.inbox.clock_stopped.store(true, SeqCst);
    }

    pub(crate) fn resume_clock(&self) {
        self.clock.resume();
        self.inbox.clock_stopped.store(false, SeqCst);
    }

    /// No time passes by itself. If nothing can happen but a timer, or the end of `limit`, the clock
    /// moves there; else the loop sleeps until something happens.
    #[cold]
    fn poll_with_stopped_clock(&self, limit: Option<Duration>) -> io::Result<()> {
        // Before the messages: what ends meanwhile has posted one.
        let may_jump = self.options.auto_advance && !self.inbox.is_held();
        let registered = !self.reactor.is_empty();
        while registered && self.take_events(Some(Duration::ZERO))? {} // batch after batch
        if self.has_ready() || self.inbox.queue.has_messages() || limit == Some(Duration::ZERO) {
            return Ok(());
        }
        // Further than that is for ever, to which nothing moves the clock.
        const FURTHEST: Duration = Duration::from_nanos(u64::MAX / 2);
        match limit {
            Some(limit) if may_jump && limit < FURTHEST => {
                self.clock.advance(limit);
                Ok(())
            }
            _ => self.poll_or_sleep(None),
        }
    }

    /// Asks the driver again and again before the loop goes to sleep. `false` if it need not: a
    /// task is ready, or `limit` is over. Otherwise takes the time that has passed from `limit`.
    #[cold]
    fn busy_poll(&self, limit: &mut Option<Duration>) -> io::Result<bool> {
        let start = Instant::now();
        loop {
            self.take_events(Some(Duration::ZERO))?;
            let passed = start.elapsed();
            if self.has_ready()
                || self.inbox.queue.has_messages()
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

    /// Takes a batch of events from the driver: marks readiness, and wakes those that wait for it.
    /// Whether there were any.
    fn take_events(&self, timeout: Option<Duration>) -> io::Result<bool> {
        self.refuse_inherited()?; // a task may have forked
        // A loop that sleeps for longer is asleep again after one turn.
        let timeout = timeout.map(|timeout| timeout.min(driver::SLEEP_MAX));
        let mut driver = self.driver.borrow_mut();
        let mut any = false;
        driver.poll(timeout, |event| {
            any = true;
            self.reactor.mark(&event, &self.tasks);
        })?;
        while let Some(rearm) = self.reactor.next_to_rearm() {
            self.rearm(&driver, rearm);
        }
        Ok(any)
    }

    #[cold]
    #[inline(never)]
    fn rearm(&self, driver: &Backend, Rearm { raw, token, wanted }: Rearm) {
        if driver.rearm(raw, token, wanted).is_err() {
            // The next operation of each task that waits reports the error.
            self.reactor.mark(&IoEvent { token, readiness: wanted }, &self.tasks);
        }
    }

    #[inline]
    pub(crate) fn has_ready(&self) -> bool {
        self.tasks.has_ready()
    }

    /// Ends the current `run`, or else the next. Key 0 is queued, so that a front end that looks
    /// only there finds out.
    pub(crate) fn request_stop(&self) {
        self.stop.set(true);
        self.tasks.wake_main();
    }

    /// Whether the loop was told to stop, if only in a message that is still to be read.
    #[inline]
    pub(crate) fn is_stopped(&self) -> bool {
        self.drain_inbox();
        self.stop.get()
    }

    pub(crate) fn driver_polled(&self) -> bool {
        self.driver_polled.get()
    }

    /// Ends everything: drops every task inside the runtime's context, those too that tasks being
    /// dropped still spawn, and wakes every waiter of a socket or a timer of this runtime. Its next
    /// poll reports the end.
    pub(crate) fn shut_down(&self) {
        self.closed.set(true);
        let unread = self.inbox.queue.close();
        unread.into_iter().for_each(drop_quietly);
        let mut due = Vec::new();
        self.timers.fire_all(&mut due);
        due.into_iter().for_each(|(_, waiter)| self.wake(waiter));
        self.reactor.close(&self.tasks);
        // No bound but the tasks' own: one whose drop always spawns another such task would go on
        // for ever.
        loop {
            let mut busy = false;
            while let Some(waker) = self.tasks.take_foreign() {
                busy = true;
                wake_foreign(waker);
            }
            let mut next = 0;
            while let Some((slot, task, ticket)) = self.tasks.take_live(next) {
                busy = true;
                next = ticket.key() + 1;
                self.cancel(slot, task, ticket);
            }
            if !busy {
                break;
            }
        }
    }
}
