//! An echo server: whatever a client sends comes back.
//!
//! ```text
//! cargo run --release --example echo
//! cargo run --release --example echo -- '[::1]:9000'
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `main.rs` | the life of the server, from its arguments to its exit code |
//! | `streams.rs` | TCP and Unix sockets: the accept loop, and a task for each connection |
//! | `datagrams.rs` | UDP: one task answers everybody |
//! | `shared.rs` | what the tasks share: a buffer, and figures |
//! | `stop.rs` | Ctrl+C and SIGTERM |
//! | `unix_path.rs` | a Unix socket's file, removed at the end |
//! | `options.rs` | the command line |
//!
//! Everything runs on one thread, so the tasks share their state through `Rc` and `Cell`, without locks.

mod datagrams;
mod options;
#[path = "../shared/process.rs"]
mod process;
mod shared;
mod stop;
mod streams;
#[cfg(unix)]
mod unix_path;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_lite::StreamExt;
use futures_lite::future::or;
use oneloop::net::{TcpListener, UdpSocket};
use oneloop::time::timeout;
use oneloop::{JoinHandle, Runtime};

use options::{Place, Request};
use process::{complain, say};
use shared::Shared;
use stop::Stop;
#[cfg(unix)]
use unix_path::UnixPath;

/// How long connections may take to finish once the server was asked to stop.
const GRACE: Duration = Duration::from_secs(5);

/// The server could not start.
const EXIT_NOT_STARTED: u8 = 2;

fn main() -> ExitCode {
    let outcome = match options::parse() {
        Ok(Request::Help) => {
            say(options::HELP);
            Ok(0)
        }
        Ok(Request::Serve(place)) => run(place),
        Err(error) => Err(format!("{error} (--help explains the options)")),
    };
    ExitCode::from(outcome.unwrap_or_else(|reason| {
        complain(&reason);
        EXIT_NOT_STARTED
    }))
}

fn run(place: Place) -> Result<u8, String> {
    process::raise_descriptor_limit();
    let runtime = Runtime::new().map_err(|error| format!("no event loop can be made: {error}"))?;
    runtime.block_on(serve(place))
}

/// Serves until it is asked to stop; returns the exit code, or why it could not start.
async fn serve(place: Place) -> Result<u8, String> {
    let started = Instant::now();
    let shared = Rc::new(Shared::new());
    let service =
        start(&place, &shared).await.map_err(|error| format!("cannot listen on {place}: {error}"))?;
    // Before the address is printed: from then on somebody may count on an orderly end.
    let mut stop = Stop::listen().map_err(|error| format!("cannot listen for signals: {error}"))?;
    say(&format!("listening on {}\ntry it from another terminal: {}", service.address, service.hint));

    stop.asked().await;
    // A client that came with the request is in the listener's queue: accepting has one more turn.
    oneloop::yield_now().await;
    service.task.abort();
    // Once the aborted task is gone its listener is closed, and nobody connects any more.
    let _ = service.task.await;
    let exit_code = or(finish(&shared), stop.asked()).await;
    say(&shared.summary(matches!(place, Place::Udp(_)), started.elapsed()));
    Ok(exit_code)
}

/// Waits for the connections that are still open, within limits.
async fn finish(shared: &Shared) -> u8 {
    if shared.open() > 0 {
        complain(&format!("stopping; {} open connections have {GRACE:?} to finish", shared.open()));
        if timeout(GRACE, shared.all_ended()).await.is_err() {
            complain(&format!("{} connections did not finish and are cut off", shared.open()));
        }
    }
    0
}

/// What serves, until its task is aborted.
struct Service {
    task: JoinHandle<()>,
    /// Where, with the port that the system chose if it was left to it.
    address: String,
    /// A command that talks to it.
    hint: String,
}

async fn start(place: &Place, shared: &Rc<Shared>) -> io::Result<Service> {
    let shared = shared.clone();
    match place {
        Place::Tcp(address) => {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            let task = oneloop::spawn(async move {
                // Without Nagle's algorithm: it would hold back an answer while an earlier one is on its way. It
                // can't be switched off only for a client that is gone already.
                let incoming = listener
                    .incoming()
                    .map(|accepted| accepted.inspect(|stream| drop(stream.set_nodelay(true))));
                streams::accept(incoming, shared).await;
            });
            Ok(Service { task, address: address.to_string(), hint: format!("nc {}", reachable(address)) })
        }
        Place::Udp(address) => {
            let socket = UdpSocket::bind(address).await?;
            let address = socket.local_addr()?;
            let task = oneloop::spawn(datagrams::echo(socket, shared));
            Ok(Service { task, address: address.to_string(), hint: format!("nc -u {}", reachable(address)) })
        }
        #[cfg(unix)]
        Place::Unix(path) => {
            let listener = UnixPath::bind(path)?;
            let task = oneloop::spawn(async move { streams::accept(listener.incoming(), shared).await });
            let path = path.display();
            Ok(Service { task, address: path.to_string(), hint: format!("nc -U {path}") })
        }
    }
}

/// Host and port, as `nc` takes them, at which a client on this machine reaches the server.
fn reachable(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("{ip} {}", address.port())
}
