//! A socket that stays open during restarts of its core, until it is closed for the last time.

use std::sync::PoisonError;

use crate::sync::Mutex;

/// Holds a socket for a core. The core makes duplicates of it. The first call of `close` closes the slot
/// for all threads, and `with` makes no duplicate after that.
#[derive(Debug)]
pub(crate) struct Slot<S>(Mutex<Option<S>>);

impl<S> Slot<S> {
    pub(crate) fn new(socket: S) -> Slot<S> {
        Slot(Mutex::new(Some(socket)))
    }

    /// Calls `duplicate` with the socket. Returns `None` after the close.
    pub(crate) fn with<R>(&self, duplicate: impl FnOnce(&S) -> R) -> Option<R> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(duplicate)
    }

    /// Returns the socket on the first call, and `None` on each later call.
    pub(crate) fn close(&self) -> Option<S> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
