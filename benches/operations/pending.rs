//! What a timer costs while others wait: the cost as their number grows.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::{Fractions, Length, cpu_now, other_tasks_run, sample};
use crate::peers::Executor;

/// A time-out as servers have them. They are set in no order.
fn time_out(fractions: &mut Fractions) -> Duration {
    const AT_LEAST: Duration = Duration::from_secs(60);
    const SPREAD: Duration = Duration::from_secs(3_600);
    AT_LEAST + SPREAD.mul_f64(fractions.next())
}

/// Has tasks sleep while something else is measured, for longer than that takes. Each has one timer: some runtimes
/// cannot count as many wakers of one task.
async fn others<E: Executor>(count: usize, fractions: &mut Fractions) {
    let asleep = Rc::new(Cell::new(0));
    for _ in 0..count {
        let (time_out, asleep) = (time_out(fractions), Rc::clone(&asleep));
        E::detach(E::spawn(async move {
            asleep.set(asleep.get() + 1);
            E::sleep(time_out).await;
        }));
    }
    while asleep.get() < count {
        other_tasks_run::<E>().await;
    }
}

pub async fn create_and_drop<E: Executor>(count: usize, length: Length) -> Vec<f64> {
    const TIMERS: u64 = 1_000;
    let mut fractions = Fractions::new();
    others::<E>(count, &mut fractions).await;
    let per_timer = sample(length, TIMERS, async || {
        for _ in 0..TIMERS {
            let mut timer = pin!(E::sleep(time_out(&mut fractions)));
            let fired = poll_fn(|context| Poll::Ready(timer.as_mut().poll(context).is_ready())).await;
            assert!(!fired, "a timer of a minute or more fired at once");
        }
        // Some runtimes put their books in order only when the loop turns.
        other_tasks_run::<E>().await;
    });
    vec![per_timer.await]
}

/// Only from when all tasks sleep until all are joined: the deadline leaves time to set them up.
///
/// It is the same for all tasks. `timers-fire` spreads deadlines, and there a runtime that is more precise than a
/// millisecond pays for it by going to sleep between them.
pub async fn fire<E: Executor>(count: usize, length: Length) -> Vec<f64> {
    const TASKS: usize = 1_000;
    const FIRE_AFTER: Duration = Duration::from_millis(5);
    others::<E>(count, &mut Fractions::new()).await;
    let asleep = Rc::new(Cell::new(0));
    let body = async || {
        let deadline = Instant::now() + FIRE_AFTER;
        asleep.set(0);
        let spawn = |_| {
            let asleep = Rc::clone(&asleep);
            E::spawn(async move {
                asleep.set(asleep.get() + 1);
                E::sleep(deadline.saturating_duration_since(Instant::now())).await;
            })
        };
        let joins: Vec<_> = (0..TASKS).map(spawn).collect();
        while asleep.get() < TASKS {
            other_tasks_run::<E>().await;
        }
        let start = cpu_now();
        for join in joins {
            join.await;
        }
        (cpu_now() - start).as_nanos() as f64
    };
    // For warmth.
    body().await;
    let mut samples = length.start();
    while samples.more() {
        samples.enter(TASKS as u64, body().await);
    }
    vec![samples.figure()]
}
