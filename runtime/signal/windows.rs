//! Ctrl+C on Windows. One handler for the process counts the presses and wakes the listeners.

use std::collections::HashMap;
use std::io;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::engine::wait_list::wake_foreign;

/// The state that the handler and the listeners share.
#[derive(Default)]
struct Presses {
    handler_is_set: bool,
    /// The number of times that Ctrl+C was pressed.
    count: u64,
    /// The number of listeners so far, which gives the next listener its name.
    listeners: u64,
    /// The wakers of the waiting listeners, by name. The bound is one waker for each listener.
    waiting: HashMap<u64, Waker>,
}

static PRESSES: LazyLock<Mutex<Presses>> = LazyLock::new(Mutex::default);

fn presses() -> MutexGuard<'static, Presses> {
    PRESSES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A listener that receives each press after its creation. Several presses since its last poll
/// count as one.
pub(crate) struct CtrlC {
    name: u64,
    /// The count at the last poll of this listener.
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
        drop(earlier); // may run foreign code
        Poll::Pending
    }
}

impl Drop for CtrlC {
    fn drop(&mut self) {
        let waker = presses().waiting.remove(&self.name);
        drop(waker); // runs with the lock released
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
