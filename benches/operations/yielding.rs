//! Giving way to other tasks.

use std::time::Duration;

use super::sample;
use crate::peers::Executor;

pub async fn alone<E: Executor>(time: Duration) -> Vec<f64> {
    const YIELDS: u64 = 10_000;
    let per_yield = sample(time, YIELDS, async || {
        for _ in 0..YIELDS {
            E::yield_now().await;
        }
    });
    vec![per_yield.await]
}

pub async fn among_thousand<E: Executor>(time: Duration) -> Vec<f64> {
    const TASKS: u64 = 1_000;
    /// Enough to make the cost of spawning the tasks disappear.
    const YIELDS: u64 = 1_000;
    let per_yield = sample(time, TASKS * YIELDS, async || {
        let spawn = |_| {
            E::spawn(async {
                for _ in 0..YIELDS {
                    E::yield_now().await;
                }
            })
        };
        let joins: Vec<_> = (0..TASKS).map(spawn).collect();
        for join in joins {
            join.await;
        }
    });
    vec![per_yield.await]
}
