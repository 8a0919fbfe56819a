//! These tests run the examples as programs.

#![cfg(unix)] // The tests use signals, and Debian's nginx and curl.

mod support;

mod http_client;
mod https;
mod narrow;
mod nginx;

// What the test of the progress bars takes in of the example `http_client`.
#[allow(dead_code, reason = "lines are printed by the program alone")]
#[path = "../../examples/shared/process.rs"]
mod process;
#[allow(dead_code, reason = "lines are printed by the program alone")]
#[path = "../../examples/http_client/progress.rs"]
mod progress;
