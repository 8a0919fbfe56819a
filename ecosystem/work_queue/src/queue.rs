//! `Queue`, and `Builder` with its options.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use oneloop::event_loop::EventLoop;

use crate::Error;
use crate::local::Local;
use crate::producer::Producer;
#[cfg(feature = "redis")]
use crate::redis::Broker;
use crate::status::{DeadLetter, Status};
use crate::worker::Options;
use crate::worker::backend::Backend;
use crate::worker::message::Message;

/// The largest size of a job that an option can allow, a quarter of the limit of Redis.
const JOB_BYTES_LIMIT: usize = 128 << 20;

/// A queue of jobs, in this process or on a broker. A clone is cheap and refers to the same queue.
///
/// A `Queue` belongs to its thread. Producers and workers on other threads and machines make a `Queue`
/// with the same broker and name. [`Worker`](crate::Worker) has an example.
#[derive(Clone)]
pub struct Queue(pub(crate) Kind);

#[derive(Clone)]
pub(crate) enum Kind {
    Local(Rc<Local>),
    #[cfg(feature = "redis")]
    Redis(Rc<Broker>),
}

/// The options of a queue. [`Queue::builder`] returns them with their defaults.
#[derive(Clone, Debug)]
pub struct Builder {
    name: String,
    limits: Limits,
}

/// The limits of a queue. The functions of `Builder` document them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub backlog_max: usize,
    pub job_bytes_max: usize,
    pub id_retention: Duration,
    pub dead_letters_max: usize,
    pub answer_timeout: Duration,
}

impl Queue {
    /// Returns the default options for a queue of this name. The name must have 1 to 64 letters, digits,
    /// `.`, `-` and `_`, because on a broker it is a part of the names of all keys.
    pub fn builder(name: impl Into<String>) -> Builder {
        Builder {
            name: name.into(),
            limits: Limits {
                backlog_max: 100_000,
                job_bytes_max: 1 << 20,
                id_retention: Duration::from_secs(24 * 3600),
                dead_letters_max: 100_000,
                answer_timeout: Duration::from_secs(30),
            },
        }
    }

    /// Returns a producer, which adds jobs to the queue.
    pub fn producer(&self) -> Producer {
        Producer::new(self)
    }

    /// Returns the queue's figures.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Unavailable`] if the broker does not answer in time, and [`Error::Refused`] if
    /// the broker refuses the operation.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe. It changes nothing.
    pub async fn status(&self) -> Result<Status, Error> {
        match &self.0 {
            Kind::Local(local) => Ok(local.status()),
            #[cfg(feature = "redis")]
            Kind::Redis(broker) => broker.status().await,
        }
    }

    /// Returns the oldest dead letters, at most `count`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`status`](Queue::status).
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe. It changes nothing.
    pub async fn dead_letters(&self, count: usize) -> Result<Vec<DeadLetter>, Error> {
        match &self.0 {
            Kind::Local(local) => Ok(local.dead_letters(count)),
            #[cfg(feature = "redis")]
            Kind::Redis(broker) => broker.dead_letters(count).await,
        }
    }

    /// Removes the oldest dead letters, at most `count`. If `again` is true, adds their jobs to the
    /// queue again, with a new count of attempts. Returns the number of removed dead letters.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`status`](Queue::status).
    ///
    /// # Cancel safety
    ///
    /// The broker may remove the dead letters although the future was dropped.
    pub async fn clear_dead_letters(&self, count: usize, again: bool) -> Result<usize, Error> {
        match &self.0 {
            Kind::Local(local) => Ok(local.clear_dead_letters(count, again)),
            #[cfg(feature = "redis")]
            Kind::Redis(broker) => broker.clear_dead_letters(count, again).await,
        }
    }

    /// Makes a worker's side of the queue.
    pub(crate) fn attach(&self, options: &Options) -> Result<(EventLoop<Message>, Box<dyn Backend>), Error> {
        match &self.0 {
            Kind::Local(local) => local.attach(options),
            #[cfg(feature = "redis")]
            Kind::Redis(broker) => broker.attach(options),
        }
    }
}

