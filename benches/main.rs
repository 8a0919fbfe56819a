//! The benchmark of `oneloop` against its peers: `cargo bench -p oneloop-bench -- --help`.
//!
//! Counts come first: how many user instructions and system calls one operation takes, by valgrind ([`counting`]). They are
//! the same in every run, while a time on a shared machine varies by a fifth from minute to minute.
//!
//! Then three families of cases run side by side, in rounds (A B C A B C), so that whatever slows the machine down for a
//! while slows every runtime down:
//!
//! * [`servers`]: TCP servers, each in a fresh process pinned to one core, under a load generator on another core. They
//!   are asked byte by byte whether they are echo servers before anything counts. The figure to trust is the processor
//!   time (kernel included) that the server process spends on one round trip, and its ratio to the hand-written `epoll`
//!   loop of the same round.
//! * [`http`]: the same hyper service on oneloop and on tokio, measured likewise; ratios are to tokio.
//! * [`operations`]: what a runtime does between system calls: spawning, yielding, waking, timers, memory.
//!
//! | file | holds |
//! |---|---|
//! | `args.rs`, `plan.rs`, `run.rs` | the command line; what it chooses; the rounds and the progress bar |
//! | `case.rs` | what a case is, and a sweep: one kind of work at several sizes |
//! | `counting/` | the counts, and our own held against their table |
//! | `child.rs` | this program started again as a measured process |
//! | `servers/` | the load generator and what it measures |
//! | `http/` | the same for HTTP/1.1 and HTTP/2 |
//! | `operations/` | one file per kind of operation, generic over the runtime |
//! | `peers/` | one file per runtime: its echo server and its side of the operations; the HTTP servers |
//! | `sys.rs`, `epoll.rs`, `heap.rs` | the operating system, made safe; a counting allocator |
//! | `machine.rs` | who else used the machine meanwhile |
//! | `report.rs`, `overview.rs` | one case and what it showed; many cases in one table |
//! | `stats.rs`, `table.rs` | medians and spreads; text tables |
//! | `record_run.rs` | a run as data, and into files |
//! | `lib.rs` | the parts that no runtime takes part in, with a table of their own |
//! | `facts/` | the smallest echo server on each library, built by `library/` |

#[cfg(not(target_os = "linux"))]
compile_error!("the benchmark measures epoll and io_uring: run it on Linux");

mod args;
mod case;
mod child;
mod counting;
mod epoll;
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

use std::process::ExitCode;

// Whatever needs no runtime is in the library, which has tests.
use oneloop_bench::{machine, stats, sys, table};

#[global_allocator]
static HEAP: heap::Counted = heap::Counted;

fn main() -> ExitCode {
    let result = args::parse().and_then(|command| match command {
        args::Command::Help => {
            print!("{}", args::help());
            Ok(())
        }
        args::Command::Run(options) => run::all(&options),
        args::Command::Child(role) => child::become_role(&role),
        args::Command::NotABenchmarkRun => {
            println!("nothing to test here: `cargo bench -p oneloop-bench` runs the benchmark");
            Ok(())
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
