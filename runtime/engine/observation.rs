//! The observation of polls, for a program that requests it. The loop measures the duration of each
//! poll and announces the unit that runs. Without an observation, a poll pays two instructions, which
//! are a comparison and a jump.

use std::cell::{Cell, OnceCell, RefCell};
use std::sync::Arc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::places::Place;
use super::ticket::Ticket;

/// The activity of the loop while it runs code that is not its own.
///
/// [`SlowPoll`](crate::SlowPoll) has an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Activity {
    /// The loop polls a task.
    Task,
    /// The loop drops the future of a task that was aborted, or that had not finished when the runtime
    /// was dropped.
    Drop,
    /// The loop polls the future of `block_on`.
    BlockOn,
    /// The loop runs a handler of [`EventLoop::run`](crate::event_loop::EventLoop::run).
    Handler,
    /// The loop calls the function of a message of another thread. For
    /// [`Handle::spawn_with`](crate::Handle::spawn_with), that function makes the future.
    Call,
    /// The loop calls a waker of another crate.
    Waker,
}

impl Activity {
    /// Returns whether the activity polls or drops a task.
    pub(crate) fn is_of_task(self) -> bool {
        matches!(self, Activity::Task | Activity::Drop)
    }

    /// Returns whether the activity polls a future.
    pub(crate) fn is_poll(self) -> bool {
        matches!(self, Activity::Task | Activity::BlockOn)
    }
}

/// The unit that runs now, for other threads.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) activity: Activity,
    /// The ticket of the unit. A unit that is no task has the ticket of slot 0.
    pub(crate) ticket: Ticket,
    /// The description of the task or of the future of `block_on`. Other units have none.
    pub(crate) task: Option<TaskNote>,
    pub(crate) since: Instant,
    /// The counters of the loop when the unit began.
    pub(crate) before: Before,
}

/// Counters of the loop from before a poll.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Before {
    /// The number of parks. A handler may call its own loop, which may park. After a park, the handler
    /// no longer counts as one that holds the loop.
    pub(crate) parks: u64,
    pub(crate) spawned: u64,
    pub(crate) registrations: u64,
}

/// The description of a task.
#[derive(Clone, Debug)]
pub(crate) struct TaskNote {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) place: Option<Place>,
    /// The name of the future's type.
    pub(crate) future: &'static str,
}

/// The place where the loop announces the unit that runs. The loop's thread takes the lock twice a
/// poll, and only while polls are observed.
#[derive(Default)]
pub(crate) struct Announced(Mutex<State>);

#[derive(Default)]
struct State {
    running: Option<Running>,
    /// The number of units that were announced so far, which is the number of the unit that runs.
    count: u64,
    /// The unit that runs was reported as stuck.
    reported: bool,
    /// The last unit that was reported as stuck and has ended, and its duration.
    ended: Option<(Running, Duration)>,
}

impl Announced {
    /// Announces that a unit begins. The function returns the outer unit, which is a handler that calls
    /// its own loop.
    fn begin(&self, running: Running) -> Option<Running> {
        let mut state = self.lock();
        state.count += 1;
        state.reported = false;
        state.running.replace(running)
    }

    /// Announces that the unit has ended, and that `outer` continues.
    fn end(&self, outer: Option<Running>, took: Duration) {
        let mut state = self.lock();
        state.count += u64::from(outer.is_some());
        let running = std::mem::replace(&mut state.running, outer);
        if std::mem::take(&mut state.reported) {
            state.ended = running.map(|running| (running, took));
        }
    }

    /// The unit that runs.
    pub(crate) fn get(&self) -> Option<Running> {
        self.lock().running.clone()
    }

    /// Returns the unit that runs, and its number.
    pub(crate) fn numbered(&self) -> Option<(u64, Running)> {
        let state = self.lock();
        state.running.clone().map(|running| (state.count, running))
    }

    /// Notes that the unit is reported as stuck. The function returns `false` if the unit has ended.
    pub(crate) fn report(&self, number: u64) -> bool {
        let mut state = self.lock();
        let runs = state.count == number && state.running.is_some();
        state.reported |= runs;
        runs
    }

