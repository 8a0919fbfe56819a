//! A pool of five workers squares 1 to 14, in chunks of three.
//!
//! From the articles: `multiprocessing.Pool`, whose `map`, `starmap` and `apply` give their results in order, and whose
//! asynchronous forms give them as they come.
//!
//! ```text
//! cargo run --release --example pool_of_squares
//! ```
//!
//! Notice that no pool object is needed. A stream of futures *is* the work to do, `buffered(5)` keeps at most five of
//! them going and gives the results in order; `buffer_unordered(5)` gives whichever is ready first. The squaring
//! is done by other threads, which `unblock` hands it to.

#[path = "shared/demo.rs"]
mod demo;

use std::cell::Cell;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use demo::{Outcome, say};
use futures::stream::{self, StreamExt};
use oneloop::{Runtime, unblock};

const WORKERS: usize = 5;
const CHUNK: usize = 3;

/// How long a single square takes, where the results are counted.
const SQUARE_TIME: Duration = Duration::from_millis(20);

fn main() -> ExitCode {
    demo::run("Squares 1 to 14 with five workers: results in order, and as they come.", || {
        Runtime::new()?.block_on(async {
            in_order().await;
            as_they_come().await;
            never_more_than_five().await
        })
    })
}

fn square(number: u64) -> u64 {
    number * number
}

fn power((base, exponent): (u64, u32)) -> u64 {
    base.pow(exponent)
}

/// Applies `function` to all `items` on other threads, chunk by chunk. The results are in the order of the items.
async fn map<T, R>(items: Vec<T>, function: fn(T) -> R) -> Vec<R>
where
    T: Clone + Send + 'static,
    R: Send + 'static,
{
    let chunks: Vec<Vec<T>> = items.chunks(CHUNK).map(<[T]>::to_vec).collect();
    stream::iter(chunks)
        .map(|chunk| unblock(move || chunk.into_iter().map(function).collect()))
        .buffered(WORKERS)
        .flat_map(|results: Vec<R>| stream::iter(results))
        .collect()
        .await
}

async fn in_order() {
    say!("in order:");
    say!("  map      {:?}", map((1..=14).collect(), square).await);
    // An argument list is a tuple, so mapping over several arguments needs nothing of its own.
    let pairs = vec![(2, 5), (3, 2), (10, 3), (7, 1)];
    say!("  starmap  {pairs:?} to powers: {:?}", map(pairs.clone(), power).await);
    say!("  apply    square of 12: {}", unblock(|| square(12)).await);
}

async fn as_they_come() {
    say!("as they come, where each chunk takes until the one after it has come:");
    let numbers: Vec<u64> = (1..=14).collect();
    let chunks = numbers.chunks(CHUNK).map(<[u64]>::to_vec);
    // A chunk's thread waits at its gate, which opens when the key is dropped.
    let (mut keys, gates): (Vec<_>, Vec<_>) = chunks.clone().map(|_| mpsc::channel::<()>()).unzip();
    let work: Vec<_> = chunks.zip(gates).collect();
    let mut results = stream::iter(work)
        .map(|(chunk, gate)| {
            unblock(move || {
                let _ = gate.recv();
                let squares: Vec<u64> = chunk.iter().copied().map(square).collect();
                (chunk, squares)
            })
        })
        .buffer_unordered(WORKERS);
    keys.pop();
    while let Some((chunk, squares)) = results.next().await {
        say!("  {:<12} {squares:?}", format!("{chunk:?}"));
        keys.pop();
    }
}

async fn never_more_than_five() -> Outcome {
    let (in_flight, most) = (Cell::new(0), Cell::new(0));
    let sum: u64 = stream::iter(1..=14)
        .map(async |number| {
            // These lines run on the loop, so that plain cells will do.
            in_flight.set(in_flight.get() + 1);
            most.set(in_flight.get().max(most.get()));
            let squared = unblock(move || {
                thread::sleep(SQUARE_TIME);
                square(number)
            })
            .await;
            in_flight.set(in_flight.get() - 1);
            squared
        })
        .buffer_unordered(WORKERS)
        .fold(0, async |sum, squared| sum + squared)
        .await;
    say!("one by one: the sum is {sum}, and at most {} of the 14 were in flight at once", most.get());
    Ok(())
}
