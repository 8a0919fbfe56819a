//! Cancellations: tasks that are aborted, detached, or fail, and futures that are dropped. Each task's
//! future must be dropped once, and its handle must return the right outcome.

use std::cell::Cell;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use oneloop::future::poll_once;
use oneloop::time::sleep;
use oneloop::{JoinHandle, yield_now};

use crate::work::{Done, During, Soak};

const WORKERS: usize = 4;
const TASKS_MAX: usize = 64;

pub fn start(soak: &Rc<Soak>) {
    let tally = soak.kind("tasks cancelled");
    for _ in 0..WORKERS {
        soak.worker(&tally, async |rng| {
            let dropped = Rc::new(Cell::new(0));
            let count = rng.usize(1..=TASKS_MAX);
            let mut tasks = Vec::new();
            for number in 0..count {
                tasks.push((number, spawn(number, &dropped, rng.fork())));
            }
            for (number, task) in tasks {
                end(number, task, rng).await?;
            }
            // Detached tasks may still have a millisecond to sleep.
            while dropped.get() < count {
                sleep(Duration::from_millis(1)).await;
            }
            if dropped.get() > count {
                return Err(format!("{count} tasks were started and {} dropped", dropped.get()));
            }
            Done::operations(count)
        });
    }
}

/// Counts the drops of a task's future, for every reason.
struct Dropped(Rc<Cell<usize>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// Spawns a task that fails, or waits for a short time and returns its number.
fn spawn(number: usize, dropped: &Rc<Cell<usize>>, mut rng: Rng) -> JoinHandle<usize> {
    let counted = Dropped(dropped.clone());
    oneloop::spawn(async move {
        let _counted = counted;
        match rng.u8(..6) {
            0 => sleep(Duration::from_micros(rng.u64(..2_000))).await,
            1 => {
                for _ in 0..rng.usize(..8) {
                    yield_now().await;
                }
            }
            // The task waits for another task, and drops the other task's handle if it is aborted
            // itself.
            2 => {
                let inner = oneloop::spawn(sleep(Duration::from_micros(rng.u64(..1_000))));
                let _ = inner.await;
            }
            // The task begins to wait, and drops the wait.
            3 => {
                let _ = poll_once(sleep(Duration::from_secs(3600))).await;
            }
            4 => {}
            // This panic prints no message, because `resume_unwind` does not call the hook.
            _ => resume_unwind(Box::new(number)),
        }
        number
    })
}

async fn end(number: usize, task: JoinHandle<usize>, rng: &mut Rng) -> Result<(), String> {
    let finished_before = task.is_finished();
    let mut aborted = false;
    match rng.u8(..6) {
        0 => {
            task.abort();
            aborted = true;
        }
        1 => {
            yield_now().await;
            task.abort_handle().abort();
            aborted = true;
        }
        2 => {
            sleep(Duration::from_micros(rng.u64(..1_500))).await;
            task.abort();
            aborted = true;
        }
        // The task is detached.
        3 => return Ok(()),
        // The task is detached after this one has begun to wait for it.
        4 => {
            let mut task = task;
            let _ = poll_once(&mut task).await;
            return Ok(());
        }
        _ => {}
    }
    match task.await {
        Ok(value) if value == number => Ok(()),
        Ok(value) => Err(format!("task {number} returned {value}")),
        Err(error) if error.is_cancelled() && aborted && !finished_before => Ok(()),
        Err(error) if error.is_panic() => match error.into_panic().downcast::<usize>() {
            Ok(value) if *value == number => Ok(()),
            _ => Err(format!("task {number} failed with the panic of another task")),
        },
        error => error.map(drop).during("a task that was not aborted"),
    }
}
