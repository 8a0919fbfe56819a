//! Puts an echo server under load, checks every byte that comes back, and says how fast it was.
//!
//! ```text
//! cargo run --release --example load -- 127.0.0.1:7000 --conns 50 --size 64 --secs 5
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `main.rs` | the life of the program: connect, run, report |
//! | `client.rs` | one connection: send a message, wait until it has come back, again |
//! | `report.rs` | the figures, while it runs and at the end |
//! | `options.rs` | the command line |

mod client;
#[path = "../shared/numbers.rs"]
mod numbers;
mod options;
#[path = "../shared/process.rs"]
mod process;
mod report;

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_lite::future::or;
use oneloop::Runtime;
use oneloop::net::{TcpStream, ToSocketAddrs};

use client::{Client, Duplex};
use options::{Options, Request, Server};
use process::{complain, say};
use report::{Figures, Progress};

/// How many connections are being made at any moment. Not all at once, which would overflow the queue of a server that
/// doesn't accept fast enough: what is turned away there tries again only a second later.
const CONNECTING_MAX: usize = 32;

/// How long a server may take to answer a connection attempt, and how long it may stay silent.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why there is no report, and the exit code that says so: 1 for the server's fault, 2 for the user's.
struct Failure {
    exit_code: u8,
    reason: String,
}

fn main() -> ExitCode {
    let outcome = match options::parse() {
        Ok(Request::Help) => Ok(options::HELP.to_owned()),
        Ok(Request::Run(options)) => run(&options),
        Err(error) => Err(Failure { exit_code: 2, reason: format!("{error} (--help explains the options)") }),
    };
    match outcome {
        Ok(text) => {
            say(&text);
            ExitCode::SUCCESS
        }
        Err(failure) => {
            complain(&failure.reason);
            ExitCode::from(failure.exit_code)
        }
    }
}

fn run(options: &Options) -> Result<String, Failure> {
    process::raise_descriptor_limit();
    let failure = |exit_code, reason| Failure { exit_code, reason: format!("{}: {reason}", options.server) };
    let runtime =
        Runtime::new().map_err(|error| failure(1, format!("no event loop can be made: {error}")))?;
    runtime.block_on(async {
        let outcome = match &options.server {
            Server::Tcp(address) => {
                // Once, and not for each connection. Text that is no address at all is the user's mistake.
                let addresses = address.to_socket_addrs().await.map_err(|error| {
                    let exit_code = if error.kind() == io::ErrorKind::InvalidInput { 2 } else { 1 };
                    failure(exit_code, error.to_string())
                })?;
                let addresses: Rc<[SocketAddr]> = addresses.collect();
                drive(options, move || connect_tcp(addresses.clone())).await
            }
            #[cfg(unix)]
            Server::Unix(path) => {
                let path = path.clone();
                drive(options, move || connect_unix(path.clone())).await
            }
        };
        outcome.map_err(|reason| failure(1, reason))
    })
}

async fn connect_tcp(addresses: Rc<[SocketAddr]>) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&*addresses, PATIENCE).await?;
    stream.set_nodelay(true)?;
    // Close with a reset. An orderly end would keep the connection's local port from being used again for a minute, and
    // there are fewer than thirty thousand of them. Nothing is lost: every answer is here by then.
    stream.set_linger(Some(Duration::ZERO))?;
    Ok(stream)
}

/// A listener that doesn't accept has no room after a while, and the attempt then waits for some.
#[cfg(unix)]
async fn connect_unix(path: std::path::PathBuf) -> io::Result<oneloop::net::UnixStream> {
    oneloop::time::timeout(PATIENCE, oneloop::net::UnixStream::connect(path)).await?
}

/// Makes the connections, keeps them busy for the time that was asked for, and reports.
async fn drive<S, F>(options: &Options, connect: impl Fn() -> F + 'static) -> Result<String, String>
where
    S: Duplex,
    F: Future<Output = io::Result<S>> + 'static,
{
    let streams = connect_all(options.connections, connect).await?;
    let figures = Rc::new(Figures::new());
    let pattern = client::pattern(options.message_bytes);
    let progress = oneloop::spawn(Progress::new().follow(figures.clone()));

    let started = Instant::now();
    let end = started + options.time;
    let (ended, ends) = async_channel::unbounded();
    for (number, stream) in streams.into_iter().enumerate() {
        let client = Client::new(number + 1, stream, options.message_bytes, pattern.clone(), figures.clone());
        let (task, ended) = (oneloop::spawn(client.run(end)), ended.clone());
        oneloop::spawn(async move {
            let outcome = task.await.unwrap_or_else(|error| Err(error.to_string()));
            let _ = ended.send(outcome).await; // refused if another client has failed
        });
    }
    drop(ended);
    let all_end = async {
        while let Ok(outcome) = ends.recv().await {
            outcome?;
        }
        Ok(())
    };
    // The first error ends it all. Nobody is cut off in the middle of a message, so the last ones may take longer than
    // the time that was asked for, but not for ever.
    let outcome = or(all_end, async {
        figures.silence(PATIENCE).await;
        Err(format!("no answer on any connection for {PATIENCE:?}"))
    })
    .await;
    progress.abort();
    outcome?;
    Ok(figures.report(options, started.elapsed()))
}

async fn connect_all<S, F>(count: usize, connect: impl Fn() -> F + 'static) -> Result<Vec<S>, String>
where
    S: 'static,
    F: Future<Output = io::Result<S>> + 'static,
{
    let progress = Progress::new();
    let (connected, connections) = async_channel::bounded(1);
    let started = Cell::new(0);
    let connect = Rc::new(move || (started.replace(started.get() + 1) < count).then(&connect));
    for _ in 0..count.min(CONNECTING_MAX) {
        let (connect, connected) = (connect.clone(), connected.clone());
        oneloop::spawn(async move {
            // Until all are begun, or one has failed.
            while let Some(attempt) = connect()
                && connected.send(attempt.await).await.is_ok()
            {}
        });
    }
    drop(connected);
    let mut streams = Vec::with_capacity(count);
    for number in 1..=count {
        let stream =
            connections.recv().await.map_err(|_| String::from("an attempt to connect has panicked"))?;
        streams.push(stream.map_err(|error| format!("connection {number} of {count} failed: {error}"))?);
        progress.connected(number, count);
    }
    Ok(streams)
}
