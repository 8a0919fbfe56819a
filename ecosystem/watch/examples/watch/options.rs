//! The command line.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::*;

pub const HELP: &str = "\
An echo server under load with one task that misbehaves. Writes a record of its
loop, and the page that shows it. Ctrl+C ends the load, and writes both.

usage: watch [--connections N] [--seconds N] [--out DIR]

  --connections N  clients at once (default: 50)
  --seconds N      how long (default: 2)
  --out DIR        the folder for `watch.rec` and `watch.html` (default: a new
                   folder among the temporary files)
  -h, --help       print this

exit codes: 0 done
            1 a file could not be written, or the server has failed
            2 bad arguments";

#[derive(Clone, Copy)]
pub struct Load {
    pub connections: u32,
    pub time: Duration,
}

pub struct Options {
    pub load: Load,
    pub out: Option<PathBuf>,
}

pub enum Request {
    Help,
    Run(Options),
}

pub fn parse() -> Result<Request, lexopt::Error> {
    let mut load = Load { connections: 50, time: Duration::from_secs(2) };
    let mut out = None;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Request::Help),
            Long("connections") => load.connections = arguments.value()?.parse::<NonZeroU32>()?.get(),
            Long("seconds") => {
                load.time = Duration::from_secs(arguments.value()?.parse::<NonZeroU32>()?.get().into());
            }
            Long("out") if out.is_none() => out = Some(arguments.value()?.into()),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Request::Run(Options { load, out }))
}
