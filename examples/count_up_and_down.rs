//! Two long counts: one after the other, in threads, in processes, and how a loop gets them done.
//!
//! From the articles: `count_up` and `count_down` over 100,000,000. In Python two threads are no faster than one,
//! because the interpreter lets only one of them run at any moment; two processes are.
//!
//! ```text
//! cargo run --release --example count_up_and_down
//! ```
//!
//! Notice that threads are enough here, and that a loop, which is one thread, has two ways to use them: hand the work
//! to other threads and await it, or be several loops. Where the counts would take long (in a debug build), the program
//! counts less far; `--slow` always counts as far as the article. The machine should have nothing else to do.

#[path = "shared/demo.rs"]
mod demo;

use std::env;
use std::error::Error;
use std::hint::black_box;
use std::io;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use demo::{Outcome, say};
use futures::future::try_join_all;
use oneloop::future::zip;
use oneloop::process::Command;
use oneloop::{Runtime, unblock};

/// How far the article counts.
const ARTICLE: u64 = 100_000_000;

/// How long a count may take without `--slow`.
const COUNT_MAX: Duration = Duration::from_millis(120);

/// With this argument, a count's name and how far, the program is the child process that counts.
const CHILD: &str = "--child";

type Count = fn(u64);

const COUNTS: [(&str, Count); 2] = [("count_up", count_up), ("count_down", count_down)];

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().collect();
    if let [_, flag, name, far] = arguments.as_slice()
        && flag == CHILD
    {
        return child(name, far);
    }
    demo::run_timed("Counts up and down: in turn, in threads, in processes, on loops.", compare)
}

/// Not inlined, nor is its counterpart: how fast so short a loop is depends on the code around it, and every model is to
/// run the same one.
#[inline(never)]
fn count_up(far: u64) {
    let mut number = 0;
    while number < far {
        // Otherwise the optimiser knows the outcome, and there is no loop left to measure.
        number = black_box(number + 1);
    }
}

#[inline(never)]
fn count_down(far: u64) {
    let mut number = far;
    while number > 0 {
        number = black_box(number - 1);
    }
}

fn compare(slow: bool) -> Outcome {
    let far = if slow { ARTICLE } else { how_far() };
    let cores = thread::available_parallelism()?;
    say!("counting up to {} million, and down from there; {cores} cores", far / 1_000_000);
    say!("{:<26}{:>16}{:>26}", "", "here", "the article (Python)");

    let alone = timed(|| in_turn(far))?;
    let report = |model: &str, time: Duration, article: &str| {
        let times_as_fast = alone.as_secs_f64() / time.as_secs_f64();
        let line = format!("{model:<26}{:>8.3} s{times_as_fast:>6.2}{article:>26}", time.as_secs_f64());
        say!("{}", line.trim_end());
    };
    report("one after the other", alone, "25.86 s  1.00");
    report("two threads", timed(|| in_threads(far))?, "24.50 s  1.06");
    report("two processes", timed(|| Runtime::new()?.block_on(in_processes(far)))?, " 8.38 s  3.09");
    report("a loop, with unblock", timed(|| Runtime::new()?.block_on(on_other_threads(far)))?, "");
    report("two loops, a thread each", timed(|| on_two_loops(far))?, "");
    say!("beside each time: how many times as fast as one after the other");
    Ok(())
}

/// As many millions as take the time that a count may have, and no more than the article's.
fn how_far() -> u64 {
    const MILLION: u64 = 1_000_000;
    let probe = |_| {
        let began = Instant::now();
        count_up(MILLION);
        began.elapsed()
    };
    // The quickest of some: the others may have been interrupted.
    let quickest = (0..5).map(probe).min().expect("there are five");
    let millions = COUNT_MAX.as_nanos() / quickest.as_nanos().max(1);
    (millions as u64 * MILLION).clamp(MILLION, ARTICLE)
}

fn timed(count: impl FnOnce() -> Outcome) -> Result<Duration, Box<dyn Error>> {
    let began = Instant::now();
    count()?;
    Ok(began.elapsed())
}

fn in_turn(far: u64) -> Outcome {
    count_up(far);
    count_down(far);
    Ok(())
}

fn in_threads(far: u64) -> Outcome {
    thread::scope(|scope| {
        for (_, count) in COUNTS {
            scope.spawn(move || count(far));
        }
    });
    Ok(())
}

async fn in_processes(far: u64) -> Outcome {
    try_join_all(COUNTS.map(|(name, _)| run_child(name, far))).await?;
    Ok(())
}

async fn run_child(name: &str, far: u64) -> Outcome {
    let mut command = Command::new(env::current_exe()?);
    command.args([CHILD, name, &far.to_string()]);
    let status = command.status().await?; // the loop awaits it, on no other thread
    if status.success() { Ok(()) } else { Err(format!("the child process failed: {status}").into()) }
}

fn child(name: &str, far: &str) -> ExitCode {
    match (COUNTS.iter().find(|count| count.0 == name), far.parse()) {
        (Some((_, count)), Ok(far)) => {
            count(far);
            ExitCode::SUCCESS
        }
        _ => {
            demo::complain(&format!("no such count: {name} {far}"));
            ExitCode::from(2)
        }
    }
}

/// The loop stays free for other tasks while other threads count.
async fn on_other_threads(far: u64) -> Outcome {
    zip(unblock(move || count_up(far)), unblock(move || count_down(far))).await;
    Ok(())
}

/// Each loop has a core for itself: this is how a server uses several. (A connection moves from one loop to another with
/// `TcpStream::into_std`.)
fn on_two_loops(far: u64) -> Outcome {
    thread::scope(|scope| {
        for thread in COUNTS.map(|(_, count)| scope.spawn(move || on_a_loop(count, far))) {
            thread.join().map_err(|_| "a thread panicked")??;
        }
        Ok(())
    })
}

fn on_a_loop(count: Count, far: u64) -> io::Result<()> {
    Runtime::new()?.block_on(async { count(far) });
    Ok(())
}
