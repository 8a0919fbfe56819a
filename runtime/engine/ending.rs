//! The end of units that do not finish, which are an aborted task, the waiters of a released place, and
//! all tasks of a loop that shuts down.

use super::cell::{self, BoxedTask};
use super::core::Core;
use super::happening::{Cause, Happening, Outcome};
use super::observation::Activity;
use super::panic::drop_quietly;
use super::task_slot::TaskSlot;
use super::ticket::Ticket;
use super::wait_list::{WaitList, Waiter, wake_foreign};

impl Core {
    /// Drops the future of a task that was aborted, or that has not finished when the runtime is
    /// dropped. No other task is current. An abort is an entry of its own, and no poll runs when the
    /// runtime is dropped.
    #[cold]
    pub(super) fn cancel(&self, slot: &TaskSlot, task: BoxedTask, ticket: Ticket) {
        if !self.observation.is_on() {
            return self.cancel_task(slot, task, ticket);
        }
        let note = self.note(&task, ticket);
        let observed = self.begin_observed(Activity::Drop, ticket, Some(note));
        self.cancel_task(slot, task, ticket);
        self.end_observed(observed, Outcome::Ready);
        // During the drop, the end of the task was the cause.
        self.tasks.hook.because(|| if self.is_closed() { Cause::SHUTDOWN } else { Cause::OUTSIDE });
    }

    #[cold]
    fn cancel_task(&self, slot: &TaskSlot, mut task: BoxedTask, ticket: Ticket) {
        self.tasks.begin_drop(ticket);
        self.tasks.hook.tell(|_| Happening::Aborted { unit: ticket });
        cell::cancel(&mut task);
        self.describe(&mut task, ticket);
        self.finish(slot, ticket, task);
        self.tasks.end_drop();
    }

    /// Drops the waiters of a place that is released, which may run foreign code.
    #[inline]
    pub(crate) fn discard_waiters(&self, waiters: &WaitList) {
        if waiters.has_nodes() {
            self.tasks.take_waiters(waiters).into_iter().for_each(Waiter::discard);
        }
    }

    /// Ends the loop. The function drops every task inside the runtime's context, also the tasks that
    /// the dropped tasks still spawn. It wakes every waiter of a socket or a timer of this runtime. The
    /// next poll of such a waiter reports the end.
    pub(crate) fn shut_down(&self) {
        self.closed.set(true);
        self.tasks.hook.because(|| Cause::SHUTDOWN);
        let unread = self.inbox.queue.close();
        unread.into_iter().for_each(drop_quietly);
        self.observation.clear_reading(); // foreign code has run
        let mut due = Vec::new();
        self.timers.fire_all(&mut due);
        due.into_iter().for_each(|due| self.wake(due.waiter));
        self.reactor.close(&self.tasks);
        // The loop has no bound of its own. A task whose drop always spawns another such task would
        // keep the loop running for ever.
        loop {
            let mut busy = false;
            while let Some(waker) = self.tasks.take_foreign() {
                busy = true;
                self.run_foreign(Activity::Waker, || wake_foreign(waker));
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
