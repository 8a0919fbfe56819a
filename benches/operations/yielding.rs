//! Giving way to other tasks.

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

/// What the yielding tasks share.
#[derive(Default)]
struct Shared {
    /// How often any of them has run.
    turns: Cell<u64>,
    stopped: Cell<bool>,
}

impl Shared {
    async fn turn<E: Executor>(&self) {
        self.turns.set(self.turns.get() + 1);
        E::yield_now().await;
    }
}

/// The measuring task is one of them. Turns are counted, as no runtime promises that each task has one per round.
pub async fn among<E: Executor>(tasks: usize, length: Length) -> Vec<f64> {
    /// Reading the clock must not count beside it.
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
    // The first polls, and one round for warmth.
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
