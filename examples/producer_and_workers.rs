//! A producer and three workers that communicate through a bounded queue. A semaphore and a lock guard
//! what messages can't carry.
//!
//! From the articles: use messages, not shared state. Workers receive their jobs from queues. Locks and
//! semaphores guard the state that must be shared.
//!
//! ```text
//! cargo run --release --example producer_and_workers
//! ```
//!
//! Notice that the producer has to wait: the queue holds two jobs, so the producer can't be further
//! ahead of the workers. Notice also that one thread alone protects no state. At an `await` in the
//! middle of a change other tasks run.

#[path = "shared/demo.rs"]
mod demo;

use std::cell::Cell;
use std::process::ExitCode;
use std::rc::Rc;

use async_channel::{Receiver, Sender, TrySendError};
use async_lock::{Mutex, Semaphore};
use demo::{Outcome, say};
use oneloop::{Runtime, yield_now};

const JOBS: u64 = 9;
const WORKERS: usize = 3;
const QUEUE: usize = 2;

/// The most workers that print at once.
const PRINTERS: usize = 2;

fn main() -> ExitCode {
    demo::run("A producer feeds three workers through a queue that holds two jobs.", || {
        Runtime::new()?.block_on(async {
            produce_and_consume().await?;
            share_an_account().await
        })
    })
}

async fn produce_and_consume() -> Outcome {
    let (jobs, queue) = async_channel::bounded(QUEUE);
    let (done, results) = async_channel::unbounded();
    let printers =
        Rc::new(Printers { free: Semaphore::new(PRINTERS), busy: Cell::new(0), most: Cell::new(0) });
    oneloop::spawn(produce(jobs));
    for worker in 1..=WORKERS {
        oneloop::spawn(work(worker, queue.clone(), done.clone(), printers.clone()));
    }
    // The channel of the results closes when all senders are dropped. Each worker drops its sender at
    // its end. This task drops its own here.
    drop(done);

    // Only this task has the sum. The workers send their results and do not share the sum.
    let mut sum = 0;
    while let Ok(result) = results.recv().await {
        sum += result;
    }
    let most = printers.most.get();
    say!("the sum of all squares is {sum}; at most {most} of {WORKERS} workers printed at once");
    Ok(())
}

async fn produce(queue: Sender<u64>) {
    for job in 1..=JOBS {
        match queue.try_send(job) {
            Ok(()) => say!("producer: queued {job}"),
            Err(TrySendError::Full(job)) => {
                say!("producer: the queue is full, {job} has to wait");
                if queue.send(job).await.is_err() {
                    return; // no worker is left
                }
                say!("producer: queued {job} after waiting");
            }
            Err(TrySendError::Closed(_)) => return,
        }
    }
    say!("producer: that was all");
}

async fn work(worker: usize, queue: Receiver<u64>, done: Sender<u64>, printers: Rc<Printers>) {
    // Exactly one worker receives each job. The queue ends when the producer has dropped its sender and
    // the last job is taken.
    while let Ok(job) = queue.recv().await {
        for _ in 0..job % 3 {
            yield_now().await; // the jobs take different times
        }
        printers.print(&format!("worker {worker}: {job} squared is {}", job * job)).await;
        if done.send(job * job).await.is_err() {
            return; // the receiver is dropped
        }
    }
}

/// A limited resource. A semaphore counts how much of it is free.
struct Printers {
    free: Semaphore,
    busy: Cell<usize>,
    most: Cell<usize>,
}

impl Printers {
    async fn print(&self, line: &str) {
        let _permit = self.free.acquire().await;
        self.busy.set(self.busy.get() + 1);
        self.most.set(self.most.get().max(self.busy.get()));
        for _ in 0..3 {
            yield_now().await; // printers are slow
        }
        say!("{line}");
        self.busy.set(self.busy.get() - 1);
    }
}

/// Runs ten tasks that each add 1 to a number in two steps, and yield between the read and the write.
async fn share_an_account() -> Outcome {
    let unguarded = Rc::new(Cell::new(0));
    let guarded = Rc::new(Mutex::new(0));
    let mut tasks = Vec::new();
    for _ in 0..10 {
        let (unguarded, guarded) = (unguarded.clone(), guarded.clone());
        tasks.push(oneloop::spawn(async move {
            let before = unguarded.get();
            yield_now().await;
            unguarded.set(before + 1);

            let mut balance = guarded.lock().await;
            let before = *balance;
            yield_now().await;
            *balance = before + 1;
        }));
    }
    for task in tasks {
        task.await?;
    }
    let (without, with) = (unguarded.get(), *guarded.lock().await);
    say!("ten tasks added 1 each: without a lock that makes {without}, with one {with}");
    Ok(())
}
