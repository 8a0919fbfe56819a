//! The command line.

use std::num::{NonZeroU64, NonZeroUsize};
use std::str::FromStr;
use std::time::Duration;

use lexopt::prelude::*;

pub const HELP: &str = "\
This program adds jobs to a queue and works on them. Without a broker the queue is in the process.
With a broker, processes on any number of machines share the queue.

usage: work_queue [COMMAND] [options]

  (no command)      add jobs, and work until the queue is empty
  add               only add jobs                       (needs --redis)
  work              only work, until Ctrl+C or SIGTERM  (needs --redis)
  status            print the queue's figures           (needs --redis)
  dead              print the dead letters              (needs --redis)

  --redis URL       the queue is on this broker: redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]
                    or redis+unix:///PATH; with - the URL is in the variable WORK_QUEUE_URL, so that
                    the process lists of other users do not show the password
  --queue NAME      the queue's name on the broker (default: example)
  --workers N       start N worker processes, and replace each that dies (needs --redis; default:
                    this process works itself)
  --jobs N          how many jobs to add (default: 20)
  --run NAME        the first part of the jobs' ids: NAME-1, NAME-2, ... (default: a random one);
                    a second run with the same name adds no job again
  --backlog N       the queue takes N unfinished jobs; the program waits to add more
                    (default: 100000)
  --work MS         how long a job takes (default: 100)
  --fail N          every Nth job fails at each attempt, and becomes a dead letter; 0 for none
                    (default: 7)
  --later N         every Nth job is due half a second later; 0 for none (default: 10)
  --at-once N       how many jobs a worker has at one time (default: 4)
  --attempts N      attempts before a job becomes a dead letter (default: 3)
  --pause MS        the pause before the second attempt, which doubles after each further failure
                    (default: 100)
  --job-timeout MS  the time limit of an attempt (default: 10000)
  --heartbeat MS    the period of heartbeats; a worker counts as dead after four periods without one
                    (default: 1000)
  --grace MS        the time that jobs have to finish after a request to stop (default: 5000)
  --record FILE     append a line `ID ATTEMPT` to this file for each handled job
  --stay            continue until Ctrl+C when the queue is empty
  --quiet           do not print a line for each job
  --until-eof       also stop at the end of standard input
  --help            print this help

At Ctrl+C or SIGTERM the program takes no more jobs, waits the grace time for the running jobs, gives
the others back, and prints a summary. A second Ctrl+C or SIGTERM ends it at once.

exit codes: 0 done, or stopped on request
            1 failed
            2 could not start: invalid arguments, or a broker that can't be reached
            130 (Ctrl+C) or 143 (SIGTERM) on a second request";

/// The variable that has the broker's URL.
pub const URL_VARIABLE: &str = "WORK_QUEUE_URL";

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Command {
    AddAndWork,
    Add,
    Work,
    Status,
    Dead,
}

pub enum Request {
    Help,
    Run(Box<Options>),
}

#[derive(Clone)]
pub struct Options {
    pub command: Command,
    pub url: Option<String>,
    pub queue: String,
    pub workers: usize,
    pub jobs: u64,
    pub run: String,
    pub backlog_max: usize,
    pub work: Duration,
    pub fail_every: u64,
    pub later_every: u64,
    pub at_once: usize,
    pub attempts_max: u32,
    pub pause: Duration,
    pub job_timeout: Duration,
    pub heartbeat: Duration,
    pub grace: Duration,
    pub record: Option<std::path::PathBuf>,
    pub stay: bool,
    pub quiet: bool,
    pub until_eof: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            command: Command::AddAndWork,
            url: None,
            queue: "example".to_owned(),
            workers: 0,
            jobs: 20,
            run: uuid::Uuid::now_v7().simple().to_string().split_off(24),
            backlog_max: 100_000,
            work: Duration::from_millis(100),
            fail_every: 7,
            later_every: 10,
            at_once: 4,
            attempts_max: 3,
            pause: Duration::from_millis(100),
            job_timeout: Duration::from_secs(10),
            heartbeat: Duration::from_secs(1),
            grace: Duration::from_secs(5),
            record: None,
            stay: false,
            quiet: false,
            until_eof: false,
        }
    }
}

pub fn parse() -> Result<Request, lexopt::Error> {
    let mut options = Options::default();
    let mut command = None;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(Request::Help),
            Value(value) if command.is_none() => command = Some(command_of(&value.string()?)?),
            Long(name) => {
                let name = name.to_owned();
                option(&mut options, &name, &mut arguments)?;
            }
            other => return Err(other.unexpected()),
        }
    }
    options.command = command.unwrap_or(Command::AddAndWork);
    if options.url.is_none() && (command.is_some() || options.workers > 0) {
        return Err("other processes can't use a queue in this process: --redis is missing".into());
    }
    Ok(Request::Run(Box::new(options)))
}

fn command_of(name: &str) -> Result<Command, lexopt::Error> {
    match name {
        "add" => Ok(Command::Add),
        "work" => Ok(Command::Work),
        "status" => Ok(Command::Status),
        "dead" => Ok(Command::Dead),
        _ => Err(format!("unknown command {name:?}").into()),
    }
}

fn option(options: &mut Options, name: &str, arguments: &mut lexopt::Parser) -> Result<(), lexopt::Error> {
    match name {
        "redis" => options.url = Some(url(arguments.value()?.string()?)?),
        "queue" => options.queue = arguments.value()?.string()?,
        "workers" => options.workers = number::<NonZeroUsize>(arguments)?.get(),
        "jobs" => options.jobs = number(arguments)?,
        "run" => options.run = arguments.value()?.string()?,
        "backlog" => options.backlog_max = number::<NonZeroUsize>(arguments)?.get(),
        "work" => options.work = Duration::from_millis(number(arguments)?),
        "fail" => options.fail_every = number(arguments)?,
        "later" => options.later_every = number(arguments)?,
        "at-once" => options.at_once = number::<NonZeroUsize>(arguments)?.get(),
        "attempts" => options.attempts_max = number(arguments)?,
        "pause" => options.pause = Duration::from_millis(number(arguments)?),
        "job-timeout" => options.job_timeout = Duration::from_millis(number::<NonZeroU64>(arguments)?.get()),
        "heartbeat" => options.heartbeat = Duration::from_millis(number::<NonZeroU64>(arguments)?.get()),
        "grace" => options.grace = Duration::from_millis(number(arguments)?),
        "record" => options.record = Some(arguments.value()?.into()),
        "stay" => options.stay = true,
        "quiet" => options.quiet = true,
        "until-eof" => options.until_eof = true,
        _ => return Err(Long(name).unexpected()),
    }
    Ok(())
}

fn url(value: String) -> Result<String, lexopt::Error> {
    if value != "-" {
        return Ok(value);
    }
    std::env::var(URL_VARIABLE).map_err(|_| format!("the variable {URL_VARIABLE} has no URL").into())
}

fn number<T>(arguments: &mut lexopt::Parser) -> Result<T, lexopt::Error>
where
    T: FromStr<Err: Into<Box<dyn std::error::Error + Send + Sync + 'static>>>,
{
    arguments.value()?.parse()
}
