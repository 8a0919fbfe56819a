//! Failures to accept a connection. Failures with one cause, for instance a lack of descriptors, are
//! printed once.

use std::cell::Cell;
use std::time::{Duration, Instant};

use oneloop_hyper::server::Error;

use crate::process::complain;

/// Failures that are at most this far apart count as one cause.
const SAME_CAUSE: Duration = Duration::from_secs(10);

#[derive(Default)]
pub struct Accepting {
    last: Cell<Option<Instant>>,
}

impl Accepting {
    /// Prints a failure to accept if it is the first of its cause. Returns whether the error is a
    /// failure to accept.
    pub fn report(&self, error: &Error) -> bool {
        if !matches!(error, Error::Accept(_)) {
            return false;
        }
        let now = Instant::now();
        if self.last.replace(Some(now)).is_none_or(|last| now - last > SAME_CAUSE) {
            complain(&error.to_string());
        }
        true
    }
}
