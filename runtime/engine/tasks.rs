//! The task table, and the ready queue, which links the slots of the table.
//!
//! A slot (`task_slot.rs`) has 32 bytes, which is half a cache line. The slot holds all data that a
//! wake-up, the queue and a join handle use.
//!
//! The ready queue is a linked list through the slots. The queue needs no memory of its own, so a
//! wake-up never allocates, and a burst leaves no memory behind. The bound of the queue is the number
//! of tasks. The flag `QUEUED` says whether a task is queued, so a task is queued at most once.
//!
//! A slot may be released while it is queued. The release empties the slot and ends its generation at
//! once. The key returns to the free list only when the queue pops the slot, so the slot can't be
//! reused before.
//!
//! Slot 0 belongs to `block_on`'s own future. That future has a ticket like any task and uses the same
//! queue. But the future may borrow, and `block_on` polls it in place, so slot 0 never holds a box. The
//! slot of a source of an `EventLoop` never holds a box either. A slot without a box is a key that can
//! be woken and queued.
//!
//! No function of this file calls foreign code. Each function returns the values that its caller has to
//! drop or wake.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::task::Waker;

use super::cell::BoxedTask;
use super::counters::Counters;
use super::happening::{Cause, Happening, Unit};
use super::hook::Hook;
use super::places::MainNote;
use super::slots::{KEY_MAX, NIL, Slots};
use super::task_slot::{
    ABORTED, DETACHED, DONE, FLAG_BITS, NAMED, QUEUED, RELEASED_WHILE_QUEUED, TaskSlot, WAKES,
};
use super::ticket::{GENERATION_MAX, RuntimeNumber, Ticket};
use super::urgent::{Deferred, Urgent, UrgentQueue};
use super::wait_list::{Kind, NodeKey, Nodes, WaitList, Waiter};

/// The slot of `block_on`'s own future.
const MAIN: u32 = 0;

pub(crate) struct Tasks {
    pub(super) slots: Slots<TaskSlot>,
    pub(super) wait_nodes: RefCell<Nodes>,
    /// The entries that come before the ready queue.
    pub(super) urgent: UrgentQueue,
    /// The names of the tasks that have one. A slot has no space for a name, and few tasks have one.
    pub(super) names: RefCell<HashMap<u32, Arc<str>>>,
    /// The first slot of the ready queue. The queue pops at the head and pushes at the tail.
    pub(super) head: Cell<u32>,
    tail: Cell<u32>,
    /// The number of entries that were added to the queue. `taken` is the number of entries that were
    /// removed.
    pub(super) queued: Cell<u64>,
    pub(super) taken: Cell<u64>,
    /// The largest number of entries that the queue had when a turn began to run them.
    longest: Cell<u64>,
    /// The task that the loop polls or drops at the moment.
    pub(crate) current: Cell<Option<Ticket>>,
    /// The current task is queued again. The flag is also set while the current task is dropped, so
    /// that its own wakers do nothing.
    woken: Cell<bool>,
    /// The description of `block_on`'s own future, while one runs.
    pub(crate) main_note: Cell<Option<MainNote>>,
    /// The number of polls of such futures, modulo 2³².
    pub(crate) main_polls: Cell<u32>,
    pub(super) runtime: RuntimeNumber,
    pub(super) counters: Arc<Counters>,
    /// The hook is a field of this table, because a wake-up reaches no other part of the core.
    pub(crate) hook: Hook,
}

impl Tasks {
    pub(crate) fn new(runtime: u16, counters: Arc<Counters>) -> Tasks {
        let slots = Slots::new();
        let (main, slot): (u32, &TaskSlot) = slots.claim();
        debug_assert_eq!(main, MAIN);
        slot.clear(QUEUED);
        Tasks {
            slots,
            wait_nodes: RefCell::new(Nodes::new()),
            urgent: UrgentQueue::default(),
            names: RefCell::default(),
            head: Cell::new(NIL),
            tail: Cell::new(NIL),
            queued: Cell::new(0),
            taken: Cell::new(0),
            longest: Cell::new(0),
            current: Cell::new(None),
            woken: Cell::new(false),
            main_note: Cell::new(None),
            main_polls: Cell::new(0),
            runtime: RuntimeNumber::new(runtime),
            counters,
            hook: Hook::new(),
        }
    }

