//! What other threads may do: wake a task, start one, stop the loop. All atomics of the crate are here, but
//! for one that counts an event loop's messages.
//!
//! A runtime has an inbox. Other threads post to it; the loop empties it at the start of each turn. A loop
//! that is busy notices by itself, so posting then costs a lock and an atomic swap; a loop that sleeps in
//! the driver has to be woken with a system call (a write to an eventfd, on Linux). Who pays that call is
//! settled by one word:
//!
//! ```text
//!             ┌──────────── drain ────────────┐
//!             ▼                               │
//!   ┌──────▶ AWAKE ──────── post ──────────▶ MAIL ◀───┐
//!   │ unpark  │ park (fails if there is mail)         │ post: this one thread notifies the driver
//!   │         ▼                                       │
//!   └────── PARKED ───────────────────────────────────┘
//! ```
//!
//! The loop says PARKED *before* it sleeps and only if it was AWAKE; a poster first adds its message and
//! then swaps in MAIL. Whichever swap comes first, the other sees it: either the loop finds MAIL and doesn't
//! sleep, or the poster finds PARKED and notifies, once for each sleep, because the next poster finds MAIL.
//!
//! A waker is only a number, so there is a table of the runtimes that are alive, by number. Waking across
//! threads reads it under a shared lock. That lock is taken for writing when a runtime is made or dropped.

use std::collections::HashSet;
use std::sync::PoisonError;

use super::driver::Notifier;
use super::sync::{AtomicU8, Mutex, Ordering};
use super::ticket::Ticket;

const AWAKE: u8 = 0;
const PARKED: u8 = 1;
const MAIL: u8 = 2;

/// From how many messages on those that say the same are looked for.
const MANY: usize = 4096;

/// What a mailbox takes.
pub(crate) trait Letter: Sized {
    /// Whether it says nothing that the one before it hasn't said.
    fn repeats(&self, before: &Self) -> bool;
    /// Throws away those that say the same as an earlier one. Runs under the mailbox's lock.
    fn fold(letters: &mut Vec<Self>);
}

/// A queue into one thread, with the word that says whether that thread sleeps.
///
/// It refuses nothing: every message is a decision of another thread of this process (wake, spawn, stop), and a
/// wake-up that is refused is lost. What repeats itself is folded, so wake-ups are bounded by the number of tasks.
pub(crate) struct Mailbox<M> {
    /// `None` once the loop is gone.
    letters: Mutex<Option<Vec<M>>>,
    state: AtomicU8,
}

impl<M: Letter> Mailbox<M> {
    pub(crate) fn new() -> Mailbox<M> {
        Mailbox { letters: Mutex::new(Some(Vec::new())), state: AtomicU8::new(AWAKE) }
    }

    /// Posts a message from any thread. `Ok(true)`: the loop sleeps, and the caller must notify it.
    /// `Err`: the loop is gone, and here is the message.
    pub(crate) fn post(&self, message: M) -> Result<bool, M> {
        {
            let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(letters) = letters.as_mut() else { return Err(message) };
            if !letters.last().is_some_and(|last| message.repeats(last)) {
                // Only when the buffer would grow: so folding costs each message a few steps at most.
                if letters.len() >= MANY && letters.len() == letters.capacity() {
                    M::fold(letters);
                }
                letters.push(message);
            }
        }
        Ok(self.state.swap(MAIL, Ordering::AcqRel) == PARKED)
    }

