//! The command line.

use std::fmt;
#[cfg(unix)]
use std::path::PathBuf;

use lexopt::prelude::*;

pub const HELP: &str = "\
An echo server: it sends every byte back to the client that has sent it.

usage: echo [ADDRESS] [--udp]
       echo --unix PATH

  ADDRESS      HOST:PORT to listen on; the host is a name or an IP address, an
               IPv6 one in brackets; port 0 lets the system choose one
               (default: 127.0.0.1:7000)
  --udp        answer UDP datagrams instead of TCP connections
  --unix PATH  listen on a Unix socket; PATH must not exist, and is removed at
               the end
  --help       print this

It serves until Ctrl+C or SIGTERM. Then it accepts no new connections, gives the
open ones 5 seconds to finish, and prints a summary. A second Ctrl+C or SIGTERM
ends the wait at once.

exit codes: 0 stopped when asked to
            2 could not start: bad arguments, or an address that can't be
              listened on
            130 (Ctrl+C) or 143 (SIGTERM) when asked a second time";

pub enum Request {
    Help,
    Serve(Place),
}

/// The address or the path to listen on.
pub enum Place {
    Tcp(String),
    Udp(String),
    #[cfg(unix)]
    Unix(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Tcp(address) | Place::Udp(address) => f.write_str(address),
            #[cfg(unix)]
            Place::Unix(path) => path.display().fmt(f),
        }
    }
}

pub fn parse() -> Result<Request, lexopt::Error> {
    let mut address = None;
    let mut udp = false;
    let mut path = None;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(Request::Help),
            Long("udp") => udp = true,
            Long("unix") => path = Some(arguments.value()?),
            Value(value) if address.is_none() => address = Some(value.string()?),
            other => return Err(other.unexpected()),
        }
    }
    let Some(path) = path else {
        let address = address.unwrap_or_else(|| "127.0.0.1:7000".to_owned());
        return Ok(Request::Serve(if udp { Place::Udp(address) } else { Place::Tcp(address) }));
    };
    if udp || address.is_some() {
        return Err(format!("--unix {path:?} can't be combined with an address or --udp").into());
    }
    #[cfg(unix)]
    return Ok(Request::Serve(Place::Unix(path.into())));
    #[cfg(not(unix))]
    Err(format!("--unix {path:?}: only Unix systems have such sockets").into())
}
