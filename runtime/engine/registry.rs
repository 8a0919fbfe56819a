//! The registry of the runtimes that exist, by number.

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
    /// The inboxes by number. The numbers start at 1.
    inboxes: Vec<Option<Arc<Inbox>>>,
    /// The numbers of the dropped runtimes, in the order of their drops.
    free: VecDeque<u16>,
}

#[cfg(not(oneloop_loom))]
static RUNTIMES: RwLock<Runtimes> = RwLock::new(Runtimes::NONE);
// Each interleaving of loom has its own registry.
#[cfg(oneloop_loom)]
loom::lazy_static! {
    static ref RUNTIMES: RwLock<Runtimes> = RwLock::new(Runtimes::NONE);
}

impl Runtimes {
    const NONE: Runtimes = Runtimes { inboxes: Vec::new(), free: VecDeque::new() };
}

/// The count of free numbers from which on a number is reused. With so many free numbers, a waker or an
/// event's id of a dropped runtime is unlikely to match the runtime that reuses the number. The cost is
/// ten bytes for each number.
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
    drop(left); // after the lock was released
}

fn with<R>(number: u16, f: impl FnOnce(&Inbox) -> R) -> Option<R> {
    let runtimes = RUNTIMES.read().unwrap_or_else(PoisonError::into_inner);
    runtimes.inboxes.get(usize::from(number) - 1)?.as_deref().map(f)
}

/// Wakes a task of the runtime that its ticket names. The function does nothing if the runtime was
/// dropped.
#[cold]
pub(crate) fn wake(ticket: Ticket) {
    // A refused message is only a ticket. Its drop, under the lock, runs no foreign code.
    with(ticket.runtime(), |inbox| drop(inbox.post(Message::Wake(ticket))));
}

/// Posts a function that only the loop of a runtime can call. The function is dropped if the runtime
/// was dropped. Such calls are rare, so the function is boxed. A message variant of its own would make
/// each wake more expensive.
#[cold]
pub(crate) fn call(number: u16, serial: u32, function: impl FnOnce() + Send + 'static) {
    let message = Message::Call(Box::new(function));
    with(number, |inbox| if inbox.serial == serial { inbox.post(message) } else { Err(message) });
}

/// Makes each fork wait for the lock. A lock that another thread of the parent holds would never be
/// released in the child, because that thread doesn't exist there. A child starts without runtimes.
#[cfg(not(oneloop_loom))]
fn handle_forks() {
    thread_local! {
        static HELD: RefCell<Option<RwLockWriteGuard<'static, Runtimes>>> = const { RefCell::new(None) };
    }
    extern "C" fn before() {
        let guard = RUNTIMES.write().unwrap_or_else(PoisonError::into_inner);
        let _ = HELD.try_with(|held| *held.borrow_mut() = Some(guard)); // fails only at thread exit
    }
    extern "C" fn in_parent() {
        let _ = HELD.try_with(|held| held.borrow_mut().take());
    }
    extern "C" fn in_child() {
        let _ = HELD.try_with(|held| {
            let Some(mut runtimes) = held.borrow_mut().take() else { return };
            // The numbers of these runtimes stay in use. The child leaks the inboxes, because a free of
            // memory is not async-signal-safe.
            runtimes.inboxes.iter_mut().for_each(|inbox| std::mem::forget(inbox.take()));
        });
    }
    static HANDLED: Once = Once::new();
    HANDLED.call_once(|| fork::handle(Some(before), Some(in_parent), in_child));
}
