//! The pool of threads behind `unblock`, one for the whole process.
//!
//! It is ours because the crates that do this keep their threads, or can't be used after a fork:
//! the child has the memory of the parent's pool but none of its threads, and what it adds to that
//! queue waits for ever. So each generation of the process has a pool of its own.

use std::collections::VecDeque;
use std::io;
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use crate::engine::fork::{self, OfGeneration};
use crate::engine::panic::call_quietly;

/// The variable of the environment that says how many threads there may be at once.
const THREADS_ENV: &str = "ONELOOP_UNBLOCK_THREADS";

/// How many there may be if that is not set. Most of them wait for a disk or a name server, so they
/// may be many more than processors; each takes some 10 KiB of memory.
const THREADS_MAX: usize = 500;

/// How long a thread waits for work before it ends. Starting one takes some 30 µs, which a program
/// that has work more often than this saves.
const KEEP_ALIVE: Duration = Duration::from_millis(500);

pub(super) type Job = Box<dyn FnOnce() + Send>;

struct Pool {
    threads_max: usize,
    state: Mutex<State>,
    work: Condvar,
}

struct State {
    /// Jobs that no thread has begun. No bound: each is a call of the program's, which awaits it or
    /// has dropped it.
    jobs: VecDeque<Job>,
    threads: usize,
    /// Threads that wait and that no notification is on its way to.
    idle: usize,
    /// Notifications that no thread has taken. A thread that wakes without one goes on waiting.
    notified: usize,
}

/// Hands a job to a thread. It runs after those that were submitted before it have begun.
///
/// # Errors
///
/// If no thread is there and the system gives none, or if [`THREADS_ENV`] is no number of threads.
/// The job is then dropped.
pub(super) fn submit(job: Job) -> io::Result<()> {
    current()?.submit(job)
}

/// The pool of this process.
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
        let text = format!("{THREADS_ENV} is {text:?}, which is no number of threads (1 or more)");
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
            return Ok(()); // a thread that has done its job takes it
        }
        state.threads += 1;
        drop(state);
        let thread = thread::Builder::new().name("oneloop-unblock".into());
        let Err(error) = thread.spawn(|| self.work()) else { return Ok(()) };
        let mut state = self.lock();
        state.threads -= 1;
        if state.threads > 0 {
            return Ok(()); // the others do it
        }
        let jobs = std::mem::take(&mut state.jobs); // this one, and any that came meanwhile
        drop(state);
        drop(jobs);
        Err(io::Error::new(error.kind(), format!("no thread can be started for `unblock`: {error}")))
    }

    /// The life of one thread.
    fn work(&self) {
        let mut state = self.lock();
        loop {
            while let Some(job) = state.jobs.pop_front() {
                drop(state);
                call_quietly(job); // what it wakes may be another crate's waker
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
