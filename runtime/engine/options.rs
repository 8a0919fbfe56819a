//! What can be chosen for a loop.

use std::time::Duration;

/// What a runtime's loop goes by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) event_interval: u32,
    /// Zero: never.
    pub(crate) busy_poll: Duration,
}