/// The output has the address of the broker, and no password.
impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Local(_) => f.write_str("Queue(in this process)"),
            #[cfg(feature = "redis")]
            Kind::Redis(broker) => write!(f, "Queue({broker})"),
        }
    }
}

impl Builder {
    /// Sets the largest number of unfinished jobs. These are the waiting jobs, the jobs in flight, and
    /// the scheduled jobs. The default is 100,000.
    pub fn backlog_max(mut self, jobs: usize) -> Builder {
        self.limits.backlog_max = jobs;
        self
    }

    /// Sets the largest size of a job's payload in bytes, at most 128 MiB. The default is 1 MiB.
    pub fn job_bytes_max(mut self, bytes: usize) -> Builder {
        self.limits.job_bytes_max = bytes;
        self
    }

    /// Sets the time that the queue keeps the id of a job after the job was added. During this time the
    /// queue does not add a second job with the id, also if the first job was handled. The default is
    /// 24 hours. An id takes about 150 bytes of memory.
    pub fn id_retention(mut self, time: Duration) -> Builder {
        self.limits.id_retention = time;
        self
    }

    /// Sets the number of dead letters at which the queue takes no more jobs. A job that is already in
    /// the queue may still become a dead letter. The default is 100,000.
    pub fn dead_letters_max(mut self, letters: usize) -> Builder {
        self.limits.dead_letters_max = letters;
        self
    }

    /// Sets the time in which an operation tries to reach a broker. The default is 30 seconds. A worker
    /// that has started tries without a limit.
    pub fn answer_timeout(mut self, limit: Duration) -> Builder {
        self.limits.answer_timeout = limit;
        self
    }

    /// Makes a queue in this process, with its own [`EventLoop`]. The drop of the queue loses its jobs.
    /// The queue has one worker at a time.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Option`] for a name or an option outside of its limits, and [`Error::Loop`] if
    /// no event loop can be made.
    pub fn in_process(self) -> Result<Queue, Error> {
        self.check()?;
        Ok(Queue(Kind::Local(Local::new(self.limits, EventLoop::new()?))))
    }

    /// Makes a queue in this process on a runtime. The runtime's tasks run while a worker runs.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`in_process`](Builder::in_process).
    pub fn in_process_on(self, runtime: oneloop::Runtime) -> Result<Queue, Error> {
        self.check()?;
        Ok(Queue(Kind::Local(Local::new(self.limits, EventLoop::on(runtime, None)?))))
    }

    /// Makes a queue on a broker, which is Redis 6.2 or later, or a server with the same protocol. The
    /// URL is `redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]`, or on Unix `redis+unix:///PATH`. This
    /// function opens no connection.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Url`] for an invalid or unsupported URL. The error's text has no part of the URL
    /// except the scheme. Returns [`Error::Option`] as [`in_process`](Builder::in_process) does.
    #[cfg(feature = "redis")]
    #[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
    pub fn redis(self, url: &str) -> Result<Queue, Error> {
        self.check()?;
        Ok(Queue(Kind::Redis(Broker::new(url, &self.name, self.limits)?)))
    }

    fn check(&self) -> Result<(), Error> {
        check_name("a queue", &self.name, 64)?;
        let Limits { backlog_max, job_bytes_max, id_retention, .. } = self.limits;
        let must = |holds: bool, text: String| if holds { Ok(()) } else { Err(Error::Option(text)) };
        must(backlog_max > 0, "the bound of the backlog must be at least 1".to_owned())?;
        must(
            (1..=JOB_BYTES_LIMIT).contains(&job_bytes_max),
            format!("the limit of a job's size is {job_bytes_max} bytes; it must be 1 to {JOB_BYTES_LIMIT}"),
        )?;
        must(id_retention.as_millis() > 0, "the retention of ids must be at least 1 ms".to_owned())
    }
}

/// Checks a name that is a part of the names of keys.
pub(crate) fn check_name(what: &str, name: &str, length_max: usize) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.is_empty() || name.len() > length_max || !name.chars().all(allowed) {
        let rule = format!("it must have 1 to {length_max} letters, digits, `.`, `-` and `_`");
        return Err(Error::Option(format!("the name {name:?} of {what} is invalid: {rule}")));
    }
    Ok(())
}
