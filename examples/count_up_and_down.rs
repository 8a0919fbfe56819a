//! Two long counts: one after the other, in threads, in processes, and on loops.
//!
//! From the articles: `count_up` and `count_down` over 100,000,000. In Python two threads are no faster
//! than one, because the interpreter runs only one of them at any moment. Two processes are faster.
//!
//! ```text
//! cargo run --release --example count_up_and_down
//! ```
//!
//! Notice that threads are enough here. A loop is one thread, and a program has two ways to use more of
//! them: the loop hands the work to other threads and awaits it, or the program runs several loops.
//! `--to N` counts to a lower number. The machine should be idle.

#[path = "shared/counted.rs"]
mod counted;
#[path = "shared/demo.rs"]
mod demo;

use std::env;
use std::error::Error;
use std::hint::black_box;
use std::io;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use counted::counted;
use demo::{Outcome, say};
use futures::future::try_join_all;
use oneloop::future::zip;
use oneloop::process::Command;
use oneloop::{Runtime, unblock};

/// The number to which the article counts.
const ARTICLE: u64 = 100_000_000;

/// With this argument, the name of a count and a number, the program is the child process that counts.
const CHILD: &str = "--child";

type Count = fn(u64);

const COUNTS: [(&str, Count); 2] = [("count_up", count_up), ("count_down", count_down)];

fn main() -> ExitCode {
    if let Some(exit_code) = child() {
        return exit_code;
    }
    demo::run_to("Counts up and down: in turn, in threads, in processes, on loops.", ARTICLE, compare)
}

/// Counts up. This function and its counterpart are not inlined, because the speed of so short a loop
/// depends on the code around it, and every model must run the same loop.
#[inline(never)]
fn count_up(far: u64) {
    let mut number = 0;
    while number < far {
        // Without `black_box` the optimiser knows the result and removes the loop.
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

/// Runs all models. The article's three models print the article's line. The lines that this program
/// adds are indented: two more models, and a comparison of the times.
fn compare(far: u64) -> Outcome {
    let cores = thread::available_parallelism()?;
    say!("  count_up to {far} and count_down from there, on {}", counted(cores, "core"));
    let alone = article("one after the other", || in_turn(far))?;
    let threads = article("two threads", || in_threads(far))?;
    let processes = article("two processes", || Runtime::new()?.block_on(in_processes(far)))?;
    let unblocked = timed(|| Runtime::new()?.block_on(on_other_threads(far)))?;
    let loops = timed(|| on_two_loops(far))?;
    say!("  two more models:");
    say!("  a loop, with unblock: {:.3} seconds", unblocked.as_secs_f64());
    say!("  two loops, a thread each: {:.3} seconds", loops.as_secs_f64());

    say!("\n  {:<26}{:>6}{:>24}", "times as fast as one", "here", "the article (Python)");
    let report = |model: &str, time: Duration, article: &str| {
        let times_as_fast = alone.as_secs_f64() / time.as_secs_f64();
        say!("{}", format!("  {model:<26}{times_as_fast:>6.2}{article:>24}").trim_end());
    };
    report("one after the other", alone, "1.00");
    report("two threads", threads, "1.06");
    report("two processes", processes, "3.09");
    report("a loop, with unblock", unblocked, "");
    report("two loops, a thread each", loops, "");
    say!("  (the article: 25.86, 24.50 and 8.38 seconds)");
    if cores.get() > 1 && threads.min(processes).as_secs_f64() > alone.as_secs_f64() / 1.5 {
        say!("  (this machine is busy: on two free cores, two threads are twice as fast)");
    }
    Ok(())
}

fn article(model: &str, count: impl FnOnce() -> Outcome) -> Result<Duration, Box<dyn Error>> {
    say!("  {model}:");
    let time = timed(count)?;
    say!("Time taken: {:.3} seconds", time.as_secs_f64());
    Ok(time)
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
    let status = command.status().await?; // the loop awaits the child without another thread
    if status.success() { Ok(()) } else { Err(format!("the child process failed: {status}").into()) }
}

/// Does the work of a child. Returns `None` in the process that the user has started.
fn child() -> Option<ExitCode> {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let [flag, name, far] = arguments.as_slice() else { return None };
    let (_, count) = COUNTS.iter().find(|count| flag == CHILD && name == count.0)?;
    count(far.to_str()?.parse().ok()?);
    Some(ExitCode::SUCCESS)
}

/// Counts on other threads. The loop is free for other tasks meanwhile.
async fn on_other_threads(far: u64) -> Outcome {
    zip(unblock(move || count_up(far)), unblock(move || count_down(far))).await;
    Ok(())
}

/// Counts on two loops, each with a core for itself. A server uses several cores in the same way. (A
/// connection moves from one loop to another with `TcpStream::into_std`.)
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
