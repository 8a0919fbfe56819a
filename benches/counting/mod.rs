//! The counts: user instructions and system calls for one operation, by valgrind's tool callgrind.
//!
//! A time on a shared machine varies by a fifth from minute to minute. The number of instructions of the
//! same program does not vary. The benchmark starts itself again under callgrind, once for a short run
//! and once for a long run. The runs differ by a fixed number of operations, so that the difference does
//! not include the start and the end of the program.
//!
//! The count includes only instructions of the program's own object. The runtime, all crates and Rust's
//! standard library are linked into this object. The C library chooses its `memcpy` by the processor, so
//! its instructions have a column of their own.
//!
//! gungraun (formerly iai-callgrind) does not fit. It counts a function or a command that it starts
//! itself through a runner binary of exactly its own version. A server of this benchmark needs a load
//! from a process that is not under valgrind. A figure of this benchmark is the difference of two runs,
//! by object, with system calls. The parser for this purpose has about 60 lines.
//!
//! | file | holds |
//! |---|---|
//! | `valgrind.rs` | the start of a process under callgrind, and callgrind's output |
//! | `lockstep.rs` | the load for a server: the same order of events in every run |
//! | `hold.rs` | the comparison of a run with the table of oneloop's counts |

pub mod hold;
mod lockstep;
mod valgrind;

use std::io;
use std::time::Duration;

use oneloop_bench::counts::Count;
use oneloop_bench::record::Family;
use oneloop_bench::sys;

pub use valgrind::Valgrind;

use crate::case::Metric;
use crate::child::{self, Role, ServerProcess};
use crate::operations::{self, Length};
use crate::peers::{Candidate, Server};
use crate::plan::{Chosen, Job};
use crate::report::Sheet;
use crate::{http, servers};

const METRICS: &[Metric] = &[
    Metric::compared("instructions", "/op"),
    Metric::shown("in C libraries", "/op"),
    Metric::shown("system calls", "/op"),
];

/// The server cases that are counted.
const SERVERS: &[&str] = &["echo-1", "echo-50", "churn"];
/// The HTTP cases that are counted.
const HTTP: &[&str] = &[
    "http1-get-1",
    "http1-get-64",
    "http1-post-1",
    "http2-get-1",
    "http2-get-64",
    "http2-get-1x64",
    "http2-post-1",
];
/// The operation cases that are counted.
const OPERATIONS: &[&str] = &[
    "spawn-join",
    "spawn-join-boxed",
    "spawn-batch-1000",
    "yield",
    "yield-1000",
    "wake-local",
    "wake-again",
    "wake-remote",
    "ping-pong",
    "channel",
    "ring-1000",
    "timer-drop",
    "timers-fire",
    "wake-asleep",
];

/// The counted cases whose number of reads differs from run to run. The table has no row for them.
const VARY: &[&str] = &["http2-post-1"];

