//! Faults that clients cause, to show the reaction of the cores.

use std::cell::Cell;
use std::future::poll_fn;
use std::panic;
use std::task::{Poll, Waker};
use std::time::Duration;

/// The message of the panic. The server's report has this message, so the usual trace on standard error
/// is not necessary.
const PANIC: &str = "a client asked for it";

#[derive(Default)]
pub struct Faults {
    asked: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

impl Faults {
    /// Checks whether the bytes of a client are the name of a fault.
    pub fn look_at(&self, bytes: &[u8]) {
        match bytes.trim_ascii_end() {
            b"panic!" => {
                self.asked.set(true);
                if let Some(waker) = self.waker.take() {
                    waker.wake();
                }
            }
            b"hang!" => loop {
                std::thread::sleep(Duration::from_secs(3600));
            },
            _ => {}
        }
    }

    /// Panics when a client has asked for a panic. The core's own future awaits this method, because a
    /// panic in a task would end only that task.
    pub async fn happen<T>(&self) -> T {
        poll_fn(|cx| {
            if self.asked.get() {
                panic::panic_any(PANIC);
            }
            self.waker.set(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await
    }
}

/// Skips the panic hook for these panics, because the server reports each in a line of its own.
pub fn silence_their_traces() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if info.payload().downcast_ref::<&str>() != Some(&PANIC) {
            usual(info);
        }
    }));
}
