//! Puts an echo server under load, checks every byte that comes back, and prints how fast the server
//! is.
//!
//! ```text
//! cargo run --release --example load -- 127.0.0.1:7000 --conns 50 --size 64 --secs 5
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `main.rs` | the program: connect, run, report |
//! | `client.rs` | one connection: it sends messages and waits for each echo |
//! | `report.rs` | the figures, during the load and at its end |
//! | `options.rs` | the command line |
//! | `../echo/stop.rs` | Ctrl+C and SIGTERM |

mod client;
#[path = "../shared/counted.rs"]
mod counted;
#[path = "../shared/numbers.rs"]
mod numbers;
mod options;
#[path = "../shared/process.rs"]
mod process;
mod report;
#[path = "../echo/stop.rs"]
mod stop;

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_lite::future::or;
use oneloop::Runtime;
use oneloop::net::{TcpStream, ToSocketAddrs};

use client::{Client, Duplex, End};
use options::{Options, Request, Server};
use process::{complain, say};
use report::{Figures, Progress};
use stop::Stop;

/// The most attempts to connect at once. More would overflow the queue of a server that does not accept
/// fast enough. The system repeats an attempt that the queue refuses only a second later.
const CONNECTING_MAX: usize = 32;

/// The time limit for an attempt to connect, and for a time without an answer on any connection.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The reason why there is no report, and the exit code: 1 for a fault of the server, 2 for a fault of
/// the user, 130 or 143 if the program was asked to end.
struct Failure {
    exit_code: u8,
    reason: String,
}

impl From<String> for Failure {
    fn from(reason: String) -> Failure {
        Failure { exit_code: 1, reason }
    }
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
        let stop =
            Stop::listen().map_err(|error| failure(1, format!("cannot listen for signals: {error}")))?;
        let outcome = match &options.server {
            Server::Tcp(address) => {
                // The name is resolved once, and not for each connection. Text that is not an address
                // is a fault of the user.
                let addresses = address.to_socket_addrs().await.map_err(|error| {
                    let exit_code = if error.kind() == io::ErrorKind::InvalidInput { 2 } else { 1 };
                    failure(exit_code, error.to_string())
                })?;
                let addresses: Rc<[SocketAddr]> = addresses.collect();
                drive(options, stop, move || connect_tcp(addresses.clone())).await
            }
            #[cfg(unix)]
            Server::Unix(path) => {
                let path = path.clone();
                drive(options, stop, move || connect_unix(path.clone())).await
            }
        };
        outcome.map_err(|Failure { exit_code, reason }| failure(exit_code, reason))
    })
}

async fn connect_tcp(addresses: Rc<[SocketAddr]>) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&*addresses, TIMEOUT).await?;
    stream.set_nodelay(true)?;
    // The close is a reset. After an orderly end the connection's local port can't be used again for a
    // minute, and there are fewer than thirty thousand ports. The reset loses nothing, because every
    // answer has arrived by then.
    stream.set_linger(Some(Duration::ZERO))?;
    Ok(stream)
}

/// Connects to a Unix socket. The queue of a listener that doesn't accept is full after a while, and
/// the attempt then waits for space.
#[cfg(unix)]
async fn connect_unix(path: std::path::PathBuf) -> io::Result<oneloop::net::UnixStream> {
    let connect = oneloop::net::UnixStream::connect(path);
    oneloop::time::timeout(TIMEOUT, connect).await?.map_err(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused => io::Error::other(format!("{error}: no server listens there")),
        _ => error,
    })
}

/// Makes the connections, keeps them busy for the given time, and returns the report.
async fn drive<S, F>(
    options: &Options,
    mut stop: Stop,
    connect: impl Fn() -> F + 'static,
) -> Result<String, Failure>
where
    S: Duplex,
    F: Future<Output = io::Result<S>> + 'static,
{
    let asked = async {
        let exit_code = stop.asked().await;
        Err(Failure { exit_code, reason: "asked to end before all connections were made".to_owned() })
    };
    let connected = async { Ok(connect_all(options.connections, connect).await?) };
    let streams = or(connected, asked).await?;
    let figures = Rc::new(Figures::new());
    let pattern = client::pattern(options.message_bytes);
    let progress = oneloop::spawn(Progress::new().follow(figures.clone()));

    let started = Instant::now();
    let end = End::at(started + options.time);
    let (ended, ends) = async_channel::unbounded();
    for (number, stream) in streams.into_iter().enumerate() {
        let client = Client::new(number + 1, stream, options.message_bytes, pattern.clone(), figures.clone());
        let (task, ended) = (oneloop::spawn(client.run(end.clone())), ended.clone());
        oneloop::spawn(async move {
            let outcome = task.await.unwrap_or_else(|error| Err(error.to_string()));
            let _ = ended.send(outcome).await; // an error if another client has failed
        });
    }
    drop(ended);
    let all_end = async {
        while let Ok(outcome) = ends.recv().await {
            outcome?;
        }
        Ok::<_, Failure>(())
    };
    // The first error ends the load. Otherwise each client finishes its message, so the last ones may
    // take longer than the given time. The limit for silence bounds that.
    let silence = async {
        figures.silence(TIMEOUT).await;
        Err(format!("no answer on any connection for {TIMEOUT:?}").into())
    };
    let stopped = Cell::new(false);
    let asked = async {
        stop.asked().await;
        stopped.set(true);
        end.now();
        let exit_code = stop.asked().await;
        Err(Failure { exit_code, reason: "asked a second time to end, with messages under way".to_owned() })
    };
    let outcome = or(or(all_end, silence), asked).await;
    progress.abort();
    outcome?;
    Ok(figures.report(options, started.elapsed(), stopped.get()))
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
            // The loop runs until all attempts are begun, or one has failed.
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
