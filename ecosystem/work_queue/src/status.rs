//! The figures of a queue, and its dead letters.

use std::fmt;
use std::time::{Duration, SystemTime};

/// The figures of a queue at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The number of jobs that are due and wait for a worker.
    pub backlog: u64,
    /// The number of jobs that a worker has.
    pub in_flight: u64,
    /// The number of jobs that are due later. These are scheduled jobs, and jobs that wait for their
    /// next attempt.
    pub scheduled: u64,
    /// The number of dead letters.
    pub dead: u64,
    /// The time since the first job in the queue was added. The job may be waiting or in flight. `None`
    /// if the queue has no job that is due.
    pub oldest: Option<Duration>,
    /// The workers of the queue.
    pub workers: Vec<WorkerStatus>,
}

impl Status {
    /// Returns the number of jobs that are neither handled nor dead letters.
    pub fn unfinished(&self) -> u64 {
        self.backlog + self.in_flight + self.scheduled
    }
}

/// A worker of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerStatus {
    /// The worker's name.
    pub name: String,
    /// The number of jobs that the worker has.
    pub in_flight: u64,
    /// The time since the worker's last heartbeat.
    pub heartbeat: Duration,
}

/// A job that no worker tries again.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The job's id.
    pub id: String,
    /// The job's payload.
    pub payload: Vec<u8>,
    /// The number of attempts.
    pub attempts: u32,
    /// The text of the last failure.
    pub reason: String,
    /// The time at which the job was added.
    pub added: SystemTime,
    /// The time at which the job became a dead letter.
    pub died: SystemTime,
}

/// The output does not have the payload, which may be a secret.
impl fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetter")
            .field("id", &self.id)
            .field("bytes", &self.payload.len())
            .field("attempts", &self.attempts)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}
