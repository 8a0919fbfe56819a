//! Ctrl+C on Windows: one handler for the process, which counts and wakes.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

struct Heard {
    /// The handler is set.
    listening: bool,
    /// How often Ctrl+C came.
    count: u64,
    /// Bound: one for each different waker since the last Ctrl+C.
    waiting: Vec<Waker>,
}

static HEARD: Mutex<Heard> = Mutex::new(Heard { listening: false, count: 0, waiting: Vec::new() });

/// Hears each Ctrl+C from when it was made.
pub(crate) struct CtrlC {
    /// How often it had come when this last heard of it.
    before: u64,
}

impl CtrlC {
    pub(crate) fn new() -> io::Result<CtrlC> {
        set_handler()?;
        Ok(CtrlC { before: HEARD.lock().unwrap_or_else(PoisonError::into_inner).count })
    }

    /// Ready if it came since the last time; once for several.
    pub(crate) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let waker = cx.waker().clone();
        let mut heard = HEARD.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.count > self.before {
            self.before = heard.count;
            return Poll::Ready(Ok(()));
        }
        if !heard.waiting.iter().any(|w| w.will_wake(&waker)) {
            heard.waiting.push(waker);
        }
        Poll::Pending
    }
}

fn set_handler() -> io::Result<()> {
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
