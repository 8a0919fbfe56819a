//! Signals: they are delivered to a whole process, so a test that raises one starts a process of its own.

mod event_loop;
mod interruptions;
mod listeners;
mod sigpipe;
mod windows;
