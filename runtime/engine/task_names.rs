//! The names of tasks. A slot keeps only the flag `NAMED`, and the table of names has the text.

use std::sync::Arc;

use super::task_slot::NAMED;
use super::tasks::Tasks;
use super::ticket::Ticket;

impl Tasks {
    /// Gives a task a name, which dumps and errors print.
    pub(crate) fn set_name(&self, ticket: Ticket, name: Arc<str>) {
        self.slots[ticket.key()].set(NAMED);
        self.names.borrow_mut().insert(ticket.key(), name);
    }

    /// Returns the name of a task. A task has its name until its output is taken or dropped.
    pub(crate) fn name(&self, ticket: Ticket) -> Option<Arc<str>> {
        let slot = self.slots.get(ticket.key()).filter(|slot| slot.is_of(ticket));
        slot.filter(|slot| slot.has(NAMED)).and_then(|_| self.names.borrow().get(&ticket.key()).cloned())
    }
}
