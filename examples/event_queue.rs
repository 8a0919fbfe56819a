//! The event loop of the articles: a queue of events, and a loop that takes one at a time.
//!
//! ```text
//! cargo run --example event_queue
//! ```
//!
//! In the articles the loop is a dozen lines of Python around `queue.get(timeout=1)`. Here it is the
//! same on a real event loop. Notice that nothing arrives after the five events, and the process
//! *sleeps*. It uses no processor time until Ctrl+C, which arrives as an event like all others.
//! `--trace FILE` writes a record of the loop. The README of the examples says how to make a page of
//! it. `strace` shows one system call for each time-out, in which the process sleeps.

#[path = "shared/demo.rs"]
mod demo;

use std::process::ExitCode;
use std::time::Duration;

use demo::{Outcome, say};
use oneloop::event_loop::{Event, EventLoop};

const ABOUT: &str = "\
The articles' event loop: it takes five events from a queue, and then sleeps
until Ctrl+C.";

const EVENTS: usize = 5;

fn main() -> ExitCode {
    demo::run_traced(ABOUT, |trace| {
        let mut events = EventLoop::on(trace.runtime()?, None)?;
        demo(&mut events)?;
        trace.save_events(&events)
    })
}

fn demo(events: &mut EventLoop<String>) -> Outcome {
    let ctrl_c = events.ctrl_c()?;
    for i in 0..EVENTS {
        events.post(format!("event_{i}"))?;
    }
    let mut left = EVENTS;
    loop {
        match events.take(Some(Duration::from_secs(1)))? {
            Event::Message(message) => {
                say!("Processing message: {message}");
                left -= 1;
                if left == 0 {
                    say!("  the queue is empty: the loop sleeps until an event comes; Ctrl+C ends it");
                }
            }
            Event::TimedOut => continue, // the queue was empty for a second
            Event::Signal(id) if id == ctrl_c => return Ok(()),
            other => say!("an unexpected event: {other:?}"),
        }
    }
}
