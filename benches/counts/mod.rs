//! Counts of user instructions and system calls: callgrind's output, and the table of oneloop's counts.
//!
//! | file | holds |
//! |---|---|
//! | `callgrind.rs` | the parser of callgrind's output, and the difference of two runs |
//! | `table.rs` | `benches/counts.toml`, and the comparison of a run with it |
//!
//! `counting/` starts the program under callgrind.

pub mod callgrind;
pub mod table;

pub use callgrind::{Count, Profile};
