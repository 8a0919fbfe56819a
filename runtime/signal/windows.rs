//! Ctrl+C on Windows: one handler for the process, which counts and wakes.

use std::future::poll_fn;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::task::{Poll, Waker};

struct Heard {
    /// The handler is set.
    listening: bool,
    /// How often Ctrl+C came.
    count: u64,
    /// Bound: one for each different waker since the last Ctrl+C.
    waiting: Vec<Waker>,
}

static HEARD: Mutex<Heard> = Mutex::new(Heard { listening: false, count: 0, waiting: Vec::new() });

pub(super) async fn ctrl_c() -> io::Result<()> {
    listen()?;
    let mut before = None;
    poll_fn(|cx| {
        let waker = cx.waker().clone();
        let mut heard = HEARD.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.count > *before.get_or_insert(heard.count) {
            return Poll::Ready(Ok(()));
        }
        if !heard.waiting.iter().any(|w| w.will_wake(&waker)) {
            heard.waiting.push(waker);
        }
        Poll::Pending
    })
    .await
}

fn listen() -> io::Result<()> {
    let mut heard = HEARD.lock().unwrap_or_else(PoisonError::into_inner);
    if !heard.listening {
        ctrlc::set_handler(on_ctrl_c).map_err(io::Error::other)?;
        heard.listening = true;
    }
    Ok(())
}

/// Runs on the `ctrlc` crate's thread.
fn on_ctrl_c() {
    let mut heard = HEARD.lock().unwrap_or_else(PoisonError::into_inner);
    heard.count += 1;
    let waiting = std::mem::take(&mut heard.waiting);
    drop(heard);
    waiting.into_iter().for_each(Waker::wake);
}
