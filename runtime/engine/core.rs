//! The state of one loop, and the turn, which is the whole loop in one function.

use std::cell::{Cell, RefCell};
use std::io;
use std::ops::ControlFlow;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::Duration;

use super::budget::Budget;
use super::cell::{self, BoxedTask, Polled};
use super::clock::Clock;
use super::counters::Counters;
use super::driver::{self, Backend, Driver, IoEvent};
use super::fork;
use super::happening::{Cause, Happening, Outcome};
use super::inbox::{Inbox, Message};
use super::look::Look;
use super::observation::{Activity, Observation};
use super::options::Options;
use super::panic::drop_quietly;
use super::places::Places;
use super::reactor::{Reactor, Rearm};
use super::registry;
use super::sync::Arc;
use super::task_slot::TaskSlot;
use super::tasks::Tasks;
use super::ticket::Ticket;
use super::urgent::Urgent;
use super::wait_list::{Waiter, wake_foreign};
use super::wheel::{Due, Wheel};

/// The state of one loop. The loop's sockets and join handles share the core, so the core may outlive
/// its `Runtime`. After the `Runtime` is dropped, no task runs any more.
///
/// Each part is borrowed for a few instructions at a time. The driver is borrowed for as long as the
/// loop sleeps in it. No part is borrowed while foreign code runs. The one exception is the driver,
/// which is borrowed while an object of the user is registered.
pub(crate) struct Core {
    pub(crate) tasks: Tasks,
    pub(crate) places: Places,
    pub(crate) observation: Observation,
    pub(crate) reactor: Reactor,
    pub(crate) driver: RefCell<Backend>,
    pub(crate) timers: Wheel,
    pub(crate) clock: Clock,
    pub(crate) budget: Budget,
    pub(crate) inbox: Arc<Inbox>,
    number: u16,
    /// Tells this runtime from earlier runtimes with the same number.
    serial: u32,
    /// The generation of the process that made this core. Each fork starts a new generation.
    generation: u32,
    pub(super) options: Options,
    pub(super) look: Look,
    /// A loop with nothing to do parks at once. The flag is clear while the clock is stopped, and while
    /// the loop looks for messages or events before a park (`busy_poll`, `look.rs`). Each turn tests
    /// this one flag for all of them.
    pub(super) parks_at_once: Cell<bool>,
    /// The number of turns that had ended when a front end was entered.
    turns_before: Cell<u64>,
    /// The loop is parked in another loop of the program, which waits for the driver's descriptor.
    pub(super) parked_outside: Cell<bool>,
    /// The end of `run` was requested.
    pub(crate) stop: Cell<bool>,
    /// The runtime was dropped.
    pub(super) closed: Cell<bool>,
    /// A buffer that each turn reuses, as is `due`.
    pub(super) messages: RefCell<Vec<Message>>,
    due: RefCell<Vec<Due>>,
}

// A panic leaves the state consistent. Each borrow ends before foreign code runs, and the next turn
// continues at the point of the panic.
impl UnwindSafe for Core {}
impl RefUnwindSafe for Core {}

