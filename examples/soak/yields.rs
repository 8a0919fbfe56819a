//! Tasks that yield, one of which computes between its yields. Each must have its turns in order.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use oneloop::yield_now;

use crate::work::{Done, During, Soak};

const TASKS_MAX: usize = 16;
const ROUNDS_MAX: usize = 32;
const BUSY_MICROSECONDS_MAX: u64 = 300;

pub fn start(soak: &Rc<Soak>) {
    let tally = soak.kind("yielding tasks");
    soak.worker(&tally, async |rng| {
        let (count, rounds) = (rng.usize(2..=TASKS_MAX), rng.usize(1..=ROUNDS_MAX));
        let turns: Rc<[Cell<usize>]> = (0..count).map(|_| Cell::new(0)).collect();
        let busy = Duration::from_micros(rng.u64(..BUSY_MICROSECONDS_MAX));
        let tasks: Vec<_> = (0..count)
            .map(|number| {
                let work = if number == 0 { busy } else { Duration::ZERO };
                oneloop::spawn(take_turns(number, turns.clone(), rounds, work))
            })
            .collect();
        for outcome in try_join_all(tasks).await.during("a task")? {
            outcome?;
        }
        Done::operations(count * rounds)
    });
}

async fn take_turns(
    number: usize,
    turns: Rc<[Cell<usize>]>,
    rounds: usize,
    work: Duration,
) -> Result<(), String> {
    for round in 1..=rounds {
        turns[number].set(round);
        // A task that yields lets every other task have a turn first, so no task is more than one turn
        // ahead of another.
        if let Some(other) = turns.iter().position(|turn| turn.get().abs_diff(round) > 1) {
            let theirs = turns[other].get();
            return Err(format!("task {number} has its turn {round} while task {other} is at {theirs}"));
        }
        let end = Instant::now() + work;
        while Instant::now() < end {
            std::hint::spin_loop();
        }
        yield_now().await;
    }
    Ok(())
}
