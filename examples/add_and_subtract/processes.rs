//! The pair in two processes, which the loop awaits.
//!
//! A child is this program again, with the name of its function on the command line. It waits until its
//! standard input is closed. So the lines about both children come before their results.

use std::env;
use std::io;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use futures::future::try_join;
use oneloop::process::{Child, Command, Stdio};

use crate::demo::{Outcome, say};

/// With this argument, a function's name and a wait in milliseconds, the program is a child.
const CHILD: &str = "--child";

/// Each function, and the number of the article's seconds that its process waits.
const FUNCTIONS: [(&str, fn(), u32); 2] = [("add", crate::add, 10), ("sub", crate::sub, 20)];

pub async fn add_and_subtract(second: Duration) -> Outcome {
    let [add, sub] = FUNCTIONS.map(|(name, _, seconds)| spawn(name, seconds * second));
    let (mut add, mut sub) = (add?, sub?);
    say!("  main process: {}", std::process::id());
    for (child, (name, _, seconds)) in [&add, &sub].into_iter().zip(FUNCTIONS) {
        let id = child.id().expect("its status has not been asked for");
        say!("  child process: {id}, waiting {seconds} seconds in {name}");
    }
    drop((add.stdin.take(), sub.stdin.take())); // Both children begin now.
    let (add, sub) = try_join(add.wait(), sub.wait()).await?;
    match [add, sub].into_iter().find(|status| !status.success()) {
        None => Ok(()),
        Some(status) => Err(format!("a child process failed: {status}").into()),
    }
}

fn spawn(name: &str, time: Duration) -> io::Result<Child> {
    let mut command = Command::new(env::current_exe()?);
    command.args([CHILD, name, &time.as_millis().to_string()]);
    command.stdin(Stdio::piped()).kill_on_drop(true).spawn()
}

/// Does the work of a child. Returns `None` in the process that the user has started.
pub fn child() -> Option<ExitCode> {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let [flag, name, time] = arguments.as_slice() else { return None };
    let (_, function, _) = FUNCTIONS.iter().find(|function| flag == CHILD && name == function.0)?;
    let time = Duration::from_millis(time.to_str()?.parse().ok()?);
    let _ = io::copy(&mut io::stdin(), &mut io::sink()); // until the parent closes it
    thread::sleep(time);
    function();
    Some(ExitCode::SUCCESS)
}
