//! Measures timers that are dropped, and timers that fire.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::{Fractions, Length, cpu_now, other_tasks_run, sample};
use crate::peers::Executor;
use crate::stats;

/// Measures timers that never fire, as most time-outs. A timer is created, polled once (which registers
/// it), and dropped.
pub async fn create_and_drop<E: Executor>(length: Length) -> Vec<f64> {
    const TIMERS: u64 = 1_000;
    let per_timer = sample(length, TIMERS, async || {
        for _ in 0..TIMERS {
            let mut timer = pin!(E::sleep(Duration::from_secs(30)));
            let fired = poll_fn(|context| Poll::Ready(timer.as_mut().poll(context).is_ready())).await;
            assert!(!fired, "a timer of 30 s fired at once");
        }
        // Some runtimes remove dropped timers only in the next turn of the loop.
        other_tasks_run::<E>().await;
    });
    vec![per_timer.await]
}

const TIMERS: u32 = 100_000;
/// The time before the first deadline, in which all tasks are spawned.
const FIRE_AFTER: Duration = Duration::from_millis(300);
const FIRE_SPREAD: Duration = Duration::from_secs(1);
/// The time from the first spawn to the last deadline.
pub const FIRE_TIME: Duration = Duration::from_millis(1_300);

/// Measures the processor time for spawning, sleeping, firing and joining, and the delay of the tasks
/// after their deadlines.
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

/// Repeats the same operations a fixed number of times, for counts. 1,000 tasks sleep, and the loop
/// processes their timers when all of them are due, so that the number of turns does not depend on the
/// speed of the machine. The figure includes spawning, sleeping, firing and joining.
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

/// Measures tasks that only sleep, repeatedly: one task with delays from 0.1 to 5 ms, or many tasks with
/// delays of 1 ms. Returns the delay after the deadlines, the cost of a sleep, and the number of waits
/// of the thread for each sleep.
pub async fn late<E: Executor>(tasks: usize) -> Vec<f64> {
    const SLEEPS: usize = 20_000;
    const SLEEPS_ALONE: usize = 400;
    let sleeps = if tasks == 1 { SLEEPS_ALONE } else { SLEEPS / tasks };
    let (start_cpu, start_waits) = (cpu_now(), waits());
    let spawn = |_| {
        E::spawn(async move {
            let mut fractions = Fractions::new();
            let mut late_s = Vec::with_capacity(sleeps);
            for _ in 0..sleeps {
                let us = if tasks == 1 { 100.0 + 4_900.0 * fractions.next() } else { 1_000.0 };
                let delay = Duration::from_secs_f64(us / 1e6);
                let start = Instant::now();
                E::sleep(delay).await;
                late_s.push(start.elapsed().as_secs_f64() - delay.as_secs_f64());
            }
            late_s
        })
    };
    let joins: Vec<_> = (0..tasks).map(spawn).collect();
    let mut late_s = Vec::new();
    for join in joins {
        late_s.extend(join.await);
    }
    let per_timer = |total: f64| total / late_s.len() as f64;
    let cpu_ns = per_timer((cpu_now() - start_cpu).as_nanos() as f64);
    let waits = per_timer((waits() - start_waits) as f64);
    late_s.sort_by(f64::total_cmp);
    let late_us = |percent| stats::percentile(&late_s, percent) * 1e6;
    let early = late_s.iter().filter(|late| **late < 0.0).count();
    vec![late_us(50.0), late_us(99.0), late_us(100.0), early as f64, cpu_ns, waits]
}

/// Returns the number of voluntary context switches of this thread. Nearly all of them are sleeps in the
/// driver.
fn waits() -> u64 {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}
