//! The command line.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use lexopt::prelude::*;

pub const HELP: &str = "\
A web service on one thread: an axum router over HTTP/1.1 and HTTP/2.

usage: http_server [ADDRESS] [options]

  ADDRESS                   HOST:PORT to listen on; the host is a name or an IP
                            address, an IPv6 one in brackets; port 0 lets the
                            system choose one (default: 127.0.0.1:8080)
  --dir PATH                serve the files of this folder under /files/
                            (default: none); hidden files and links that lead
                            out of the folder are refused
  --uploads PATH            store uploads in this folder (default: uploads are
                            refused)
  --max-upload BYTES        the largest size of an upload (default: 104857600)
  --body-timeout SECONDS    the time limit for the next piece of an upload, and
                            for any other body as a whole (default: 30)
  --max-connections N       the most open connections; further ones wait to be
                            accepted (default: 10000)
  --grace SECONDS           the time that requests have to finish after a signal
                            to stop (default: 10)
  --log                     write a line for each request to standard error
  --help                    print this

The page at / lists the routes. The server serves until Ctrl+C or SIGTERM. Then
it accepts no new connections, closes idle ones, lets requests finish within the
grace time, and prints a summary. A second Ctrl+C or SIGTERM ends the wait at
once.

exit codes: 0 stopped when asked to
            2 could not start: bad arguments, or an address that can't be
              listened on
            130 (Ctrl+C) or 143 (SIGTERM) when asked a second time";

pub enum Request {
    Help,
    Serve(Box<Options>),
}

pub struct Options {
    pub address: String,
    pub dir: Option<PathBuf>,
    pub uploads: Option<PathBuf>,
    pub upload_bytes_max: u64,
    pub body_timeout: Duration,
    pub connections_max: usize,
    pub grace: Duration,
    pub log: bool,
}

pub fn parse() -> Result<Request, lexopt::Error> {
    let mut address = None;
    let mut options = Options {
        address: "127.0.0.1:8080".to_owned(),
        dir: None,
        uploads: None,
        upload_bytes_max: 100 * 1024 * 1024,
        body_timeout: Duration::from_secs(30),
        connections_max: 10_000,
        grace: Duration::from_secs(10),
        log: false,
    };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(Request::Help),
            Long("dir") => options.dir = Some(arguments.value()?.into()),
            Long("uploads") => options.uploads = Some(arguments.value()?.into()),
            Long("max-upload") => options.upload_bytes_max = number::<NonZeroU64>(&mut arguments)?.get(),
            Long("body-timeout") => {
                options.body_timeout = Duration::from_secs(number::<NonZeroU64>(&mut arguments)?.get())
            }
            Long("max-connections") => {
                options.connections_max = number::<NonZeroUsize>(&mut arguments)?.get()
            }
            Long("grace") => options.grace = Duration::from_secs(number(&mut arguments)?),
            Long("log") => options.log = true,
            Value(value) if address.is_none() => address = Some(value.string()?),
            other => return Err(other.unexpected()),
        }
    }
    options.address = address.unwrap_or(options.address);
    Ok(Request::Serve(Box::new(options)))
}

fn number<T>(arguments: &mut lexopt::Parser) -> Result<T, lexopt::Error>
where
    T: FromStr<Err: Into<Box<dyn std::error::Error + Send + Sync + 'static>>>,
{
    arguments.value()?.parse()
}
