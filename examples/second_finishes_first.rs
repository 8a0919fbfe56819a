//! Two tasks that wait: the one that was started second finishes first.
//!
//! From the articles: `add` waits 20 seconds, `sub` 10, and at the end stands `Complete`.
//!
//! ```text
//! cargo run --release --example second_finishes_first
//! ```
//!
//! Notice the order of the lines, and that the whole takes as long as the longer wait, not as both together.
//! `--slow` waits as long as the article; here a second is 10 ms.

#[path = "shared/demo.rs"]
mod demo;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use demo::{Outcome, say};
use oneloop::Runtime;
use oneloop::time::sleep;

fn main() -> ExitCode {
    demo::run_timed("Two tasks wait, one twice as long as the other; the second finishes first.", |slow| {
        let second = Duration::from_millis(if slow { 1_000 } else { 10 });
        Runtime::new()?.block_on(add_and_subtract(second))
    })
}

async fn add_and_subtract(second: Duration) -> Outcome {
    let began = Instant::now();
    // Spawning only queues a task: both begin when this one waits, and they begin in this order.
    let add = oneloop::spawn(add(7, 3, 20 * second));
    let sub = oneloop::spawn(sub(7, 3, 10 * second));
    add.await?;
    sub.await?;
    say!("Complete");
    let (took, longer) = (began.elapsed().as_secs_f64(), (20 * second).as_secs_f64());
    say!("it took {took:.2} s; the longer wait is {longer:.2} s, both together {:.2} s", longer * 1.5);
    Ok(())
}

async fn add(a: i32, b: i32, time: Duration) {
    say!("add: waits {time:?}");
    sleep(time).await;
    say!("add: {a} + {b} = {}", a + b);
}

async fn sub(a: i32, b: i32, time: Duration) {
    say!("sub: waits {time:?}");
    sleep(time).await;
    say!("sub: {a} - {b} = {}", a - b);
}
