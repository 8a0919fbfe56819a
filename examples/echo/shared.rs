//! The state that all tasks of the server share: one buffer, and figures.

use std::cell::{Cell, RefCell, RefMut};
use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::time::Duration;

use crate::counted::counted;

/// The size of the buffer: enough for every UDP datagram, and for a stream at full speed.
const BUFFER_BYTES: usize = 64 * 1024;

pub struct Shared {
    buffer: RefCell<Vec<u8>>,
    /// The number of connections that began, or of datagrams that were answered.
    served: Cell<u64>,
    open: Cell<u64>,
    most_open: Cell<u64>,
    bytes: Cell<u64>,
    /// The waker of the one task that waits for a connection to end: the accept loop or, later, the end
    /// of the server.
    watcher: Cell<Option<Waker>>,
}

impl Shared {
    pub fn new() -> Shared {
        Shared {
            buffer: RefCell::new(vec![0; BUFFER_BYTES]),
            served: Cell::new(0),
            open: Cell::new(0),
            most_open: Cell::new(0),
            bytes: Cell::new(0),
            watcher: Cell::new(None),
        }
    }

    /// Borrows the buffer that all tasks use. All tasks run on one thread, and no task waits while it
    /// holds the buffer, so any number of connections needs only one.
    ///
    /// # Panics
    ///
    /// Panics if a task holds the buffer across an `.await`. Clippy's `await_holding_refcell_ref` finds
    /// such places.
    pub fn buffer(&self) -> RefMut<'_, Vec<u8>> {
        self.buffer.borrow_mut()
    }

    pub fn connection_began(&self) {
        self.served.set(self.served.get() + 1);
        self.open.set(self.open.get() + 1);
        self.most_open.set(self.most_open.get().max(self.open.get()));
    }

    pub fn connection_ended(&self) {
        self.open.set(self.open.get() - 1);
        if let Some(watcher) = self.watcher.take() {
            watcher.wake();
        }
    }

    pub fn echoed(&self, bytes: usize) {
        self.bytes.set(self.bytes.get() + bytes as u64);
    }

    pub fn echoed_datagram(&self, bytes: usize) {
        self.served.set(self.served.get() + 1);
        self.echoed(bytes);
    }

    pub fn open(&self) -> u64 {
        self.open.get()
    }

    /// Waits until a connection ends.
    pub async fn one_ended(&self) {
        let ended = || self.served.get() - self.open.get();
        let before = ended();
        poll_fn(|cx| {
            if ended() > before {
                return Poll::Ready(());
            }
            self.watcher.set(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    /// Waits until no connection is open.
    pub async fn all_ended(&self) {
        while self.open() > 0 {
            self.one_ended().await;
        }
    }

    pub fn summary(&self, datagrams: bool, time: Duration) -> String {
        let (served, most, seconds) = (self.served.get(), self.most_open.get(), time.as_secs_f64());
        let bytes = counted(self.bytes.get(), "byte");
        if datagrams {
            let datagrams = counted(served, "datagram");
            format!("{datagrams} echoed, {bytes} echoed, {seconds:.1} seconds")
        } else {
            let connections = counted(served, "connection");
            format!("{connections} served, {most} at most at once, {bytes} echoed, {seconds:.1} seconds")
        }
    }
}
