//! The task table and, threaded through it, the ready queue.
//!
//! A slot (`task_slot.rs`) is 32 bytes, half a cache line, and holds all that waking, queueing and
//! joining touch.
//!
//! The ready queue is a linked list through the slots. It needs no memory of its own, so waking
//! never allocates, a burst leaves nothing behind, and its bound is the number of tasks: the flag
//! `QUEUED` says whether a task is queued, and a task is queued at most once.
//!
//! A slot that is released while it is still queued can't be reused until the queue has passed it.
//! It is emptied and its generation ends at once; the key goes back when it is popped.
//!
//! Slot 0 is `block_on`'s own future. It has a ticket like any task and stands in the same queue,
//! but it may borrow and is polled where it stands, so its slot never holds a box. Neither does the
//! slot of a source of an `EventLoop`: a slot without a box is a key that can be woken and queued.
//!
//! Nothing in this file calls foreign code: what must be dropped or woken is handed to the caller.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::task::Waker;

use super::cell::BoxedTask;
use super::slots::{KEY_MAX, NIL, Slots};
use super::task_slot::{
    ABORTED, DETACHED, DONE, FLAG_BITS, NAMED, QUEUED, RELEASED_WHILE_QUEUED, TaskSlot, WAKES,
};
use super::ticket::{GENERATION_MAX, RuntimeNumber, Ticket};
use super::wait_list::{Kind, NodeKey, Nodes, WaitList, Waiter};

/// The slot of `block_on`'s own future.
const MAIN: u32 = 0;

/// An entry that comes before the ready queue: what can't be done where it comes up, because it is
/// foreign code.
pub(crate) enum Urgent<'a> {
    /// To be dropped: a task that was aborted, out of its slot.
    Aborted(&'a TaskSlot, BoxedTask, Ticket),
    /// To be called: a waker of another crate.
    Foreign(Waker),
}

/// The same while it waits.
enum Deferred {
    Wake(Waker),
    Abort(Ticket),
}

pub(crate) struct Tasks {
    slots: Slots<TaskSlot>,
    pub(super) wait_nodes: RefCell<Nodes>,
    /// Entries that come before the ready queue. Bound: the waiters, and the tasks.
    urgent: RefCell<VecDeque<Deferred>>,
    /// Whether there are any.
    has_urgent: Cell<bool>,
    /// The names of the tasks that were given one, which are few: a slot has no room for it.
    names: RefCell<HashMap<u32, Arc<str>>>,
    /// The ready queue: pop at the head, push at the tail.
    head: Cell<u32>,
    tail: Cell<u32>,
    /// The task that is polled or dropped.
    pub(crate) current: Cell<Option<Ticket>>,
    /// It is queued again.
    woken: Cell<bool>,
    runtime: RuntimeNumber,
}

impl Tasks {
    pub(crate) fn new(runtime: u16) -> Tasks {
        let slots = Slots::new();
        let (main, slot): (u32, &TaskSlot) = slots.claim();
        debug_assert_eq!(main, MAIN);
        slot.clear(QUEUED);
        Tasks {
            slots,
            wait_nodes: RefCell::new(Nodes::new()),
            urgent: RefCell::default(),
            has_urgent: Cell::new(false),
            names: RefCell::default(),
            head: Cell::new(NIL),
            tail: Cell::new(NIL),
            current: Cell::new(None),
            woken: Cell::new(false),
            runtime: RuntimeNumber::new(runtime),
        }
    }

