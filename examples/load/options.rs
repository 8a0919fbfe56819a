//! The command line.

use std::fmt;
#[cfg(unix)]
use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::*;

use crate::numbers::within;

pub const HELP: &str = "\
Puts an echo server under load: every connection sends a message, waits until it
has come back, and sends the next. Checks every byte.

usage: load [ADDRESS] [--conns N] [--size BYTES] [--secs SECONDS]
       load --unix PATH ...

  ADDRESS      HOST:PORT of the server (default: 127.0.0.1:7000)
  --unix PATH  connect to a Unix socket instead
  --conns N    connections (default: 50)
  --size BYTES length of a message (default: 64)
  --secs SECS  how long; fractions are allowed (default: 5)
  --help       print this

Ctrl+C or SIGTERM ends it early: it finishes the messages under way and prints
the figures.

exit codes: 0 all bytes were right
            1 the server is not there, sent wrong bytes, closed early, or
              stopped answering
            2 bad arguments
            130 (Ctrl+C) or 143 (SIGTERM) when asked before all connections were
              made, or twice";

pub enum Request {
    Help,
    Run(Options),
}

pub struct Options {
    pub server: Server,
    pub connections: usize,
    pub message_bytes: usize,
    pub time: Duration,
}

pub enum Server {
    Tcp(String),
    #[cfg(unix)]
    Unix(PathBuf),
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Server::Tcp(address) => f.write_str(address),
            #[cfg(unix)]
            Server::Unix(path) => path.display().fmt(f),
        }
    }
}

pub fn parse() -> Result<Request, lexopt::Error> {
    let mut address = None;
    let mut path = None;
    let (mut connections, mut message_bytes, mut seconds) = (50, 64, 5.0);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(Request::Help),
            Long("unix") => path = Some(arguments.value()?),
            Long("conns") => connections = within("--conns", arguments.value()?, 1..=1_000_000)?,
            Long("size") => message_bytes = within("--size", arguments.value()?, 1..=1 << 30)?,
            Long("secs") => seconds = within("--secs", arguments.value()?, 0.001..=1e6)?,
            Value(value) if address.is_none() => address = Some(value.string()?),
            other => return Err(other.unexpected()),
        }
    }
    let server = match path {
        None => Server::Tcp(address.unwrap_or_else(|| "127.0.0.1:7000".to_owned())),
        Some(path) if address.is_some() => {
            return Err(format!("--unix {path:?} can't be combined with an address").into());
        }
        #[cfg(unix)]
        Some(path) => Server::Unix(path.into()),
        #[cfg(not(unix))]
        Some(path) => return Err(format!("--unix {path:?}: only Unix systems have such sockets").into()),
    };
    let time = Duration::from_secs_f64(seconds);
    Ok(Request::Run(Options { server, connections, message_bytes, time }))
}
