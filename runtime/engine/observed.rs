//! The steps of an observed loop around a unit. The loop reads the clock, tells the observer, and
//! reports a slow unit. An observed loop uses these functions instead of those of `core.rs`.

use std::rc::Rc;
use std::time::Instant;

use super::cell::BoxedTask;
use super::context;
use super::core::Core;
use super::happening::{Cause, Happening, Outcome};
use super::inbox::Inbox;
use super::observation::{Activity, Before, Observed, Running, TaskNote};
use super::panic::call_quietly;
use super::places::MainNote;
use super::task_slot::TaskSlot;
use super::ticket::Ticket;

impl Core {
    /// Runs a unit that has no future in the table, which is `block_on`'s own future or a handler of an
    /// `EventLoop`.
    #[inline(always)]
    pub(crate) fn run_outside_table<R>(
        self: &Rc<Core>,
        activity: Activity,
        ticket: Ticket,
        run: impl FnOnce() -> R,
        outcome: impl FnOnce(&R) -> Outcome,
    ) -> R {
        if activity == Activity::BlockOn {
            self.tasks.counters.running.set(ticket.word());
        }
        if self.observation.is_on() {
            self.run_outside_observed(activity, ticket, run, outcome)
        } else {
            run()
        }
    }

    #[cold]
    #[inline(never)]
    fn run_outside_observed<R>(
        self: &Rc<Core>,
        activity: Activity,
        ticket: Ticket,
        run: impl FnOnce() -> R,
        outcome: impl FnOnce(&R) -> Outcome,
    ) -> R {
        /// Ends the observation, also if the unit panics. A handler runs outside of the context, but
        /// the report of a slow handler needs the context.
        struct EndObserved<'a>(&'a Rc<Core>, Option<Observed>, Outcome);
        impl Drop for EndObserved<'_> {
            fn drop(&mut self) {
                context::enter(self.0, || self.0.end_observed(self.1.take(), self.2));
            }
        }
        if activity == Activity::Handler {
            self.observation.clear_reading(); // the program's own code ran before it
        }
        let mut end = EndObserved(self, self.begin_observed(activity, ticket, None), Outcome::Panicked);
        let done = run();
        end.2 = outcome(&done);
        done
    }

    #[cold]
    #[inline(never)]
    pub(super) fn run_observed(&self, slot: &TaskSlot, task: BoxedTask, ticket: Ticket) {
        if !self.observation.is_reported() {
            // A record alone needs no other data.
            self.tell_begin(ticket);
            let outcome = self.poll_task(slot, task, ticket);
            self.observation.clear_reading();
            return self.tell_end(ticket, outcome);
        }
        let note = self.note(&task, ticket);
        let observed = self.begin_observed(Activity::Task, ticket, Some(note));
        let outcome = self.poll_task(slot, task, ticket);
        self.end_observed(observed, outcome);
    }

    /// Runs foreign code that belongs to no task. The caller catches its panic. The function stays out
    /// of line, because a drain that only wakes tasks need not contain this code.
    #[cold]
    #[inline(never)]
    pub(super) fn run_foreign(&self, activity: Activity, run: impl FnOnce()) {
        if !self.observation.is_on() {
            return run();
        }
        let observed = self.begin_observed(activity, self.tasks.main_ticket(), None);
        run();
        self.end_observed(observed, Outcome::Ready);
    }

    #[cold]
    pub(super) fn note(&self, task: &BoxedTask, ticket: Ticket) -> TaskNote {
        let note = task.note();
        TaskNote { name: self.tasks.name(ticket), place: self.places.get(note.place), future: note.future }
    }

    /// Begins the observation of a unit. The child of a fork observes no unit, because another thread
    /// of the parent may have held the lock at the fork.
    #[cold]
    pub(super) fn begin_observed(
        &self,
        activity: Activity,
        ticket: Ticket,
        task: Option<TaskNote>,
    ) -> Option<Observed> {
        if self.is_inherited() {
            return None;
        }
        let main = || self.tasks.main_note.get().filter(|_| activity == Activity::BlockOn);
        let of_main = |note: MainNote| TaskNote { name: None, place: Some(note.place), future: note.future };
        let task = task.or_else(|| main().map(of_main));
        let Inbox { announced, counters, .. } = &*self.inbox;
        let before = Before {
            parks: counters.parks.get(),
            spawned: counters.spawned.get(),
            registrations: counters.registrations.get(),
        };
        let running = Running { activity, ticket, task, since: self.observation.now(), before };
        if activity.is_poll() {
            self.tell_begin(ticket);
        }
        Some(self.observation.begin(announced, running))
    }

    /// Ends the observation of a unit. A report is foreign code, so no table is borrowed here and no
    /// task is current.
    #[cold]
    pub(super) fn end_observed(&self, observed: Option<Observed>, outcome: Outcome) {
        let Some(observed) = observed.filter(|_| !self.is_inherited()) else { return };
        self.observation.clear_reading();
        if observed.running.activity.is_poll() {
            self.tell_end(observed.running.ticket, outcome);
        }
        let at = self.observation.now();
        let Inbox { announced, counters, .. } = &*self.inbox;
        if let Some(poll) = self.observation.end(announced, observed, at, counters.parks.get()) {
            self.tasks.current.set(None);
            call_quietly(|| self.observation.report(&poll));
            self.observation.clear_reading();
        }
    }

    /// Tells the observer that a poll begins, at the last reading of the clock.
    #[inline]
    fn tell_begin(&self, unit: Ticket) {
        self.tasks.hook.because(|| Cause::unit(unit));
        self.tasks.hook.tell(|_| Happening::PollBegins { unit, at: self.observation.now() });
    }

    /// Tells the observer that a poll has ended now.
    #[inline]
    fn tell_end(&self, unit: Ticket, outcome: Outcome) {
        if self.budget.has_denied() {
            self.tasks.hook.tell(|_| Happening::BudgetSpent { unit });
        }
        self.tasks.hook.because(|| Cause::OUTSIDE);
        self.tasks.hook.tell(|_| Happening::PollEnds { unit, at: self.observation.now(), outcome });
    }

    /// Begins or ends the report of all happenings to the observer.
    #[cfg(feature = "trace")]
    pub(crate) fn observe(&self, on: bool) {
        self.tasks.hook.switch(on);
        self.observation.switch(on);
    }

    /// Tells an observer of a happening at this moment, with its cause.
    #[inline(always)]
    pub(crate) fn tell<'a>(&self, happening: impl FnOnce(Instant, Cause) -> Happening<'a>) {
        self.tasks.hook.tell(|by| {
            self.observation.clear_reading();
            happening(self.observation.now(), by)
        });
    }
}