/// A case that is counted.
#[derive(Clone, Copy)]
pub enum Counted {
    Server(&'static servers::Case),
    Http(&'static http::Case),
    Operation(&'static operations::Case),
}

/// Returns all counted cases.
pub fn cases() -> Vec<Counted> {
    let servers = servers::CASES.iter().filter(|case| SERVERS.contains(&case.name.as_str()));
    let operations = operations::CASES.iter().filter(|case| OPERATIONS.contains(&case.name.as_str()));
    let http = http::CASES.iter().filter(|case| HTTP.contains(&case.name.as_str()));
    servers
        .map(Counted::Server)
        .chain(http.map(Counted::Http))
        .chain(operations.map(Counted::Operation))
        .collect()
}

impl Counted {
    /// Whether the count is the same in every run, so that the table can have a row for it.
    pub fn is_steady(self) -> bool {
        !VARY.contains(&self.name())
    }

    pub fn name(self) -> &'static str {
        match self {
            Counted::Server(case) => &case.name,
            Counted::Http(case) => &case.name,
            Counted::Operation(case) => &case.name,
        }
    }

    /// The description of the counted work, which differs from the timed work in some cases.
    pub fn about(self) -> &'static str {
        match self {
            Counted::Operation(case) => match case.kind {
                operations::Kind::TimersFire => {
                    "1,000 tasks are spawned, sleep until one deadline and are joined (per task)"
                }
                operations::Kind::WakeAsleep => {
                    "another thread wakes a task of a loop that sleeps (the instructions of both threads)"
                }
                _ => &case.about,
            },
            Counted::Server(case) => &case.about,
            Counted::Http(case) => &case.about,
        }
    }
}

/// Returns the counting jobs for the chosen cases and runtimes.
pub fn jobs<'a>(chosen: &'a Chosen, valgrind: &'a Valgrind, core: usize) -> impl Iterator<Item = Job<'a>> {
    let job = move |&counted: &Counted| match counted {
        Counted::Server(case) => {
            let servers = chosen.counted_servers();
            let subjects = servers.iter().map(|server| server.name);
            Job {
                sheet: Sheet::counting(Family::Servers, counted, METRICS, subjects),
                rounds: 1,
                estimate: Duration::from_millis(2_000),
                measure: Box::new(move |subject| server(valgrind, core, servers[subject], case).map(figures)),
            }
        }
        Counted::Http(case) => {
            let servers = &chosen.counted_http_servers;
            let subjects = servers.iter().map(|server| server.name);
            Job {
                sheet: Sheet::counting(Family::Http, counted, METRICS, subjects),
                rounds: 1,
                estimate: Duration::from_millis(4_000),
                measure: Box::new(move |subject| {
                    http_server(valgrind, core, servers[subject], case).map(figures)
                }),
            }
        }
        Counted::Operation(case) => {
            // The variants of oneloop with an option differ only in times, so they are not counted.
            let by_default = chosen.executors.iter().filter(|it| !it.name.starts_with("oneloop-"));
            let executors: Vec<&Candidate> = by_default.copied().collect();
            let subjects = executors.iter().map(|executor| executor.name);
            Job {
                sheet: Sheet::counting(Family::Operations, counted, METRICS, subjects),
                rounds: 1,
                estimate: Duration::from_millis(2_500),
                measure: Box::new(move |subject| {
                    operation(valgrind, core, executors[subject], case).map(figures)
                }),
            }
        }
    };
    chosen.counted.iter().map(job).filter(|job| !job.sheet.subjects.is_empty())
}

fn figures(count: Count) -> Vec<f64> {
    vec![count.own, count.libraries, count.system_calls]
}

/// Counts the cost of one round trip, or of one connection, on a server.
///
/// The load runs on the server's core. `lockstep.rs` gives the reason.
fn server(
    valgrind: &Valgrind,
    core: usize,
    server: &'static Server,
    case: &servers::Case,
) -> Result<Count, String> {
    let load = |process: &ServerProcess, volleys| lockstep::load(process, case, volleys);
    loaded(valgrind, core, server, case.shape().buffer_bytes, lockstep::volleys(case), load)
}

/// Counts the cost of one request on an HTTP server, in the same way.
fn http_server(
    valgrind: &Valgrind,
    core: usize,
    server: &'static Server,
    case: &http::Case,
) -> Result<Count, String> {
    let shape = case.shape();
    let load = |process: &ServerProcess, volleys| lockstep::load_http(process, shape, volleys);
    loaded(valgrind, core, server, 0, lockstep::http_volleys(shape), load)
}

/// Returns the difference of two runs of a server under a load. `load` returns its number of operations.
fn loaded(
    valgrind: &Valgrind,
    core: usize,
    server: &'static Server,
    buffer_bytes: usize,
    [short, long]: [usize; 2],
    load: impl Fn(&ServerProcess, usize) -> io::Result<usize>,
) -> Result<Count, String> {
    let run = |volleys: usize| {
        let listener = lockstep::listen().map_err(|error| format!("cannot listen: {error}"))?;
        let subject = servers::Subject { server, interpreter: None };
        let mut process = ServerProcess::start(&subject, core, buffer_bytes, listener, Some(valgrind))?;
        let load = sys::schedule_as_batch(process.id()).and_then(|()| load(&process, volleys));
        let operations = load.map_err(|error| process.failure().unwrap_or_else(|| error.to_string()))?;
        process.end()?;
        Ok::<_, String>((valgrind.profile()?, operations))
    };
    let (short, operations_short) = run(short)?;
    let (long, operations_long) = run(long)?;
    long.per_operation(&short, (operations_long - operations_short) as f64, valgrind.program())
}

/// Counts the cost of one operation on a runtime.
fn operation(
    valgrind: &Valgrind,
    core: usize,
    executor: &'static Candidate,
    case: &'static operations::Case,
) -> Result<Count, String> {
    let run = |samples| {
        let setting = operations::Setting { length: Length::Samples(samples), core, other_core: None };
        let role = Role::Operate { executor, case, setting };
        let operations = child::operate(&role, Some(valgrind), TIME_MAX)?;
        let operations = *operations.first().ok_or("the process printed no number of operations")?;
        Ok::<_, String>((valgrind.profile()?, operations))
    };
    let (short, operations_short) = run(1)?;
    let (long, operations_long) = run(2)?;
    long.per_operation(&short, operations_long - operations_short, valgrind.program())
}

/// The time limit of a process under valgrind. A working process needs much less.
const TIME_MAX: Duration = Duration::from_secs(30);
