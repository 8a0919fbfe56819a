//! The inbox, through which other threads wake a task, start a task, or stop the loop. The atomics that
//! coordinate threads are in this file, apart from the one that counts forks (`fork.rs`).
//!
//! A runtime has an inbox. Other threads post messages to the inbox. The loop drains the inbox at the
//! start of each turn and again before each task. A busy loop finds a message without a notification,
//! so a post to a busy loop costs a lock and an atomic swap. A loop that sleeps in the driver needs a
//! notification, which is a system call (on Linux, a write to an eventfd). One word decides which
//! thread makes that call:
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
//! The loop stores PARKED *before* it sleeps, and only if the word was AWAKE. A poster first adds its
//! message, and then swaps in POSTED. The second of the two swaps sees the first one. Either the loop
//! finds POSTED and doesn't sleep, or the poster finds PARKED and notifies the loop. The loop receives
//! one notification for each sleep, because the next poster finds POSTED.
//!
//! Between a drain and the next park the loop may look for a message for a limited time (`look.rs`).
//! The look has no state of its own. The word stays AWAKE, and the loop only loads the word.

use std::collections::HashSet;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::thread::ThreadId;

use super::counters::Counters;
use super::driver::Notifier;
use super::fork;
use super::happening::Taken;
use super::observation::Announced;
#[cfg(feature = "unblock")]
use super::sync::Arc;
use super::sync::{AtomicU8, Mutex, Ordering};
use super::ticket::Ticket;

const AWAKE: u8 = 0;
const PARKED: u8 = 1;
const POSTED: u8 = 2;

/// The number of messages from which on the queue removes repetitions.
const COALESCED_FROM: usize = 4096;

/// A message that a later message may repeat.
pub(crate) trait Coalesce: Sized {
    /// Returns whether this message repeats the message before it.
    fn repeats(&self, before: &Self) -> bool;
    /// Removes messages that repeat an earlier message. The function runs under the queue's lock.
    fn coalesce(messages: &mut Vec<Self>);
}

/// A queue of messages for one thread, with the word that says whether that thread sleeps.
///
/// The queue refuses no message. Every message is a decision of another thread of this process (wake,
/// spawn, stop), and a refused wake-up would be lost. The queue removes repetitions, so the number of
/// wake-ups is bounded by the number of tasks.
pub(crate) struct MessageQueue<M> {
    /// The messages, or `None` after the runtime was dropped.
    messages: Mutex<Option<Vec<M>>>,
    state: AtomicU8,
}

impl<M: Coalesce> MessageQueue<M> {
    pub(crate) fn new() -> MessageQueue<M> {
        MessageQueue { messages: Mutex::new(Some(Vec::new())), state: AtomicU8::new(AWAKE) }
    }

    /// Posts a message from any thread. `Ok(true)` means that the loop sleeps, and that the caller must
    /// notify the loop. `Err` means that the runtime was dropped, and returns the message.
    #[inline(always)] // each wake from another thread calls it
    pub(crate) fn post(&self, message: M) -> Result<bool, M> {
        {
            let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(messages) = messages.as_mut() else { return Err(message) };
            if !messages.last().is_some_and(|last| message.repeats(last)) {
                // The queue removes repetitions only when the buffer would grow. So the search costs
                // each message a few steps at most.
                if messages.len() >= COALESCED_FROM && messages.len() == messages.capacity() {
                    M::coalesce(messages);
                }
                messages.push(message);
            }
        }
        Ok(self.state.swap(POSTED, Ordering::AcqRel) == PARKED)
    }