impl Core {
    pub(crate) fn new(driver: Driver, options: Options) -> io::Result<Core> {
        fork::watch();
        let generation = fork::generation();
        let (driver, notifier) = Backend::new(driver, options.precise_timers)?;
        let inbox = Arc::new(Inbox::new(notifier, generation));
        let serial = inbox.serial;
        let number = registry::enter(inbox.clone())?;
        // `busy_poll` looks for messages, too.
        let look_time =
            if options.busy_poll.is_zero() { options.spin_after_remote_wake } else { Duration::ZERO };
        let core = Core {
            tasks: Tasks::new(number, inbox.counters.clone()),
            places: Places::new(),
            observation: Observation::new(),
            reactor: Reactor::new(generation, inbox.counters.clone()),
            driver: RefCell::new(driver),
            timers: Wheel::new(),
            clock: Clock::new(),
            budget: Budget::new(options.event_interval),
            inbox,
            number,
            serial,
            generation,
            options,
            look: Look::new(look_time),
            parks_at_once: Cell::new(options.busy_poll.is_zero()),
            turns_before: Cell::new(0),
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

    /// Returns whether this process is a fork of the process that made this core. In a fork the event
    /// queue belongs to the parent, and the loop can't run.
    #[inline]
    pub(crate) fn is_inherited(&self) -> bool {
        self.generation != fork::generation()
    }

    /// # Errors
    ///
    /// The call returns an error if the core is [inherited](Core::is_inherited).
    #[inline]
    pub(crate) fn refuse_inherited(&self) -> io::Result<()> {
        if self.is_inherited() { Err(fork::inherited()) } else { Ok(()) }
    }

    /// Runs one turn of the loop. The front ends call the function repeatedly.
    ///
    /// `on_key` receives each entry of the ready queue whose slot holds no future. Such an entry
    /// belongs to `block_on`'s own future or to a source of an `EventLoop`. A `Break` of `on_key` ends
    /// the turn at that entry. The turn is not counted, and the next turn continues behind that entry.
    /// `limit` returns how long the loop may sleep. The turn calls `limit` only if `on_key` returned no
    /// `Break`.
    ///
    /// Bounds:
    ///
    /// * Before each task, the turn drains the messages that the inbox holds at that moment.
    /// * The turn polls at most `event_interval` tasks.
    /// * Every timer that is due fires.
    /// * The turn takes at most one batch of events from the driver. With `busy_poll`, each poll of the
    ///   driver takes at most one batch.
    #[inline(always)]
    pub(crate) fn turn<B>(
        &self,
        limit: impl FnOnce() -> Option<Duration>,
        on_key: impl FnMut(Ticket) -> ControlFlow<B>,
    ) -> io::Result<ControlFlow<B>> {
        self.tell_turn();
        self.drain_inbox();
        if let ControlFlow::Break(end) = self.run_ready_tasks(on_key) {
            return Ok(ControlFlow::Break(end));
        }
        let until_next_timer = self.fire_due_timers();
        self.poll_driver(until_next_timer.into_iter().chain(limit()).min())?;
        Ok(ControlFlow::Continue(()))
    }

    /// Tells an observer of a new turn. A turn that continues after a `Break` is not a new turn.
    #[inline(always)]
    fn tell_turn(&self) {
        if self.tasks.hook.begins_turn(&self.tasks.counters.turns) {
            self.tasks.hook.tell(|_| Happening::Turn { at: self.observation.now() });
        }
    }

    /// Prepares the core for the turns of a front end.
    ///
    /// # Errors
    ///
    /// The call returns an error if the process has inherited the core by a fork.
    pub(crate) fn begin(&self) -> io::Result<()> {
        self.refuse_inherited()?;
        self.turns_before.set(self.tasks.counters.turns.get());
        self.observation.clear_reading(); // the program's own code ran before
        if self.parked_outside.take() {
            self.inbox.queue.unpark();
        }
        Ok(())
    }

    /// Ends the turns of a front end that is about to return. If no turn has polled the driver since
    /// [`begin`](Core::begin), this function polls the driver. Without that poll, the timers and
    /// sockets of a program that enters the front end often, for one or two polls each time, would
    /// never be served. The function drops an error of that poll, because the next turn reports the
    /// error.
    pub(crate) fn end(&self) {
        self.publish_counters();
        self.tasks.counters.running.set(0);
        if !self.driver_polled() {
            self.budget.begin_turn();
            self.fire_due_timers();
            let _ = self.poll_driver_at_once();
        }
    }

    /// Polls the driver without sleeping. The function makes no system call if no object is registered.
    fn poll_driver_at_once(&self) -> io::Result<()> {
        if self.reactor.is_empty() { Ok(()) } else { self.take_events(Some(Duration::ZERO)) }
    }

    /// Reads the messages of other threads. The function costs one load if the inbox is empty.
    #[inline(always)]
    pub(crate) fn drain_inbox(&self) {
        if self.inbox.queue.has_messages() {
            self.read_messages();
        }
    }

    /// Polls the tasks that are ready. The function returns when no task is ready, or when the turn has
    /// polled so many tasks that the driver must be polled first.
    #[inline(always)]
    fn run_ready_tasks<B>(&self, mut on_key: impl FnMut(Ticket) -> ControlFlow<B>) -> ControlFlow<B> {
        if self.budget.turn_is_over() {
            return ControlFlow::Continue(());
        }
        self.tasks.note_ready();
        loop {
            self.budget.refill();
            if self.tasks.has_urgent() && self.do_urgent() {
                // The entry was an abort or a waker of another crate, which come before the queue.
            } else if let Some((slot, ticket)) = self.tasks.pop() {
                match slot.take() {
                    Some(task) => self.run(slot, task, ticket),
                    None => {
                        slot.leave_queue();
                        self.tasks.current.set(None);
                        let uncounted = self.budget.left_of_turn();
                        if let ControlFlow::Break(end) = on_key(ticket) {
                            self.budget.continue_turn(uncounted);
                            return ControlFlow::Break(end);
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
            self.drain_inbox(); // before each task, so that a busy loop reads messages at once
        }
        self.tasks.current.set(None);
        ControlFlow::Continue(())
    }

    /// Handles one entry that comes before the ready queue. The function returns `false` if no such
    /// entry is left.
    #[cold]
    #[inline(never)]
    fn do_urgent(&self) -> bool {
        self.observation.clear_reading();
        match self.tasks.pop_urgent() {
            Some(Urgent::Aborted(slot, task, ticket)) => self.cancel(slot, task, ticket),
            Some(Urgent::Foreign(waker)) => {
                self.tasks.current.set(None);
                self.tasks.hook.tell(|by| Happening::WokenForeign { by });
                self.run_foreign(Activity::Waker, || wake_foreign(waker));
            }
            None => return false,
        }
        true
    }

    /// Runs one task.
    #[inline(always)]
    fn run(&self, slot: &TaskSlot, task: BoxedTask, ticket: Ticket) {
        if self.observation.is_on() {
            self.run_observed(slot, task, ticket);
        } else {
            self.poll_task(slot, task, ticket);
        }
    }

    /// Polls one task.
    #[inline(always)]
    pub(super) fn poll_task(&self, slot: &TaskSlot, mut task: BoxedTask, ticket: Ticket) -> Outcome {
        self.tasks.begin_poll(ticket);
        let outcome = match cell::poll(&mut task, &ticket.waker()) {
            Polled::Pending => {
                self.tasks.end_poll(slot, task);
                return Outcome::Pending;
            }
            Polled::Finished => Outcome::Ready,
            Polled::Panicked => {
                self.describe(&mut task, ticket);
                Outcome::Panicked
            }
        };
        self.tasks.end_last_poll(slot);
        self.finish(slot, ticket, task);
        outcome
    }

    /// Writes a task's id and name into its error.
    #[cold]
    pub(super) fn describe(&self, task: &mut BoxedTask, ticket: Ticket) {
        let name = self.tasks.name(ticket);
        task.as_mut().describe(ticket, name);
    }

    #[inline(always)]
    pub(super) fn finish(&self, slot: &TaskSlot, ticket: Ticket, task: BoxedTask) {
        if let Some(remains) = self.tasks.finish(slot, ticket, task) {
            self.tasks.begin_drop(ticket);
            drop_quietly(remains);
            self.tasks.end_drop();
        }
    }

    /// Wakes the waiters of all timers that are due. The function returns the time until the next
    /// timer.
    #[inline]
    pub(crate) fn fire_due_timers(&self) -> Option<Duration> {
        if self.timers.is_empty() { None } else { self.look_at_timers() }
    }

    #[inline(never)]
    fn look_at_timers(&self) -> Option<Duration> {
        let next_ns = self.timers.next_ns()?;
        let now_ns = self.clock.now_ns();
        if next_ns > now_ns {
            return Some(Duration::from_nanos(next_ns - now_ns));
        }
        let mut due = self.due.take();
        self.timers.fire(now_ns, &mut due);
        for timer in due.drain(..) {
            let (key, deadline_ns) = (timer.key(), timer.deadline_ns);
            self.tasks.hook.tell(|_| Happening::TimerFired { timer: key, deadline_ns });
            self.tasks.hook.because(|| Cause::timer(key));
            self.wake(timer.waiter);
        }
        self.tasks.hook.because(|| Cause::OUTSIDE);
        self.due.replace(due);
        let next_ns = self.timers.next_ns()?;
        Some(Duration::from_nanos(next_ns.saturating_sub(now_ns)))
    }

    /// Sets a timer and returns its key.
    #[inline(always)]
    pub(crate) fn set_timer(&self, deadline_ns: u64, waiter: Waiter) -> u32 {
        let unit = if self.tasks.hook.is_on() { waiter.ticket() } else { None };
        let timer = self.timers.insert(deadline_ns, waiter);
        self.tasks.hook.tell(|_| Happening::TimerSet { timer, deadline_ns, unit });
        timer
    }

    /// Removes a timer, which may have fired. The function returns the timer's waiter, which the caller
    /// drops.
    #[inline(always)]
    pub(crate) fn drop_timer(&self, timer: u32) -> Option<Waiter> {
        self.tasks.hook.tell(|_| Happening::TimerDropped { timer });
        self.timers.remove(timer)
    }

    /// Wakes a waiter at once, also through a foreign waker. So the timers of one batch wake their
    /// waiters in the order of their deadlines.
    pub(super) fn wake(&self, waiter: Waiter) {
        match waiter {
            Waiter::Task(ticket) => ticket.wake(),
            Waiter::Foreign(waker) => self.run_foreign(Activity::Waker, || wake_foreign(waker)),
        }
    }

    /// Polls the driver. If no task is ready, the loop sleeps in the driver for at most `limit`.
    #[inline(always)]
    fn poll_driver(&self, limit: Option<Duration>) -> io::Result<()> {
        self.count_turn();
        self.budget.begin_turn();
        if self.parks_at_once.get() { self.poll_or_park(limit) } else { self.poll_or_look(limit) }
    }

    #[inline(always)]
    pub(super) fn poll_or_park(&self, limit: Option<Duration>) -> io::Result<()> {
        let parks = !self.has_ready() && self.inbox.queue.park();
        if !parks && self.reactor.is_empty() {
            return Ok(()); // no object is registered, so the driver has no event
        }
        let timed = parks && self.begin_park(limit);
        let taken = self.take_events(if parks { limit } else { Some(Duration::ZERO) });
        if parks {
            self.end_park(timed);
        }
        taken
    }

    /// Counts a park, and returns whether its duration is measured.
    #[inline(always)]
    fn begin_park(&self, limit: Option<Duration>) -> bool {
        self.tasks.hook.tell(|_| Happening::parks(self.observation.now(), limit));
        self.observation.clear_reading();
        self.tasks.counters.park()
    }

    #[inline(always)]
    fn end_park(&self, timed: bool) {
        self.tasks.counters.unpark(timed);
        self.tasks.hook.tell(|_| Happening::Unparks { at: self.observation.now() });
        self.inbox.queue.unpark();
    }

    #[inline(always)]
    fn count_turn(&self) {
        let counters: &Counters = &self.tasks.counters;
        counters.turns.add(1);
        self.publish_counters();
        counters.running.set(0); // no unit runs
    }

    /// Stores the counts of the tables in the counters, which other threads read.
    #[inline(always)]
    pub(crate) fn publish_counters(&self) {
        let Tasks { queued, taken, counters, .. } = &self.tasks;
        counters.publish(queued.get(), taken.get(), self.timers.waiting());
    }

    /// Takes a batch of events from the driver, marks the readiness, and wakes the waiters. The
    /// function stays out of line. Inlined into the turn, the same code costs each event 17 more
    /// instructions, and a batch may have many events.
    #[inline(never)]
    pub(super) fn take_events(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.refuse_inherited()?; // a task may have forked
        // A loop that may sleep for longer wakes at this limit, runs one turn, and sleeps again.
        let timeout = timeout.map(|timeout| timeout.min(driver::SLEEP_MAX));
        let mut driver = self.driver.borrow_mut();
        driver.poll(timeout, |event| self.reactor.mark(&event, &self.tasks))?;
        while let Some(rearm) = self.reactor.next_to_rearm() {
            self.rearm(&driver, rearm);
        }
        self.tasks.hook.because(|| Cause::OUTSIDE);
        Ok(())
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

    /// Ends the current `run`, or the next `run` if none is active. The function queues key 0, because
    /// some front ends check for a stop only at that key.
    pub(crate) fn request_stop(&self) {
        self.stop.set(true);
        self.tasks.wake_main();
    }

    /// Returns whether the end of `run` was requested. A request in a message that the loop has not
    /// read yet counts, too.
    #[inline]
    pub(crate) fn is_stopped(&self) -> bool {
        self.drain_inbox();
        self.stop.get()
    }

    pub(crate) fn driver_polled(&self) -> bool {
        self.tasks.counters.turns.get() != self.turns_before.get()
    }
}
