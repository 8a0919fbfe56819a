//! The examples, run as a user runs them.

mod demos;
mod documents;
mod echo;
mod echo_unix;
mod event_queue;
mod load;
mod models;
mod processes;
mod soak;
mod tasks;
mod trace;
