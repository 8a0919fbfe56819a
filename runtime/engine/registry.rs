//! The runtimes that are alive, by number.

#[cfg(not(oneloop_loom))]
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::sync::PoisonError;
#[cfg(not(oneloop_loom))]
use std::sync::{Once, RwLockWriteGuard};

#[cfg(not(oneloop_loom))]
use super::fork;
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
static RUNTIMES: RwLock<Runtimes> = RwLock::new(Runtimes::NONE);
// One for each interleaving that is tried.
#[cfg(oneloop_loom)]
loom::lazy_static! {
    static ref RUNTIMES: RwLock<Runtimes> = RwLock::new(Runtimes::NONE);
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
    #[cfg(not(oneloop_loom))]
    handle_forks();
    let mut runtimes = RUNTIMES.write().unwrap_or_else(PoisonError::into_inner);
    let fresh = u16::try_from(runtimes.inboxes.len() + 1).ok();
    let number = match fresh.filter(|_| runtimes.free.len() < RESTING) {
        Some(fresh) => {
            runtimes.inboxes.push(None);
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
    let mut runtimes = RUNTIMES.write().unwrap_or_else(PoisonError::into_inner);
    let left = runtimes.inboxes[usize::from(number) - 1].take();
    runtimes.free.push_back(number);
    drop(runtimes);
    drop(left); // with the lock released
}

fn with<R>(number: u16, f: impl FnOnce(&Inbox) -> R) -> Option<R> {
    let runtimes = RUNTIMES.read().unwrap_or_else(PoisonError::into_inner);
    runtimes.inboxes.get(usize::from(number) - 1)?.as_deref().map(f)
}

/// Wakes a task of the runtime that its ticket names; nothing happens if that was dropped.
#[cold]
pub(crate) fn wake(ticket: Ticket) {
    // A message that comes back is only a ticket: its drop, under the lock, runs no foreign code.
    with(ticket.runtime(), |inbox| drop(inbox.post(Message::Wake(ticket))));
}

/// Has the loop of a runtime call a function that only it can; nothing happens if the runtime was
/// dropped. Rare, so the function is boxed: a message of its own would make each wake dearer.
#[cold]
pub(crate) fn call(number: u16, serial: u32, function: impl FnOnce() + Send + 'static) {
    let message = Message::Call(Box::new(function));
    with(number, |inbox| if inbox.serial == serial { inbox.post(message) } else { Err(message) });
}

/// A fork waits for the lock: one that another thread of the parent held would never be released in
/// the child, where that thread doesn't exist. The child's runtimes are new ones.
#[cfg(not(oneloop_loom))]
fn handle_forks() {
    thread_local! {
        static HELD: RefCell<Option<RwLockWriteGuard<'static, Runtimes>>> = const { RefCell::new(None) };
    }
    extern "C" fn before() {
        let guard = RUNTIMES.write().unwrap_or_else(PoisonError::into_inner);
        let _ = HELD.try_with(|held| *held.borrow_mut() = Some(guard)); // or it is the thread's end
    }
    extern "C" fn in_parent() {
        let _ = HELD.try_with(|held| held.borrow_mut().take());
    }
    extern "C" fn in_child() {
        let _ = HELD.try_with(|held| {
            let Some(mut runtimes) = held.borrow_mut().take() else { return };
            // Their numbers stay taken. To free memory is not async-signal-safe.
            runtimes.inboxes.iter_mut().for_each(|inbox| std::mem::forget(inbox.take()));
        });
    }
    static HANDLED: Once = Once::new();
    HANDLED.call_once(|| fork::handle(Some(before), Some(in_parent), in_child));
}
