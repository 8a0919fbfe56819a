//! Ctrl+C. The run ends and keeps the finished rounds.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// The flag that a signal sets to end the run.
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Registers the flag for Ctrl+C and for SIGTERM. A second signal ends the program at once.
    ///
    /// A terminal sends Ctrl+C also to the measured process. This process ends, and with it the running
    /// measurement.
    pub fn on_signals() -> io::Result<Stop> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The order of the two calls matters. At the first signal the conditional shutdown runs
            // while the flag is still unset.
            flag::register_conditional_shutdown(signal, 128 + signal, asked.clone())?;
            flag::register(signal, asked.clone())?;
        }
        Ok(Stop(asked))
    }

    /// Whether a signal has arrived.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
