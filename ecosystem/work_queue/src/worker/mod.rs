//! `Worker`, which takes jobs out of a queue and handles them.

pub(crate) mod backend;
mod handler;
#[cfg_attr(not(feature = "redis"), allow(dead_code, reason = "only a broker sends some of the messages"))]
pub(crate) mod message;
mod options;
mod pause;
mod report;
mod worker_loop;

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::rc::Rc;
use std::time::Duration;

use futures_lite::FutureExt;
use oneloop::JoinHandle;
use oneloop::event_loop::EventLoop;

pub(crate) use options::Options;
#[cfg(feature = "redis")]
pub(crate) use pause::pause_after;
pub use report::{Report, Summary};

use crate::{Error, Failure, Job, Queue};
use message::Message;
use worker_loop::WorkerLoop;

/// Takes jobs out of a [`Queue`], and calls a handler for each job *at least once*.
///
/// The worker acknowledges a job after its handler has completed. If the worker dies before that, or if
/// the acknowledgement is lost, another worker gets the job, although the handler may have had its
/// effect. So **a second call of a handler for one job must do no harm**. A handler can make its effect
/// idempotent. Or it can record [`Job::id`] in the same transaction as the effect, and do nothing if the
/// id is already recorded.
///
/// # Examples
///
/// ```
/// use oneloop_work_queue::{Job, Queue, Worker};
///
/// let queue = Queue::builder("greetings").in_process()?;
/// let producer = queue.producer();
/// let summary = Worker::new(&queue).at_once(4).run(
///     |job: Job| async move {
///         println!("hello, {}", String::from_utf8_lossy(job.payload()));
///         Ok(())
///     },
///     // This future runs on the worker's loop, and the worker stops when it completes. A program that
///     // works until Ctrl+C awaits `oneloop::signal::ctrl_c()` here.
///     async move {
///         producer.add("Ada").await.unwrap();
///         producer.add("Grace").await.unwrap();
///     },
/// )?;
/// assert_eq!(summary.done, 2);
/// # Ok::<(), oneloop_work_queue::Error>(())
/// ```
pub struct Worker {
    queue: Queue,
    options: Options,
    on_report: Box<dyn FnMut(&Report)>,
}

impl Worker {
    /// Makes a worker with the default options.
    pub fn new(queue: &Queue) -> Worker {
        Worker { queue: queue.clone(), options: Options::default(), on_report: Box::new(|_| {}) }
    }

    /// Sets the name of the worker, which the queue's status lists. The name must have 1 to 128 letters,
    /// digits, `.`, `-` and `_`, and must be unique among the workers of a queue. The default has the
    /// name of the machine, the id of the process, and a random number.
    pub fn name(mut self, name: impl Into<String>) -> Worker {
        self.options.name = Some(name.into());
        self
    }

    /// Sets the largest number of jobs that the worker has at one time, from 1 to 10,000. The worker
    /// takes a job from a broker only if it has room. The default is 16.
    pub fn at_once(mut self, jobs: usize) -> Worker {
        self.options.at_once = jobs;
        self
    }

    /// Sets the time limit of a handler for one attempt. After this time the worker drops the handler's
    /// future, and the attempt counts as a failure. The default is 60 seconds.
    pub fn job_timeout(mut self, limit: Duration) -> Worker {
        self.options.job_timeout = limit;
        self
    }

    /// Sets the number of attempts after which a job that fails becomes a dead letter. The default is 5.
    pub fn attempts(mut self, attempts_max: u32) -> Worker {
        self.options.attempts_max = attempts_max;
        self
    }

    /// Sets the pause before the second attempt, and the longest pause. The pause doubles with each
    /// further failure. A random part makes each pause up to a half shorter. The defaults are 1 second
    /// and 5 minutes.
    pub fn pauses(mut self, first: Duration, max: Duration) -> Worker {
        (self.options.pause_first, self.options.pause_max) = (first, max);
        self
    }

