//! Ctrl+C on Windows: one handler for the process, which counts and wakes.

use std::collections::HashMap;
use std::io;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::engine::wait_list::wake_foreign;

#[derive(Default)]
struct Heard {
    /// The handler is set.
    listening: bool,
    /// How often Ctrl+C came.
    count: u64,
    /// Listeners so far: the next one's name.
    listeners: u64,
    /// Who waits, by listener. Bound: one for each.
    waiting: HashMap<u64, Waker>,
}

static HEARD: LazyLock<Mutex<Heard>> = LazyLock::new(Mutex::default);

fn heard() -> MutexGuard<'static, Heard> {
    HEARD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hears each Ctrl+C from when it was made.
pub(crate) struct CtrlC {
    listener: u64,
    /// How often it had come when this last heard of it.
    before: u64,
}

impl CtrlC {
    pub(crate) fn new() -> io::Result<CtrlC> {
        let mut heard = heard();
        if !heard.listening {
            ctrlc::set_handler(on_ctrl_c).map_err(io::Error::other)?;
            heard.listening = true;
        }
        heard.listeners += 1;
        Ok(CtrlC { listener: heard.listeners, before: heard.count })
    }

    pub(crate) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let waker = cx.waker().clone();
        let mut heard = heard();
        if std::mem::replace(&mut self.before, heard.count) < heard.count {
            return Poll::Ready(Ok(()));
        }
        let earlier = heard.waiting.insert(self.listener, waker);
        drop(heard);
        drop(earlier); // foreign code, perhaps
        Poll::Pending
    }
}

impl Drop for CtrlC {
    fn drop(&mut self) {
        let waker = heard().waiting.remove(&self.listener);
        drop(waker); // with the lock released
    }
}

/// Runs on the `ctrlc` crate's thread.
fn on_ctrl_c() {
    let mut heard = heard();
    heard.count += 1;
    let waiting = std::mem::take(&mut heard.waiting);
    drop(heard);
    waiting.into_values().for_each(wake_foreign);
}
