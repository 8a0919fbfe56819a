//! The types of jobs: `NewJob` for a producer, and `Job` for a handler.

use std::fmt;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use crate::Error;

/// The longest id, in bytes.
pub(crate) const ID_BYTES_MAX: usize = 256;

/// A job to add.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use oneloop_work_queue::NewJob;
///
/// let job = NewJob::new("resize 17.png").id("resize-17").after(Duration::from_secs(60));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct NewJob {
    pub(crate) id: Option<String>,
    pub(crate) payload: Vec<u8>,
    pub(crate) delay: Duration,
}

impl NewJob {
    /// Makes a job with this payload and a new random id. The job is due at once.
    pub fn new(payload: impl Into<Vec<u8>>) -> NewJob {
        NewJob { id: None, payload: payload.into(), delay: Duration::ZERO }
    }

    /// Sets the id, which must have 1 to 256 bytes. During its retention time, the queue does not add
    /// a second job with the same id.
    pub fn id(mut self, id: impl Into<String>) -> NewJob {
        self.id = Some(id.into());
        self
    }

    /// Schedules the job, which is due after `delay`. The delay counts in whole milliseconds.
    pub fn after(mut self, delay: Duration) -> NewJob {
        self.delay = delay;
        self
    }

    /// Returns the job and its id, checked against the limits.
    pub(crate) fn checked(mut self, bytes_max: usize) -> Result<(String, NewJob), Error> {
        let id = self.id.take().unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
        if id.is_empty() || id.len() > ID_BYTES_MAX {
            let bytes = id.len();
            return Err(Error::Option(format!(
                "a job's id has {bytes} bytes; it must have 1 to {ID_BYTES_MAX}"
            )));
        }
        let bytes = self.payload.len();
        if bytes > bytes_max {
            return Err(Error::TooLarge { bytes, bytes_max });
        }
        Ok((id, self))
    }
}

/// The output does not have the payload, which may be a secret.
impl fmt::Debug for NewJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.payload.len();
        f.debug_struct("NewJob")
            .field("id", &self.id)
            .field("bytes", &bytes)
            .field("delay", &self.delay)
            .finish()
    }
}

/// The result of an `add`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// The job's id.
    pub id: String,
    /// `false` if a job with this id was already added within the retention time. In that case the queue
    /// has not added this job.
    pub is_new: bool,
}

/// A job that a handler receives. A clone is cheap and shares the payload.
#[derive(Clone)]
pub struct Job {
    pub(crate) id: Rc<str>,
    pub(crate) payload: Rc<[u8]>,
    pub(crate) attempt: u32,
    pub(crate) delivery: u32,
    pub(crate) added: SystemTime,
}

impl Job {
    /// Returns the id that the producer chose, or the random id. The id is the same at each attempt, so
    /// a handler can use it to recognize a job that has already had its effect.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the bytes that the producer added.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Returns the number of this attempt. The first attempt has the number 1, and each failure of a
    /// handler adds 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Returns the number of workers that have received this attempt. The number is larger than 1 if
    /// a worker has died, hung or lost its connection while it had the job.
    pub fn delivery(&self) -> u32 {
        self.delivery
    }

    /// Returns the time at which the job was added. On a broker it is the time of the broker's clock, in
    /// whole milliseconds.
    pub fn added(&self) -> SystemTime {
        self.added
    }
}

/// The output does not have the payload, which may be a secret.
impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("id", &self.id)
            .field("bytes", &self.payload.len())
            .field("attempt", &self.attempt)
            .field("delivery", &self.delivery)
            .finish_non_exhaustive()
    }
}

/// The failure of a handler. `?` makes a failure of every error, after which the job is tried again.
///
/// # Examples
///
/// ```
/// use oneloop_work_queue::{Failure, Job};
///
/// async fn handle(job: Job) -> Result<(), Failure> {
///     let text = std::str::from_utf8(job.payload()).map_err(|error| Failure::permanent(error.to_string()))?;
///     let number: i32 = text.parse()?; // An error of std becomes a `Failure`.
///     if number < 0 { Err(Failure::new("negative")) } else { Ok(()) }
/// }
/// ```
pub struct Failure {
    pub(crate) reason: String,
    pub(crate) permanent: bool,
}

impl Failure {
    /// Makes a failure after which another attempt may succeed.
    pub fn new(reason: impl Into<String>) -> Failure {
        Failure { reason: reason.into(), permanent: false }
    }

    /// Makes a failure after which no other attempt can succeed. The job becomes a dead letter at once.
    pub fn permanent(reason: impl Into<String>) -> Failure {
        Failure { reason: reason.into(), permanent: true }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure").field("reason", &self.reason).field("permanent", &self.permanent).finish()
    }
}

/// The reason of the failure has the text of the error and of its causes.
impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Failure {
        let mut reason = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !reason.contains(&text) {
                reason = format!("{reason}: {text}");
            }
            cause = error.source();
        }
        Failure::new(reason)
    }
}

impl From<&str> for NewJob {
    fn from(payload: &str) -> NewJob {
        NewJob::new(payload)
    }
}

impl From<String> for NewJob {
    fn from(payload: String) -> NewJob {
        NewJob::new(payload)
    }
}

impl From<Vec<u8>> for NewJob {
    fn from(payload: Vec<u8>) -> NewJob {
        NewJob::new(payload)
    }
}
