//! A flag that is raised once. Tasks of every loop can wait for it.
//!
//! The flag is a channel without messages, and closing the channel raises the flag. So `async-channel`
//! holds the waiting tasks, and wakes the loops on other threads.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use async_channel::{Receiver, Sender};
use futures_core::Stream;

#[derive(Clone, Debug)]
pub(crate) struct Flag {
    sender: Sender<Infallible>,
    receiver: Receiver<Infallible>,
}

impl Flag {
    pub(crate) fn new() -> Flag {
        let (sender, receiver) = async_channel::bounded(1);
        Flag { sender, receiver }
    }

    /// Raises the flag and wakes each waiting task. A second call does nothing.
    pub(crate) fn raise(&self) {
        self.sender.close();
    }

    pub(crate) fn is_raised(&self) -> bool {
        self.sender.is_closed()
    }

    /// Waits until the flag is raised. Cancel safe, because the flag stays raised.
    pub(crate) async fn wait(&self) {
        let mut closed = pin!(self.receiver.clone());
        std::future::poll_fn(|cx| poll_closed(closed.as_mut(), cx)).await;
    }

    /// Blocks the thread until the flag is raised, at most for `time`. Returns whether the flag is
    /// raised.
    ///
    /// This method is for a thread without a loop.
    pub(crate) fn block_for(&self, time: Duration) -> bool {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut waiting = self.waiting();
        // If the end is beyond the range of `Instant`, the wait has no limit.
        let end = Instant::now().checked_add(time);
        loop {
            if waiting.poll(&mut Context::from_waker(&waker)).is_ready() {
                return true;
            }
            match end.map(|end| end.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return false,
                Some(left) => thread::park_timeout(left),
                None => thread::park(),
            }
        }
    }

    /// Returns a value that the caller keeps and polls, in place of the future of `wait`.
    pub(crate) fn waiting(&self) -> Waiting {
        Waiting(Box::pin(self.receiver.clone()))
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a flag. It keeps its registration from one poll to the next.
#[derive(Debug)]
pub(crate) struct Waiting(Pin<Box<Receiver<Infallible>>>);

impl Waiting {
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        poll_closed(self.0.as_mut(), cx)
    }
}

fn poll_closed(receiver: Pin<&mut Receiver<Infallible>>, cx: &mut Context<'_>) -> Poll<()> {
    receiver.poll_next(cx).map(|message| match message {
        None => (),
        Some(never) => match never {},
    })
}
