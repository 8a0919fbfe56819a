//! Measures spawning tasks and awaiting them.

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

/// Measures batches of spawns. The first batch of a process also has the cost of new memory, and later
/// batches reuse this memory.
pub async fn batch<E: Executor>(tasks: usize, length: Length) -> Vec<f64> {
    /// The minimum number of spawns in a sample. With fewer spawns the readings of the clock would be a
    /// visible share of the cost.
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
