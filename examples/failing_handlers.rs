//! Handlers and tasks that fail. The caller decides whether the loop continues, and not the loop.
//!
//! ```text
//! cargo run --example failing_handlers
//! ```
//!
//! In the articles' words, the event loop "can catch the exception and decide whether to continue
//! running the coroutine or stop it". Here the loop catches the error or the panic of a handler, and a
//! policy decides: the loop continues with the next event, or it ends and returns the failure. The
//! events behind it stay queued in both cases. A task that panics ends alone, and its handle returns
//! the error.

#[path = "shared/demo.rs"]
mod demo;

use std::process::ExitCode;

use demo::{Outcome, say};
use oneloop::Runtime;
use oneloop::event_loop::{Event, EventLoop, Failure, Policy};

const ABOUT: &str = "\
Handlers and tasks that fail: the same messages under two policies, and a task
that panics.";

fn main() -> ExitCode {
    // This hook hides the message that Rust prints at each panic. The loop catches the panics, and this
    // program prints them.
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

/// Divides 100 by a message. A message that is not a number is an error, and dividing by zero panics.
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
                say!("  an unexpected event: {other:?}");
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
