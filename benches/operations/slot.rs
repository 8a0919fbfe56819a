//! A channel for one message between two tasks of one thread. Every runtime uses the same code.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// Holds at most one message and at most one waiting receiver.
pub struct Slot<T> {
    message: Cell<Option<T>>,
    receiver: Cell<Option<Waker>>,
}

impl<T> Slot<T> {
    pub fn new() -> Rc<Slot<T>> {
        Rc::new(Slot { message: Cell::new(None), receiver: Cell::new(None) })
    }

    pub fn send(&self, message: T) {
        self.message.set(Some(message));
        if let Some(waker) = self.receiver.take() {
            waker.wake();
        }
    }

    pub async fn receive(&self) -> T {
        poll_fn(|context| match self.message.take() {
            Some(message) => Poll::Ready(message),
            None => {
                self.receiver.set(Some(context.waker().clone()));
                Poll::Pending
            }
        })
        .await
    }
}
