//! Records the cores that have ended, and closes the channels into each.

use std::sync::PoisonError;

use crate::sync::Mutex;

type Close = Box<dyn Fn(usize) + Send>;

/// Functions that run at a core's end, for instance to close the channels into it. Each registered
/// function is called once for each core that ends, whether the end or the registration comes first.
pub(crate) struct Ends(Mutex<State>);

struct State {
    ended: Vec<usize>,
    /// The bound is one function for each mesh of the program.
    closes: Vec<Close>,
}

impl Ends {
    pub(crate) fn new() -> Ends {
        Ends(Mutex::new(State { ended: Vec::new(), closes: Vec::new() }))
    }

    /// Registers `close`. It runs under the lock, so it must not call `on_end` or `end`.
    pub(crate) fn on_end(&self, close: impl Fn(usize) + Send + 'static) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.ended.iter().for_each(|&core| close(core));
        state.closes.push(Box::new(close));
    }

    /// Records that the core has ended and does not start again.
    pub(crate) fn end(&self, core: usize) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.ended.push(core);
        state.closes.iter().for_each(|close| close(core));
    }
}
