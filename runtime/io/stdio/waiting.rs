//! The tasks that wait at a place which threads share: at most one for each handle.
//!
//! All of them are woken together, and those that find nothing wait again. To wake only the first
//! would lose the wake-up if its task no longer wants it: a read that was dropped leaves its waker
//! here until the handle is dropped.

use std::task::Waker;

use crate::engine::wait_list::wake_foreign;

pub(super) struct Waiting {
    /// In the order in which they came.
    wakers: Vec<(u64, Waker)>,
    last_key: u64,
}

/// What a handle is called here; `None` until it waits for the first time.
pub(super) type Key = Option<u64>;

impl Waiting {
    pub(super) const fn new() -> Waiting {
        Waiting { wakers: Vec::new(), last_key: 0 }
    }

    /// Makes `waker` the one that its handle waits with. Returns the one before, to be dropped
    /// when nothing is locked.
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

    /// Removes the waker of a handle. It is to be dropped when nothing is locked.
    pub(super) fn remove(&mut self, key: Key) -> Option<Waker> {
        let place = self.wakers.iter().position(|(other, _)| Some(*other) == key)?;
        Some(self.wakers.remove(place).1)
    }

    /// Takes all of them, to be woken when nothing is locked.
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
