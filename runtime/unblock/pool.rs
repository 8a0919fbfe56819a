//! The pool of threads for `unblock`. A process has one pool.
//!
//! The pool is our own code because other crates keep their threads or don't work after a fork. The
//! child of a fork has the memory of the parent's pool but none of its threads, so a job that the
//! child adds to that queue waits for ever. Here each generation of the process has a pool of its
//! own.

use std::collections::VecDeque;
use std::io;
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use crate::engine::fork::{self, OfGeneration};
use crate::engine::panic::call_quietly;

/// The environment variable that sets the maximum number of threads.
const THREADS_ENV: &str = "ONELOOP_UNBLOCK_THREADS";

/// The maximum number of threads if the variable is not set. Most threads wait for a disk or a name
/// server, so the number may be much larger than the number of processors. A thread takes about 10
/// KiB of memory.
const THREADS_MAX: usize = 500;

/// The time that a thread waits for work before it ends. Starting a thread takes about 30 µs, and a
/// program that has work more often than this saves that time.
const KEEP_ALIVE: Duration = Duration::from_millis(500);

pub(super) type Job = Box<dyn FnOnce() + Send>;

struct Pool {
    threads_max: usize,
    state: Mutex<State>,
    work: Condvar,
}

struct State {
    /// The jobs that no thread has begun. The queue has no bound, because each job is a call by the
    /// program, which awaits the job or has dropped its future.
    jobs: VecDeque<Job>,
    threads: usize,
    /// The number of threads that wait and have no pending notification.
    idle: usize,
    /// The number of notifications that no thread has received. A thread that wakes without a
    /// notification waits again.
    notified: usize,
}

/// Passes a job to a thread. The job begins after all jobs that were submitted before it have
/// begun.
///
/// # Errors
///
/// The call returns an error if the pool has no thread and the system can't start one, or if
/// [`THREADS_ENV`] is not a number of threads. The job is dropped after an error.
pub(super) fn submit(job: Job) -> io::Result<()> {
    current()?.submit(job)
}

/// Returns the pool of this process.
fn current() -> io::Result<&'static Pool> {
    static POOL: OfGeneration<OnceLock<Pool>> = OfGeneration::new(OnceLock::new());
    let pool = POOL.get(OnceLock::new);
    match pool.get() {
        Some(pool) => Ok(pool),
        None => {
            fork::watch();
            let threads_max = threads_max()?;
            Ok(pool.get_or_init(|| Pool::new(threads_max)))
        }
    }
}

fn threads_max() -> io::Result<usize> {
    let Some(text) = std::env::var_os(THREADS_ENV) else { return Ok(THREADS_MAX) };
    let threads = text.to_str().and_then(|text| text.parse().ok()).filter(|threads| *threads > 0);
    threads.ok_or_else(|| {
        let text = format!("{THREADS_ENV} is {text:?}, which is not a number of threads (1 or more)");
        io::Error::new(io::ErrorKind::InvalidInput, text)
    })
}

impl Pool {
    fn new(threads_max: usize) -> Pool {
        let state = State { jobs: VecDeque::new(), threads: 0, idle: 0, notified: 0 };
        Pool { threads_max, state: Mutex::new(state), work: Condvar::new() }
    }

    fn submit(&'static self, job: Job) -> io::Result<()> {
        let mut state = self.lock();
        state.jobs.push_back(job);
        if state.idle > 0 {
            state.idle -= 1;
            state.notified += 1;
            self.work.notify_one();
            return Ok(());
        }
        if state.threads >= self.threads_max {
            return Ok(()); // the next thread that completes its job takes this one
        }
        state.threads += 1;
        drop(state);
        let thread = thread::Builder::new().name("oneloop-unblock".into());
        let Err(error) = thread.spawn(|| self.work()) else { return Ok(()) };
        let mut state = self.lock();
        state.threads -= 1;
        if state.threads > 0 {
            return Ok(()); // the other threads run the job
        }
        let jobs = std::mem::take(&mut state.jobs); // this job, and jobs that were added since
        drop(state);
        drop(jobs);
        Err(io::Error::new(error.kind(), format!("no thread can be started for `unblock`: {error}")))
    }

    /// Runs jobs on one thread, until the thread has no work for [`KEEP_ALIVE`].
    fn work(&self) {
        let mut state = self.lock();
        loop {
            while let Some(job) = state.jobs.pop_front() {
                drop(state);
                call_quietly(job); // the job may wake a waker of another crate
                state = self.lock();
            }
            state.idle += 1;
            let wait = |state: &mut State| state.notified == 0;
            let waited = self.work.wait_timeout_while(state, KEEP_ALIVE, wait);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if state.notified == 0 {
                state.idle -= 1;
                state.threads -= 1;
                return;
            }
            state.notified -= 1;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
