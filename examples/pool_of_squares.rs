//! A pool of five workers squares 1 to 14, in chunks of three.
//!
//! From the articles: `multiprocessing.Pool`. Its `map`, `starmap` and `apply` return their results in
//! order, and its asynchronous forms return them as they come.
//!
//! ```text
//! cargo run --release --example pool_of_squares
//! ```
//!
//! Notice that no pool object is needed. The work is a stream of futures. `buffered(5)` runs at most
//! five of them at once and returns the results in order. `buffer_unordered(5)` returns the result that
//! is ready first. Other threads do the squaring, to which `unblock` hands it.

#[path = "shared/demo.rs"]
mod demo;

use std::cell::{Cell, RefCell};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use demo::{Outcome, say};
use futures::stream::{self, StreamExt};
use oneloop::future::poll_once;
use oneloop::{Runtime, unblock};

const WORKERS: usize = 5;
const CHUNK: usize = 3;

/// The time that one square takes, in the part that counts the calls in flight.
const SQUARE_TIME: Duration = Duration::from_millis(20);

fn main() -> ExitCode {
    demo::run("Squares 1 to 14 with five workers: results in order, and as they come.", || {
        let dataset: Vec<u64> = (1..=14).collect();
        Runtime::new()?.block_on(async {
            in_order(&dataset).await;
            as_they_come(&dataset).await;
            never_more_than_five().await
        })
    })
}

fn square(number: u64) -> u64 {
    number * number
}

fn multiply((a, b): (u64, u64)) -> u64 {
    a * b
}

/// Makes the arguments of `starmap`. A list of arguments is a tuple, so several arguments need no other
/// `map`.
fn pairs(dataset: &[u64]) -> Vec<(u64, u64)> {
    dataset.iter().map(|&number| (number, number)).collect()
}

/// Shows the article's three forms.
async fn in_order(dataset: &[u64]) {
    say!("  map: {WORKERS} workers, chunks of {CHUNK}");
    say!("Dataset: {dataset:?}");
    say!("Result: {:?}", map(dataset.to_vec(), square).await);

    say!("  starmap: the same with two arguments");
    say!("Dataset: {dataset:?}");
    say!("Result: {:?}", map(pairs(dataset), multiply).await);

    say!("  apply: one call after the other");
    say!("Dataset: {dataset:?}");
    let mut result = Vec::new();
    for &number in dataset {
        result.push(unblock(move || square(number)).await);
    }
    say!("Result: {result:?}");
}

/// Applies `function` to all `items` on other threads, chunk by chunk. The results are in the order of
/// the items.
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

/// Shows the asynchronous forms. The work that began last ends first.
async fn as_they_come(dataset: &[u64]) {
    say!("  the asynchronous forms, where the chunk that begins last ends first:");
    say!("  map_async      {}", last_begun_first(dataset.to_vec(), CHUNK, square).await);
    say!("  starmap_async  {}", last_begun_first(pairs(dataset), CHUNK, multiply).await);
    say!("  apply_async    {}", last_begun_first(dataset.to_vec(), 1, square).await);
}

/// Returns the results in the order in which they come. The thread of a chunk waits until a channel
/// closes. The loop closes the channel of the chunk that began last.
async fn last_begun_first<T>(items: Vec<T>, chunk: usize, function: fn(T) -> u64) -> String
where
    T: Clone + Send + 'static,
{
    let chunks: Vec<Vec<T>> = items.chunks(chunk).map(<[T]>::to_vec).collect();
    let senders = RefCell::new(Vec::new());
    let mut results = stream::iter(chunks)
        .map(|chunk| {
            let (sender, receiver) = mpsc::channel::<()>();
            senders.borrow_mut().push(sender);
            unblock(move || {
                let _ = receiver.recv(); // returns an error when the sender is dropped
                chunk.into_iter().map(function).collect::<Vec<u64>>()
            })
        })
        .buffer_unordered(WORKERS);
    let mut came = Vec::new();
    loop {
        // This poll begins as many chunks as may be under way. All of them wait.
        let end = poll_once(results.next()).await;
        drop(senders.borrow_mut().pop());
        let result = match end {
            Some(end) => end,
            None => results.next().await,
        };
        match result {
            Some(squares) => came.extend(squares),
            None => return format!("{came:?}"),
        }
    }
}

async fn never_more_than_five() -> Outcome {
    let (in_flight, most) = (Cell::new(0), Cell::new(0));
    let sum: u64 = stream::iter(1..=14)
        .map(async |number| {
            // These lines run on the loop's thread, so plain cells are enough.
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
    say!("  one by one: the sum is {sum}, and at most {} of the 14 were in flight at once", most.get());
    Ok(())
}
