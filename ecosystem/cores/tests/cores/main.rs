//! Tests of the cores with real sockets and threads. No test of this program starts a process (see
//! `tests/programs`).

mod messages;
mod panics;
mod ports;
mod running;
mod spreading;
mod stopping;
mod support;
