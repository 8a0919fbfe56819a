//! Tests of the cores with real sockets, threads and processes.

mod examples;
mod messages;
mod panics;
mod ports;
mod running;
mod spreading;
mod stopping;
mod support;
