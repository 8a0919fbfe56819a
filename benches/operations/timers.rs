//! Timers that are dropped, and timers that fire.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::{Fractions, Length, cpu_now, other_tasks_run, sample};
use crate::peers::Executor;
use crate::stats;

/// How timeouts live that are not needed: created, polled once (which registers them), dropped.
pub async fn create_and_drop<E: Executor>(length: Length) -> Vec<f64> {
    const TIMERS: u64 = 1_000;
    let per_timer = sample(length, TIMERS, async || {
        for _ in 0..TIMERS {
            let mut timer = pin!(E::sleep(Duration::from_secs(30)));
            let fired = poll_fn(|context| Poll::Ready(timer.as_mut().poll(context).is_ready())).await;
            assert!(!fired, "a timer of 30 s fired at once");
        }
        // Some runtimes put their books in order only when the loop turns.
        other_tasks_run::<E>().await;
    });
    vec![per_timer.await]
}

const TIMERS: u32 = 100_000;
/// Time to spawn all tasks before the first deadline.
const FIRE_AFTER: Duration = Duration::from_millis(300);
const FIRE_SPREAD: Duration = Duration::from_secs(1);
/// From the first spawn to the last deadline.
pub const FIRE_TIME: Duration = Duration::from_millis(1_300);

/// Processor time for spawning, sleeping, firing and joining; and how late the tasks run.
pub async fn fire<E: Executor>() -> Vec<f64> {
    let (start, start_cpu) = (Instant::now(), cpu_now());
    let mut fractions = Fractions::new();
    let spawn = |_| {
        let deadline = start + FIRE_AFTER + FIRE_SPREAD.mul_f64(fractions.next());
        E::spawn(async move {
            E::sleep(deadline.saturating_duration_since(Instant::now())).await;
            let now = Instant::now();
            let late = now.saturating_duration_since(deadline).as_secs_f64();
            late - deadline.saturating_duration_since(now).as_secs_f64()
        })
    };
    let joins: Vec<_> = (0..TIMERS).map(spawn).collect();
    let mut late_s = Vec::with_capacity(joins.len());
    for join in joins {
        late_s.push(join.await);
    }
    let cpu_per_timer = (cpu_now() - start_cpu).as_nanos() as f64 / f64::from(TIMERS);
    late_s.sort_by(f64::total_cmp);
    let late_us = |percent| stats::percentile(&late_s, percent) * 1e6;
    let early = late_s.iter().filter(|late| **late < 0.0).count();
    vec![cpu_per_timer, late_us(50.0), late_us(99.0), early as f64]
}

/// The same for counts: 1,000 tasks sleep, and the loop comes to their timers when all of them are due, so that the
/// number of turns does not depend on the speed of the machine. Spawning, sleeping, firing and joining count.
pub async fn fire_together<E: Executor>(length: Length) -> Vec<f64> {
    const TASKS: u64 = 1_000;
    const FIRE_AFTER: Duration = Duration::from_millis(100);
    let asleep = Rc::new(Cell::new(0));
    let per_timer = sample(length, TASKS, async || {
        asleep.set(0);
        let spawn = |_| {
            let asleep = Rc::clone(&asleep);
            E::spawn(async move {
                asleep.set(asleep.get() + 1);
                E::sleep(FIRE_AFTER).await;
            })
        };
        let joins: Vec<_> = (0..TASKS).map(spawn).collect();
        while asleep.get() < TASKS {
            other_tasks_run::<E>().await;
        }
        std::thread::sleep(FIRE_AFTER);
        for join in joins {
            join.await;
        }
    });
    vec![per_timer.await]
}
