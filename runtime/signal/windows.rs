//! Ctrl+C on Windows: one handler for the process, which counts the presses and wakes the
//! listeners.

use std::collections::HashMap;
use std::io;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::engine::wait_list::wake_foreign;

/// What the handler and the listeners share.
#[derive(Default)]
struct Presses {
    handler_is_set: bool,
    /// How often Ctrl+C was pressed.
    count: u64,
    /// Listeners so far: the next one's name.
    listeners: u64,
    /// The wakers of the listeners that wait, by name. Bound: one for each listener.
    waiting: HashMap<u64, Waker>,
}

static PRESSES: LazyLock<Mutex<Presses>> = LazyLock::new(Mutex::default);

fn presses() -> MutexGuard<'static, Presses> {
    PRESSES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A listener that receives each press after it was made; several since its last poll count as one.
pub(crate) struct CtrlC {
    name: u64,
    /// The count at its last poll.
    received: u64,
}

impl CtrlC {
    pub(crate) fn new() -> io::Result<CtrlC> {
        let mut presses = presses();
        if !presses.handler_is_set {
            ctrlc::set_handler(on_ctrl_c).map_err(io::Error::other)?;
            presses.handler_is_set = true;
        }
        presses.listeners += 1;
        Ok(CtrlC { name: presses.listeners, received: presses.count })
    }

    pub(crate) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let waker = cx.waker().clone();
        let mut presses = presses();
        if std::mem::replace(&mut self.received, presses.count) < presses.count {
            return Poll::Ready(Ok(()));
        }
        let earlier = presses.waiting.insert(self.name, waker);
        drop(presses);
        drop(earlier); // foreign code, perhaps
        Poll::Pending
    }
}

impl Drop for CtrlC {
    fn drop(&mut self) {
        let waker = presses().waiting.remove(&self.name);
        drop(waker); // with the lock released
    }
}

/// Runs on the `ctrlc` crate's thread.
fn on_ctrl_c() {
    let mut presses = presses();
    presses.count += 1;
    let waiting = std::mem::take(&mut presses.waiting);
    drop(presses);
    waiting.into_values().for_each(wake_foreign);
}