    /// Sets the period of the worker's heartbeats, and the time without a heartbeat after which other
    /// workers claim its jobs. A heartbeat tells a broker that the worker still has its jobs. A handler
    /// that blocks the thread for longer than `dead_after` loses its job to another worker. All workers
    /// of a queue should have the same values. The defaults are 5 and 20 seconds. A queue in the process
    /// uses neither.
    pub fn heartbeat(mut self, period: Duration, dead_after: Duration) -> Worker {
        (self.options.heartbeat, self.options.dead_after) = (period, dead_after);
        self
    }

    /// Sets the number of workers that may die or hang during one attempt of a job before the job
    /// becomes a dead letter. The default is 3.
    pub fn deliveries(mut self, deliveries_max: u32) -> Worker {
        self.options.deliveries_max = deliveries_max;
        self
    }

    /// Sets the time that handlers have to finish after the stop. After this time the worker drops their
    /// futures, and gives their jobs back to the queue. The default is 10 seconds.
    pub fn grace(mut self, grace: Duration) -> Worker {
        self.options.grace = grace;
        self
    }

    /// Sets a function that the worker calls with each event, for a log. The function must not panic.
    pub fn on_report(mut self, on_report: impl FnMut(&Report) + 'static) -> Worker {
        self.on_report = Box::new(on_report);
        self
    }

    /// Handles jobs until `stop` completes. The call blocks this thread, on which the worker's own event
    /// loop runs. Handlers and `stop` are tasks of the loop's runtime, so they can use all of `oneloop`.
    /// After `stop`, the worker takes no more jobs, waits for the running handlers, and returns a
    /// summary. It ends at the latest five seconds after the [grace time](Worker::grace).
    ///
    /// A handler that panics counts as failed, with the panic's message as the reason. A worker that
    /// loses its broker continues with the jobs that it has, and connects again.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Option`] for options outside of their limits. Returns [`Error::Unavailable`] or
    /// [`Error::Refused`] if the worker can't use the broker at the start. Later it returns only
    /// [`Error::Refused`], if the broker refuses an operation. Returns [`Error::InProcess`] if a queue
    /// in the process already has a worker. Returns [`Error::Loop`] if the event loop fails.
    ///
    /// # Panics
    ///
    /// Panics inside a runtime on the same thread, because it would block the loop of that runtime.
    /// Panics if `on_report` panics. Panics if `stop` panics, after the worker has ended in order.
    #[track_caller]
    pub fn run<H, F>(self, handler: H, stop: impl Future<Output = ()> + 'static) -> Result<Summary, Error>
    where
        H: Fn(Job) -> F + 'static,
        F: Future<Output = Result<(), Failure>> + 'static,
    {
        self.options.check()?;
        let (events, backend) = self.queue.attach(&self.options)?;
        let mut stopping = stop_task(&events, stop);
        // The call of the handler is inside a future, so that a panic before the handler has made its
        // future is caught, too.
        let handler = Rc::new(handler);
        let handler = Rc::new(move |job| {
            let handler = handler.clone();
            async move { handler(job).await }.boxed_local()
        });
        let ended = WorkerLoop::new(self.options, handler, self.on_report, backend).run(events);
        match stopping.try_join() {
            Some(Ok(Err(panic))) => resume_unwind(panic),
            Some(_) => {}
            None => stopping.abort(),
        }
        ended
    }
}

/// Posts the message `Stop` when `stop` completes or panics.
fn stop_task(
    events: &EventLoop<Message>,
    stop: impl Future<Output = ()> + 'static,
) -> JoinHandle<Result<(), Box<dyn Any + Send>>> {
    let sender = events.sender();
    let task = async move {
        let stopped = AssertUnwindSafe(stop).catch_unwind().await;
        let _ = sender.post(Message::Stop); // The loop may have ended.
        stopped
    };
    events.enter(|| oneloop::spawn(task))
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("queue", &self.queue)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
