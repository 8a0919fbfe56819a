//! The command line.

use std::ffi::OsString;
use std::time::Duration;

use lexopt::prelude::*;

use crate::numbers::within;

pub const HELP: &str = "\
Does everything that the runtime can do, at once and for as long as you like,
and checks every byte: echo over TCP, Unix sockets and UDP, clients that connect
and disconnect, timers, time-outs, cancellations, other threads, child
processes, the queue-based event loop.

usage: soak [--seconds N | --minutes N | --hours N] [--connections N] [--seed N]

  --seconds N, --minutes N, --hours N
                   how long (default: 10 seconds); fractions are allowed,
                   and several options add up
  --connections N  echo connections that stay open (default: 50)
  --seed N         the seed of all random choices (default: another one each
                   time)
  --inject FAULT   make a fault, which must be found: with `byte` the echo
                   server sends wrong bytes, with `memory` or `descriptor` the
                   program leaks some again and again
  --help           print this

ONELOOP_DRIVER chooses the driver. Three times all work rests for a moment, and
the program measures memory and descriptors, which must not grow. Ctrl+C ends it
early, with the table of the finished work.

exit codes: 0 no errors, nothing grew
            1 errors, or memory or descriptors grew
            2 could not start: bad arguments, or more connections than the
              system allows
            130 (Ctrl+C) or 143 (SIGTERM) when asked a second time to end";

/// The argument that makes this program a child that writes what it reads, where there is no `cat`.
#[cfg(not(unix))]
pub const COPY: &str = "--copy";

/// The argument that makes this program the process of the servers. With the second one the servers
/// send wrong bytes.
#[cfg(unix)]
pub const SERVE: &str = "--serve";
#[cfg(unix)]
pub const SERVE_SPOILED: &str = "--serve-spoiled";

pub enum Request {
    Help,
    #[cfg(not(unix))]
    Copy,
    #[cfg(unix)]
    Serve {
        spoil: bool,
    },
    Run(Options),
}

pub struct Options {
    pub time: Duration,
    pub connections: usize,
    pub seed: u64,
    pub inject: Option<Fault>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Byte,
    Memory,
    Descriptor,
}

pub fn parse() -> Result<Request, lexopt::Error> {
    let mut seconds = 0.0;
    let (mut connections, mut seed, mut inject) = (50, None, None);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(Request::Help),
            #[cfg(not(unix))]
            Long("copy") => return Ok(Request::Copy),
            #[cfg(unix)]
            Long("serve") => return Ok(Request::Serve { spoil: false }),
            #[cfg(unix)]
            Long("serve-spoiled") => return Ok(Request::Serve { spoil: true }),
            Long("seconds") => seconds += time("--seconds", arguments.value()?)?,
            Long("minutes") => seconds += time("--minutes", arguments.value()?)? * 60.0,
            Long("hours") => seconds += time("--hours", arguments.value()?)? * 3600.0,
            Long("connections") => {
                connections = within("--connections", arguments.value()?, 1..=1_000_000)?;
            }
            Long("seed") => seed = Some(within("--seed", arguments.value()?, 0..=u64::MAX)?),
            Long("inject") => inject = Some(fault(arguments.value()?)?),
            other => return Err(other.unexpected()),
        }
    }
    let time = Duration::from_secs_f64(if seconds > 0.0 { seconds } else { 10.0 });
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    Ok(Request::Run(Options { time, connections, seed, inject }))
}

fn fault(value: OsString) -> Result<Fault, lexopt::Error> {
    match value.string()?.as_str() {
        "byte" => Ok(Fault::Byte),
        "memory" => Ok(Fault::Memory),
        "descriptor" => Ok(Fault::Descriptor),
        other => Err(format!("--inject takes `byte`, `memory` or `descriptor`, not `{other}`").into()),
    }
}

fn time(option: &str, value: OsString) -> Result<f64, lexopt::Error> {
    within(option, value, 0.001..=1e6)
}
