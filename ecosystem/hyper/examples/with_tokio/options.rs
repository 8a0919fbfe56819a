//! The command line.

use std::num::NonZeroU32;

use lexopt::prelude::*;

pub const HELP: &str = "\
A library that needs tokio (reqwest) on a loop of oneloop, and what that costs.

usage: with_tokio [--requests N]

  --requests N  requests in each of the three ways (default: 2000)
  --help        print this

It starts a server on a port of 127.0.0.1 that the system chooses, sends it the
requests, and prints a table. Ctrl+C or SIGTERM ends it; the table has the
rounds that are complete then.

exit codes: 0 done
            1 a request failed, or a thread, a loop or a socket can't be made
            2 bad arguments
            130 (Ctrl+C) or 143 (SIGTERM) when it was ended";

pub enum Request {
    Help,
    Measure { requests: usize },
}

pub fn parse() -> Result<Request, lexopt::Error> {
    let mut requests = 2_000;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(Request::Help),
            Long("requests") => requests = arguments.value()?.parse::<NonZeroU32>()?.get() as usize,
            other => return Err(other.unexpected()),
        }
    }
    Ok(Request::Measure { requests })
}
