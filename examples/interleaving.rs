//! Three ways to do two things at once: threads, processes, tasks.
//!
//! From the articles: a process prints its id and its number of threads. One thread counts from 1 to 10
//! while another prints a to e. A child process prints a greeting beside its parent.
//!
//! ```text
//! cargo run --example interleaving
//! ```
//!
//! Notice that the operating system decides the order of threads and processes, so the words of the two
//! threads come in another order each time. Tasks switch where they yield, and their order is the same
//! in every run. The child runs at the same time as this process, and the loop waits for its end as it
//! waits for all other events.

#[path = "shared/demo.rs"]
mod demo;

use std::env;
use std::process::{ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use demo::{Outcome, say};
use oneloop::io::{AsyncBufReadExt, BufReader};
use oneloop::process::Command;
use oneloop::{Runtime, yield_now};

const ABOUT: &str = "Counting and spelling at once: in threads, beside a child process, and in tasks.";

/// The argument that makes this program the child.
const CHILD: &str = "--be-the-child";

fn main() -> ExitCode {
    if env::args_os().nth(1).is_some_and(|argument| argument == CHILD) {
        say!("Hello from child process {}", std::process::id());
        return ExitCode::SUCCESS;
    }
    demo::run(ABOUT, || {
        say!("{}", this_process());
        in_threads();
        Runtime::new()?.block_on(async {
            beside_a_child().await?;
            in_tasks().await
        })
    })
}

fn this_process() -> String {
    let threads = match num_threads::num_threads() {
        Some(threads) => threads.to_string(),
        None => "an unknown number of".to_owned(), // this system does not report it
    };
    let current = thread::current();
    format!(
        "process running with id: {} with {threads} active threads running. Current thread: {}",
        std::process::id(),
        current.name().unwrap_or("without a name")
    )
}

fn numbers() -> impl Iterator<Item = String> {
    (1..=10).map(|n| n.to_string())
}

fn letters() -> impl Iterator<Item = String> {
    ('a'..='e').map(String::from)
}

/// Prints the words from two threads. Each sleeps for a moment after a word, long enough for the
/// operating system to run the other one.
fn in_threads() {
    fn say_all(words: impl Iterator<Item = String>) {
        for word in words {
            say!("{word}");
            thread::sleep(Duration::from_millis(1));
        }
    }
    thread::scope(|scope| {
        scope.spawn(|| say_all(numbers()));
        scope.spawn(|| say_all(letters()));
    });
}

async fn beside_a_child() -> Outcome {
    let mut child = Command::new(env::current_exe()?).arg(CHILD).stdout(Stdio::piped()).spawn()?;
    say!("Hello from parent process {}", std::process::id());
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut line = String::new();
    lines.read_line(&mut line).await?;
    say!("{}", line.trim_end());
    say!("  the child has ended: {}", child.wait().await?);
    Ok(())
}

/// Collects the words of two tasks. Each task yields after a word.
async fn in_tasks() -> Outcome {
    async fn say_all(words: impl Iterator<Item = String>, said: async_channel::Sender<String>) {
        for word in words {
            let _ = said.send(word).await; // the receiver is dropped after both are done
            yield_now().await;
        }
    }
    let (said, words) = async_channel::unbounded();
    let tasks =
        [oneloop::spawn(say_all(numbers(), said.clone())), oneloop::spawn(say_all(letters(), said.clone()))];
    for task in tasks {
        task.await?;
    }
    said.close();
    let words: Vec<String> = std::iter::from_fn(|| words.try_recv().ok()).collect();
    say!("  as two tasks, in the same order each time: {}", words.join(" "));
    Ok(())
}
