//! What other threads may do: wake a task, start one, stop the loop. All atomics of the engine are
//! here, but for the one that counts forks.
//!
//! A runtime has an inbox. Other threads post messages to it; the loop drains it at the start of
//! each turn and again before each task. A loop that is busy notices by itself, so a post then
//! costs a lock and an atomic swap. A loop that sleeps in the driver has to be notified with a
//! system call (a write to an eventfd, on Linux). One word settles which thread makes that call:
//!
//! ```text
//!             ┌──────────── drain ────────────┐
//!             ▼                               │
//!   ┌──────▶ AWAKE ──────── post ─────────▶ POSTED ◀──┐
//!   │ unpark  │ park (fails if POSTED)                │ post: this one thread notifies the driver
//!   │         ▼                                       │
//!   └────── PARKED ───────────────────────────────────┘
//! ```
//!
//! The loop says PARKED *before* it sleeps and only if it was AWAKE; a poster first adds its
//! message and then swaps in POSTED. Whichever swap comes first, the other sees it: either the loop
//! finds POSTED and doesn't sleep, or the poster finds PARKED and notifies, once for each sleep,
//! because the next poster finds POSTED.

use std::collections::HashSet;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::thread::ThreadId;

use super::driver::Notifier;
use super::fork;
#[cfg(feature = "unblock")]
use super::sync::Arc;
use super::sync::{AtomicU8, Mutex, Ordering};
use super::ticket::Ticket;

const AWAKE: u8 = 0;
const PARKED: u8 = 1;
const POSTED: u8 = 2;

/// From how many messages on repetitions are looked for.
const COALESCED_FROM: usize = 4096;

/// A message of which a later one may say the same.
pub(crate) trait Coalesce: Sized {
    /// Whether it says what the one before it says.
    fn repeats(&self, before: &Self) -> bool;
    /// Removes those that say what an earlier one says. Runs under the queue's lock.
    fn coalesce(messages: &mut Vec<Self>);
}

/// A queue into one thread, with the word that says whether that thread sleeps.
///
/// It refuses nothing: every message is a decision of another thread of this process (wake, spawn,
/// stop), and a wake-up that is refused is lost. Repetitions are coalesced, so wake-ups are bounded
/// by the number of tasks.
pub(crate) struct MessageQueue<M> {
    /// `None` once the runtime was dropped.
    messages: Mutex<Option<Vec<M>>>,
    state: AtomicU8,
}

impl<M: Coalesce> MessageQueue<M> {
    pub(crate) fn new() -> MessageQueue<M> {
        MessageQueue { messages: Mutex::new(Some(Vec::new())), state: AtomicU8::new(AWAKE) }
    }

    /// Posts a message from any thread. `Ok(true)`: the loop sleeps, and the caller must notify it.
    /// `Err`: the runtime was dropped; the message comes back.
    #[inline(always)] // one of its callers is each wake from another thread
    pub(crate) fn post(&self, message: M) -> Result<bool, M> {
        {
            let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(messages) = messages.as_mut() else { return Err(message) };
            if !messages.last().is_some_and(|last| message.repeats(last)) {
                // Only when the buffer would grow: so this costs each message a few steps at most.
                if messages.len() >= COALESCED_FROM && messages.len() == messages.capacity() {
                    M::coalesce(messages);
                }
                messages.push(message);
            }
        }
        Ok(self.state.swap(POSTED, Ordering::AcqRel) == PARKED)
    }

