//! Everything that the runtime can do, all at once and for as long as one likes, with every byte checked.
//!
//! ```text
//! cargo run --release --example soak -- --minutes 5
//! cargo run --release --example soak -- --connections 10000 --seconds 60
//! ONELOOP_DRIVER=polling cargo run --release --features polling --example soak
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `main.rs` | the life of the program: start all work, rest now and then, end, judge |
//! | `work.rs` | workers, what they have done, and the gate at which they rest |
//! | `check.rs` | the bytes that are sent, and what came of them |
//! | `stream.rs` | what TCP and Unix streams share: the round trip of one message |
//! | `servers.rs`, `apart.rs` | the servers: those of the example `echo`; in a process of their own, if need be |
//! | `echo.rs`, `churn.rs`, `udp.rs` | connections that stay, connections that come and go, datagrams |
//! | `timers.rs`, `timeouts.rs` | timers; time-outs that cut reads, writes and accepts off |
//! | `tasks.rs`, `yields.rs` | tasks that are cancelled; tasks that give way |
//! | `threads.rs`, `blocking.rs`, `children.rs` | other threads, the pool of threads, child processes |
//! | `events.rs`, `events_io.rs` | the queue-based event loop |
//! | `inject.rs` | faults on purpose, to see that they are found |
//! | `rest.rs`, `verdict.rs` | memory and descriptors at rest, and when they count as grown |
//! | `report.rs`, `options.rs` | what is shown, and the command line |

#[cfg(unix)]
mod apart;
#[cfg(feature = "unblock")]
mod blocking;
mod check;
#[cfg(feature = "process")]
mod children;
mod churn;
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
#[cfg_attr(not(unix), allow(dead_code, reason = "only where a limit is known the process asks for more"))]
mod process;
mod report;
mod rest;
mod servers;
#[path = "../echo/shared.rs"]
#[allow(dead_code, reason = "its summary is the other example's")]
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

use options::{Fault, Options, Request};
use process::{complain, say};
use report::{Progress, Rests};
use servers::{Addresses, Servers};
use stop::Stop;
use work::{During, Soak};

const EXIT_NOT_STARTED: u8 = 2;

/// Warming up takes a fifth of the time, so long at most, and until every kind of work has been done a few times: by then all
/// that is made once is there.
const WARM_UP_MAX: Duration = Duration::from_secs(30);
const WARM_OPERATIONS: u64 = 5;

/// What all but the echo's connections need of descriptors, generously.
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
    let room = room(options.connections)?;
    let runtime = Runtime::new().during("no event loop can be made")?;
    runtime.block_on(async {
        let mut stop = Stop::listen().during("cannot listen for signals")?;
        let spoil = options.inject == Some(Fault::Byte);
        let (addresses, mut servers) = match room {
            Room::ForAll => servers::start(spoil).await.map(|(at, shared)| (at, Servers::Here(shared)))?,
            #[cfg(unix)]
            Room::ForOneEnd => {
                let apart = apart::Apart::start(spoil)?;
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
            complain("asked to end: what has begun is finished");
        }
        let time = began.elapsed();
        let finished = async {
            soak.end();
            rests.end = Some(rest::sample(&soak, &mut servers, rests.start).await?);
            soak.all_gone().await;
            Ok::<_, String>(None)
        };
        let again = or(finished, async { Ok(Some(stop.asked().await)) }).await?;
        progress.abort();
        let _ = progress.await; // it wipes its line
        Ok(again.unwrap_or_else(|| judge(&soak, &rests, time)))
    })
}

/// What there are descriptors enough for.
enum Room {
    ForAll,
    #[cfg(unix)]
    ForOneEnd,
}

#[cfg(unix)]
fn room(connections: usize) -> Result<Room, String> {
    let allowed =
        rlimit::increase_nofile_limit(rlimit::INFINITY).during("the limit of descriptors can't be raised")?;
    let needed = |ends: u64| ends * connections as u64 + OTHER_DESCRIPTORS;
    if needed(2) <= allowed {
        Ok(Room::ForAll)
    } else if needed(1) <= allowed {
        Ok(Room::ForOneEnd)
    } else {
        let needed = needed(1);
        Err(format!(
            "--connections {connections} needs {needed} descriptors and this system allows {allowed} (`ulimit -Hn`)"
        ))
    }
}

#[cfg(not(unix))]
fn room(_connections: usize) -> Result<Room, String> {
    Ok(Room::ForAll)
}

fn header(options: &Options, servers: &Servers) -> String {
    let driver = std::env::var("ONELOOP_DRIVER").unwrap_or_else(|_| "mio".to_owned());
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let Options { connections, seed, time, .. } = options;
    let mut header =
        format!("driver {driver}, {build} build, {connections} connections, {time:?}, --seed {seed}");
    let longest = echo::length_max(*connections);
    if longest < check::MESSAGE_BYTES_MAX {
        header += &format!("\nechoed messages of at most {longest} bytes, because of their number");
    }
    #[cfg(unix)]
    if matches!(servers, Servers::Apart(_)) {
        header +=
            "\nthe servers have a process of their own: one may not have descriptors for both ends here";
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
    // Nobody begins before all are there: connections wait long in a crowd that works.
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

/// The time that was asked for, with a rest after warming up and one in the middle. The one at the end isn't a part of it, because
/// there is one also if the end comes early.
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
    // However long that took, the end stays what it was.
    sleep(end.saturating_duration_since(Instant::now()) / 2).await;
    rests.middle = Some(rest::sample(soak, servers, rests.start).await?);
    sleep_until(end).await;
    Ok(None)
}

/// Prints the tables. Returns the exit code.
fn judge(soak: &Soak, rests: &Rests, time: Duration) -> u8 {
    say(&format!("\n{}\n{}", report::work(soak), rests.tables()));
    let errors = soak.errors();
    let grown = if rests.grew() { "grew" } else { "did not grow" };
    let (seconds, seed) = (time.as_secs_f64(), soak.seed);
    say(&format!("{errors} errors in {seconds:.1} seconds; what is held at rest {grown}; seed {seed}"));
    (errors > 0 || rests.grew()).into()
}
