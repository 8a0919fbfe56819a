//! The articles' loop with a queue in this process or on a broker: take a job, handle it, take the next.
//!
//! ```text
//! cargo run --release -p oneloop-work-queue --example work_queue
//! cargo run --release -p oneloop-work-queue --example work_queue -- --redis redis://127.0.0.1 --workers 3
//! cargo run --release -p oneloop-work-queue --example work_queue -- --redis redis://127.0.0.1 status
//! ```
//!
//! | file | content |
//! |---|---|
//! | `main.rs` | the program, from its arguments to its exit code |
//! | `jobs.rs` | adds jobs, and handles one |
//! | `processes.rs` | worker processes |
//! | `show.rs` | the printed lines |
//! | `options.rs` | the command line |
//! | `stop.rs` | Ctrl+C and SIGTERM |

mod jobs;
mod options;
mod process;
mod processes;
mod show;
mod stop;

use std::cell::Cell;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use oneloop::future::or;
use oneloop_work_queue::{Error, Queue, Worker};

use jobs::JobHandler;
use options::{Command, Options, Request};
use process::{complain, say};
use processes::Processes;

const EXIT_FAILED: u8 = 1;
const EXIT_NOT_STARTED: u8 = 2;
/// The largest number of printed dead letters.
const LETTERS_MAX: usize = 10_000;

fn main() -> ExitCode {
    let outcome = match options::parse() {
        Ok(Request::Help) => {
            say(options::HELP);
            Ok(0)
        }
        Ok(Request::Run(options)) => run(*options),
        Err(error) => Err((EXIT_NOT_STARTED, format!("{error} (--help explains the options)"))),
    };
    ExitCode::from(outcome.unwrap_or_else(|(code, reason)| {
        complain(&reason);
        code
    }))
}

type Outcome = Result<u8, (u8, String)>;

fn failed(error: Error) -> (u8, String) {
    (EXIT_FAILED, error.to_string())
}

fn not_started(error: impl ToString) -> (u8, String) {
    (EXIT_NOT_STARTED, error.to_string())
}

fn run(options: Options) -> Outcome {
    let builder = Queue::builder(&*options.queue)
        .backlog_max(options.backlog_max)
        .answer_timeout(Duration::from_secs(if options.command == Command::Status { 5 } else { 20 }));
    let queue = match &options.url {
        None => builder.in_process(),
        Some(url) => builder.redis(url),
    }
    .map_err(not_started)?;
    match options.command {
        Command::Status => {
            oneloop::block_on(queue.status()).map(|status| show::status(&status)).map_err(not_started)?;
        }
        Command::Dead => {
            let letters = oneloop::block_on(queue.dead_letters(LETTERS_MAX)).map_err(not_started)?;
            show::dead_letters(&letters);
        }
        Command::Add => {
            let count = Cell::new(0);
            let adding = async { jobs::add(&queue.producer(), &options, &count).await.map_err(failed) };
            let stopped = async {
                stop::asked().await;
                let (count, run) = (count.get(), &options.run);
                say(&format!("stopped; the broker has acknowledged {count} jobs of {run}"));
                Ok(())
            };
            // `stopped` is first, so that it listens before `adding` adds the first job.
            oneloop::block_on(or(stopped, adding))?;
        }
        Command::AddAndWork if options.workers > 0 => return oneloop::block_on(supervise(queue, options)),
        Command::AddAndWork | Command::Work => return work(queue, options),
    }
    Ok(0)
}

/// Adds jobs, and starts worker processes that work on them.
async fn supervise(queue: Queue, options: Options) -> Outcome {
    // This checks that the broker answers, before any process starts.
    queue.status().await.map_err(not_started)?;
    let processes = Processes::start(&options);
    let adding = add_and_wait(queue.clone(), options);
    let stopped = async {
        stop::asked().await;
        Ok(())
    };
    let added = or(stopped, adding).await; // `stopped` is first, and listens before the first job.
    processes.stop().await;
    added.map_err(failed)?;
    show::status(&queue.status().await.map_err(failed)?);
    Ok(0)
}

async fn add_and_wait(queue: Queue, options: Options) -> Result<(), Error> {
    jobs::add(&queue.producer(), &options, &Cell::new(0)).await?;
    if options.stay {
        say("waiting for Ctrl+C");
        std::future::pending::<()>().await;
    }
    jobs::until_empty(&queue).await;
    Ok(())
}

/// Works in this process. Also adds jobs if the command is `AddAndWork`.
fn work(queue: Queue, options: Options) -> Outcome {
    let job_handler = JobHandler::new(&options).map_err(not_started)?;
    let worker = Worker::new(&queue)
        .at_once(options.at_once)
        .attempts(options.attempts_max)
        .pauses(options.pause, options.pause * 10)
        .job_timeout(options.job_timeout)
        .heartbeat(options.heartbeat, options.heartbeat * 4)
        .grace(options.grace)
        .on_report({
            let quiet = options.quiet;
            move |report| show::report(report, quiet)
        });
    let failure = Rc::new(Cell::new(None));
    let stop = {
        let (queue, options, failure) = (queue.clone(), options.clone(), failure.clone());
        async move {
            let until_eof = options.until_eof;
            let adding = async {
                match options.command {
                    Command::AddAndWork => failure.set(add_and_wait(queue, options).await.err()),
                    _ => std::future::pending().await,
                }
            };
            let input_ended = async {
                match until_eof {
                    true => stop::input_ended().await,
                    false => std::future::pending().await,
                }
            };
            // The signals are first, so that the program listens for them before it prints that it
            // waits.
            or(or(stop::asked(), input_ended), adding).await;
        }
    };
    let summary = worker.run(move |job| job_handler.clone().handle(job), stop).map_err(not_started)?;
    show::summary(&summary);
    if options.command == Command::AddAndWork && options.url.is_none() {
        show::status(&oneloop::block_on(queue.status()).map_err(failed)?);
    }
    failure.take().map_or(Ok(0), |error| Err(failed(error)))
}
