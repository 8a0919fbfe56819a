//! Functions that print lines.

use std::io::Write;

/// Prints to standard output at once. The program continues if its reader has closed the pipe.
pub fn say(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

/// Prints one line to standard error, after the program's name.
pub fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}: {text}", env!("CARGO_CRATE_NAME"));
}
