//! These records were written by no runtime. The tests use them, and so does work on the page.
#![allow(dead_code, reason = "the example and the tests use different parts")]

pub mod queue;
pub mod server;
pub mod words;