    /// Before sleeping. `false`: there are messages, don't sleep.
    pub(crate) fn park(&self) -> bool {
        self.state.compare_exchange(AWAKE, PARKED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// After sleeping, for whatever reason it ended.
    pub(crate) fn unpark(&self) {
        let _ = self.state.compare_exchange(PARKED, AWAKE, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Whether something was posted; one load.
    #[inline]
    pub(crate) fn has_messages(&self) -> bool {
        self.state.load(Ordering::Acquire) == POSTED
    }

    /// Takes all messages, and lends the queue an empty buffer for the next ones.
    pub(crate) fn drain(&self, into: &mut Vec<M>) {
        debug_assert!(into.is_empty());
        into.shrink_to(COALESCED_FROM); // a flood leaves nothing behind
        // First the word, then the messages: one posted in between is taken now, and its POSTED
        // leads to a drain that finds nothing. The other way round it would be left lying.
        self.state.swap(AWAKE, Ordering::AcqRel);
        if let Some(messages) = self.messages.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            std::mem::swap(messages, into);
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The runtime is dropped: later posts fail. Returns the messages that are left, to be dropped.
    pub(crate) fn close(&self) -> Vec<M> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }
}

/// What a thread can ask of a loop.
pub(crate) enum Message {
    Wake(Ticket),
    /// Starts a task, or cancels a timer: runs on the loop's thread, while it goes around.
    Call(Box<dyn FnOnce() + Send>),
    /// Ends [`Runtime::run`](crate::Runtime::run).
    Stop,
}

/// A runtime's queue of messages, and what ends the loop's sleep.
pub(crate) struct Inbox {
    pub(crate) queue: MessageQueue<Message>,
    notifier: Notifier,
    /// No two runtimes of a process have the same, until 2³² were made.
    pub(crate) serial: u32,
    /// The thread that the loop belongs to.
    pub(crate) thread: ThreadId,
    /// Work of other threads or processes whose end will wake a task: a stopped clock waits for it.
    holds: AtomicU32,
    /// The loop's clock stands still: the end of the last hold has to be announced.
    pub(crate) clock_stopped: AtomicBool,
    /// That of the process whose loop drains it.
    generation: u32,
}

// A panic leaves nothing half done here.
impl UnwindSafe for Inbox {}
impl RefUnwindSafe for Inbox {}

impl Inbox {
    pub(crate) fn new(notifier: Notifier, generation: u32) -> Inbox {
        static SERIALS: AtomicU32 = AtomicU32::new(0);
        let serial = SERIALS.fetch_add(1, SeqCst);
        Inbox {
            queue: MessageQueue::new(),
            notifier,
            serial,
            thread: std::thread::current().id(),
            holds: AtomicU32::new(0),
            clock_stopped: AtomicBool::new(false),
            generation,
        }
    }

    /// Whether its loop is that of the process that this one was forked from. Not for `post` to ask:
    /// the registry of a child has none of those.
    pub(crate) fn is_inherited(&self) -> bool {
        self.generation != fork::generation()
    }

    /// Posts a message from any thread. It comes back if the runtime was dropped.
    #[inline(always)]
    pub(crate) fn post(&self, message: Message) -> Result<(), Message> {
        if self.queue.post(message)? {
            self.notifier.notify();
        }
        Ok(())
    }
}

impl Inbox {
    pub(crate) fn is_held(&self) -> bool {
        self.holds.load(SeqCst) > 0
    }
}

/// Holds a stopped clock of a runtime until it is released or dropped: something is under way that
/// no driver and no timer knows, and whose end comes from outside.
#[cfg(feature = "unblock")]
pub(crate) struct Hold {
    inbox: Arc<Inbox>,
    released: AtomicBool,
}

#[cfg(feature = "unblock")]
impl Hold {
    pub(crate) fn new(inbox: &Arc<Inbox>) -> Hold {
        inbox.holds.fetch_add(1, SeqCst);
        Hold { inbox: inbox.clone(), released: AtomicBool::new(false) }
    }

    /// From any thread; the second time it does nothing.
    pub(crate) fn release(&self) {
        if self.released.swap(true, SeqCst) {
            return;
        }
        // Either this sees that the clock has stopped, or the loop sees that nothing is held.
        let last = self.inbox.holds.fetch_sub(1, SeqCst) == 1;
        if last && self.inbox.clock_stopped.load(SeqCst) && !self.inbox.is_inherited() {
            // It may sleep. A message that does nothing, unboxed.
            drop(self.inbox.post(Message::Call(Box::new(|| ()))));
        }
    }
}

#[cfg(feature = "unblock")]
impl Drop for Hold {
    fn drop(&mut self) {
        self.release();
    }
}

impl Coalesce for Message {
    fn repeats(&self, before: &Message) -> bool {
        matches!((self, before), (Message::Wake(this), Message::Wake(before)) if this == before)
    }

    /// Keeps the first of several wake-ups of one task.
    fn coalesce(messages: &mut Vec<Message>) {
        let mut seen = HashSet::new();
        messages.retain(|message| match message {
            Message::Wake(ticket) => seen.insert(ticket.word()),
            _ => true,
        });
        // At least half of the buffer is free before the next time, so that this is not done for
        // every message.
        messages.reserve(messages.len());
    }
}

#[cfg(all(test, oneloop_loom))]
mod tests;
