//! The code that the small demonstrations share: their command line, how they print and how they fail.
//!
//! Each demonstration includes this file with `#[path = "shared/demo.rs"] mod demo;`.

#![allow(dead_code, unused_imports, unused_macros, reason = "each demonstration uses its own part of it")]

#[path = "numbers.rs"]
mod numbers;
#[path = "trace.rs"]
mod trace;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use lexopt::prelude::*;

pub use trace::Trace;

/// The result of a demonstration. An error ends the program with the error's message.
pub type Outcome = Result<(), Box<dyn Error>>;

/// Prints a line like `println!` and flushes it. A reader that has closed the pipe causes no panic.
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
/// The exit code is 0, 1 if the demonstration failed, 2 for unknown arguments. `about` is the text that
/// `--help` prints.
pub fn run(about: &str, demo: impl FnOnce() -> Outcome) -> ExitCode {
    start(about, &[], |_given| demo())
}

/// Runs a demonstration with shortened waits. With `--slow` they last as long as in its article.
pub fn run_timed(about: &str, demo: impl FnOnce(bool) -> Outcome) -> ExitCode {
    start(about, &[Takes::Slow], |given| demo(given.slow))
}

/// Runs a demonstration that records its loop if the user gives `--trace FILE`.
pub fn run_traced(about: &str, demo: impl FnOnce(&Trace) -> Outcome) -> ExitCode {
    start(about, &[Takes::Trace], |given| demo(&given.trace))
}

/// Runs a demonstration that takes `--slow` and `--trace FILE`.
pub fn run_timed_and_traced(about: &str, demo: impl FnOnce(bool, &Trace) -> Outcome) -> ExitCode {
    start(about, &[Takes::Slow, Takes::Trace], |given| demo(given.slow, &given.trace))
}

/// Runs a demonstration that counts to a number: the article's, or the one that `--to N` names.
pub fn run_to(about: &str, article: u64, demo: impl FnOnce(u64) -> Outcome) -> ExitCode {
    start(about, &[Takes::To { article }], |given| demo(given.to.unwrap_or(article)))
}

/// The reason why a program fails, and its exit code: 1 for a failure, 2 for a wrong argument.
pub struct Failure {
    pub exit_code: u8,
    pub reason: String,
}

impl<E: std::fmt::Display> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure { exit_code: 1, reason: error.to_string() }
    }
}

/// Runs a program that takes one argument or none. `usage` is the text that `--help` prints.
pub fn run_with_argument(
    usage: &str,
    program: impl FnOnce(Option<String>) -> Result<(), Failure>,
) -> ExitCode {
    let parse = || {
        let mut argument = None;
        let mut arguments = lexopt::Parser::from_env();
        while let Some(next) = arguments.next()? {
            match next {
                Short('h') | Long("help") => return Ok(None),
                Value(value) if argument.is_none() => argument = Some(value.string()?),
                other => return Err(other.unexpected()),
            }
        }
        Ok(Some(argument))
    };
    match parse() {
        Ok(Some(argument)) => program(argument).map_or_else(end_badly, |()| ExitCode::SUCCESS),
        Ok(None) => help(usage),
        Err(error) => refuse(&error),
    }
}

/// An option that a demonstration takes.
#[derive(Clone, Copy, PartialEq)]
enum Takes {
    Slow,
    Trace,
    To { article: u64 },
}

/// The values of the command line.
#[derive(Default)]
struct Given {
    help: bool,
    slow: bool,
    trace: Trace,
    to: Option<u64>,
}

fn start(about: &str, takes: &[Takes], demo: impl FnOnce(&Given) -> Outcome) -> ExitCode {
    match parse(takes) {
        Ok(Given { help: true, .. }) => help(&describe(about, takes)),
        Ok(given) => demo(&given).map_or_else(|error| end_badly(error.into()), |()| ExitCode::SUCCESS),
        Err(error) => refuse(&error),
    }
}

fn parse(takes: &[Takes]) -> Result<Given, lexopt::Error> {
    let mut given = Given::default();
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        let takes = |option: fn(&Takes) -> bool| takes.iter().any(option);
        match argument {
            Short('h') | Long("help") => given.help = true,
            Long("slow") if takes(|it| *it == Takes::Slow) => given.slow = true,
            Long("trace") if takes(|it| *it == Takes::Trace) => {
                let file = arguments.value().map_err(|_| "--trace needs the name of a file")?;
                given.trace = Trace::to(file)?;
            }
            Long("to") if takes(|it| matches!(it, Takes::To { .. })) => {
                given.to = Some(numbers::within("--to", arguments.value()?, 1..=u64::MAX)?);
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok(given)
}

/// Returns the text that `--help` prints.
fn describe(about: &str, takes: &[Takes]) -> String {
    let options = takes.iter().map(|takes| match takes {
        Takes::Slow => ("--slow", "wait as long as in the article".to_owned()),
        Takes::Trace => (
            "--trace FILE",
            "write a record of the loop, for `oneloop-watch`\n(needs the feature `trace`)".to_owned(),
        ),
        Takes::To { article } => ("--to N", format!("count to N (default: {article}, as in the article)")),
    });
    let options: Vec<_> = options.chain([("--help", "print this".to_owned())]).collect();
    let width = options.iter().map(|option| option.0.len()).max().unwrap_or(0);
    let mut text = format!("{about}\n\nusage: {}", env!("CARGO_CRATE_NAME"));
    options.iter().for_each(|(option, _)| text += &format!(" [{option}]"));
    text += "\n";
    for (option, what) in options {
        let what = what.replace('\n', &format!("\n{:width$}", "", width = width + 4));
        text += &format!("\n  {option:width$}  {what}");
    }
    text
}

fn help(text: &str) -> ExitCode {
    say!("{text}");
    ExitCode::SUCCESS
}

fn refuse(error: &lexopt::Error) -> ExitCode {
    end_badly(Failure { exit_code: 2, reason: format!("{error} (--help explains the options)") })
}

fn end_badly(failure: Failure) -> ExitCode {
    complain(&failure.reason);
    ExitCode::from(failure.exit_code)
}

/// Prints one line to standard error, after the program's name.
pub fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}: {text}", env!("CARGO_CRATE_NAME"));
}

/// Raises the limit of descriptors to the hard limit. Each socket takes a descriptor, and many systems
/// allow a process only 1,024 of them by default.
pub fn raise_descriptor_limit() {
    #[cfg(unix)]
    let _ = rlimit::increase_nofile_limit(rlimit::INFINITY);
}
