//! A producer and three workers that talk through a bounded queue; a semaphore and a lock where messages won't do.
//!
//! From the articles: use messages, not shared state. Workers are fed by queues, and what must be shared is guarded by
//! locks and semaphores.
//!
//! ```text
//! cargo run --release --example producer_and_workers
//! ```
//!
//! Notice that the producer has to wait: the queue holds two jobs, so it can't run ahead of the workers by more. And
//! that one thread is no protection by itself: whoever awaits in the middle of a change lets others in.

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

/// How many workers may print at once.
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
    // The results end when no sender is left. Each worker's goes with the worker, and this one now.
    drop(done);

    // Only this task knows the sum. The workers send; nobody shares.
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
    // Every job goes to exactly one worker. The queue ends when the producer is gone and the last job is taken.
    while let Ok(job) = queue.recv().await {
        for _ in 0..job % 3 {
            yield_now().await; // jobs take differently long
        }
        printers.print(&format!("worker {worker}: {job} squared is {}", job * job)).await;
        if done.send(job * job).await.is_err() {
            return; // nobody wants results any more
        }
    }
}

/// What is scarce: a semaphore counts how much of it is left.
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

/// Ten tasks each add 1 to a number in two moves, and give way between reading and writing.
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
