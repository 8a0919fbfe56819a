//! What the examples do with their process: print lines, name an error's causes, and ask for more
//! descriptors.

use std::error::Error;
use std::io::Write;

/// Prints to standard output at once. The program goes on if its reader has closed the pipe.
pub fn say(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

/// Prints one line to standard error, marked with the program's name.
pub fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}: {text}", env!("CARGO_CRATE_NAME"));
}

/// An error and its causes in one line. A cause that only repeats the text before it is left out.
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

/// Raises the limit of descriptors to the hard limit: each connection takes one, and many systems
/// allow a process only 1,024. Where the system refuses, the program goes on with what it has.
#[allow(dead_code, reason = "only servers need it")]
pub fn raise_descriptor_limit() {
    #[cfg(unix)]
    let _ = rlimit::increase_nofile_limit(rlimit::INFINITY);
}
