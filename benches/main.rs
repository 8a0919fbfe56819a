//! The benchmark of `oneloop` and its peers. `cargo bench -p oneloop-bench -- --help` prints its
//! options.
//!
//! Counts come first: the user instructions and system calls of one operation, counted by valgrind
//! ([`counting`]). They are the same in every run, while a time on a shared machine varies by a fifth
//! from minute to minute.
//!
//! Then the runtimes are measured in three families of cases. The rounds are interleaved (A B C A B C),
//! so that a slow phase of the machine affects every runtime:
//!
//! * [`servers`]: TCP servers, each in a new process that is pinned to one core, under a load generator
//!   on another core. Before the measurement, the benchmark compares the answers of each server byte by
//!   byte. The reliable figure is the processor time (kernel included) of the server process for one
//!   round trip, and its ratio to the hand-written `epoll` loop of the same round.
//! * [`http`]: the same hyper service on oneloop and on tokio, measured in the same way. Ratios are to
//!   tokio.
//! * [`operations`]: the operations of a runtime between system calls: spawning, yielding, waking,
//!   timers, memory.
//!
//! | file | holds |
//! |---|---|
//! | `args.rs`, `plan.rs` | the command line; the chosen cases and runtimes |
//! | `run.rs`, `execute.rs`, `stop.rs` | a whole run; the rounds and the progress bar; Ctrl+C |
//! | `case.rs` | the types of a case and of a sweep: one kind of work at several sizes |
//! | `counting/` | the counts, and the comparison of oneloop's counts with their table |
//! | `child.rs` | the measured child processes |
//! | `servers/` | the load generator and its cases |
//! | `http/` | the same for HTTP/1.1 and HTTP/2 |
//! | `operations/` | one file per kind of operation, generic over the runtime |
//! | `peers/` | one file per runtime: its echo server and its side of the operations; the HTTP servers |
//! | `sys.rs`, `epoll.rs`, `heap.rs` | safe wrappers of system calls; a counting allocator |
//! | `machine.rs` | the processor time of other programs |
//! | `report.rs`, `overview.rs` | one case and its figures; many cases in one table |
//! | `stats.rs`, `table.rs` | medians and spreads; text tables |
//! | `record_run.rs`, `stored.rs` | the record of a run and its files; the page and the chart of stored results |
//! | `lib.rs` | the parts that need no runtime, with a table of their own |
//! | `facts/` | the smallest echo server on each library, built by `library/` |

#[cfg(not(target_os = "linux"))]
compile_error!("the benchmark runs only on Linux: it measures epoll and io_uring");

mod args;
mod case;
mod child;
mod counting;
mod epoll;
mod execute;
mod heap;
mod http;
mod operations;
mod overview;
mod peers;
mod plan;
mod record_run;
mod report;
mod run;
mod servers;
mod stop;
mod stored;

use std::process::ExitCode;

// The parts that need no runtime are in the library, which has tests.
use oneloop_bench::{machine, stats, sys, table};

#[global_allocator]
static HEAP: heap::Counted = heap::Counted;

fn main() -> ExitCode {
    let done = |()| run::Ended::Whole;
    let result = args::parse().and_then(|command| match command {
        args::Command::Help => {
            print!("{}", args::help());
            Ok(done(()))
        }
        args::Command::Run(options) => run::all(&options),
        args::Command::Child(role) => child::become_role(&role).map(done),
        args::Command::Page { results, to } => stored::page(&results, &to).map(done),
        args::Command::Chart { results, to } => stored::chart(&results, &to).map(done),
        args::Command::NotABenchmarkRun => {
            println!("this target has no tests: `cargo bench -p oneloop-bench` runs the benchmark");
            Ok(done(()))
        }
    });
    match result {
        Ok(run::Ended::Whole) => ExitCode::SUCCESS,
        // A shell reports the same status for a program that Ctrl+C has ended.
        Ok(run::Ended::Interrupted) => ExitCode::from(130),
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
