//! Spawning tasks and awaiting them.

use std::hint::black_box;

use super::{Length, once, sample};
use crate::peers::Executor;

pub async fn join<E: Executor>(length: Length) -> Vec<f64> {
    const SPAWNS: u64 = 10_000;
    let per_spawn = sample(length, SPAWNS, async || {
        for number in 0..SPAWNS {
            let joined = E::spawn(async move { black_box(number) }).await;
            black_box(joined);
        }
    });
    vec![per_spawn.await]
}

/// The first batch of a process also pays for memory that it has never used; the later ones find it at hand.
pub async fn batch<E: Executor>(tasks: usize, length: Length) -> Vec<f64> {
    /// Reading the clock must not count beside a small batch.
    const SPAWNS_PER_SAMPLE_MIN: usize = 10_000;
    let mut body = async || {
        let spawn = |number| E::spawn(async move { black_box(number) });
        let joins: Vec<_> = (0..tasks).map(spawn).collect();
        for join in joins {
            black_box(join.await);
        }
    };
    let first = once(&mut body).await / tasks as f64;
    let batches = SPAWNS_PER_SAMPLE_MIN.div_ceil(tasks);
    let per_task = sample(length, (batches * tasks) as u64, async || {
        for _ in 0..batches {
            body().await;
        }
    });
    vec![per_task.await, first]
}
