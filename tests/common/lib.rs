//! What the test programs share. `clock.rs` and `counting.rs` are not modules of this library: each changes the process that it is
//! linked into, so a program that needs one takes it in with `#[path]`.

#[cfg(all(unix, feature = "process"))]
pub mod children;
pub mod drivers;
#[cfg(feature = "event-loop")]
pub mod events;
pub mod examples;
pub mod executor;
#[cfg(doctest)]
mod guide;
pub mod interrupted;
pub mod runner;
pub mod sockets;
