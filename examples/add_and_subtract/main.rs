//! `add` and `sub` in four models: one after the other, in two threads, in two processes, as two tasks.
//!
//! ```text
//! cargo run --release --example add_and_subtract
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `main.rs` | the four models, in the articles' order |
//! | `processes.rs` | the two processes and their list |
//! | `../shared/add_and_sub.rs` | the two tasks: the program `second_finishes_first` |
//!
//! Notice what each model needs for a pair of functions: nothing, two stacks, two processes, two tasks
//! on one thread. With `--slow` the waits are as long as in the articles. Otherwise a second takes 10
//! ms.

#[path = "../shared/add_and_sub.rs"]
mod add_and_sub;
#[path = "../shared/demo.rs"]
mod demo;
mod processes;

use std::process::ExitCode;
use std::thread;

use add_and_sub::{A, B, say_how_long, second};
use demo::say;
use oneloop::Runtime;

const ABOUT: &str = "\
Adds and subtracts 25 and 30 in four models: in sequence, in threads, in
processes, as tasks.";

fn main() -> ExitCode {
    if let Some(exit_code) = processes::child() {
        return exit_code;
    }
    demo::run_timed(ABOUT, |slow| {
        let second = second(slow);
        say_how_long(second);
        let runtime = Runtime::new()?;
        say!("  in sequence");
        add();
        sub();
        say!("  in two threads");
        thread::scope(|scope| {
            scope.spawn(add);
            scope.spawn(sub);
        });
        say!("  in two processes");
        runtime.block_on(processes::add_and_subtract(second))?;
        say!("  as two tasks");
        runtime.block_on(add_and_sub::add_and_subtract(second))
    })
}

fn add() {
    say!("Addition value: {}", A + B);
}

fn sub() {
    say!("Subtraction Value: {}", A - B);
}
