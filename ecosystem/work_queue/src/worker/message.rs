//! The messages of a worker's event loop.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::report::Report;
use crate::{Error, Failure, Job};

/// A message of a worker's event loop. The loop takes one at a time.
pub(crate) enum Message {
    /// A job has arrived for this worker.
    Arrived(Delivery),
    /// A queue in this process has a job that is due later.
    Scheduled(Delivery, Instant),
    /// A handler has ended.
    Ended(Key, Result<(), Failure>),
    /// The queue has answered a verdict.
    Settled(Key, Settled),
    /// The answer to a heartbeat shows that the job is another worker's.
    Lost(Key),
    /// The worker must stop.
    Stop,
    /// The queue has removed this worker, and has taken this number of further jobs back.
    Left(u64),
    /// The queue has failed with an error that ends the worker.
    Failed(Error),
    /// The worker reports an event.
    Report(Report),
}

/// The key of a job while a worker has the job.
pub(crate) type Key = u64;

/// A job, and its place in the queue.
#[derive(Clone)]
pub(crate) struct Delivery {
    pub job: Job,
    pub entry: Entry,
}

/// The place of a job in its queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The number of the job, in a queue in this process.
    Local(u64),
    /// The id of the broker's entry.
    #[cfg(feature = "redis")]
    Broker(Rc<str>),
}

/// The operation that a queue must do with a job after its handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Done,
    Retry { pause: Duration, reason: Rc<str> },
    Dead { reason: Rc<str> },
    GiveBack,
}

/// The answer of a queue to a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    Recorded,
    /// The job is not, or no longer, this worker's.
    NotOurs,
}
