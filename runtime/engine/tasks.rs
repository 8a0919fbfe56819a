//! The task table and, threaded through it, the ready queue.
//!
//! A slot is 32 bytes, half a cache line, and holds all that waking, queueing and joining touch:
//!
//! ```text
//!   task 16 B            joiners 8 B       next 4 B           state 4 B
//! ┌────────────────────┬─────────────────┬──────────────────┬───────────────────────┐
//! │ the boxed future   │ waiters of the  │ link of the      │ generation  │ flags   │
//! │ (out while polled) │ join handle     │ queue, or IDLE   │ 24 bits     │ 8 bits  │
//! └────────────────────┴─────────────────┴──────────────────┴───────────────────────┘
//! ```
//!
//! The ready queue is a linked list through the slots. It needs no memory of its own, so waking
//! never allocates, a burst leaves nothing behind, and its bound is the number of tasks: `next`
//! says whether a task is queued, and a task is queued at most once.
//!
//! A slot that is released while it is still queued can't be reused until the queue has passed it.
//! It is emptied and its generation ends at once; the key goes back when it is popped.
//!
//! Slot 0 is `block_on`'s own future. It has a ticket like any task and stands in the same queue,
//! but it may borrow and is polled where it stands, so its slot never holds a box. Neither does the
//! slot of a source of an `EventLoop`: a slot without a box is a key that can be woken and queued.
//!
//! Nothing in this file calls foreign code: what must be dropped or woken is handed to the caller,
//! which does it when the table is no longer borrowed.

use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::task::Waker;

use super::cell::BoxedTask;
use super::slots::{NIL, Slot, Slots};
use super::ticket::{GENERATION_MAX, KEY_MAX, RuntimeNumber, Ticket};
use super::wait_list::{Kind, NodeKey, Nodes, WaitList, Waiter};

/// The slot of `block_on`'s own future.
const MAIN: u32 = 0;

/// `next` of a task that is not in the ready queue. (`NIL` is the last one that is.)
const IDLE: u32 = NIL - 1;

/// The join handle was dropped: the output is dropped, too.
const DETACHED: u32 = 1;
/// The output is there and waits for the join handle.
const DONE: u32 = 2;
/// Released while queued: the key goes back to the free list when it is popped.
const RELEASED_WHILE_QUEUED: u32 = 4;
/// The future is about to be dropped.
const ABORTED: u32 = 8;
/// The table of names has the task's.
const NAMED: u32 = 16;

const FLAG_BITS: u32 = 8;

struct TaskSlot {
    task: Option<BoxedTask>,
    joiners: WaitList,
    next: u32,
    state: u32,
}

const _: () = assert!(size_of::<TaskSlot>() == 32, "two slots share a cache line");

impl Default for TaskSlot {
    fn default() -> Self {
        // Not IDLE: a vacant slot can't be queued, not even by a dead runtime's ticket that happens
        // to match.
        TaskSlot { task: None, joiners: WaitList::default(), next: NIL, state: 0 }
    }
}

impl Slot for TaskSlot {
    fn link(&mut self) -> &mut u32 {
        &mut self.next
    }
}

impl TaskSlot {
    fn generation(&self) -> u32 {
        self.state >> FLAG_BITS
    }

    fn has(&self, flag: u32) -> bool {
        self.state & flag != 0
    }

    /// Puts a task in. The slot holds none: its own is out, or it was vacant.
    #[inline]
    fn fill(&mut self, task: BoxedTask) {
        let nothing = self.task.replace(task);
        debug_assert!(nothing.is_none());
        // Says to the compiler, too, that there is nothing to drop.
        std::mem::forget(nothing);
    }

    /// From here on every ticket of the slot is stale. `true` if it may be used again now: not
    /// while it is queued, and never once its generations are used up (names stay unique, for 32
    /// bytes every 16.7 million tasks).
    #[inline]
    fn end_generation(&mut self) -> bool {
        let generation = self.generation() + 1;
        self.state = generation << FLAG_BITS;
        if self.next != IDLE {
            self.state |= RELEASED_WHILE_QUEUED;
            return false;
        }
        generation < GENERATION_MAX
    }
}

/// An entry of the ready queue, taken out of it.
pub(crate) enum Entry {
    /// The key of a slot that holds no future: `block_on`'s own, or a source of an `EventLoop`.
    Key(Ticket),
    /// A task, out of its slot until `put_back` or `finish`.
    Task { task: BoxedTask, ticket: Ticket, aborted: bool },
    /// A waker of another crate, to be called.
    Foreign(Waker),
}

