//! Counts of user instructions and system calls: what callgrind writes, and the table that holds our own.
//!
//! | file | holds |
//! |---|---|
//! | `callgrind.rs` | the parser of callgrind's output; the difference of two runs |
//! | `table.rs` | `benches/counts.toml`, and the comparison of a run with it |
//!
//! The program counts in `counting/`, which starts it under callgrind.

pub mod callgrind;
pub mod table;

pub use callgrind::{Count, Profile};
