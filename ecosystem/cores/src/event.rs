//! The events of the cores, for a log.

use std::fmt;
use std::io;
use std::time::Duration;

/// An event that the function of [`Cores::on_event`](crate::Cores::on_event) receives.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The future of a core has panicked, and the core starts again after the pause.
    Restarting {
        /// The core's number.
        core: usize,
        /// The panic's message.
        panic: String,
        /// The time until the restart.
        pause: Duration,
    },
    /// The future of a core has panicked, and all cores stop, because the policy allows no restart.
    Stopping {
        /// The core's number.
        core: usize,
        /// The panic's message.
        panic: String,
    },
    /// A connection could not be accepted, and accepting pauses for 100 ms. After the stop a failure
    /// ends accepting, and the kernel resets the connections that still wait.
    AcceptFailed {
        /// The core's number, or `None` for the acceptor of [`Spread::LeastLoaded`](crate::Spread).
        core: Option<usize>,
        /// The system's error, for instance too many open files.
        error: io::Error,
    },
    /// A core did not end within the deadline, and drops its future.
    CutOff {
        /// The core's number.
        core: usize,
    },
    /// A core blocks its thread, which therefore ends only with the process.
    Hung {
        /// The core's number.
        core: usize,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Restarting { core, panic, pause } => {
                write!(f, "core {core} panicked ({panic}) and starts again in {pause:?}")
            }
            Event::Stopping { core, panic } => {
                write!(f, "core {core} panicked ({panic}) and does not start again, so all cores stop")
            }
            Event::AcceptFailed { core: Some(core), error } => {
                write!(f, "core {core} can't accept a connection: {error}")
            }
            Event::AcceptFailed { core: None, error } => {
                write!(f, "the acceptor can't accept a connection: {error}")
            }
            Event::CutOff { core } => write!(f, "core {core} did not end within the deadline and is cut off"),
            Event::Hung { core } => {
                write!(f, "core {core} blocks its thread, which ends with the process")
            }
        }
    }
}
