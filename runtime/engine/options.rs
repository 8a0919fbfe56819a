//! The options of a loop.

use std::time::Duration;

/// The options of a runtime's loop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) event_interval: u32,
    /// The time for which the loop polls the driver before a park. Zero means that the loop never does
    /// so.
    pub(crate) busy_poll: Duration,
    /// Time-outs are precise to the microsecond, if the driver has a timer of its own for them.
    pub(crate) precise_timers: bool,
    /// The time for which the loop looks at its inbox after a remote wake, before a park. Zero means
    /// that the loop never looks.
    pub(crate) spin_after_remote_wake: Duration,
    /// The clock is stopped from the start.
    pub(crate) start_paused: bool,
    /// A stopped clock moves to the next deadline when no event and no message can come before.
    pub(crate) auto_advance: bool,
}
