//! The event loop of the articles: a queue of events, and a loop that takes one at a time.
//!
//! ```text
//! cargo run --example event_queue
//! ```
//!
//! In the articles it is a dozen lines of Python around `queue.get(timeout=1)`. Here it is the same, on a real loop. What to
//! notice: after the five events nothing comes, and the process *sleeps*. It uses no processor time until Ctrl+C, which is an
//! event like any other. (`strace` shows one system call for each time-out, the one that it sleeps in.)

#[path = "shared/demo.rs"]
mod demo;

use std::process::ExitCode;
use std::time::Duration;

use demo::{Outcome, say};
use oneloop::event_loop::{Event, EventLoop};

const ABOUT: &str = "\
The articles' event loop: five events from a queue, then it waits for more, asleep, until Ctrl+C.";

fn main() -> ExitCode {
    demo::run(ABOUT, demo)
}

fn demo() -> Outcome {
    let mut events = EventLoop::new()?;
    let ctrl_c = events.ctrl_c()?;
    for i in 0..5 {
        events.post(format!("event_{i}"))?;
    }
    loop {
        match events.take(Some(Duration::from_secs(1)))? {
            Event::Message(message) => say!("Processing message: {message}"),
            Event::TimedOut => continue, // the queue was empty for a second: go round again
            Event::Signal(id) if id == ctrl_c => return Ok(()),
            other => say!("nobody asked for this: {other:?}"),
        }
    }
}
