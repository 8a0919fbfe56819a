//! Tests of the page in a real browser: `cargo test -p oneloop-bench --no-default-features --features
//! browser --test page`. `.ci/page` runs these tests.

#![cfg(target_os = "linux")]

mod browser;
#[path = "../../../ecosystem/watch/tests/page/driver.rs"]
mod driver;
mod looks;
mod pictures;
mod sample;
