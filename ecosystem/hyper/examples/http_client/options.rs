//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use lexopt::ValueExt;
use lexopt::prelude::*;

pub const HELP: &str = "\
Downloads files over HTTP and HTTPS, several at a time.

usage: http_client [OPTIONS] URL...

  --dir DIR          write the files to DIR, which must exist (default: the
                     current folder)
  --jobs N           download at most N files at a time, 1 to 1000 (default: 4)
  --timeout SECONDS  end an attempt that receives nothing for this time
                     (default: 30)
  --retries N        try a download again up to N times (default: 3)
  --pause SECONDS    the pause before the first retry; each further one is twice
                     as long, up to 30 seconds; the program subtracts a
                     random part of up to a half (default: 0.5)
  --ca FILE          trust the certificates of this PEM file as well as the
                     public authorities
  --help             print this

A file has the name of the last part of its URL's path, or index.html. It is
written under a temporary name in the same folder, and renamed when it is
complete; an existing file is replaced then. Up to 10 redirects are followed,
but not from https to http.

The program retries connections that fail or end early, attempts that receive
nothing, and the statuses 408, 429, 500, 502, 503 and 504. It does not retry a
server with a certificate that can't be trusted.

Standard output has a line for each complete file. Standard error has a line for
each failure. On a terminal it also shows the progress.

exit codes: 0 all files are complete
            1 at least one is not
            2 no download began: bad arguments, or an unusable folder or CA file
            130 (Ctrl+C) or 143 (SIGTERM) when asked to stop; partial files are
              removed";

pub enum Request {
    Help,
    Download(Options),
}

pub struct Options {
    pub urls: Vec<String>,
    pub folder: PathBuf,
    pub jobs: usize,
    pub limits: Limits,
    pub ca: Option<PathBuf>,
}

#[derive(Clone, Copy)]
pub struct Limits {
    /// The longest time without a byte.
    pub timeout: Duration,
    pub retries: u32,
    /// The pause before the first retry.
    pub pause: Duration,
}

pub fn parse() -> Result<Request, lexopt::Error> {
    let mut options = Options {
        urls: Vec::new(),
        folder: PathBuf::from("."),
        jobs: 4,
        limits: Limits { timeout: Duration::from_secs(30), retries: 3, pause: Duration::from_millis(500) },
        ca: None,
    };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(Request::Help),
            Long("dir") => options.folder = arguments.value()?.into(),
            Long("jobs") => options.jobs = arguments.value()?.parse()?,
            Long("timeout") => options.limits.timeout = seconds(&mut arguments, "--timeout")?,
            Long("retries") => options.limits.retries = arguments.value()?.parse()?,
            Long("pause") => options.limits.pause = seconds(&mut arguments, "--pause")?,
            Long("ca") => options.ca = Some(arguments.value()?.into()),
            Value(url) => options.urls.push(url.string()?),
            other => return Err(other.unexpected()),
        }
    }
    if options.urls.is_empty() {
        return Err("no URL is given".into());
    }
    if !(1..=1000).contains(&options.jobs) {
        return Err(format!("--jobs {}: 1 to 1000 are possible", options.jobs).into());
    }
    if options.limits.timeout.is_zero() {
        return Err("--timeout 0: the time must be longer than 0".into());
    }
    Ok(Request::Download(options))
}

fn seconds(arguments: &mut lexopt::Parser, option: &str) -> Result<Duration, lexopt::Error> {
    let value = arguments.value()?;
    let seconds: f64 = value.parse()?;
    Duration::try_from_secs_f64(seconds)
        .map_err(|error| format!("{option} {}: {error}", value.to_string_lossy()).into())
}
