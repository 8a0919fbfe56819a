//! The reports of a worker's events, and the summary at its end.

use std::time::Duration;

/// An event of a worker, for a log.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Report {
    /// A handler completed a job, and the queue has recorded this.
    Done {
        /// The job's id.
        id: String,
    },
    /// A handler failed, and the job waits for its next attempt.
    Retry {
        /// The job's id.
        id: String,
        /// The number of the attempt that failed.
        attempt: u32,
        /// The reason of the failure.
        reason: String,
        /// The time until the next attempt.
        pause: Duration,
    },
    /// A job became a dead letter.
    Dead {
        /// The job's id.
        id: String,
        /// The reason of the last failure.
        reason: String,
    },
    /// A job went back to the queue, because this worker ends.
    GivenBack {
        /// The job's id.
        id: String,
    },
    /// This worker has claimed a job of a worker that has died, hung or lost its connection.
    Claimed {
        /// The job's id.
        id: String,
        /// The number of workers that have received this attempt, including this worker.
        delivery: u32,
    },
    /// Another worker has claimed this worker's job, or the queue has lost the job. The handler may have
    /// had its effect.
    Lost {
        /// The job's id.
        id: String,
    },
    /// The connection to the broker broke. The worker connects again.
    Disconnected {
        /// The error of the connection.
        reason: String,
    },
    /// The worker is connected again.
    Connected,
}

/// The counts of a worker at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The number of handled jobs.
    pub done: u64,
    /// The number of failures after which a job waits for another attempt.
    pub retried: u64,
    /// The number of jobs that this worker has made dead letters.
    pub dead: u64,
    /// The number of jobs that the worker gave back to the queue at its end.
    pub given_back: u64,
    /// The number of this worker's jobs that another worker claimed or the queue lost.
    pub lost: u64,
    /// The number of jobs that this worker claimed from other workers.
    pub claimed: u64,
    /// The number of jobs with an outcome that the worker could not record before its end, because the
    /// broker did not answer. Other workers claim these jobs.
    pub unrecorded: u64,
}
