//! The tasks that wait for a stream which threads share. Each handle has at most one waiting task.
//!
//! An event wakes all tasks, and a task that finds no bytes or no space waits again. Waking only
//! the first task could lose the wake-up, because a dropped read leaves its waker here until the
//! handle is dropped.

use std::task::Waker;

use crate::engine::wait_list::wake_foreign;

pub(super) struct Waiting {
    /// The wakers, in the order of arrival.
    wakers: Vec<(u64, Waker)>,
    last_key: u64,
}

/// The key of a handle, or `None` until the handle waits for the first time.
pub(super) type Key = Option<u64>;

impl Waiting {
    pub(super) const fn new() -> Waiting {
        Waiting { wakers: Vec::new(), last_key: 0 }
    }

    /// Stores `waker` for its handle. Returns the handle's earlier waker, which the caller drops
    /// after the lock is released.
    pub(super) fn add(&mut self, key: &mut Key, waker: Waker) -> Option<Waker> {
        let key = *key.get_or_insert_with(|| {
            self.last_key += 1;
            self.last_key
        });
        if let Some((_, place)) = self.wakers.iter_mut().find(|(other, _)| *other == key) {
            return Some(std::mem::replace(place, waker));
        }
        self.wakers.push((key, waker));
        None
    }

    /// Removes and returns the waker of a handle, which the caller drops after the lock is
    /// released.
    pub(super) fn remove(&mut self, key: Key) -> Option<Waker> {
        let place = self.wakers.iter().position(|(other, _)| Some(*other) == key)?;
        Some(self.wakers.remove(place).1)
    }

    /// Removes and returns all wakers, which the caller wakes after the lock is released.
    pub(super) fn take(&mut self) -> Woken {
        Woken(std::mem::take(&mut self.wakers))
    }
}

#[must_use = "the tasks wait until they are woken"]
pub(super) struct Woken(Vec<(u64, Waker)>);

impl Woken {
    pub(super) fn wake(self) {
        self.0.into_iter().for_each(|(_, waker)| wake_foreign(waker));
    }
}
