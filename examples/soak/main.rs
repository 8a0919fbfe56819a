//! All that the runtime can do, at once and for as long as the user likes, with every byte checked.
//!
//! ```text
//! cargo run --release --example soak -- --minutes 5
//! cargo run --release --example soak -- --connections 10000 --seconds 60
//! ONELOOP_DRIVER=polling cargo run --release --features polling --example soak
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `main.rs` | the program: it starts all work, lets the work rest three times, ends and judges |
//! | `work.rs` | workers, the counts of their operations, and the lock that makes them rest |
//! | `check.rs` | the bytes that are sent, and the check of those that are received |
//! | `stream.rs` | what TCP and Unix streams share: the round trip of one message |
//! | `servers.rs`, `apart.rs` | the servers of the example `echo`, if necessary in their own process |
//! | `echo.rs`, `churn.rs`, `udp.rs` | connections that stay, connections that come and go, datagrams |
//! | `timers.rs`, `timeouts.rs` | timers; time-outs that end reads, writes and accepts early |
//! | `tasks.rs`, `yields.rs` | tasks that are cancelled; tasks that yield |
//! | `threads.rs`, `blocking.rs`, `children.rs` | other threads, the pool of threads, child processes |
//! | `events.rs`, `events_io.rs` | the queue-based event loop |
//! | `inject.rs` | faults on purpose, which the program must find |
//! | `rest.rs`, `verdict.rs` | memory and descriptors at rest, and when they count as grown |
//! | `report.rs`, `bar.rs`, `options.rs` | the output, and the command line |

#[cfg(unix)]
mod apart;
mod bar;
#[cfg(feature = "unblock")]
mod blocking;
mod check;
#[cfg(feature = "process")]
mod children;
mod churn;
#[path = "../shared/counted.rs"]
mod counted;
#[path = "../echo/datagrams.rs"]
mod datagrams;
mod echo;
mod events;
mod events_io;
mod inject;
#[path = "../shared/numbers.rs"]
mod numbers;
mod options;
#[path = "../shared/process.rs"]
#[cfg_attr(not(unix), allow(dead_code, reason = "without a known limit the process raises none"))]
mod process;
mod report;
mod rest;
mod servers;
#[path = "../echo/shared.rs"]
#[allow(dead_code, reason = "only the other example prints the summary")]
mod shared;
#[path = "../echo/stop.rs"]
mod stop;
mod stream;
#[path = "../echo/streams.rs"]
mod streams;
mod tasks;
mod threads;
mod timeouts;
mod timers;
mod udp;
#[cfg(unix)]
#[path = "../echo/unix_path.rs"]
mod unix_path;
mod verdict;
mod work;
mod yields;

use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_lite::future::or;
use oneloop::Runtime;
use oneloop::time::{sleep, sleep_until};

use counted::counted;
use options::{Fault, Options, Request};
use process::{complain, say};
use report::{Progress, Rests};
use servers::{Addresses, Servers};
use stop::Stop;
use verdict::Verdict;
use work::{During, Soak};

const EXIT_NOT_STARTED: u8 = 2;

/// The longest warm-up. The warm-up takes a fifth of the time, up to this limit, and lasts until every
/// kind of work has been done a few times. By then everything that is made only once exists.
const WARM_UP_MAX: Duration = Duration::from_secs(30);
const WARM_OPERATIONS: u64 = 5;

/// The descriptors that everything but the echo's connections needs, with a reserve.
#[cfg(unix)]
const OTHER_DESCRIPTORS: u64 = 200;

fn main() -> ExitCode {
    let outcome = match options::parse() {
        Ok(Request::Help) => {
            say(options::HELP);
            Ok(0)
        }
        #[cfg(not(unix))]
        Ok(Request::Copy) => {
            let copied = std::io::copy(&mut std::io::stdin(), &mut std::io::stdout());
            copied.map(|_| 0).map_err(|error| error.to_string())
        }
        #[cfg(unix)]
        Ok(Request::Serve { spoil }) => apart::serve(spoil),
        Ok(Request::Run(options)) => run(&options),
        Err(error) => Err(format!("{error} (--help explains the options)")),
    };
    ExitCode::from(outcome.unwrap_or_else(|reason| {
        complain(&reason);
        EXIT_NOT_STARTED
    }))
}

fn run(options: &Options) -> Result<u8, String> {
    let ends = ends_with_descriptors(options.connections)?;
    let runtime = Runtime::new().during("no event loop can be made")?;
    runtime.block_on(async {
        let mut stop = Stop::listen().during("cannot listen for signals")?;
        let spoil = options.inject == Some(Fault::Byte);
        let (addresses, mut servers) = match ends {
            Ends::Both => servers::start(spoil).await.map(|(at, shared)| (at, Servers::Here(shared)))?,
            #[cfg(unix)]
            Ends::One => {
                let apart = match apart::Apart::start(spoil) {
                    Ok(apart) => apart,
                    Err(reason) => return interrupted(&mut stop).await.ok_or(reason),
                };
                (apart.addresses.clone(), Servers::Apart(apart))
            }
        };
        let soak = Soak::new(options.seed);
        say(&header(options, &servers));
        start(&soak, &addresses, options).await?;
        let progress = oneloop::spawn(Progress::new(options.time).follow(soak.clone()));

        let began = Instant::now();
        let mut rests = Rests::default();
        let asked = async { Ok(Some(stop.asked().await)) };
        if or(course(&soak, &mut servers, options.time, &mut rests), asked).await?.is_some() {
            complain("asked to end: the operations under way are finished");
        }
        let time = began.elapsed();
        let finished = async {
            soak.end();
            rests.end = Some(rest::sample(&soak, &mut servers, rests.start).await?);
            soak.workers_ended().await;
            Ok::<_, String>(None)
        };
        let again = or(finished, async { Ok(Some(stop.asked().await)) }).await?;
        progress.abort();
        let _ = progress.await; // the task clears the progress line
        Ok(again.unwrap_or_else(|| judge(&soak, &rests, time)))
    })
}

