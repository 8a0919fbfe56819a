//! `Error`, the failure of an operation on a queue.

use std::fmt;
use std::io;
use std::time::Duration;

/// The failure of an operation on a queue. The text of an error never has a password.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// An option, a name or an id is outside of its limits. The text names it and the rule.
    Option(String),
    /// The URL of the broker is invalid or not supported.
    Url(String),
    /// A job is larger than the queue's limit.
    TooLarge {
        /// The size of the payload in bytes.
        bytes: usize,
        /// The queue's limit in bytes.
        bytes_max: usize,
    },
    /// The number of unfinished jobs has reached the queue's bound.
    Full {
        /// The queue's bound.
        backlog_max: usize,
    },
    /// The number of dead letters has reached the queue's bound.
    TooManyDeadLetters {
        /// The queue's bound.
        dead_letters_max: usize,
    },
    /// The broker gave no answer in time. If the operation was an `add`, the job may be in the queue,
    /// and it is safe to add the job again with the same id.
    Unavailable {
        /// The broker's address, without a password.
        broker: String,
        /// The time in which the operation tried.
        tried: Duration,
        /// The last failure.
        reason: String,
    },
    /// The broker refused an operation, and another try would not help.
    Refused {
        /// The broker's address, without a password.
        broker: String,
        /// The broker's answer.
        reason: String,
    },
    /// A queue in this process already has a worker, or its event loop was dropped.
    InProcess(&'static str),
    /// The event loop failed.
    Loop(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Option(text) | Error::Url(text) => f.write_str(text),
            Error::TooLarge { bytes, bytes_max } => {
                write!(f, "the job has {bytes} bytes, and the queue takes at most {bytes_max}")
            }
            Error::Full { backlog_max } => write!(f, "the queue is full: {backlog_max} jobs are unfinished"),
            Error::TooManyDeadLetters { dead_letters_max } => {
                write!(
                    f,
                    "the queue has {dead_letters_max} dead letters, and takes no job before some are removed"
                )
            }
            Error::Unavailable { broker, tried, reason } => {
                write!(f, "the broker {broker} did not answer within {tried:.1?}: {reason}")
            }
            Error::Refused { broker, reason } => write!(f, "the broker {broker} refused: {reason}"),
            Error::InProcess(text) => f.write_str(text),
            Error::Loop(error) => write!(f, "the event loop failed: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let Error::Loop(error) = self { Some(error) } else { None }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error::Loop(error)
    }
}
