//! Builds a dump from the tables of the loop. This module runs no foreign code.

use super::{Dump, ForeignWait, SocketDump, TaskDump, TaskKind, TaskState, Wait};
use crate::engine::cell::Note;
use crate::engine::core::Core;
use crate::engine::interest::Interest;
use crate::engine::scan::State;
use crate::engine::ticket::{Id, Ticket};
use crate::engine::wait_list::Waiter;
use crate::metrics::Metrics;

/// Builds a dump, on the loop's own thread between two polls.
pub(super) fn dump(core: &Core) -> Dump {
    let mut dump = Dump {
        at: core.clock.now(),
        tasks: Vec::new(),
        foreign: Vec::new(),
        metrics: Metrics::read(&core.inbox.counters),
    };
    core.tasks.for_each_unit(|ticket, state, note| dump.tasks.extend(unit(core, ticket, state, note)));
    dump.tasks.sort_unstable_by_key(|task| task.id);
    dump.add_sockets(core);
    dump.add_timers(core);
    core.tasks.for_each_joiner(|ticket, waiter| dump.add(core, waiter, &Wait::Join(Id(ticket))));
    for task in &mut dump.tasks {
        if task.state == TaskState::Waiting && task.waits.is_empty() {
            task.waits.push(Wait::Foreign);
        }
    }
    dump
}

/// Returns a unit without its waits, or `None` for the slot of `block_on`'s future while the slot
/// is empty.
fn unit(core: &Core, ticket: Ticket, state: State, note: Option<Note>) -> Option<TaskDump> {
    let state = match state {
        State::Waiting => TaskState::Waiting,
        State::Ready => TaskState::Ready,
        State::Finished => TaskState::Finished,
    };
    let mut task = TaskDump {
        id: Id(ticket),
        kind: TaskKind::Source,
        name: core.tasks.name(ticket),
        place: None,
        future: None,
        state,
        waits: Vec::new(),
        polls: None,
        polled_for: core.observation.spent(ticket),
    };
    if let Some(note) = note {
        task.kind = TaskKind::Task;
        task.place = core.places.get(note.place);
        task.future = Some(note.future);
        task.polls = (state != TaskState::Finished).then_some(note.polls);
    } else if ticket.is_main() {
        let note = core.tasks.main_note.get()?;
        task.kind = TaskKind::BlockOn;
        task.place = Some(note.place);
        task.future = Some(note.future);
        task.polls = Some(core.tasks.main_polls.get().wrapping_sub(note.polls_before));
    }
    Some(task)
}

impl Dump {
    fn add_sockets(&mut self, core: &Core) {
        core.reactor.for_each(|watched| {
            if watched.waiting.iter().all(|waiters| waiters.is_empty()) {
                return; // (saves the system calls for the addresses)
            }
            let socket = SocketDump::of(watched.raw);
            for (interest, waiters) in
                [Interest::Readable, Interest::Writable].into_iter().zip(watched.waiting)
            {
                let wait = Wait::Socket { socket: socket.clone(), interest };
                core.tasks.for_each_waiter(waiters, |waiter| self.add(core, waiter, &wait));
            }
        });
    }

    fn add_timers(&mut self, core: &Core) {
        core.timers.for_each(|_, deadline_ns, waiter| {
            let deadline = core.clock.instant(deadline_ns);
            let left = deadline.map_or(std::time::Duration::MAX, |at| at.saturating_duration_since(self.at));
            self.add(core, waiter, &Wait::Timer { deadline, left });
        });
    }

    /// Adds a wait to the task of the waker. A task that has ended may have left its waker.
    fn add(&mut self, core: &Core, waiter: &Waiter, wait: &Wait) {
        match waiter {
            Waiter::Task(ticket) if ticket.runtime() == core.number() => {
                if let Ok(index) = self.tasks.binary_search_by_key(&Id(*ticket), |task| task.id) {
                    let waits = &mut self.tasks[index].waits;
                    // A list may have two wakers of a task.
                    if waits.last() != Some(wait) {
                        waits.push(wait.clone());
                    }
                }
            }
            Waiter::Task(ticket) => {
                self.foreign.push(ForeignWait { wait: wait.clone(), task: Some(Id(*ticket)) });
            }
            Waiter::Foreign(_) => self.foreign.push(ForeignWait { wait: wait.clone(), task: None }),
        }
    }
}
