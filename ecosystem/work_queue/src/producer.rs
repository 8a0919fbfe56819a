//! `Producer`, which adds jobs to a queue.

use std::fmt;
use std::rc::Rc;

use crate::Error;
use crate::job::{Added, NewJob};
use crate::local::Local;
use crate::queue::{Kind, Queue};
#[cfg(feature = "redis")]
use crate::redis::Adder;

/// Adds jobs to a [`Queue`]. A clone is cheap and shares the connection.
///
/// With a broker, a producer has one connection. It opens the connection at the first job, and replaces
/// it after a failure. The connection belongs to the runtime in which the first job was added.
///
/// # Examples
///
/// ```
/// use oneloop_work_queue::{Error, NewJob, Queue};
///
/// let queue = Queue::builder("mails").backlog_max(2).in_process()?;
/// let producer = queue.producer();
/// oneloop::block_on(async {
///     let first = producer.add(NewJob::new("dear Ada").id("ada-1")).await?;
///     let again = producer.add(NewJob::new("dear Ada").id("ada-1")).await?;
///     assert!(first.is_new && !again.is_new);
///     producer.add("dear Grace").await?;
///     assert!(matches!(producer.add("dear Mary").await, Err(Error::Full { backlog_max: 2 })));
///     Ok::<(), Error>(())
/// })?;
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct Producer {
    kind: Producing,
}

#[derive(Clone)]
enum Producing {
    Local(Rc<Local>),
    #[cfg(feature = "redis")]
    Redis(Rc<Adder>),
}

impl Producer {
    pub(crate) fn new(queue: &Queue) -> Producer {
        let kind = match &queue.0 {
            Kind::Local(local) => Producing::Local(local.clone()),
            #[cfg(feature = "redis")]
            Kind::Redis(broker) => Producing::Redis(Adder::new(broker.clone())),
        };
        Producer { kind }
    }

    /// Adds a job. When the method has returned, the queue has added the job. On a broker, the
    /// configuration (`appendfsync`) decides whether a crash of the broker can lose the job.
    ///
    /// If the broker does not answer, the method tries again with the same id, so that the queue adds
    /// the job once.
    ///
    /// # Errors
    ///
    /// Returns [`Error::TooLarge`] or [`Error::Option`] for a job outside of the queue's limits. Returns
    /// [`Error::Full`] or [`Error::TooManyDeadLetters`] if the queue has no room. Returns
    /// [`Error::Unavailable`] after the time of [`answer_timeout`](crate::Builder::answer_timeout). In
    /// that case the job may be in the queue. Returns [`Error::Refused`] if the broker refuses the
    /// operation, for instance because of a wrong password.
    ///
    /// # Cancel safety
    ///
    /// A broker may add the job although the future was dropped. It is safe to add the job again with
    /// the same id.
    pub async fn add(&self, job: impl Into<NewJob>) -> Result<Added, Error> {
        self.add_job(job.into(), false).await
    }

    /// Adds a job, and waits while the queue is full. With a broker, the method tries again after pauses
    /// of 20 ms to 1 s. Producers that wait get room in no particular order.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`add`](Producer::add) except [`Error::Full`].
    ///
    /// # Cancel safety
    ///
    /// The cancel safety is that of [`add`](Producer::add).
    pub async fn add_wait(&self, job: impl Into<NewJob>) -> Result<Added, Error> {
        self.add_job(job.into(), true).await
    }

    async fn add_job(&self, job: NewJob, wait: bool) -> Result<Added, Error> {
        match &self.kind {
            Producing::Local(local) => local.add(job, wait).await,
            #[cfg(feature = "redis")]
            Producing::Redis(adder) => adder.add(job, wait).await,
        }
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").finish_non_exhaustive()
    }
}
