//! What the small demonstrations share: one switch on their command line, and how they print and fail.
//!
//! Each takes it in with `#[path = "shared/demo.rs"] mod demo;`.

#![allow(dead_code, unused_imports, unused_macros, reason = "each demonstration uses its own part of it")]

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

/// What a demonstration returns: any error ends it with that error's message.
pub type Outcome = Result<(), Box<dyn Error>>;

/// Prints a line like `println!`, but at once, and without a panic if whoever read it has gone away.
macro_rules! say {
    ($($text:tt)*) => { crate::demo::print_line(&format!($($text)*)) };
}
pub(crate) use say;

pub fn print_line(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

/// Runs a demonstration that takes no arguments.
///
/// Exit codes: 0, 1 if it failed, 2 for arguments that it doesn't know. `about` is what `--help` prints.
pub fn run(about: &str, demo: impl FnOnce() -> Outcome) -> ExitCode {
    start(about, false, |_slow| demo())
}

/// Runs a demonstration whose waits are shortened unless it is given `--slow`: then they last as long as in the
/// article that it comes from.
pub fn run_timed(about: &str, demo: impl FnOnce(bool) -> Outcome) -> ExitCode {
    start(about, true, demo)
}

/// Runs a program that takes one argument, or none. `usage` is all that `--help` prints.
pub fn run_with_argument(usage: &str, program: impl FnOnce(Option<String>) -> Outcome) -> ExitCode {
    let arguments: Vec<String> = match std::env::args_os().skip(1).map(|a| a.into_string()).collect() {
        Ok(arguments) => arguments,
        Err(argument) => return refuse(&format!("{argument:?} is no text; see --help")),
    };
    match arguments.as_slice() {
        [help] if help == "--help" || help == "-h" => {
            say!("{usage}");
            ExitCode::SUCCESS
        }
        [] => end(program(None)),
        [argument] if !argument.starts_with('-') => end(program(Some(argument.clone()))),
        [argument] | [_, argument, ..] => refuse(&format!("unknown argument {argument:?}; see --help")),
    }
}

fn start(about: &str, timed: bool, demo: impl FnOnce(bool) -> Outcome) -> ExitCode {
    let mut slow = false;
    for argument in std::env::args_os().skip(1) {
        match argument.to_str() {
            Some("--help" | "-h") => {
                print_help(about, timed);
                return ExitCode::SUCCESS;
            }
            Some("--slow") if timed => slow = true,
            _ => return refuse(&format!("unknown argument {argument:?}; see --help")),
        }
    }
    end(demo(slow))
}

fn refuse(reason: &str) -> ExitCode {
    complain(reason);
    ExitCode::from(2)
}

fn end(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn print_help(about: &str, timed: bool) {
    let name = env!("CARGO_CRATE_NAME");
    if timed {
        say!("{about}\n\nusage: {name} [--slow]\n\n  --slow  as long, or as much, as in the article");
    } else {
        say!("{about}\n\nusage: {name}");
    }
}

/// One line on standard error, marked with the program's name.
pub fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}: {text}", env!("CARGO_CRATE_NAME"));
}

/// A socket takes a descriptor, and many systems allow a process only 1,024 of them until it asks for more.
pub fn raise_descriptor_limit() {
    #[cfg(unix)]
    let _ = rlimit::increase_nofile_limit(rlimit::INFINITY);
}
