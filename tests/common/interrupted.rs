//! What blocking calls of std need where signals interrupt them: `.ci/interrupted` runs the suite so.

use std::io;

/// Calls again what a signal has interrupted. std does it by itself in `read_exact`, `write_all` and the like only.
pub fn uninterrupted<T>(mut operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match operation() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
