//! Measures yields to other tasks.

use std::cell::Cell;
use std::rc::Rc;

use super::{Length, cpu_now, sample};
use crate::peers::Executor;

pub async fn alone<E: Executor>(length: Length) -> Vec<f64> {
    const YIELDS: u64 = 10_000;
    let per_yield = sample(length, YIELDS, async || {
        for _ in 0..YIELDS {
            E::yield_now().await;
        }
    });
    vec![per_yield.await]
}

/// The state that the yielding tasks share.
#[derive(Default)]
struct Shared {
    /// The number of turns of all tasks.
    turns: Cell<u64>,
    stopped: Cell<bool>,
}

impl Shared {
    async fn turn<E: Executor>(&self) {
        self.turns.set(self.turns.get() + 1);
        E::yield_now().await;
    }
}

/// Measures yields among several tasks. The measuring task is one of them. It counts the turns of all
/// tasks, because no runtime guarantees that each task has one turn per round.
pub async fn among<E: Executor>(tasks: usize, length: Length) -> Vec<f64> {
    /// The minimum number of turns in a sample. With fewer turns the readings of the clock would be a
    /// visible share of the cost.
    const TURNS_PER_SAMPLE_MIN: usize = 100_000;
    let shared = Rc::new(Shared::default());
    for _ in 1..tasks {
        let shared = Rc::clone(&shared);
        E::detach(E::spawn(async move {
            while !shared.stopped.get() {
                shared.turn::<E>().await;
            }
        }));
    }
    // These turns are the first polls and one round of warm-up.
    shared.turn::<E>().await;
    shared.turn::<E>().await;
    let rounds = TURNS_PER_SAMPLE_MIN.div_ceil(tasks);
    let mut samples = length.start();
    while samples.more() {
        let (start, turns) = (cpu_now(), shared.turns.get());
        for _ in 0..rounds {
            shared.turn::<E>().await;
        }
        samples.enter(shared.turns.get() - turns, (cpu_now() - start).as_nanos() as f64);
    }
    shared.stopped.set(true);
    vec![samples.figure()]
}
