//! Measures the cost of a timer while other timers are pending, for a growing number of these.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::{Fractions, Length, cpu_now, other_tasks_run, sample};
use crate::peers::Executor;

/// Returns a time-out that is typical for servers. The time-outs are in random order.
fn time_out(fractions: &mut Fractions) -> Duration {
    const AT_LEAST: Duration = Duration::from_secs(60);
    const SPREAD: Duration = Duration::from_secs(3_600);
    AT_LEAST + SPREAD.mul_f64(fractions.next())
}

/// Spawns `count` tasks that sleep for longer than the measurement takes. Each task has one timer,
/// because some runtimes cannot count this number of wakers of one task.
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
        // Some runtimes remove dropped timers only in the next turn of the loop.
        other_tasks_run::<E>().await;
    });
    vec![per_timer.await]
}

/// Measures the time from the moment when all tasks sleep until all are joined. The deadline leaves time
/// to spawn them.
///
/// All tasks have the same deadline. `timers-fire` has different deadlines, so that a runtime that is
/// more precise than a millisecond has the additional cost of a sleep between them.
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
    // This run is the warm-up.
    body().await;
    let mut samples = length.start();
    while samples.more() {
        samples.enter(TASKS as u64, body().await);
    }
    vec![samples.figure()]
}
