//! These tests run other libraries on one loop and one thread, each against a real counterpart.
//! `README.md` of this package has the table.
#![cfg(unix)] // The counterparts are Debian's.

mod grpc;
mod postgres;
mod redis;
mod support;
mod wakeups;
mod websockets;
