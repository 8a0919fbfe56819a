//! Functions that the larger examples share. They print lines and raise the limit of descriptors.

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

/// Raises the limit of descriptors to the hard limit. Each socket takes a descriptor, and many systems
/// allow a process only 1,024 of them by default. If the system refuses, the old limit stays.
pub fn raise_descriptor_limit() {
    #[cfg(unix)]
    let _ = rlimit::increase_nofile_limit(rlimit::INFINITY);
}
