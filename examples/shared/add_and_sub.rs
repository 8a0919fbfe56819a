//! `add` and `sub` of the articles as tasks, for `second_finishes_first` and `add_and_subtract`.

use std::time::Duration;

use oneloop::task;
use oneloop::time::sleep;

use crate::demo::{Outcome, say};

pub const A: i32 = 25;
pub const B: i32 = 30;

/// Returns how long a second of the article lasts here.
pub fn second(slow: bool) -> Duration {
    Duration::from_millis(if slow { 1_000 } else { 10 })
}

/// Prints how long a second lasts. The line is indented, because it is not the article's. The article's
/// lines have the article's seconds.
pub fn say_how_long(second: Duration) {
    if second == Duration::from_secs(1) {
        say!("  (the waits last as long as in the article)");
    } else {
        say!("  (a second of the article lasts {second:?} here; with --slow it lasts a second)");
    }
}

/// Runs the article's program: both tasks, and the last line after them.
pub async fn add_and_subtract(second: Duration) -> Outcome {
    // Spawning only queues a task. Both begin when this task waits, in the order in which they were
    // spawned.
    let add = task::Builder::new().name("add").spawn(add(A, B, second));
    let sub = task::Builder::new().name("sub").spawn(sub(A, B, second));
    add.await?;
    sub.await?;
    say!("Complete");
    Ok(())
}

async fn add(a: i32, b: i32, second: Duration) {
    say!("Inside add function");
    say!("Waiting for 20 seconds in add");
    sleep(20 * second).await;
    say!("Addition value: {}", a + b);
}

/// Subtracts, and prints the value before the wait, as in the article.
async fn sub(a: i32, b: i32, second: Duration) {
    say!("Inside sub function");
    say!("Subtraction Value {}:", a - b);
    say!("Waiting for 10 seconds in sub");
    sleep(10 * second).await;
}
