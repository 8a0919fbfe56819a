//! Two tasks that wait: the one that was started second finishes first.
//!
//! From the articles: `add` waits 20 seconds, `sub` 10, and the last line is `Complete`.
//!
//! ```text
//! cargo run --release --example second_finishes_first
//! ```
//!
//! Notice the order of the lines. Notice also that the program takes as long as the longer wait, and
//! not as long as both together. With `--slow` the waits are as long as in the article. Otherwise a
//! second takes 10 ms. `--trace FILE` writes a record of the loop. The README of the examples says how
//! to make a page of it. `add_and_subtract` shows the same pair in threads and processes, too.

#[path = "shared/add_and_sub.rs"]
mod add_and_sub;
#[path = "shared/demo.rs"]
mod demo;

use std::process::ExitCode;
use std::time::Instant;

use add_and_sub::{add_and_subtract, say_how_long, second};
use demo::say;

fn main() -> ExitCode {
    let about = "Two tasks wait, one twice as long as the other; the second finishes first.";
    demo::run_timed_and_traced(about, |slow, trace| {
        let second = second(slow);
        let runtime = trace.runtime()?;
        say_how_long(second);
        let began = Instant::now();
        runtime.block_on(add_and_subtract(second))?;
        let (took, longer) = (began.elapsed().as_secs_f64(), (20 * second).as_secs_f64());
        say!("  it took {took:.2} s; the longer wait is {longer:.2} s, both together {:.2} s", longer * 1.5);
        trace.save(&runtime)
    })
}
