//! Runs connections, messages, broadcasts and panics on several cores at the same time, for a time that
//! the user sets, and checks that the counts agree.
//!
//! ```text
//! cargo run --release -p oneloop-cores --example soak_cores -- --seconds 60
//! ```
//!
//! | file | content |
//! |---|---|
//! | `main.rs` | the command line, and the result |
//! | `core.rs` | the work of each core: echo at two ports, messages to all cores, panics on request |
//! | `clients.rs` | the clients, which open and close connections and check every byte |
//! | `counts.rs` | the counts of the clients and the cores |
//!
//! The work has two halves, and the process rests after each. Descriptors and memory must not grow from
//! the first rest to the second. Ctrl+C ends the work early: the counts of the work until then must
//! agree.

mod clients;
mod core;
mod counts;
#[path = "../shared/process.rs"]
mod process;
#[path = "../shared/signals.rs"]
mod signals;
#[path = "../shared/stop.rs"]
mod stop;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use lexopt::prelude::*;
use oneloop_cores::{Control, Cores, ListenOptions, Policy, Spread};

use clients::End;
use core::Plan;
use counts::{Counts, Held};
use process::{complain, say};

const HELP: &str = "\
Runs connections, messages, broadcasts and panics on several cores at the same time, and checks that
the counts agree.

usage: soak_cores [--cores N] [--seconds N | --hours N]

  --cores N    how many cores (default: 4)
  --seconds N, --hours N
               how long; fractions are allowed (default: 10 seconds)
  --help       print this help

Ctrl+C ends the work early and prints the counts until then. Descriptors and memory are not compared
then. A second Ctrl+C ends the program at once.

exit codes: 0 all counts agree, and neither descriptors nor memory grew
            1 a count differs, descriptors or memory grew, or `run` panicked
            2 could not start
            130 (Ctrl+C) or 143 (SIGTERM) when asked a second time to end";

/// The limit for the restart of a core, far longer than a restart takes.
const BACK_WITHIN: Duration = Duration::from_secs(60);

struct Options {
    cores: usize,
    time: Duration,
}

fn main() -> ExitCode {
    let outcome = match parse() {
        Ok(Some(options)) => run(&options),
        Ok(None) => {
            say(HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => Err((2, format!("{error} (--help explains the options)"))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, reason)) => {
            complain(&reason);
            ExitCode::from(code)
        }
    }
}

fn parse() -> Result<Option<Options>, lexopt::Error> {
    let mut options = Options { cores: 4, time: Duration::from_secs(10) };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(None),
            Long("cores") => options.cores = arguments.value()?.parse::<std::num::NonZeroUsize>()?.get(),
            Long("seconds") => options.time = seconds(&mut arguments, 1.0)?,
            Long("hours") => options.time = seconds(&mut arguments, 3600.0)?,
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(options))
}

fn seconds(arguments: &mut lexopt::Parser, unit: f64) -> Result<Duration, lexopt::Error> {
    let number = arguments.value()?.parse::<f64>()?;
    Duration::try_from_secs_f64(number * unit).map_err(|error| format!("{number}: {error}").into())
}

fn run(options: &Options) -> Result<(), (u8, String)> {
    let not_started = |error: std::io::Error| (2, format!("could not start: {error}"));
    process::raise_descriptor_limit();
    core::silence_the_traces();
    let policy = Policy::restart(100_000, Duration::from_secs(1)).pause(Duration::from_millis(1));
    let mut cores = Cores::new().count(options.cores).on_panic(policy).stop_deadline(Duration::from_secs(60));
    let least = ListenOptions::new().spread(Spread::LeastLoaded);
    let ports = [cores.listen("127.0.0.1:0"), cores.listen_with("127.0.0.1:0", least)];
    let ports = ports.into_iter().collect::<Result<Vec<_>, _>>().map_err(not_started)?;
    let counts = Arc::new(Counts::default());
    let plan = Plan::new(&ports, &counts);
    let orders = plan.orders();

    let signalled = Arc::new(AtomicBool::new(false));
    let at_signal = signalled.clone();
    signals::stop_at_signals("stopping early".to_owned(), move || at_signal.store(true, Relaxed))
        .map_err(|error| (2, error))?;
    let control = cores.control();
    let running = thread::spawn(move || cores.run(move |core| plan.clone().run(core)));
    let (mut rests, mut early) = (Vec::new(), false);
    for half in 1..=2 {
        let end = End::after(options.time / 2, &signalled);
        clients::work(&ports, &counts, &end, || panic_one(&control, &orders, &counts));
        early = signalled.load(Relaxed);
        rest(&control);
        rests.push(Held::now());
        say(&format!("half {half}: {counts}; {}", rests[half - 1]));
        if early {
            break;
        }
    }
    control.stop();
    let report = match running.join() {
        Ok(report) => report.map_err(not_started)?,
        Err(_) => return Err((1, "run panicked".to_owned())),
    };
    say(&report.to_string());
    let mut faults = counts.faults(&report);
    match &rests[..] {
        // A signal may come before the first byte and the first message.
        _ if early => say("descriptors and memory are not compared after an early end"),
        [first, second] => {
            faults.extend(counts.nothing_done());
            faults.extend(first.grown(second));
        }
        _ => unreachable!("without a signal there are two halves"),
    }
    if faults.is_empty() { Ok(()) } else { Err((1, faults.join("; "))) }
}

/// Makes the next core panic, and waits until it has started again, because before that the core would
/// miss an order.
fn panic_one(control: &Control, orders: &oneloop_cores::Broadcast<usize>, counts: &Counts) {
    let cores = control.figures().len();
    if !core::all_listen(counts, cores) {
        return; // The cores are still starting.
    }
    let core = counts::get(&counts.panics) as usize % cores;
    counts.panicked();
    orders.send(core);
    let begun = Instant::now();
    while !core::all_listen(counts, cores) {
        if begun.elapsed() > BACK_WITHIN {
            return complain(&format!("core {core} did not start again"));
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Waits until no connection is open.
fn rest(control: &Control) {
    while control.figures().iter().any(|core| core.open > 0) {
        thread::sleep(Duration::from_millis(1));
    }
}
