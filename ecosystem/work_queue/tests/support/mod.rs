//! The shared parts of the tests: a server, and workers on separate threads.

mod server;

use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

pub use common::examples::until;
pub use common::sockets::within;
use oneloop_work_queue::{Error, Failure, Job, Queue, Status, Summary, Worker};
pub use server::Redis;
use tokio::sync::oneshot;

/// A worker on a separate thread.
pub struct Running {
    /// A drop of this sender also stops the worker.
    stop: oneshot::Sender<()>,
    thread: thread::JoinHandle<Result<Summary, Error>>,
}

impl Running {
    pub fn start<H, F>(
        queue: impl FnOnce() -> Queue + Send + 'static,
        options: impl FnOnce(Worker) -> Worker + Send + 'static,
        handler: H,
    ) -> Running
    where
        H: Fn(Job) -> F + Send + 'static,
        F: Future<Output = Result<(), Failure>> + 'static,
    {
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            let worker = Worker::new(&queue()).pauses(Duration::from_millis(10), Duration::from_millis(100));
            options(worker).run(handler, async move {
                let _ = stopped.await;
            })
        });
        Running { stop, thread }
    }

    /// Stops the worker, and waits for its summary.
    #[track_caller]
    pub fn stop(self) -> Summary {
        let _ = self.stop.send(());
        self.thread.join().expect("the worker does not panic").expect("the worker returns no error")
    }
}

/// The jobs that handlers have received.
#[derive(Clone, Default)]
pub struct Seen(Arc<Mutex<Vec<SeenJob>>>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenJob {
    pub id: String,
    pub attempt: u32,
    pub delivery: u32,
}

impl Seen {
    pub fn see(&self, job: &Job) {
        let (id, attempt, delivery) = (job.id().to_owned(), job.attempt(), job.delivery());
        self.0.lock().unwrap().push(SeenJob { id, attempt, delivery });
    }

    /// Returns a handler that records each job and finishes at once.
    pub fn handler(&self) -> impl Fn(Job) -> Ready<Result<(), Failure>> + Send + use<> {
        let seen = self.clone();
        move |job| {
            seen.see(&job);
            ready(Ok(()))
        }
    }

    pub fn all(&self) -> Vec<SeenJob> {
        self.0.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Returns the sorted ids without repetitions.
    pub fn ids(&self) -> Vec<String> {
        let mut ids: Vec<_> = self.all().into_iter().map(|job| job.id).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    #[track_caller]
    pub fn wait_for(&self, count: usize) {
        until(&format!("{count} jobs were seen"), || (self.count() >= count).then_some(()));
    }
}

/// Runs a future on a new loop.
#[track_caller]
pub fn run<T>(future: impl Future<Output = T>) -> T {
    common::sockets::run(future)
}

#[track_caller]
pub fn status(queue: &Queue) -> Status {
    run(queue.status()).expect("the broker answers")
}

/// Waits until the queue has no unfinished job. The wait has no limit while the number changes.
#[track_caller]
pub fn until_empty(queue: &Queue) {
    let unfinished = || status(queue).unfinished();
    until_done("the queue is empty", unfinished, |unfinished| unfinished == 0);
}

/// Waits until `done` accepts a number. The wait has no limit while the number changes.
#[track_caller]
pub fn until_done<N: Copy + PartialEq>(what: &str, number: impl Fn() -> N, done: impl Fn(N) -> bool) {
    let mut last = number();
    while !done(last) {
        last = until(what, || {
            let now = number();
            (now != last).then_some(now)
        });
    }
}

pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
