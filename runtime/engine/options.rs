//! What can be chosen for a loop.

use std::time::Duration;

/// What a runtime's loop goes by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) event_interval: u32,
    /// Zero: never.
    pub(crate) busy_poll: Duration,
    /// The clock stands still from the beginning.
    pub(crate) start_paused: bool,
    /// A clock that stands still moves to the next deadline when nothing else can happen.
    pub(crate) auto_advance: bool,
}
