//! An echo server: it sends every byte back to the client that has sent it.
//!
//! ```text
//! cargo run --release --example echo
//! cargo run --release --example echo -- '[::1]:9000'
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `main.rs` | the server, from its arguments to its exit code |
//! | `streams.rs` | TCP and Unix sockets: the accept loop, and a task for each connection |
//! | `datagrams.rs` | UDP: one task answers all clients |
//! | `shared.rs` | the state that the tasks share: a buffer, and figures |
//! | `stop.rs` | Ctrl+C and SIGTERM |
//! | `unix_path.rs` | the file of a Unix socket, which is removed at the end |
//! | `options.rs` | the command line |
//!
//! Everything runs on one thread, so the tasks share their state through `Rc` and `Cell`, without locks.

#[path = "../shared/counted.rs"]
mod counted;
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

use counted::counted;
use options::{Place, Request};
use process::{complain, say};
use shared::Shared;
use stop::Stop;
#[cfg(unix)]
use unix_path::UnixPath;

/// The time that connections have to finish after the server is asked to stop.
const GRACE: Duration = Duration::from_secs(5);

/// The exit code of a server that could not start.
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

/// Serves until it is asked to stop. Returns the exit code, or the reason why it could not start.
async fn serve(place: Place) -> Result<u8, String> {
    let started = Instant::now();
    let shared = Rc::new(Shared::new());
    let service =
        start(&place, &shared).await.map_err(|error| format!("cannot listen on {place}: {error}"))?;
    // The server listens for signals before it prints its address, so that a program that has read the
    // address can end it in order.
    let mut stop = Stop::listen().map_err(|error| format!("cannot listen for signals: {error}"))?;
    say(&format!("listening on {}\ntry it from another terminal: {}", service.address, service.hint));

    stop.asked().await;
    // A client that has connected before the request is in the listener's queue, so the accept loop
    // runs once more.
    oneloop::yield_now().await;
    service.task.abort();
    // When the aborted task has ended, its listener is closed, and no client connects any more.
    let _ = service.task.await;
    let exit_code = or(finish(&shared), stop.asked()).await;
    say(&shared.summary(matches!(place, Place::Udp(_)), started.elapsed()));
    Ok(exit_code)
}

/// Waits for the open connections, up to the time limit. Returns the exit code.
async fn finish(shared: &Shared) -> u8 {
    if shared.open() > 0 {
        let open = counted(shared.open(), "open connection");
        complain(&format!("stopping; {GRACE:?} for {open} to finish"));
        if timeout(GRACE, shared.all_ended()).await.is_err() {
            complain(&format!("cut off because of the time: {}", counted(shared.open(), "connection")));
        }
    }
    0
}

/// A server. It runs until its task is aborted.
struct Service {
    task: JoinHandle<()>,
    /// The address, with the port that the system has chosen if the user gave port 0.
    address: String,
    /// A command that connects to the server.
    hint: String,
}

async fn start(place: &Place, shared: &Rc<Shared>) -> io::Result<Service> {
    let shared = shared.clone();
    match place {
        Place::Tcp(address) => {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            let task = oneloop::spawn(async move {
                // Nagle's algorithm would delay an answer while an earlier one is under way. Switching
                // it off fails only if the client has disconnected already, so the result is ignored.
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
            let listener = UnixPath::bind(path).await?;
            let task = oneloop::spawn(async move { streams::accept(listener.incoming(), shared).await });
            let path = path.display();
            Ok(Service { task, address: path.to_string(), hint: format!("nc -U {path}") })
        }
    }
}

/// Returns the host and the port, in the form of `nc`, at which a client on this machine reaches the
/// server.
fn reachable(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("{ip} {}", address.port())
}