    /// Whether there is a name left for one more task.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.slots.has_room()
    }

    /// Takes a new task in and queues it; the ticket is its name.
    ///
    /// # Panics
    ///
    /// If there is no [room](Tasks::has_room).
    #[inline(always)]
    pub(crate) fn insert(&self, task: BoxedTask) -> Ticket {
        match self.slots.claim_used() {
            Some((key, slot)) => self.begin(key, slot, task),
            None => self.insert_fresh(task),
        }
    }

    #[cold]
    #[inline(never)]
    fn insert_fresh(&self, task: BoxedTask) -> Ticket {
        assert!(
            self.has_room(),
            "oneloop: {KEY_MAX} tasks are alive in this runtime, which is the most it can name"
        );
        let (key, slot) = self.slots.claim_fresh();
        self.begin(key, slot, task)
    }

    #[inline(always)]
    fn begin(&self, key: u32, slot: &TaskSlot, task: BoxedTask) -> Ticket {
        slot.fill(task); // it counts as queued already, with nothing behind it
        self.append(key);
        Ticket::new(self.runtime, slot.generation(), key)
    }

    /// Claims a key that holds no future, not queued. There must be [room](Tasks::has_room).
    pub(crate) fn insert_key(&self) -> Ticket {
        let (key, slot) = self.slots.claim();
        slot.clear(QUEUED);
        Ticket::new(self.runtime, slot.generation(), key)
    }

    /// Releases such a key. The queue passes over it if it was queued.
    pub(crate) fn remove_key(&self, ticket: Ticket) {
        self.end_generation(ticket.key(), &self.slots[ticket.key()]);
    }

    /// From here on every ticket of the slot is stale. It may be used again now, but not while it is
    /// queued, and never once its generations are used up (names stay unique, for 32 bytes every 16.7
    /// million tasks).
    #[inline]
    fn end_generation(&self, key: u32, slot: &TaskSlot) {
        let generation = slot.generation() + 1;
        if slot.has(QUEUED) {
            slot.state.set(generation << FLAG_BITS | QUEUED | RELEASED_WHILE_QUEUED);
            return;
        }
        slot.state.set(generation << FLAG_BITS | QUEUED);
        if generation < GENERATION_MAX {
            self.slots.release(key, slot);
        }
    }

    /// A ticket for a new `block_on`, queued. Tickets of earlier ones no longer match.
    pub(crate) fn renew_main(&self) {
        let slot = &self.slots[MAIN];
        // Wrapping is harmless here: nothing but wake-ups goes by this ticket.
        let generation = (slot.generation() + 1) & GENERATION_MAX;
        slot.state.set(generation << FLAG_BITS | slot.state.get() & QUEUED);
        self.wake_main();
    }

    /// `false` if it was queued already.
    pub(crate) fn wake_main(&self) -> bool {
        let main = &self.slots[MAIN];
        let was_idle = !main.has(QUEUED);
        self.wake(Ticket::new(self.runtime, main.generation(), MAIN));
        was_idle
    }

    /// Queues the task that a ticket names, unless it is queued, finished or released.
    #[inline(always)]
    pub(crate) fn wake(&self, ticket: Ticket) {
        // A ticket of a dead runtime that had our number may name a slot that we don't have.
        let Some(slot) = self.slots.get(ticket.key()) else { return };
        if (ticket.generation() << FLAG_BITS ^ slot.state.get()) & WAKES == 0 {
            slot.set(QUEUED);
            slot.next.set(NIL);
            self.append(ticket.key());
        } else if self.current.get() == Some(ticket) {
            self.wake_current(ticket);
        }
    }

    /// The same for a waker, which often wakes the task that is polled.
    #[inline(always)]
    pub(super) fn wake_often_current(&self, ticket: Ticket) {
        if self.current.get() == Some(ticket) {
            self.wake_current(ticket);
        } else {
            self.wake(ticket);
        }
    }

    /// Queues the task that is polled. Its slot is ready for that since it was popped.
    #[inline(always)]
    fn wake_current(&self, ticket: Ticket) {
        if !self.woken.replace(true) {
            self.append(ticket.key());
        }
    }

    /// A task is polled from here on.
    #[inline(always)]
    pub(super) fn begin_poll(&self, ticket: Ticket) {
        self.current.set(Some(ticket));
    }

    /// Its poll has returned, and it has more to do.
    #[inline(always)]
    pub(super) fn end_poll(&self, slot: &TaskSlot, task: BoxedTask) {
        slot.fill(task);
        if self.woken.get() {
            self.woken.set(false); // it is queued
        } else {
            slot.clear(QUEUED);
        }
    }

    /// Its last poll has returned. From here on its own wakers do nothing, until
    /// [`end_task`](Tasks::end_task).
    #[inline(always)]
    pub(super) fn end_last_poll(&self, slot: &TaskSlot) {
        if !self.woken.replace(true) {
            slot.clear(QUEUED);
        }
    }

    /// A task is dropped from here on, which is not polled.
    pub(super) fn begin_drop(&self, ticket: Ticket) {
        self.current.set(Some(ticket));
        self.woken.set(true);
    }

    /// What was left of a task is dropped.
    #[inline(always)]
    pub(super) fn end_task(&self) {
        self.woken.set(false);
    }

    /// Links a slot, whose `next` is NIL, to the end of the ready queue.
    #[inline]
    fn append(&self, key: u32) {
        let last = self.tail.replace(key);
        if self.head.get() == NIL {
            self.head.set(key);
        } else {
            self.slots[last].next.set(key);
        }
    }

    /// Wakes a waiter: a task of this runtime at once, any other as an entry of its own.
    pub(crate) fn wake_waiter(&self, waiter: Waiter) {
        match waiter {
            Waiter::Task(ticket) => self.wake_ticket(ticket),
            Waiter::Foreign(waker) => self.defer_wake(waker),
        }
    }

    #[inline(always)]
    fn wake_ticket(&self, ticket: Ticket) {
        if ticket.runtime() == self.runtime.get() {
            self.wake(ticket);
        } else {
            self.defer_wake(ManuallyDrop::into_inner(ticket.waker()));
        }
    }

    #[cold]
    #[inline(never)]
    fn defer_wake(&self, waker: Waker) {
        self.defer(Deferred::Wake(waker));
    }

    #[cold]
    fn defer(&self, entry: Deferred) {
        self.urgent.borrow_mut().push_back(entry);
        self.has_urgent.set(true);
    }

    /// Wakes all waiters of a place.
    #[inline(always)]
    pub(crate) fn wake_all(&self, place: &WaitList) {
        if place.is_empty() {
            return;
        }
        let waiters = place.take();
        match waiters.alone() {
            Some(ticket) => self.wake_ticket(ticket),
            None => self.wake_list(&waiters),
        }
    }

    #[cold]
    fn wake_list(&self, waiters: &WaitList) {
        // (Not in one expression with the wake-up: the list would be borrowed meanwhile.)
        let pop = || self.wait_nodes.borrow_mut().pop(waiters);
        while let Some(waiter) = pop() {
            self.wake_waiter(waiter);
        }
    }

    /// Adds a waiter beside others, or one with a waker of another crate. `key` is that of the
    /// future's node, if a future waits. Returns the waiters to be [discarded](Waiter::discard).
    #[cold]
    pub(crate) fn add_waiter(
        &self,
        waiters: &WaitList,
        waiter: Waiter,
        key: Option<&mut NodeKey>,
    ) -> Vec<Waiter> {
        let Tasks { slots, runtime, .. } = self;
        let mut wait_nodes = self.wait_nodes.borrow_mut();
        let kind = |waiter: &Waiter| match waiter {
            Waiter::Task(ticket) if ticket.runtime() == runtime.get() => {
                let slot = slots.get(ticket.key()).filter(|slot| !slot.has(DONE));
                let alive = slot.is_some_and(|slot| slot.is_of(*ticket));
                if alive { Kind::Live } else { Kind::Stale }
            }
            _ => Kind::Unknown,
        };
        let swept = match key {
            Some(key) => return wait_nodes.add_owned(waiters, waiter, key).into_iter().collect(),
            None => wait_nodes.add(waiters, waiter, kind),
        };
        drop(wait_nodes);
        swept.woken.into_iter().for_each(|waiter| self.wake_waiter(waiter));
        swept.discarded
    }

    /// Removes all waiters of a place that is released. Returns those to be
    /// [discarded](Waiter::discard).
    #[cold]
    pub(crate) fn take_waiters(&self, waiters: &WaitList) -> Vec<Waiter> {
        let mut wait_nodes = self.wait_nodes.borrow_mut();
        std::iter::from_fn(|| wait_nodes.pop(waiters)).collect()
    }

    #[inline]
    pub(crate) fn has_ready(&self) -> bool {
        self.head.get() != NIL || self.has_urgent()
    }

    #[inline]
    pub(crate) fn has_urgent(&self) -> bool {
        self.has_urgent.get()
    }

    /// Takes the first entry out of the ready queue. It still counts as queued. Its slot holds a task;
    /// or none, if it is that of a key: `block_on`'s own future, or a source of an `EventLoop`.
    #[inline(always)]
    pub(super) fn pop(&self) -> Option<(&TaskSlot, Ticket)> {
        loop {
            let key = self.head.get();
            if key == NIL {
                return None;
            }
            let slot = &self.slots[key];
            self.head.set(slot.next.replace(NIL));
            if !slot.has(DONE | RELEASED_WHILE_QUEUED) {
                return Some((slot, Ticket::new(self.runtime, slot.generation(), key)));
            }
            self.pop_finished(key, slot);
        }
    }

    /// Takes the first entry that comes before the ready queue. Passes over aborts of tasks that have
    /// finished.
    pub(super) fn pop_urgent(&self) -> Option<Urgent<'_>> {
        loop {
            let ticket = match self.next_deferred()? {
                Deferred::Wake(waker) => return Some(Urgent::Foreign(waker)),
                Deferred::Abort(ticket) => ticket,
            };
            let slot = &self.slots[ticket.key()];
            // Otherwise it has finished since, perhaps in the poll in which it aborted itself.
            if slot.is_of(ticket)
                && !slot.has(DONE)
                && let Some(task) = slot.take()
            {
                return Some(Urgent::Aborted(slot, task, ticket));
            }
        }
    }

    fn next_deferred(&self) -> Option<Deferred> {
        let mut urgent = self.urgent.borrow_mut();
        let first = urgent.pop_front();
        self.has_urgent.set(!urgent.is_empty());
        first
    }

    /// A task that finished while it was queued: nothing is left to poll.
    #[cold]
    fn pop_finished(&self, key: u32, slot: &TaskSlot) {
        if !slot.has(RELEASED_WHILE_QUEUED) {
            return slot.clear(QUEUED);
        }
        slot.clear(RELEASED_WHILE_QUEUED);
        if slot.generation() < GENERATION_MAX {
            self.slots.release(key, slot);
        }
    }

    /// Keeps a finished task's output for its join handle, and wakes the handle's waiters. Returns
    /// the task, to be dropped, if the handle was dropped.
    #[inline(always)]
    pub(super) fn finish(&self, slot: &TaskSlot, ticket: Ticket, task: BoxedTask) -> Option<BoxedTask> {
        if slot.has(DETACHED) {
            self.end(ticket.key(), slot);
            return Some(task);
        }
        slot.set(DONE);
        slot.fill(task);
        self.wake_all(&slot.joiners);
        None
    }

    /// The end of a task's name, and of its slot.
    #[inline]
    fn end(&self, key: u32, slot: &TaskSlot) {
        if slot.has(NAMED) {
            self.end_name(key);
        }
        self.end_generation(key, slot);
    }

    /// Has a task dropped as the next entry, before any other task runs. Nothing happens if it has
    /// finished by then.
    pub(crate) fn abort(&self, ticket: Ticket) {
        let slot = &self.slots[ticket.key()];
        if slot.is_of(ticket) && !slot.has(DONE | ABORTED) {
            slot.set(ABORTED);
            self.defer(Deferred::Abort(ticket));
        }
    }

    /// Whether the task has its output, or had it.
    #[inline]
    pub(crate) fn is_finished(&self, ticket: Ticket) -> bool {
        let slot = &self.slots[ticket.key()];
        !slot.is_of(ticket) || slot.has(DONE)
    }

    /// Adds a waiter for the end of a task, beside others. Returns the waiters to be
    /// [discarded](Waiter::discard).
    #[cold]
    pub(crate) fn add_joiner(&self, ticket: Ticket, waiter: Waiter) -> Vec<Waiter> {
        self.add_waiter(&self.slots[ticket.key()].joiners, waiter, None)
    }

    /// The slot of a task, for its join handle.
    #[inline(always)]
    pub(crate) fn slot(&self, ticket: Ticket) -> &TaskSlot {
        &self.slots[ticket.key()]
    }

    /// Takes a task that is done out of its slot, for its join handle.
    #[inline(always)]
    pub(crate) fn take_done(&self, slot: &TaskSlot, ticket: Ticket) -> Option<BoxedTask> {
        let task = slot.take();
        self.end(ticket.key(), slot);
        task
    }

    /// Out of line: each turn would carry the table's code.
    #[cold]
    #[inline(never)]
    fn end_name(&self, key: u32) {
        self.names.borrow_mut().remove(&key);
    }

    /// Gives a task a name, for what is printed of it.
    pub(crate) fn set_name(&self, ticket: Ticket, name: Arc<str>) {
        self.slots[ticket.key()].set(NAMED);
        self.names.borrow_mut().insert(ticket.key(), name);
    }

    /// The name of a task, until its output was taken or dropped.
    pub(crate) fn name(&self, ticket: Ticket) -> Option<Arc<str>> {
        let slot = self.slots.get(ticket.key()).filter(|slot| slot.is_of(ticket));
        slot.filter(|slot| slot.has(NAMED)).and_then(|_| self.names.borrow().get(&ticket.key()).cloned())
    }

    /// The join handle is dropped. Returns what is to be dropped with it: the output, and the
    /// waiters.
    pub(crate) fn detach(&self, ticket: Ticket) -> (Option<BoxedTask>, Vec<Waiter>) {
        let slot = &self.slots[ticket.key()];
        slot.set(DETACHED);
        let joiners = slot.joiners.take();
        let waiters = if joiners.has_nodes() { self.take_waiters(&joiners) } else { Vec::new() };
        (if slot.is_done() { self.take_done(slot, ticket) } else { None }, waiters)
    }

    /// For shutting down: the next task whose future is still there, at or after `from`.
    pub(super) fn take_live(&self, from: u32) -> Option<(&TaskSlot, BoxedTask, Ticket)> {
        (from..self.slots.used()).find_map(|key| {
            let slot = &self.slots[key];
            let task = if slot.has(DONE) { None } else { slot.take() };
            task.map(|task| (slot, task, Ticket::new(self.runtime, slot.generation(), key)))
        })
    }

    /// For shutting down: a foreign waker that is still to be called.
    pub(crate) fn take_foreign(&self) -> Option<Waker> {
        loop {
            if let Deferred::Wake(waker) = self.next_deferred()? {
                return Some(waker);
            }
        }
    }
}