    /// Notes that the loop is about to sleep. `false` means that the queue has messages, and that the
    /// loop must not sleep.
    pub(crate) fn park(&self) -> bool {
        self.state.compare_exchange(AWAKE, PARKED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Notes that the loop's sleep has ended, for any reason.
    pub(crate) fn unpark(&self) {
        let _ = self.state.compare_exchange(PARKED, AWAKE, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Returns whether a message was posted. The function costs one load.
    #[inline]
    pub(crate) fn has_messages(&self) -> bool {
        self.state.load(Ordering::Acquire) == POSTED
    }

    /// Takes all messages, and gives the queue the empty buffer `into` for the next messages.
    pub(crate) fn drain(&self, into: &mut Vec<M>) {
        debug_assert!(into.is_empty());
        into.shrink_to(COALESCED_FROM); // a burst leaves no large buffer behind
        // The drain swaps the word first and takes the messages second. A message posted in between is
        // taken now, and its POSTED leads to a drain that finds no message. In the opposite order, the
        // message would stay in the queue while the word is AWAKE.
        self.state.swap(AWAKE, Ordering::AcqRel);
        if let Some(messages) = self.messages.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            std::mem::swap(messages, into);
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Closes the queue of a runtime that is dropped. Later posts fail. The function returns the
    /// messages that are left, which the caller drops.
    pub(crate) fn close(&self) -> Vec<M> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }
}

/// A request of a thread to a loop.
pub(crate) enum Message {
    Wake(Ticket),
    /// A function that starts a task or cancels a timer. The function runs on the loop's thread,
    /// between two polls.
    Call(Box<dyn FnOnce() + Send>),
    /// Ends [`Runtime::run`](crate::Runtime::run).
    Stop,
}

impl Message {
    /// Returns the form of the message that an observer receives.
    pub(crate) fn taken(&self) -> Taken {
        match self {
            Message::Wake(ticket) => Taken::Wake(*ticket),
            Message::Call(_) => Taken::Call,
            Message::Stop => Taken::Stop,
        }
    }
}

/// A runtime's queue of messages, and the notifier that ends the loop's sleep.
pub(crate) struct Inbox {
    pub(crate) queue: MessageQueue<Message>,
    notifier: Notifier,
    /// The counters, which only the loop writes.
    pub(crate) counters: std::sync::Arc<Counters>,
    /// The unit that the loop polls now, while polls are observed.
    pub(crate) announced: std::sync::Arc<Announced>,
    /// The serial number, which is unique in a process until the process has made 2³² runtimes.
    pub(crate) serial: u32,
    /// The thread that the loop belongs to.
    pub(crate) thread: ThreadId,
    /// The number of holds. A hold is work of another thread or process that wakes a task at its end. A
    /// stopped clock waits for that work.
    holds: AtomicU32,
    /// The loop's clock is stopped, so the end of the last hold has to notify the loop.
    pub(crate) clock_stopped: AtomicBool,
    /// The generation of the process whose loop drains the inbox.
    generation: u32,
}

// A panic leaves the state of the inbox consistent.
impl UnwindSafe for Inbox {}
impl RefUnwindSafe for Inbox {}

impl Inbox {
    pub(crate) fn new(notifier: Notifier, generation: u32) -> Inbox {
        static SERIALS: AtomicU32 = AtomicU32::new(0);
        let serial = SERIALS.fetch_add(1, SeqCst);
        Inbox {
            queue: MessageQueue::new(),
            notifier,
            counters: std::sync::Arc::default(),
            announced: std::sync::Arc::default(),
            serial,
            thread: std::thread::current().id(),
            holds: AtomicU32::new(0),
            clock_stopped: AtomicBool::new(false),
            generation,
        }
    }

    /// Returns whether the inbox belongs to a loop of a parent process. `post` does not need this
    /// check, because the registry of a child has no inbox of a parent.
    pub(crate) fn is_inherited(&self) -> bool {
        self.generation != fork::generation()
    }

    /// Posts a message from any thread, and notifies the loop if the loop sleeps. The function returns
    /// the message as an error if the runtime was dropped.
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

/// A hold on a stopped clock of a runtime, which lasts until the hold is released or dropped. The hold
/// stands for work outside of the loop whose end neither the driver nor a timer reports.
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

    /// Releases the hold from any thread. A second call does nothing.
    pub(crate) fn release(&self) {
        if self.released.swap(true, SeqCst) {
            return;
        }
        // Either this thread sees that the clock has stopped, or the loop sees that no hold is left.
        let last = self.inbox.holds.fetch_sub(1, SeqCst) == 1;
        if last && self.inbox.clock_stopped.load(SeqCst) && !self.inbox.is_inherited() {
            // The loop may sleep, so it needs a message. The closure has no size, so the box makes no
            // allocation.
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
        // At least half of the buffer is free before the next search, so that the search does not run
        // for every message.
        messages.reserve(messages.len());
    }
}

#[cfg(all(test, oneloop_loom))]
mod tests;