/// What can't be done where it comes up, because it is foreign code, and becomes an entry of its
/// own.
enum Urgent {
    /// Calling a waker of another crate.
    Wake(Waker),
    /// Dropping a task's future.
    Abort(Ticket),
}

pub(crate) struct Tasks {
    slots: Slots<TaskSlot>,
    pub(super) wait_nodes: Nodes,
    /// Entries that come before the ready queue. Bound: the waiters, and the tasks.
    urgent: VecDeque<Urgent>,
    /// The names of the tasks that were given one, which are few: a slot has no room for it.
    names: HashMap<u32, Arc<str>>,
    /// The ready queue: pop at the head, push at the tail.
    head: u32,
    tail: u32,
    runtime: RuntimeNumber,
}

impl Tasks {
    pub(crate) fn new(runtime: u16) -> Tasks {
        let mut slots = Slots::new();
        let (main, slot): (u32, &mut TaskSlot) = slots.claim();
        debug_assert_eq!(main, MAIN);
        slot.next = IDLE;
        Tasks {
            slots,
            wait_nodes: Nodes::new(),
            urgent: VecDeque::new(),
            names: HashMap::new(),
            head: NIL,
            tail: NIL,
            runtime: RuntimeNumber::new(runtime),
        }
    }

    /// Whether there is a name left for one more task.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.slots.next_key() <= KEY_MAX
    }

    /// Takes a new task in and queues it; the ticket is its name. There must be
    /// [room](Tasks::has_room).
    #[inline]
    pub(crate) fn insert(&mut self, task: BoxedTask) -> Ticket {
        let (key, slot) = self.slots.claim();
        slot.fill(task); // its `next` is NIL already: the end of the ready queue
        let generation = slot.generation();
        self.append(key);
        Ticket::new(self.runtime, generation, key)
    }

    /// Claims a key that holds no future, not queued. There must be [room](Tasks::has_room).
    pub(crate) fn insert_key(&mut self) -> Ticket {
        let (key, slot) = self.slots.claim();
        slot.next = IDLE;
        let generation = slot.generation();
        Ticket::new(self.runtime, generation, key)
    }

    /// Releases such a key. The queue passes over it if it was queued.
    pub(crate) fn remove_key(&mut self, ticket: Ticket) {
        self.slots.release_if(ticket.key(), TaskSlot::end_generation);
    }

    /// A ticket for a new `block_on`, queued. Tickets of earlier ones no longer match.
    pub(crate) fn renew_main(&mut self) {
        let slot = &mut self.slots[MAIN];
        // Wrapping is harmless here: nothing but wake-ups goes by this ticket.
        slot.state = ((slot.generation() + 1) & GENERATION_MAX) << FLAG_BITS;
        self.wake_main();
    }

    /// `false` if it was queued already.
    pub(crate) fn wake_main(&mut self) -> bool {
        let was_idle = self.slots[MAIN].next == IDLE;
        self.wake(Ticket::new(self.runtime, self.slots[MAIN].generation(), MAIN));
        was_idle
    }

    /// Queues the task that a ticket names, unless it is queued, finished or released.
    #[inline]
    pub(crate) fn wake(&mut self, ticket: Ticket) {
        // A ticket of a dead runtime that had our number may name a slot that we don't have.
        let Some(slot) = self.slots.get_mut(ticket.key()) else { return };
        if slot.generation() == ticket.generation() && slot.next == IDLE && !slot.has(DONE) {
            slot.next = NIL;
            self.append(ticket.key());
        }
    }

    /// Links a slot, whose `next` is NIL, to the end of the ready queue.
    #[inline]
    fn append(&mut self, key: u32) {
        let last = std::mem::replace(&mut self.tail, key);
        if self.head == NIL {
            self.head = key;
        } else {
            self.slots[last].next = key;
        }
    }

    /// Wakes a waiter: a task of this runtime at once, any other as an entry of its own.
    #[inline]
    pub(crate) fn wake_waiter(&mut self, waiter: Waiter) {
        match waiter {
            Waiter::Task(ticket) if ticket.runtime() == self.runtime.get() => self.wake(ticket),
            Waiter::Task(ticket) => self.defer_wake(ManuallyDrop::into_inner(ticket.waker())),
            Waiter::Foreign(waker) => self.defer_wake(waker),
        }
    }

    #[cold]
    fn defer_wake(&mut self, waker: Waker) {
        self.urgent.push_back(Urgent::Wake(waker));
    }

    /// Wakes all waiters of a place.
    #[inline]
    pub(crate) fn wake_all(&mut self, waiters: WaitList) {
        if let Some(ticket) = waiters.alone() {
            self.wake_waiter(Waiter::Task(ticket));
        } else if !waiters.is_empty() {
            self.wake_list(waiters);
        }
    }

    #[cold]
    fn wake_list(&mut self, mut waiters: WaitList) {
        while let Some(waiter) = self.wait_nodes.pop(&mut waiters) {
            self.wake_waiter(waiter);
        }
    }

    /// Adds a waiter beside others, or one with a waker of another crate. `key` is that of the
    /// future's node, if a future waits. Returns the waiters to be [discarded](Waiter::discard).
    #[cold]
    pub(crate) fn add_waiter(
        &mut self,
        waiters: &mut WaitList,
        waiter: Waiter,
        key: Option<&mut NodeKey>,
    ) -> Vec<Waiter> {
        let Tasks { slots, wait_nodes, runtime, .. } = self;
        let kind = |waiter: &Waiter| match waiter {
            Waiter::Task(ticket) if ticket.runtime() == runtime.get() => {
                let slot = slots.get(ticket.key()).filter(|slot| !slot.has(DONE));
                let alive = slot.is_some_and(|slot| slot.generation() == ticket.generation());
                if alive { Kind::Live } else { Kind::Stale }
            }
            _ => Kind::Unknown,
        };
        let swept = match key {
            Some(key) => return wait_nodes.add_owned(waiters, waiter, key).into_iter().collect(),
            None => wait_nodes.add(waiters, waiter, kind),
        };
        swept.woken.into_iter().for_each(|waiter| self.wake_waiter(waiter));
        swept.discarded
    }

    /// Removes all waiters of a place that is released. Returns those to be
    /// [discarded](Waiter::discard).
    #[cold]
    pub(crate) fn take_waiters(&mut self, mut waiters: WaitList) -> Vec<Waiter> {
        std::iter::from_fn(|| self.wait_nodes.pop(&mut waiters)).collect()
    }

    pub(crate) fn has_ready(&self) -> bool {
        self.head != NIL || !self.urgent.is_empty()
    }

    /// Takes the first entry out of the queue. Its task comes out of its slot, and may be woken
    /// again from here on.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Entry> {
        loop {
            if !self.urgent.is_empty()
                && let Some(entry) = self.pop_urgent()
            {
                return Some(entry);
            }
            let key = self.head;
            if key == NIL {
                return None;
            }
            let slot = &mut self.slots[key];
            self.head = slot.next;
            slot.next = IDLE;
            if slot.has(DONE | RELEASED_WHILE_QUEUED) {
                self.pop_finished(key);
                continue;
            }
            let ticket = Ticket::new(self.runtime, slot.generation(), key);
            match slot.task.take() {
                Some(task) => return Some(Entry::Task { task, ticket, aborted: false }),
                None => return Some(Entry::Key(ticket)),
            }
        }
    }

    /// Passes over aborts of tasks that have finished: what is behind them comes before the ready
    /// queue, too.
    #[cold]
    fn pop_urgent(&mut self) -> Option<Entry> {
        loop {
            let ticket = match self.urgent.pop_front()? {
                Urgent::Wake(waker) => return Some(Entry::Foreign(waker)),
                Urgent::Abort(ticket) => ticket,
            };
            let slot = &mut self.slots[ticket.key()];
            // Otherwise it has finished since, perhaps in the poll in which it aborted itself.
            if slot.generation() == ticket.generation()
                && !slot.has(DONE)
                && let Some(task) = slot.task.take()
            {
                return Some(Entry::Task { task, ticket, aborted: true });
            }
        }
    }

    /// A task that finished while it was queued: nothing is left to poll.
    #[cold]
    fn pop_finished(&mut self, key: u32) {
        let slot = &mut self.slots[key];
        if slot.has(RELEASED_WHILE_QUEUED) {
            slot.state &= !RELEASED_WHILE_QUEUED;
            self.slots.release_if(key, |slot| slot.generation() < GENERATION_MAX);
        }
    }

    /// Puts a task back that has more to do.
    #[inline]
    pub(crate) fn put_back(&mut self, ticket: Ticket, task: BoxedTask) {
        self.slots[ticket.key()].fill(task);
    }

    /// Keeps a finished task's output for its join handle, and wakes the handle's waiters. Returns
    /// the task, to be dropped, if the handle was dropped.
    #[inline]
    pub(crate) fn finish(&mut self, ticket: Ticket, task: BoxedTask) -> Option<BoxedTask> {
        let slot = &mut self.slots[ticket.key()];
        let joiners = std::mem::take(&mut slot.joiners);
        if slot.has(DETACHED) {
            if slot.has(NAMED) {
                self.end_name(ticket.key());
            }
            self.slots.release_if(ticket.key(), TaskSlot::end_generation);
            return Some(task);
        }
        slot.state |= DONE;
        slot.fill(task);
        self.wake_all(joiners);
        None
    }

    /// Has a task dropped as the next entry, before any other task runs. Nothing happens if it has
    /// finished by then.
    pub(crate) fn abort(&mut self, ticket: Ticket) {
        let slot = &mut self.slots[ticket.key()];
        if slot.generation() == ticket.generation() && !slot.has(DONE | ABORTED) {
            slot.state |= ABORTED;
            self.urgent.push_back(Urgent::Abort(ticket));
        }
    }

    /// Whether the task has its output, or had it.
    #[inline]
    pub(crate) fn is_finished(&self, ticket: Ticket) -> bool {
        let slot = &self.slots[ticket.key()];
        slot.generation() != ticket.generation() || slot.has(DONE)
    }

    /// Adds a waiter for the end of a task, beside others. Returns the waiters to be
    /// [discarded](Waiter::discard).
    #[cold]
    pub(crate) fn add_joiner(&mut self, ticket: Ticket, waiter: Waiter) -> Vec<Waiter> {
        let mut joiners = std::mem::take(&mut self.slots[ticket.key()].joiners);
        let duplicate = self.add_waiter(&mut joiners, waiter, None);
        self.slots[ticket.key()].joiners = joiners;
        duplicate
    }

    /// Takes a finished task out, for its join handle. If it hasn't finished, calls `wait` with the
    /// list of its joiners.
    #[inline]
    pub(crate) fn take_finished(
        &mut self,
        ticket: Ticket,
        wait: impl FnOnce(&mut WaitList),
    ) -> Option<BoxedTask> {
        let (mut task, mut named) = (None, false);
        self.slots.release_if(ticket.key(), |slot| {
            if !slot.has(DONE) {
                wait(&mut slot.joiners);
                return false;
            }
            task = slot.task.take();
            named = slot.has(NAMED);
            slot.end_generation()
        });
        if named {
            self.end_name(ticket.key());
        }
        task
    }

    /// Out of line: each turn would carry the table's code.
    #[cold]
    #[inline(never)]
    fn end_name(&mut self, key: u32) {
        self.names.remove(&key);
    }

    /// Gives a task a name, for what is printed of it.
    pub(crate) fn set_name(&mut self, ticket: Ticket, name: Arc<str>) {
        self.slots[ticket.key()].state |= NAMED;
        self.names.insert(ticket.key(), name);
    }

    /// The name of a task, until its output was taken or dropped.
    #[inline]
    pub(crate) fn name(&self, ticket: Ticket) -> Option<Arc<str>> {
        if self.names.is_empty() {
            return None;
        }
        let slot = self.slots.get(ticket.key()).filter(|slot| slot.generation() == ticket.generation());
        slot.filter(|slot| slot.has(NAMED)).and_then(|_| self.names.get(&ticket.key()).cloned())
    }

    /// The join handle is dropped. Returns what is to be dropped with it: the output, and the
    /// waiters.
    #[inline]
    pub(crate) fn detach(&mut self, ticket: Ticket) -> (Option<BoxedTask>, Vec<Waiter>) {
        let slot = &mut self.slots[ticket.key()];
        slot.state |= DETACHED;
        let joiners = std::mem::take(&mut slot.joiners);
        let waiters = if joiners.has_nodes() { self.take_waiters(joiners) } else { Vec::new() };
        (self.take_finished(ticket, |_| {}), waiters)
    }

    /// For shutting down: the next task whose future is still there, at or after `from`.
    pub(crate) fn take_live(&mut self, from: u32) -> Option<(BoxedTask, Ticket)> {
        (from..self.slots.used()).find_map(|key| {
            let slot = &mut self.slots[key];
            let task = if slot.has(DONE) { None } else { slot.task.take() };
            task.map(|task| (task, Ticket::new(self.runtime, slot.generation(), key)))
        })
    }

    /// For shutting down: a foreign waker that is still to be called.
    pub(crate) fn take_foreign(&mut self) -> Option<Waker> {
        loop {
            if let Urgent::Wake(waker) = self.urgent.pop_front()? {
                return Some(waker);
            }
        }
    }
}

/// Moves a finished task's output out of it.
#[inline]
pub(crate) fn take_output<T: 'static>(task: BoxedTask) -> T {
    let mut place: Option<T> = None;
    task.take_output(&mut place as &mut dyn Any);
    place.expect("a task that is done has its output")
}
