//! What costs memory, counted by an allocator of the tests' own.

#[path = "../common/counting.rs"]
mod counting;

#[cfg(feature = "event-loop")]
mod event_loop;
mod tasks;
