//! A library that needs tokio (reqwest), on a loop of oneloop, and what that costs.
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
//! | `server.rs` | the server that receives them |
//! | `options.rs` | the command line |

mod options;
#[path = "../shared/process.rs"]
mod process;
mod server;
mod side_thread;
#[path = "../shared/stop.rs"]
mod stop;
mod ways;

use std::cell::RefCell;
use std::process::ExitCode;
use std::time::Duration;

use oneloop::Runtime;
use oneloop::future::or;

use options::Request;
use process::{complain, say};
use side_thread::SideThread;
use stop::Stop;
use ways::{Ways, micros};

/// The requests of each way are divided into this many rounds, and the ways alternate, because a shared
/// machine is not equally fast all the time.
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

/// Measures all ways and prints the table. Returns the exit code.
fn run(requests: usize) -> ways::Result<u8> {
    let side_thread = SideThread::start()?;
    let runtime = Runtime::new()?;
    // Every future that the loop polls after this line finds tokio's runtime.
    let _entered = side_thread.handle().enter();
    runtime.block_on(async {
        let mut stop = Stop::listen()?;
        let rounds = Rounds::default();
        let code = or(measure(requests, &side_thread, &rounds), async { Ok(stop.asked().await) }).await?;
        rounds.report();
        Ok(code)
    })
}

/// The mean time of a request in each round, for each of the three ways.
#[derive(Default)]
struct Rounds([RefCell<Vec<Duration>>; 3]);

async fn measure(requests: usize, side_thread: &SideThread, rounds: &Rounds) -> ways::Result<u8> {
    let each = requests.div_ceil(ROUNDS);
    let mut ways = Ways::connect(server::start()?, side_thread).await?;
    say(&format!("{ROUNDS} rounds of {each} requests to a server on a thread of this process"));
    for _ in 0..ROUNDS {
        let round = [
            ways.reqwest_on_the_loop(each).await?,
            ways.reqwest_in_one_task(each).await?,
            ways.hyper_on_the_loop(each).await?,
        ];
        rounds.0.iter().zip(round).for_each(|(rounds, time)| rounds.borrow_mut().push(time));
    }
    Ok(0)
}

impl Rounds {
    /// Prints the table of the complete rounds, if there are any.
    fn report(&self) {
        let complete = self.0[0].borrow().len();
        if complete == 0 {
            return;
        }
        say("\nmicroseconds for each request                 median    least     most");
        let medians = ["reqwest, awaited on the loop", "reqwest, in one task of tokio", "hyper on oneloop"]
            .into_iter()
            .zip(&self.0)
            .map(|(way, rounds)| {
                let mut rounds = rounds.borrow().clone();
                rounds.sort();
                let [least, median, most] =
                    [rounds[0], rounds[complete / 2], rounds[complete - 1]].map(micros);
                say(&format!("{way:42} {median:9.1} {least:8.1} {most:8.1}"));
                median
            })
            .collect::<Vec<_>>();
        let price = medians[0] - medians[1];
        say(&format!("\nthe side thread costs {price:.1} microseconds for each request"));
        if complete < ROUNDS {
            say(&format!("(stopped after {complete} of {ROUNDS} rounds)"));
        }
    }
}
