//! What both examples do with their process: print, complain, and ask for more descriptors.

use std::io::Write;

/// Prints to standard output at once. Whoever read it may have gone away, which is no reason to stop.
pub fn say(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

/// Prints one line to standard error, marked with the program's name.
pub fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}: {text}", env!("CARGO_CRATE_NAME"));
}

/// A socket takes a descriptor, and many systems allow a process only 1,024 of them until it asks for more. Where the
/// system refuses, the program goes on with what it has.
pub fn raise_descriptor_limit() {
    #[cfg(unix)]
    let _ = rlimit::increase_nofile_limit(rlimit::INFINITY);
}