    /// Returns the unit that was reported as stuck and has ended since.
    pub(crate) fn take_ended(&self) -> Option<(Running, Duration)> {
        self.lock().ended.take()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A poll that has ended.
pub(crate) struct Poll {
    pub(crate) running: Running,
    pub(crate) took: Duration,
}

/// A poll that is observed.
pub(crate) struct Observed {
    pub(crate) running: Running,
    /// The outer unit, during which this unit runs.
    outer: Option<Running>,
}

/// The limit and the report of slow polls. Polls that take longer than the limit are reported.
struct Slow {
    limit: Duration,
    report: Box<dyn Fn(&Poll)>,
}

pub(crate) struct Observation {
    /// Polls are observed.
    on: Cell<bool>,
    /// An option of the runtime requires the observation.
    always_on: Cell<bool>,
    slow: OnceCell<Slow>,
    /// The last reading of the clock, if only steps of the loop itself have followed.
    last: Cell<Option<Instant>>,
    /// The ticket of the unit with each key, and the time of its polls since the observation began.
    spent: RefCell<Vec<(Option<Ticket>, Duration)>>,
}

impl Observation {
    pub(crate) fn new() -> Observation {
        Observation {
            on: Cell::new(false),
            always_on: Cell::new(false),
            slow: OnceCell::new(),
            last: Cell::new(None),
            spent: RefCell::default(),
        }
    }

    #[inline(always)]
    pub(crate) fn is_on(&self) -> bool {
        self.on.get()
    }

    #[cfg(feature = "trace")]
    pub(crate) fn switch(&self, on: bool) {
        self.on.set(on || self.always_on.get());
    }

    /// Returns whether polls are reported to the program or to other threads. Otherwise the observation
    /// only makes a record.
    pub(crate) fn is_reported(&self) -> bool {
        self.always_on.get()
    }

    /// Makes the observation last until the runtime is dropped.
    pub(crate) fn keep_on(&self) {
        self.always_on.set(true);
        self.on.set(true);
    }

    /// Returns the time. The function uses the last reading if only steps of the loop have followed,
    /// because a poll begins when the previous poll has ended.
    pub(crate) fn now(&self) -> Instant {
        let now = self.last.get().unwrap_or_else(Instant::now);
        self.last.set(Some(now));
        now
    }

    /// Clears the last reading of the clock before code that may take long. The clock is read again
    /// after that code.
    #[inline(always)]
    pub(crate) fn clear_reading(&self) {
        self.last.set(None);
    }

    /// Sets `report`, which the loop calls after each poll that takes longer than `limit`. Only the
    /// first call of this function has an effect.
    pub(crate) fn report_slow(&self, limit: Duration, report: impl Fn(&Poll) + 'static) {
        let set = self.slow.set(Slow { limit, report: Box::new(report) });
        debug_assert!(set.is_ok(), "an option of the runtime, set once");
        self.keep_on();
    }

    /// Begins the observation of a unit. The unit is announced to other threads if an option requires
    /// this. A record alone does not require this, so it takes no lock.
    pub(crate) fn begin(&self, announced: &Announced, running: Running) -> Observed {
        if !self.always_on.get() {
            return Observed { running, outer: None };
        }
        let outer = announced.begin(running.clone());
        Observed { running, outer }
    }

    /// Ends the observation of a poll at the time `at`. The function returns the poll if the caller has
    /// to [report](Observation::report) it. `parks` is the current value of the loop's counter.
    pub(crate) fn end(
        &self,
        announced: &Announced,
        observed: Observed,
        at: Instant,
        parks: u64,
    ) -> Option<Poll> {
        let Observed { running, outer } = observed;
        let took = at.saturating_duration_since(running.since);
        if running.activity.is_poll() {
            self.count(running.ticket, took);
        }
        if !self.always_on.get() {
            return None;
        }
        announced.end(outer, took);
        let held = parks == running.before.parks;
        let slow = held && self.slow.get().is_some_and(|slow| took > slow.limit);
        slow.then_some(Poll { running, took })
    }

    /// Reports a slow poll. The report is foreign code.
    pub(crate) fn report(&self, poll: &Poll) {
        if let Some(slow) = self.slow.get() {
            (slow.report)(poll);
        }
    }

    /// Adds the duration of a poll to the time of its unit.
    fn count(&self, ticket: Ticket, took: Duration) {
        let mut spent = self.spent.borrow_mut();
        let key = ticket.key() as usize;
        if spent.len() <= key {
            spent.resize(key + 1, (None, Duration::ZERO));
        }
        let (owner, sum) = &mut spent[key];
        if *owner != Some(ticket) {
            (*owner, *sum) = (Some(ticket), Duration::ZERO);
        }
        *sum += took;
    }

    /// Returns the time of a unit's polls, if polls are observed.
    pub(crate) fn spent(&self, ticket: Ticket) -> Option<Duration> {
        if !self.is_on() {
            return None;
        }
        let spent = self.spent.borrow();
        let of = spent.get(ticket.key() as usize).filter(|(owner, _)| *owner == Some(ticket));
        Some(of.map_or(Duration::ZERO, |(_, sum)| *sum))
    }
}
