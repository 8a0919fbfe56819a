//! The benchmark of `oneloop-cores`. `cargo bench -p oneloop-cores-bench -- --help` prints its options.
//!
//! | file | holds |
//! |---|---|
//! | `main.rs` | the command line, and the order of the parts |
//! | `servers.rs` | the echo servers, each in a process of its own |
//! | `load.rs` | the load generator, and the processor time of a round trip |
//! | `spread.rs` | the distribution of the connections over the cores |
//! | `wakes.rs` | wakes from core to core, and from four threads at once |
//!
//! Each round measures all servers one after the other, so that a slow phase of the machine affects all
//! of them. The figure is the processor time of the server's process for one round trip. It includes all
//! threads of the process and their time in the kernel.

#[cfg(not(target_os = "linux"))]
compile_error!("the benchmark runs only on Linux: it reads the processor times that Linux provides");

mod load;
mod servers;
mod spread;
mod wakes;

use std::process::ExitCode;
use std::time::Duration;

use lexopt::prelude::*;

const HELP: &str = "\
The benchmark of oneloop-cores. It compares a server on two cores with one core, tokio and glommio.

Usage: cargo bench -p oneloop-cores-bench -- [PART...] [options]

  PART           trips (the processor time of a round trip), spread (the distribution of the
                 connections over the cores), or wakes (from core to core, and from up to four
                 threads). The default is all parts
  --seconds N    the time of each measurement, which may be a fraction (default: 2)
  --connections N
                 the number of connections of the round trips. The option may be given several
                 times (default: 64 and 1000)
  --rounds N     the number of rounds (default: 7)
  --help         prints this text";

/// The options of the command line.
pub struct Options {
    parts: Vec<String>,
    pub time: Duration,
    pub rounds: usize,
    /// The numbers of connections for which round trips are measured.
    pub connections: Vec<usize>,
}

impl Options {
    fn has(&self, part: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|chosen| chosen == part)
    }
}

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let outcome = match words.next().as_deref() {
        Some(servers::MARKER) => servers::serve(&words.next().unwrap_or_default()),
        _ => run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let Some(options) = parse()? else {
        println!("{HELP}");
        return Ok(());
    };
    oneloop_bench::sys::raise_descriptor_limit()?;
    println!("{} CPUs", oneloop_bench::sys::cores()?.len());
    if options.has("trips") {
        load::compare(&options)?;
    }
    if options.has("spread") {
        spread::compare()?;
    }
    if options.has("wakes") {
        wakes::compare(&options)?;
    }
    Ok(())
}

/// Reads the command line. Returns `None` if it asks for help.
fn parse() -> Result<Option<Options>, lexopt::Error> {
    let mut options =
        Options { parts: Vec::new(), time: Duration::from_secs(2), rounds: 7, connections: Vec::new() };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(None),
            Long("bench") => {} // Cargo adds this option.
            Long("seconds") => {
                let seconds = arguments.value()?.parse::<f64>()?;
                options.time = Duration::try_from_secs_f64(seconds)
                    .map_err(|error| format!("--seconds {seconds}: {error}"))?;
            }
            Long("rounds") => options.rounds = arguments.value()?.parse::<usize>()?.max(1),
            Long("connections") => {
                options.connections.push(arguments.value()?.parse::<std::num::NonZeroUsize>()?.get())
            }
            Value(part) if ["trips", "spread", "wakes"].iter().any(|known| part == *known) => {
                options.parts.push(part.string()?)
            }
            other => return Err(other.unexpected()),
        }
    }
    if options.connections.is_empty() {
        options.connections = vec![64, 1000];
    }
    Ok(Some(options))
}
