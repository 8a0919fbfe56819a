//! The runtimes that are alive, by number.

use std::collections::VecDeque;
use std::io;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU16, Ordering};

use super::fork::OfGeneration;
use super::inbox::{Inbox, Message};
use super::sync::{Arc, RwLock};
use super::ticket::Ticket;

struct Runtimes {
    /// By number, from 1 on.
    inboxes: Vec<Option<Arc<Inbox>>>,
    /// Numbers of runtimes that were dropped, the first one first.
    free: VecDeque<u16>,
}

#[cfg(not(oneloop_loom))]
static RUNTIMES: OfGeneration<RwLock<Runtimes>> = OfGeneration::new(RwLock::new(Runtimes::NONE));
// One for each interleaving that is tried.
#[cfg(oneloop_loom)]
loom::lazy_static! {
    static ref RUNTIMES: OfGeneration<RwLock<Runtimes>> = OfGeneration::new(RwLock::new(Runtimes::NONE));
}

/// The greatest number that was given, in this process and those that it was forked from.
static GREATEST: AtomicU16 = AtomicU16::new(0);

fn runtimes() -> &'static RwLock<Runtimes> {
    // Runtimes that are inherited can't be reached from other threads, but keep their numbers.
    RUNTIMES.get(|| {
        let inherited = std::iter::repeat_with(|| None).take(usize::from(GREATEST.load(Ordering::Relaxed)));
        RwLock::new(Runtimes { inboxes: inherited.collect(), free: VecDeque::new() })
    })
}

impl Runtimes {
    const NONE: Runtimes = Runtimes { inboxes: Vec::new(), free: VecDeque::new() };
}

/// A number is used again only when so many others are free, too. A waker or an event's id of a
/// runtime that was dropped is then unlikely to match its successor. The price is ten bytes for
/// each number.
const RESTING: usize = 1024;

/// Enters a runtime and gives it a free number.
pub(crate) fn enter(inbox: Arc<Inbox>) -> io::Result<u16> {
    let mut runtimes = runtimes().write().unwrap_or_else(PoisonError::into_inner);
    let fresh = u16::try_from(runtimes.inboxes.len() + 1).ok();
    let number = match fresh.filter(|_| runtimes.free.len() < RESTING) {
        Some(fresh) => {
            runtimes.inboxes.push(None);
            GREATEST.store(fresh, Ordering::Relaxed);
            fresh
        }
        None => runtimes.free.pop_front().ok_or_else(|| {
            io::Error::other("65535 oneloop runtimes are alive in this process, the most there can be")
        })?,
    };
    runtimes.inboxes[usize::from(number) - 1] = Some(inbox);
    Ok(number)
}

pub(crate) fn leave(number: u16) {
    let mut runtimes = runtimes().write().unwrap_or_else(PoisonError::into_inner);
    let left = runtimes.inboxes[usize::from(number) - 1].take();
    runtimes.free.push_back(number);
    drop(runtimes);
    drop(left); // with the lock released
}

fn with<R>(number: u16, f: impl FnOnce(&Inbox) -> R) -> Option<R> {
    let runtimes = runtimes().read().unwrap_or_else(PoisonError::into_inner);
    runtimes.inboxes.get(usize::from(number) - 1)?.as_deref().map(f)
}

/// Wakes a task of the runtime that its ticket names; nothing happens if that was dropped.
#[cold]
pub(crate) fn wake(ticket: Ticket) {
    // A message that comes back is only a ticket: its drop, under the lock, runs no foreign code.
    with(ticket.runtime(), |inbox| drop(inbox.post(Message::Wake(ticket))));
}
