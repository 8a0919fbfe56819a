//! Measures wakes of tasks, with as little other work as possible.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};

use super::{Length, sample};
use crate::peers::Executor;

const TASKS: usize = 1_000;
const ROUNDS: usize = 10;

/// Measures waiting tasks that are woken and run once.
pub async fn local<E: Executor>(length: Length) -> Vec<f64> {
    let tasks = Tasks::start::<E>().await;
    let per_wake = sample(length, (TASKS * ROUNDS) as u64, async || {
        for _ in 0..ROUNDS {
            tasks.wakers.borrow().iter().for_each(Waker::wake_by_ref);
            tasks.all_polled().await;
        }
    });
    vec![per_wake.await]
}

/// Measures the same with wakes from another thread. The loop's thread waits until the other thread has
/// ended, so that no wake reaches a sleeping loop.
pub async fn remote<E: Executor>(length: Length) -> Vec<f64> {
    let tasks = Tasks::start::<E>().await;
    let wakers = Arc::new(tasks.wakers.take());
    let per_wake = sample(length, (TASKS * ROUNDS) as u64, async || {
        for _ in 0..ROUNDS {
            let wakers = Arc::clone(&wakers);
            let thread = std::thread::spawn(move || wakers.iter().for_each(Waker::wake_by_ref));
            thread.join().expect("wakers do not panic");
            tasks.all_polled().await;
        }
    });
    vec![per_wake.await]
}

/// Tasks that are always pending.
#[derive(Default)]
struct Tasks {
    wakers: RefCell<Vec<Waker>>,
    /// The number of polls of all tasks in this round.
    polls: Cell<usize>,
    /// The waker of the task that waits until all tasks are polled. That task does not yield in a loop,
    /// because it would then be a ready task, and some runtimes poll such a task before tasks that other
    /// threads woke.
    waiter: Cell<Option<Waker>>,
}

impl Tasks {
    /// Starts the tasks and waits until all have been polled.
    async fn start<E: Executor>() -> Rc<Tasks> {
        let tasks = Rc::new(Tasks::default());
        for _ in 0..TASKS {
            let tasks = Rc::clone(&tasks);
            let mut entered = false;
            E::detach(E::spawn(poll_fn(move |context| {
                if !std::mem::replace(&mut entered, true) {
                    tasks.wakers.borrow_mut().push(context.waker().clone());
                }
                tasks.polled();
                Poll::<()>::Pending
            })));
        }
        tasks.all_polled().await;
        tasks
    }

    fn polled(&self) {
        self.polls.set(self.polls.get() + 1);
        if self.polls.get() == TASKS
            && let Some(waiter) = self.waiter.take()
        {
            waiter.wake();
        }
    }

    /// Waits until each task has been polled, and begins the next round.
    async fn all_polled(&self) {
        poll_fn(|context| {
            if self.polls.get() < TASKS {
                self.waiter.set(Some(context.waker().clone()));
                return Poll::Pending;
            }
            self.polls.set(0);
            Poll::Ready(())
        })
        .await;
    }
}

/// Measures wakes of a task that is already woken and has not run. Such a wake only finds that the task
/// is queued.
pub async fn again<E: Executor>(length: Length) -> Vec<f64> {
    const WAKES: u64 = 100_000;
    let per_wake = sample(length, WAKES, async || {
        let mut woken = false;
        poll_fn(|context| {
            if std::mem::replace(&mut woken, true) {
                return Poll::Ready(());
            }
            (0..WAKES).for_each(|_| black_box(context.waker()).wake_by_ref());
            Poll::Pending
        })
        .await;
    });
    vec![per_wake.await]
}