    /// Returns whether a key is left for one more task.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.slots.has_room()
    }

    /// Adds a new task and queues it. The ticket names the task.
    ///
    /// # Panics
    ///
    /// The call panics if the table has no [room](Tasks::has_room).
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
        self.counters.spawned.add(1);
        slot.fill(task); // a vacant slot has the flag `QUEUED` and no successor
        self.append(key);
        Ticket::new(self.runtime, slot.generation(), key)
    }

    /// Claims a key that holds no future and is not queued. The caller ensures that the table has
    /// [room](Tasks::has_room).
    pub(crate) fn insert_key(&self) -> Ticket {
        let (key, slot) = self.slots.claim();
        slot.clear(QUEUED);
        Ticket::new(self.runtime, slot.generation(), key)
    }

    /// Releases a key of [`insert_key`](Tasks::insert_key). If the key is queued, the queue skips it.
    pub(crate) fn remove_key(&self, ticket: Ticket) {
        self.end_generation(ticket.key(), &self.slots[ticket.key()]);
    }

    /// Ends the generation of a slot, and removes the slot's name. Every ticket of the slot is stale
    /// afterwards. The slot can be reused at once if it is not queued. A slot that has used all its
    /// generations is never reused. So names stay unique, at a cost of 32 bytes every 16.7 million
    /// tasks.
    #[inline]
    fn end_generation(&self, key: u32, slot: &TaskSlot) {
        if slot.has(QUEUED | NAMED) {
            return self.end_generation_with_remains(key, slot);
        }
        self.vacate(key, slot);
    }

    /// `end_generation` for a slot that is queued or has a name. The function stays out of line, because
    /// each turn would otherwise contain the code of the hash map.
    #[cold]
    #[inline(never)]
    fn end_generation_with_remains(&self, key: u32, slot: &TaskSlot) {
        if slot.has(NAMED) {
            self.names.borrow_mut().remove(&key);
        }
        if slot.has(QUEUED) {
            let generation = slot.generation() + 1;
            slot.state.set(generation << FLAG_BITS | QUEUED | RELEASED_WHILE_QUEUED);
        } else {
            self.vacate(key, slot);
        }
    }

    /// Ends the generation of a slot that is not queued and has no name.
    #[inline]
    fn vacate(&self, key: u32, slot: &TaskSlot) {
        let generation = slot.generation() + 1;
        slot.state.set(generation << FLAG_BITS | QUEUED);
        if generation < GENERATION_MAX {
            self.slots.release(key, slot);
        }
    }

    /// Makes a ticket for a new `block_on`, and queues it. The tickets of earlier `block_on` calls no
    /// longer match.
    pub(crate) fn renew_main(&self, place: u16) {
        let slot = &self.slots[MAIN];
        // A wrap of this generation is harmless, because only wake-ups use this ticket.
        let generation = (slot.generation() + 1) & GENERATION_MAX;
        slot.state.set(generation << FLAG_BITS | slot.state.get() & QUEUED);
        let unit = Ticket::new(self.runtime, generation, MAIN);
        self.hook.tell(|by| Happening::Spawned { unit, kind: Unit::Main, place, name: None, by });
        self.wake_main();
    }

    /// Returns the ticket of `block_on`'s own future.
    pub(crate) fn main_ticket(&self) -> Ticket {
        Ticket::new(self.runtime, self.slots[MAIN].generation(), MAIN)
    }

    /// Queues `block_on`'s own future. The function returns `false` if the future was queued already.
    pub(crate) fn wake_main(&self) -> bool {
        let was_idle = !self.slots[MAIN].has(QUEUED);
        self.wake(self.main_ticket());
        was_idle
    }

    /// Queues the task that a ticket names, unless it is queued, finished or released.
    #[inline(always)]
    pub(crate) fn wake(&self, ticket: Ticket) {
        // A ticket of a dropped runtime with the same number may name a slot that this table doesn't
        // have.
        let Some(slot) = self.slots.get(ticket.key()) else { return };
        if (ticket.generation() << FLAG_BITS ^ slot.state.get()) & WAKES == 0 {
            slot.set(QUEUED);
            self.append(ticket.key());
            self.hook.tell(|by| Happening::Woken { unit: ticket, by });
        } else if self.current.get() == Some(ticket) {
            self.wake_current(ticket);
        }
    }

    /// Does the same as [`wake`](Tasks::wake), for a waker. A waker often wakes the task that is
    /// polled.
    #[inline(always)]
    pub(super) fn wake_often_current(&self, ticket: Ticket) {
        if self.current.get() == Some(ticket) {
            self.wake_current(ticket);
        } else {
            self.wake(ticket);
        }
    }

    /// Queues the task that is polled. The pop has already prepared its slot for that.
    #[inline(always)]
    fn wake_current(&self, ticket: Ticket) {
        if !self.woken.replace(true) {
            self.append(ticket.key());
            self.hook.tell(|by| Happening::Woken { unit: ticket, by });
        }
    }

    /// Notes the length of the ready queue when a turn is about to run it.
    #[inline(always)]
    pub(super) fn note_ready(&self) {
        let ready = self.queued.get() - self.taken.get();
        if ready > self.longest.get() {
            self.note_longest(ready);
        }
    }

    #[cold]
    #[inline(never)]
    fn note_longest(&self, ready: u64) {
        self.longest.set(ready);
        self.counters.ready_longest.set(ready);
    }

    /// Notes that the poll of a task begins.
    #[inline(always)]
    pub(super) fn begin_poll(&self, ticket: Ticket) {
        self.current.set(Some(ticket));
        self.counters.running.set(ticket.word());
    }

    /// Puts a task back whose poll has returned `Pending`.
    #[inline(always)]
    pub(super) fn end_poll(&self, slot: &TaskSlot, task: BoxedTask) {
        slot.fill(task);
        if self.woken.get() {
            self.woken.set(false); // it is queued
        } else {
            slot.clear(QUEUED);
        }
    }

    /// Notes that the last poll of a task has returned. After this call the task's own ticket wakes
    /// nothing, because the task may be one of its own joiners. One store writes both flags.
    #[inline(always)]
    pub(super) fn end_last_poll(&self, slot: &TaskSlot) {
        self.current.set(None);
        if self.woken.get() {
            self.woken.set(false);
            slot.set(DONE); // it stays queued
        } else {
            slot.state.set(slot.state.get() & !QUEUED | DONE);
        }
    }

    /// Notes that the drop of a task begins. During the drop the task's own wakers do nothing.
    pub(super) fn begin_drop(&self, ticket: Ticket) {
        self.current.set(Some(ticket));
        self.woken.set(true);
    }

    /// Notes that the drop has ended. No task is current after this call, because `shut_down` calls
    /// wakers of other crates next.
    #[inline(always)]
    pub(super) fn end_drop(&self) {
        self.woken.set(false);
        self.current.set(None);
    }

    /// Links a slot to the end of the ready queue. The slot's `next` is NIL, as in each slot that is in
    /// use and not queued.
    #[inline]
    fn append(&self, key: u32) {
        self.queued.set(self.queued.get().wrapping_add(1));
        let last = self.tail.replace(key);
        if self.head.get() == NIL {
            self.head.set(key);
        } else if let Some(last) = self.slots.get(last) {
            last.next.set(key); // an index may panic, which would cost each wake-up a stack frame
        }
    }

    /// Wakes a waiter. A task of this runtime wakes at once. Any other waiter becomes an urgent entry.
    pub(crate) fn wake_waiter(&self, waiter: Waiter) {
        match waiter {
            Waiter::Task(ticket) if ticket.runtime() == self.runtime.get() => self.wake(ticket),
            Waiter::Task(ticket) => self.defer_wake(ManuallyDrop::into_inner(ticket.waker())),
            Waiter::Foreign(waker) => self.defer_wake(waker),
        }
    }

    #[cold]
    #[inline(never)]
    fn defer_wake(&self, waker: Waker) {
        self.urgent.push(Deferred::Wake(waker));
    }

    /// Wakes all waiters of a place.
    #[inline(always)]
    pub(crate) fn wake_all(&self, place: &WaitList) {
        if place.is_empty() {
            return;
        }
        match place.take_own(self.runtime) {
            Some(ticket) => self.wake(ticket),
            None => self.wake_list(place),
        }
    }

    #[cold]
    #[inline(never)]
    fn wake_list(&self, place: &WaitList) {
        let waiters = place.take();
        // The pop and the wake-up are two expressions, because one expression would borrow the list
        // during the wake-up.
        let pop = || self.wait_nodes.borrow_mut().pop(&waiters);
        while let Some(waiter) = pop() {
            self.wake_waiter(waiter);
        }
    }

    /// Adds a waiter to a place that has waiters, or a waiter with a waker of another crate. `key` is
    /// the key of the future's node, if a future waits. The function returns the waiters that the
    /// caller [discards](Waiter::discard).
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

    /// Removes all waiters of a place that is released. The function returns the waiters, which the
    /// caller [discards](Waiter::discard).
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
        !self.urgent.is_empty()
    }

    /// Removes the first entry of the ready queue. Its slot keeps the flag `QUEUED`. The slot holds a
    /// task, unless the slot belongs to a key (`block_on`'s own future, or a source of an `EventLoop`).
    #[inline(always)]
    pub(super) fn pop(&self) -> Option<(&TaskSlot, Ticket)> {
        loop {
            let key = self.head.get();
            let slot = self.slots.get(key)?; // none at the end of the queue
            self.head.set(slot.next.replace(NIL));
            self.taken.set(self.taken.get().wrapping_add(1));
            if !slot.has(DONE | RELEASED_WHILE_QUEUED) {
                return Some((slot, Ticket::new(self.runtime, slot.generation(), key)));
            }
            self.pop_finished(key, slot);
        }
    }

    /// Removes the first entry that comes before the ready queue. The function skips aborts of tasks
    /// that have finished.
    pub(super) fn pop_urgent(&self) -> Option<Urgent<'_>> {
        loop {
            let ticket = match self.urgent.pop()? {
                Deferred::Wake(waker) => return Some(Urgent::Foreign(waker)),
                Deferred::Abort(ticket) => ticket,
            };
            let slot = &self.slots[ticket.key()];
            // If the test fails, the task has finished since the abort, perhaps in the poll in which it
            // aborted itself.
            if slot.is_of(ticket)
                && !slot.has(DONE)
                && let Some(task) = slot.take()
            {
                return Some(Urgent::Aborted(slot, task, ticket));
            }
        }
    }

    /// Removes a task from the queue that finished while it was queued. Such a task has no future left
    /// to poll.
    #[cold]
    fn pop_finished(&self, key: u32, slot: &TaskSlot) {
        self.counters.passed_over.add(1);
        if !slot.has(RELEASED_WHILE_QUEUED) {
            return slot.clear(QUEUED);
        }
        slot.clear(RELEASED_WHILE_QUEUED);
        if slot.generation() < GENERATION_MAX {
            self.slots.release(key, slot);
        }
    }

    /// Stores a finished task's output for its join handle, and wakes the handle's waiters. If the
    /// handle was dropped, the function returns the task, which the caller drops.
    #[inline(always)]
    pub(super) fn finish(&self, slot: &TaskSlot, ticket: Ticket, task: BoxedTask) -> Option<BoxedTask> {
        if slot.has(DETACHED) {
            self.end(ticket.key(), slot);
            return Some(task);
        }
        slot.set(DONE);
        slot.fill(task);
        self.hook.because(|| Cause::end_of(ticket));
        self.wake_all(&slot.joiners);
        None
    }

    /// Removes a task's name and ends its slot's generation.
    #[inline]
    pub(super) fn end(&self, key: u32, slot: &TaskSlot) {
        self.counters.ended.add(1);
        self.end_generation(key, slot);
    }

    /// Queues the drop of a task as an urgent entry, so that the loop drops the task before it runs any
    /// other task. The abort does nothing if the task has finished by then.
    pub(crate) fn abort(&self, ticket: Ticket) {
        let slot = &self.slots[ticket.key()];
        if slot.is_of(ticket) && !slot.has(DONE | ABORTED) {
            slot.set(ABORTED);
            self.urgent.push(Deferred::Abort(ticket));
        }
    }
}
