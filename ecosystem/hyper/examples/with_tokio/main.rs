//! A library that needs tokio, on a loop of oneloop: reqwest, and its price.
//!
//! ```text
//! cargo run --release -p oneloop-hyper --example with_tokio
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `main.rs` | the arguments, the loop, the report |
//! | `side_thread.rs` | tokio's runtime on a thread of its own: the lines to copy |
//! | `ways.rs` | the same requests in three ways |
//! | `server.rs` | the server that they go to |
//! | `options.rs` | the command line |

mod options;
#[path = "../shared/process.rs"]
mod process;
mod server;
mod side_thread;
#[path = "../shared/stop.rs"]
mod stop;
mod ways;

use std::process::ExitCode;

use oneloop::Runtime;
use oneloop::future::or;

use options::Request;
use process::{complain, say};
use side_thread::SideThread;
use stop::Stop;
use ways::{Ways, micros};

/// The measured requests of each way are divided into this many rounds, and the ways take turns: a
/// machine that others use is not equally fast all the time.
const ROUNDS: usize = 10;

const EXIT_FAILED: u8 = 1;
const EXIT_BAD_ARGUMENTS: u8 = 2;

fn main() -> ExitCode {
    let requests = match options::parse() {
        Ok(Request::Help) => {
            say(options::HELP);
            return ExitCode::SUCCESS;
        }
        Ok(Request::Measure { requests }) => requests,
        Err(error) => {
            complain(&format!("{error} (--help explains the options)"));
            return ExitCode::from(EXIT_BAD_ARGUMENTS);
        }
    };
    ExitCode::from(run(requests).unwrap_or_else(|error| {
        complain(&error.to_string());
        EXIT_FAILED
    }))
}

/// Returns the exit code.
fn run(requests: usize) -> ways::Result<u8> {
    let side_thread = SideThread::start()?;
    let runtime = Runtime::new()?;
    // Every future that the loop polls from here on finds tokio's runtime.
    let _entered = side_thread.handle().enter();
    runtime.block_on(async {
        let mut stop = Stop::listen()?;
        or(measure(requests, &side_thread), async { Ok(stop.asked().await) }).await
    })
}

async fn measure(requests: usize, side_thread: &SideThread) -> ways::Result<u8> {
    let each = requests.div_ceil(ROUNDS);
    let mut ways = Ways::connect(server::start()?, side_thread).await?;
    say(&format!("{ROUNDS} rounds of {each} requests to a server on a thread of this process"));
    let mut rounds = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        rounds[0].push(ways.reqwest_on_the_loop(each).await?);
        rounds[1].push(ways.reqwest_in_one_task(each).await?);
        rounds[2].push(ways.hyper_on_the_loop(each).await?);
    }
    say("\nmicroseconds for each request                 median    least     most");
    let medians = ["reqwest, awaited on the loop", "reqwest, in one task of tokio", "hyper on oneloop"]
        .into_iter()
        .zip(&mut rounds)
        .map(|(way, rounds)| {
            rounds.sort();
            let [least, median, most] = [rounds[0], rounds[ROUNDS / 2], rounds[ROUNDS - 1]].map(micros);
            say(&format!("{way:42} {median:9.1} {least:8.1} {most:8.1}"));
            median
        })
        .collect::<Vec<_>>();
    let price = medians[0] - medians[1];
    say(&format!("\nthe side thread costs {price:.1} microseconds for each request"));
    Ok(0)
}
