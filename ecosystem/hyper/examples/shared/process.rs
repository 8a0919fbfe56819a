//! Functions that the examples share. They print lines, format an error with its causes, and raise the
//! limit of descriptors.

use std::error::Error;
use std::fmt::Display;
use std::io::Write;

/// Prints a text to standard output and flushes it. A reader that has closed the pipe is not an error.
pub fn say(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

/// Prints one line to standard error, after the program's name.
pub fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}: {text}", env!("CARGO_CRATE_NAME"));
}

/// Formats a number and what it counts: `1 connection`, `2 connections`. `one` is the singular, and the
/// plural adds an `s`.
#[allow(dead_code, reason = "not each program counts")]
pub fn counted(number: impl Display, one: &str) -> String {
    let number = number.to_string();
    if number == "1" { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// Formats an error and its causes in one line. Leaves out a cause that only repeats the text before
/// it.
#[allow(dead_code, reason = "not each program has errors with causes")]
pub fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |&error| error.source()) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// Raises the limit of descriptors to the hard limit. Each connection takes a descriptor, and many
/// systems allow a process only 1,024. If the system refuses, the old limit stays.
#[allow(dead_code, reason = "only servers need it")]
pub fn raise_descriptor_limit() {
    #[cfg(unix)]
    let _ = rlimit::increase_nofile_limit(rlimit::INFINITY);
}
