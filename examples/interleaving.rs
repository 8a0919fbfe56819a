//! Three ways to do two things at once: tasks, threads, processes.
//!
//! From the articles: one thread counts from 1 to 10 while another says a to e; and a child process says hello beside its
//! parent.
//!
//! ```text
//! cargo run --example interleaving
//! ```
//!
//! What to notice: tasks change over where they say so, so their order is the same in every run. The order of threads and processes
//! is the operating system's business. The child runs while this process does, too, and the loop waits for its end as it waits for
//! anything else.

#[path = "shared/demo.rs"]
mod demo;

use std::env;
use std::process::{ExitCode, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use demo::{Outcome, say};
use oneloop::io::{AsyncBufReadExt, BufReader};
use oneloop::process::Command;
use oneloop::{Runtime, yield_now};

const ABOUT: &str = "Counting and spelling at once: in tasks, in threads, and beside a child process.";

/// The argument that makes this program the child.
const CHILD: &str = "--be-the-child";

fn main() -> ExitCode {
    if env::args().nth(1).as_deref() == Some(CHILD) {
        say!("Hello from child process {}", std::process::id());
        return ExitCode::SUCCESS;
    }
    demo::run(ABOUT, || {
        say!("two tasks: {}", Runtime::new()?.block_on(in_tasks())?.join(" "));
        say!("two threads: {}", in_threads().join(" "));
        Runtime::new()?.block_on(beside_a_child())
    })
}

fn numbers() -> impl Iterator<Item = String> {
    (1..=10).map(|n| n.to_string())
}

fn letters() -> impl Iterator<Item = String> {
    ('a'..='e').map(String::from)
}

/// Each says one word and gives way.
async fn in_tasks() -> Result<Vec<String>, Box<dyn std::error::Error>> {
    async fn say_all(words: impl Iterator<Item = String>, said: async_channel::Sender<String>) {
        for word in words {
            let _ = said.send(word).await; // the receiver is there until both are done
            yield_now().await;
        }
    }
    let (said, heard) = async_channel::unbounded();
    let tasks =
        [oneloop::spawn(say_all(numbers(), said.clone())), oneloop::spawn(say_all(letters(), said.clone()))];
    for task in tasks {
        task.await?;
    }
    said.close();
    Ok(std::iter::from_fn(|| heard.try_recv().ok()).collect())
}

/// Each says a word and sleeps for a moment, long enough for the operating system to let the other one run.
fn in_threads() -> Vec<String> {
    let said = Mutex::new(Vec::new());
    let say_all = |words: &mut dyn Iterator<Item = String>| {
        for word in words {
            said.lock().expect("no thread panics").push(word);
            thread::sleep(Duration::from_millis(1));
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| say_all(&mut numbers()));
        scope.spawn(|| say_all(&mut letters()));
    });
    said.into_inner().expect("no thread panics")
}

async fn beside_a_child() -> Outcome {
    let mut child = Command::new(env::current_exe()?).arg(CHILD).stdout(Stdio::piped()).spawn()?;
    say!("Hello from parent process {}", std::process::id());
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut line = String::new();
    lines.read_line(&mut line).await?;
    say!("{}", line.trim_end());
    say!("the child has ended: {}", child.wait().await?);
    Ok(())
}
