//! What a loop does when a handler or a task fails: the decision is the caller's, not the loop's.
//!
//! ```text
//! cargo run --example failing_handlers
//! ```
//!
//! In the articles' words, the event loop "can catch the exception and decide whether to continue running the coroutine or stop it". Here
//! a handler that returns an error or panics is caught by the loop, and a policy says what then: go on with the next event, or end the loop
//! and hand the failure back. What was queued behind stays queued either way. A task that panics ends alone; whoever awaits it is told.

#[path = "shared/demo.rs"]
mod demo;

use std::process::ExitCode;

use demo::{Outcome, say};
use oneloop::Runtime;
use oneloop::event_loop::{Event, EventLoop, Failure, Policy};

const ABOUT: &str =
    "Handlers and tasks that fail: the same messages under two policies, and a task that panics.";

fn main() -> ExitCode {
    // The message that Rust prints at each panic is left out: the loop catches them, and this says what it caught.
    std::panic::set_hook(Box::new(|_| {}));
    demo::run(ABOUT, demo)
}

fn demo() -> Outcome {
    under(Policy::Continue)?;
    under(Policy::Stop)?;
    say!("tasks:");
    Runtime::new()?.block_on(tasks());
    Ok(())
}

/// Divides 100 by each message; an error is not a number, a panic is what dividing by zero does.
fn divide(text: &str) -> Result<i32, std::num::ParseIntError> {
    Ok(100 / text.parse::<i32>()?)
}

fn under(policy: Policy) -> Outcome {
    say!("policy {policy:?}:");
    let mut events = EventLoop::new()?;
    for text in ["5", "six", "0", "20", "end"] {
        events.post(text)?;
    }
    let outcome = events.run(
        |events, event| match event {
            Event::Message("end") => {
                events.stop();
                Ok(())
            }
            Event::Message(text) => divide(text).map(|result| say!("  100 / {text} = {result}")),
            other => {
                say!("  nobody asked for this: {other:?}");
                Ok(())
            }
        },
        |failure: &Failure<_>| {
            say!("  {failure}");
            policy
        },
    );
    match outcome {
        Ok(ended) => say!("  the loop went on: {} handled, {} of them failed", ended.handled, ended.failed),
        Err(failure) => say!("  the loop stopped, because {failure}"),
    }
    say!("  still queued: {:?}", events.drain());
    Ok(())
}

async fn tasks() {
    let first = oneloop::spawn(async { divide("0") });
    let second = oneloop::spawn(async { divide("20") });
    match first.await {
        Ok(result) => say!("  the first task: {result:?}"),
        Err(error) => say!("  the first task: {error}"),
    }
    match second.await {
        Ok(result) => say!("  the second task goes on: {result:?}"),
        Err(error) => say!("  the second task: {error}"),
    }
}