/// Returns the exit code if a request to end has arrived. A signal to the whole group may end the
/// servers' process before that process has a group of its own. The same signal may reach this loop
/// only a moment later.
#[cfg(unix)]
async fn interrupted(stop: &mut Stop) -> Option<u8> {
    let asked = oneloop::time::timeout(Duration::from_millis(100), stop.asked()).await.ok();
    asked.inspect(|_| complain("asked to end before the work began"))
}

/// The ends of the connections for which one process may have enough descriptors.
enum Ends {
    Both,
    #[cfg(unix)]
    One,
}

#[cfg(unix)]
fn ends_with_descriptors(connections: usize) -> Result<Ends, String> {
    let allowed =
        rlimit::increase_nofile_limit(rlimit::INFINITY).during("the limit of descriptors can't be raised")?;
    let needed = |ends: u64| ends * connections as u64 + OTHER_DESCRIPTORS;
    if needed(2) <= allowed {
        Ok(Ends::Both)
    } else if needed(1) <= allowed {
        Ok(Ends::One)
    } else {
        let needed = needed(1);
        Err(format!(
            "--connections {connections} needs {needed} descriptors and this system allows {allowed} (`ulimit -Hn`)"
        ))
    }
}

#[cfg(not(unix))]
fn ends_with_descriptors(_connections: usize) -> Result<Ends, String> {
    Ok(Ends::Both)
}

fn header(options: &Options, servers: &Servers) -> String {
    let driver = std::env::var("ONELOOP_DRIVER").unwrap_or_else(|_| "mio".to_owned());
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let Options { connections, seed, time, .. } = options;
    let connected = counted(connections, "connection");
    let mut header = format!("driver {driver}, {build} build, {connected}, {time:?}, --seed {seed}");
    let longest = echo::length_max(*connections);
    if longest < check::MESSAGE_BYTES_MAX {
        header += &format!("\nechoed messages have at most {longest} bytes with so many connections");
    }
    #[cfg(unix)]
    if matches!(servers, Servers::Apart(_)) {
        header += "\nthe servers have a process of their own: this system does not allow one\n\
             process enough descriptors for both ends of the connections";
    }
    #[cfg(not(unix))]
    let Servers::Here(_) = servers;
    if cfg!(not(unix)) {
        header += "\nwithout Unix sockets: this system has none";
    }
    if cfg!(not(feature = "unblock")) {
        header += "\nwithout `unblock`: the feature is not built in";
    }
    if cfg!(not(feature = "process")) {
        header += "\nwithout child processes: the feature `process` is not built in";
    }
    header
}

/// Starts the workers of every kind.
async fn start(soak: &Rc<Soak>, addresses: &Addresses, options: &Options) -> Result<(), String> {
    // No worker begins before all are started. A new connection waits long while many others work.
    let _rest = soak.rest().await;
    echo::start(soak, addresses, options.connections).await?;
    churn::start(soak, addresses);
    udp::start(soak, addresses).await?;
    timers::start(soak);
    timeouts::start(soak).await?;
    tasks::start(soak);
    yields::start(soak);
    threads::start(soak);
    #[cfg(feature = "unblock")]
    blocking::start(soak);
    #[cfg(feature = "process")]
    children::start(soak);
    events::start(soak)?;
    inject::start(options.inject);
    Ok(())
}

/// Waits for the given time, with a rest after the warm-up and one in the middle. The rest at the end
/// is not a part of this function, because it also happens when the end comes early.
async fn course(
    soak: &Soak,
    servers: &mut Servers,
    time: Duration,
    rests: &mut Rests,
) -> Result<Option<u8>, String> {
    let end = Instant::now() + time;
    sleep((time / 5).min(WARM_UP_MAX)).await;
    while soak.errors() == 0
        && soak.tallies.borrow().iter().any(|tally| tally.operations.get() < WARM_OPERATIONS)
    {
        sleep(Duration::from_millis(10)).await;
    }
    rests.start = Some(rest::sample(soak, servers, None).await?);
    // The rest does not move the end.
    sleep(end.saturating_duration_since(Instant::now()) / 2).await;
    rests.middle = Some(rest::sample(soak, servers, rests.start).await?);
    sleep_until(end).await;
    Ok(None)
}

/// Prints the tables. Returns the exit code.
fn judge(soak: &Soak, rests: &Rests, time: Duration) -> u8 {
    say(&format!("\n{}\n{}", report::work(soak), rests.tables()));
    let verdict = rests.verdict();
    let at_rest = match verdict {
        Verdict::Flat => "nothing grew",
        Verdict::Grew => "memory or descriptors grew",
        Verdict::Unknown => "too early to see growth",
    };
    let (errors, seconds, seed) = (counted(soak.errors(), "error"), time.as_secs_f64(), soak.seed);
    say(&format!("{errors} in {seconds:.1} seconds; {at_rest}; seed {seed}"));
    (soak.errors() > 0 || verdict == Verdict::Grew).into()
}
