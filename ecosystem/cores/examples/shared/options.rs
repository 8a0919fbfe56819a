//! The command line of `echo_cores` and `hyper_cores`.

use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use lexopt::prelude::*;
use oneloop_cores::{Cores, ListenOptions, Policy, Port, Spread};

pub enum Request {
    Help,
    Serve(Options),
}

pub struct Options {
    pub address: String,
    pub grace: Duration,
    /// Whether clients may cause faults.
    pub inject: bool,
    cores: Option<NonZeroUsize>,
    pin: bool,
    listen: ListenOptions,
    restarts: u32,
}

/// The part of the help that both programs have. It follows the program's description and own options.
pub const HELP: &str = "
  ADDRESS            HOST:PORT to listen on; the host is a name or an IP address, an IPv6 one in
                     brackets; port 0 lets the system choose one
  --cores N          how many cores (default: one for each CPU that the process may use)
  --no-pin           do not bind the cores' threads to CPUs
  --spread HOW       how the cores receive connections: `kernel` (Linux and FreeBSD; the default
                     there), or `least-loaded`, by an acceptor
  --shared           join the address at which another instance listens, with `kernel`
  --restarts N       the most restarts of a core in a minute, after panics (default: 5)
  --grace SECONDS    how long connections may continue after a request to stop (default: 5)
  --help             print this help

The program serves until Ctrl+C or SIGTERM. Then it accepts no new connections, waits the grace time
for the open ones, and prints a table of the work of each core. A second Ctrl+C or SIGTERM ends it at
once.

exit codes: 0 stopped on request
            1 a core panicked too often, blocked its thread, or was in the pause after a panic
            2 could not start: invalid arguments, or an address that can't be listened on
            130 (Ctrl+C) or 143 (SIGTERM) on a second request";

/// Parses the command line. `inject` is true if the program has the option `--inject`.
pub fn parse(address: &str, inject: bool) -> Result<Request, lexopt::Error> {
    let mut given = None;
    let mut options = Options {
        address: address.to_owned(),
        grace: Duration::from_secs(5),
        inject: false,
        cores: None,
        pin: true,
        listen: ListenOptions::new(),
        restarts: 5,
    };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(Request::Help),
            Long("cores") => options.cores = Some(number(&mut arguments)?),
            Long("no-pin") => options.pin = false,
            Long("spread") => options.listen = options.listen.spread(spread(&mut arguments)?),
            Long("shared") => options.listen = options.listen.shared(true),
            Long("restarts") => options.restarts = number(&mut arguments)?,
            Long("grace") => options.grace = Duration::from_secs(number(&mut arguments)?),
            Long("inject") if inject => options.inject = true,
            Value(value) if given.is_none() => given = Some(value.string()?),
            other => return Err(other.unexpected()),
        }
    }
    options.address = given.unwrap_or(options.address);
    Ok(Request::Serve(options))
}

fn spread(arguments: &mut lexopt::Parser) -> Result<Spread, lexopt::Error> {
    let value = arguments.value()?;
    match value.to_str() {
        Some("kernel") => Ok(Spread::Kernel),
        Some("least-loaded") => Ok(Spread::LeastLoaded),
        _ => Err(format!("--spread {value:?} is neither `kernel` nor `least-loaded`").into()),
    }
}

fn number<T>(arguments: &mut lexopt::Parser) -> Result<T, lexopt::Error>
where
    T: FromStr<Err: Into<Box<dyn std::error::Error + Send + Sync + 'static>>>,
{
    arguments.value()?.parse()
}

impl Options {
    /// Makes the cores, and the port that they serve.
    pub fn cores(&self) -> Result<(Cores, Port), String> {
        let mut cores = Cores::new()
            .pin(self.pin)
            .on_panic(Policy::restart(self.restarts, Duration::from_secs(60)))
            // The program itself ends its connections after the grace time, so this deadline is longer.
            .stop_deadline(self.grace.saturating_add(Duration::from_secs(1)))
            .on_event(|event| crate::process::complain(&event.to_string()));
        if let Some(count) = self.cores {
            cores = cores.count(count.get());
        }
        let port = cores
            .listen_with(&*self.address, self.listen)
            .map_err(|error| format!("cannot listen on {}: {error}", self.address))?;
        Ok((cores, port))
    }
}
