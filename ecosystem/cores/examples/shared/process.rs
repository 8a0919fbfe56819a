//! Functions of the examples for their process. They print lines, and raise the limit of descriptors.

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

/// Raises the limit of descriptors to the hard limit. Each connection takes a descriptor, and many
/// systems allow a process only 1,024. If the system refuses, the program continues with the limit that
/// it has.
pub fn raise_descriptor_limit() {
    #[cfg(unix)]
    let _ = rlimit::increase_nofile_limit(rlimit::INFINITY);
}
