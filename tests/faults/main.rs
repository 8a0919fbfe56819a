//! Faults, injected for real: peers that vanish, panics, clocks that leap, bursts of a million.

#[cfg(target_os = "linux")]
#[path = "../common/clock.rs"]
mod clock;
#[path = "../common/counting.rs"]
mod counting;

mod clients;
mod clocks;
mod hog;
mod load;
mod panics;
mod short;
mod sockets;
