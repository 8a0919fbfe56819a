//! The queue-based event loop.

#[cfg(target_os = "linux")]
#[path = "../common/clock.rs"]
mod clock;

mod callbacks;
mod listeners;
mod queue;
mod regressions;
mod run;
mod senders;
mod sockets;
mod stopped_clock;
mod timers;
