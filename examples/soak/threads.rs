//! Other threads. They spawn tasks on the loop, wait for them, and wake tasks that wait for messages.

use std::rc::Rc;
use std::sync::mpsc;
use std::thread;

use fastrand::Rng;
use futures::channel::oneshot;
use oneloop::{Handle, yield_now};

use crate::work::{Done, During, Soak};

const THREADS: usize = 2;
const ITEMS_MAX: u64 = 200;

/// A job for a helper thread.
enum Job {
    /// Spawn `count` tasks on the loop, each of which returns its number, and wait for all of them.
    Spawn { handle: Handle, count: u64, reply: oneshot::Sender<Result<(), String>> },
    /// Send the numbers from 0 to `count`.
    Send { count: u64, numbers: async_channel::Sender<u64> },
}

pub fn start(soak: &Rc<Soak>) {
    let tally = soak.kind("other threads");
    for _ in 0..THREADS {
        let (jobs, theirs) = mpsc::channel();
        // The thread ends when the worker is dropped, and with it `jobs`.
        thread::spawn(move || theirs.into_iter().for_each(help));
        soak.worker(&tally, async move |rng| {
            let count = rng.u64(1..=ITEMS_MAX);
            if rng.bool() {
                spawned(&jobs, count).await?
            } else {
                sent(&jobs, count, rng).await?
            }
            Done::operations(count as usize)
        });
    }
}

async fn spawned(jobs: &mpsc::Sender<Job>, count: u64) -> Result<(), String> {
    let (reply, answer) = oneshot::channel();
    jobs.send(Job::Spawn { handle: Handle::current(), count, reply }).during("asking the thread")?;
    answer.await.during("waiting for the thread")?
}

async fn sent(jobs: &mpsc::Sender<Job>, count: u64, rng: &mut Rng) -> Result<(), String> {
    let (numbers, received) = match rng.bool() {
        true => async_channel::unbounded(),
        false => async_channel::bounded(rng.usize(1..10)),
    };
    jobs.send(Job::Send { count, numbers }).during("asking the thread")?;
    for expected in 0..count {
        match received.recv().await.during("waiting for a number")? {
            number if number == expected => {}
            number => return Err(format!("number {number} came instead of {expected}")),
        }
    }
    match received.recv().await {
        Err(_closed) => Ok(()),
        Ok(number) => Err(format!("number {number} came after the last")),
    }
}

fn help(job: Job) {
    match job {
        Job::Spawn { handle, count, reply } => {
            let _ = reply.send(futures_lite::future::block_on(spawn_all(&handle, count)));
        }
        Job::Send { count, numbers } => {
            // If the receiver is dropped, the loop has reported an error already.
            let _ = (0..count).try_for_each(|number| numbers.send_blocking(number));
        }
    }
}

async fn spawn_all(handle: &Handle, count: u64) -> Result<(), String> {
    let mut tasks = Vec::new();
    for number in 0..count {
        tasks.push(match number % 3 {
            0 => handle.spawn(async move { number }),
            1 => handle.spawn(async move {
                yield_now().await;
                number
            }),
            _ => handle.spawn_with(move || {
                let local = Rc::new(number); // stays on the loop's thread
                async move {
                    yield_now().await;
                    *local
                }
            }),
        });
        if number % 7 == 0 {
            drop(handle.spawn(yield_now())); // the task is detached
        }
    }
    for (expected, task) in tasks.into_iter().enumerate() {
        match task.await.during("a task that a thread has spawned")? {
            number if number == expected as u64 => {}
            number => return Err(format!("task {expected} returned {number}")),
        }
    }
    Ok(())
}
