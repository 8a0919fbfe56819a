//! What concerns a whole process: its limit of descriptors and their inheritance, that none is left behind, its user, its
//! environment, its standard input and output. A test that changes one of these does so in a process of its own, and no test of
//! another program sees a socket held open by a child that is just being started.

#[cfg(target_os = "linux")]
#[path = "../common/clock.rs"]
mod clock;

mod environment;
mod event_loop;
#[cfg(target_os = "linux")]
mod fork;
mod limit;
mod listeners;
mod remote_wakes;
mod slow_poll;
mod sockets;
mod stdin;
mod stdout;
