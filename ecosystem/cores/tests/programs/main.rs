//! Tests that start processes. A process that is being started holds the sockets of this one until it
//! executes its program. The tests of `tests/cores` expect that a closed port is free at once, so they
//! are a program without child processes.
#![cfg(unix)]

mod descriptors;
mod examples;
#[allow(dead_code, reason = "the other program uses more of it")]
#[path = "../cores/support.rs"]
mod support;
