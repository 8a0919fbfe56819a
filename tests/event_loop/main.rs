//! The queue-based event loop.

#[cfg(target_os = "linux")]
#[path = "../common/clock.rs"]
mod clock;

mod callbacks;
mod dump;
mod listeners;
mod queue;
mod regressions;
mod run;
mod second_look;
mod senders;
mod slow_poll;
mod sockets;
mod stopped_clock;
mod timers;
