//! What one loop owns, and the turn: the whole loop in one function.

use std::cell::{Cell, RefCell};
use std::io;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use super::budget::Budget;
use super::cell::{self, BoxedTask};
use super::clock::Clock;
use super::driver::{self, Backend, Driver, Event};
use super::inbox::{Inbox, Message};
use super::options::Options;
use super::panic::{call_quietly, drop_quietly};
use super::reactor::{Reactor, Rearm};
use super::registry;
use super::sync::Arc;
use super::tasks::{Tasks, Turn};
use super::ticket::Ticket;
use super::wait_list::{Waiter, wake_foreign};
use super::wheel::Wheel;

/// Everything that one loop owns. Its sockets, sleeps and join handles share it, so it may outlive its
/// `Runtime`; then nothing runs any more.
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
    pub(crate) fn new(driver: Driver, options: Options) -> io::Result<Core> {
        let (driver, notifier) = Backend::new(driver)?;
        let inbox = Arc::new(Inbox::new(notifier));
        let number = registry::enter(inbox.clone())?;
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

    /// **The turn.** Runs the loop once around: `Runtime::block_on` calls it again and again. `true` when `main`
    /// (which polls `block_on`'s own future, the one *named* turn there is) says that it is done.
    ///
    /// Bounds: the inbox is emptied, before each task, of what is in it then; at most `event_interval` tasks run; every
    /// timer that is due fires; at most one batch of events is taken from the driver.
    pub(crate) fn turn(&self, main: &mut dyn FnMut(&mut Context<'_>) -> bool) -> io::Result<bool> {
        while let Some(turn) = self.next_turn() {
            match turn {
                Turn::Task { task, ticket, aborted } => self.run(task, ticket, aborted),
                Turn::Named(ticket) => {
                    if main(&mut Context::from_waker(&ticket.waker())) {
                        return Ok(true);
                    }
                }
                Turn::Foreign(waker) => wake_foreign(waker),
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
    pub(crate) fn run(&self, mut task: BoxedTask, ticket: Ticket, aborted: bool) {
        if aborted {
            cell::cancel(&mut task);
        } else if !cell::poll(&mut task, &ticket.waker()) {
            self.tasks.borrow_mut().put_back(ticket, task);
            return;
        }
        self.finish(ticket, task);
    }

    #[inline(always)]
    fn finish(&self, ticket: Ticket, task: BoxedTask) {
        let remains = self.tasks.borrow_mut().finish(ticket, task);
        if remains.is_some() {
            drop_quietly(remains);
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
                Message::Spawn(spawn) => call_quietly(spawn),
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
            Waiter::Foreign(waker) => wake_foreign(waker),
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
    pub(crate) fn shut_down(&self) {
        self.closed.set(true);
        let unread = self.inbox.mailbox.close();
        unread.into_iter().for_each(drop_quietly);
        let mut due = Vec::new();
        self.timers.borrow_mut().fire_all(&mut due);
        due.into_iter().for_each(|(_, waiter)| self.wake(waiter));
        self.reactor.borrow_mut().close(&mut self.tasks.borrow_mut());
        // No bound but the tasks' own: one whose drop always spawns another such task would go on for ever.
        loop {
            let mut busy = false;
            while let Some(waker) = self.take_foreign() {
                busy = true;
                wake_foreign(waker);
            }
            let mut next = 0;
            while let Some((mut task, ticket)) = self.take_live(next) {
                busy = true;
                next = ticket.key() + 1;
                cell::cancel(&mut task);
                self.finish(ticket, task);
            }
            if !busy {
                break;
            }
        }
    }

    fn take_live(&self, from: u32) -> Option<(BoxedTask, Ticket)> {
        self.tasks.borrow_mut().take_live(from)
    }

    fn take_foreign(&self) -> Option<Waker> {
        self.tasks.borrow_mut().take_foreign()
    }
}