    /// Before sleeping. `false`: there is mail, don't sleep.
    pub(crate) fn park(&self) -> bool {
        self.state.compare_exchange(AWAKE, PARKED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// After sleeping, for whatever reason it ended.
    pub(crate) fn unpark(&self) {
        let _ = self.state.compare_exchange(PARKED, AWAKE, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Whether something was posted; one load.
    #[inline]
    pub(crate) fn has_mail(&self) -> bool {
        self.state.load(Ordering::Acquire) == MAIL
    }

    /// Takes all messages, and lends the queue an empty buffer for the next ones.
    pub(crate) fn drain(&self, into: &mut Vec<M>) {
        debug_assert!(into.is_empty());
        into.shrink_to(MANY); // a flood leaves nothing behind
        // First the word, then the letters: one posted in between is taken now, and its MAIL leads to a
        // drain in vain. The other way round it would be left lying.
        self.state.swap(AWAKE, Ordering::AcqRel);
        if let Some(letters) = self.letters.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            std::mem::swap(letters, into);
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The loop is gone: later posts fail. Returns what nobody will read, to be dropped.
    pub(crate) fn close(&self) -> Vec<M> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }
}

/// What a thread can ask of a loop.
pub(crate) enum Message {
    Wake(Ticket),
    /// Starts a task; runs on the loop, inside its context.
    Spawn(Box<dyn FnOnce() + Send>),
    /// Ends [`Runtime::run`](crate::Runtime::run).
    Stop,
}

/// A runtime's mailbox, with the means to wake the loop from its sleep.
pub(crate) struct Inbox {
    pub(crate) mailbox: Mailbox<Message>,
    notifier: Notifier,
}

impl Inbox {
    pub(crate) fn new(notifier: Notifier) -> Inbox {
        Inbox { mailbox: Mailbox::new(), notifier }
    }

    pub(crate) fn post(&self, message: Message) -> Result<(), Message> {
        if self.mailbox.post(message)? {
            self.notifier.notify();
        }
        Ok(())
    }
}

impl Letter for Message {
    fn repeats(&self, before: &Message) -> bool {
        matches!((self, before), (Message::Wake(this), Message::Wake(before)) if this == before)
    }

    /// Keeps the first of several wake-ups of one task.
    fn fold(letters: &mut Vec<Message>) {
        let mut seen = HashSet::new();
        letters.retain(|letter| match letter {
            Message::Wake(ticket) => seen.insert(ticket.word()),
            _ => true,
        });
        // At least half of the buffer is free before the next time, so that this is not done for every message.
        letters.reserve(letters.len());
    }
}

#[cfg(all(test, oneloop_loom))]
mod tests {
    use super::*;
    use crate::engine::loom::model;
    use crate::engine::sync::Arc;
    use loom::sync::Condvar;
    use loom::thread;

    /// Each is news.
    impl Letter for (u8, u8) {
        fn repeats(&self, _: &Self) -> bool {
            false
        }

        fn fold(_: &mut Vec<Self>) {}
    }

    /// Stands in for the driver: sleeps until notified, and a notification that comes early is kept, as
    /// an eventfd keeps it. If the loop sleeps and nobody notifies, loom reports the deadlock.
    #[derive(Default)]
    struct Sleeper {
        notified: Mutex<bool>,
        changed: Condvar,
    }

    impl Sleeper {
        fn sleep(&self) {
            let mut notified = self.notified.lock().unwrap();
            while !*notified {
                notified = self.changed.wait(notified).unwrap();
            }
            *notified = false;
        }

        fn notify(&self) {
            let doubled = std::mem::replace(&mut *self.notified.lock().unwrap(), true);
            assert!(!doubled, "one notification for each sleep at most");
            self.changed.notify_one();
        }
    }

    fn every_message_arrives(posters: u8, messages_each: u8) {
        model(move || {
            let shared = Arc::new((Mailbox::new(), Sleeper::default()));
            let threads: Vec<_> = (0..posters)
                .map(|poster| {
                    let shared = shared.clone();
                    thread::spawn(move || {
                        for message in 0..messages_each {
                            if shared.0.post((poster, message)) == Ok(true) {
                                shared.1.notify();
                            }
                        }
                    })
                })
                .collect();
            let (mailbox, sleeper) = &*shared;
            let mut got = Vec::new();
            while got.len() < usize::from(posters * messages_each) {
                if mailbox.has_mail() {
                    let mut batch = Vec::new();
                    mailbox.drain(&mut batch);
                    got.extend(batch);
                } else if mailbox.park() {
                    sleeper.sleep();
                    mailbox.unpark();
                }
            }
            for poster in 0..posters {
                let order: Vec<u8> = got.iter().filter(|m| m.0 == poster).map(|m| m.1).collect();
                assert!(order.is_sorted(), "messages of one thread stay in their order");
            }
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    }

    #[test]
    fn a_message_posted_while_the_loop_goes_to_sleep_is_never_left_lying() {
        every_message_arrives(1, 2);
    }

    #[test]
    fn of_two_threads_that_post_at_once_exactly_one_wakes_the_loop() {
        every_message_arrives(2, 1);
    }

    #[test]
    fn a_message_posted_while_the_loop_closes_is_taken_or_refused_never_lost() {
        model(|| {
            let mailbox = Arc::new(Mailbox::new());
            let poster = {
                let mailbox = mailbox.clone();
                thread::spawn(move || mailbox.post((1, 1)).is_ok())
            };
            let left = mailbox.close();
            assert_eq!(poster.join().unwrap(), left == [(1, 1)]);
        });
    }
}
