//! A small HTTPS server.
//!
//! ```text
//! cargo run --release -p oneloop-hyper --example https -- --write-cert cert.pem
//! curl --cacert cert.pem https://localhost:8443/
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `main.rs` | the server, from its arguments to its exit code |
//! | `certificate.rs` | the certificate: from files that may change, or made at the start |
//! | `options.rs` | the command line |
//! | `../shared/` | Ctrl+C and SIGTERM; lines on the terminal |

#[path = "../shared/accepting.rs"]
mod accepting;
mod certificate;
mod options;
#[path = "../shared/process.rs"]
mod process;
#[path = "../shared/stop.rs"]
mod stop;

use std::cell::Cell;
use std::convert::Infallible;
use std::future::{IntoFuture, Ready, ready};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use futures::channel::oneshot;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper::{Request, Response};
use oneloop::future::or;
use oneloop::net::TcpListener;
use oneloop_hyper::serve_with;
use oneloop_hyper::server::{Error, Peer};
use oneloop_hyper::tls::Acceptor;

use accepting::Accepting;
use options::Options;
use process::{complain, counted, say};
use stop::Stop;

/// The time that requests have to finish after the server is asked to stop.
const GRACE: Duration = Duration::from_secs(5);

/// The exit code of a server that could not start.
const EXIT_NOT_STARTED: u8 = 2;

fn main() -> ExitCode {
    let outcome = match options::parse() {
        Ok(options::Request::Help) => {
            say(options::HELP);
            Ok(0)
        }
        Ok(options::Request::Serve(options)) => run(options),
        Err(error) => Err(format!("{error} (--help explains the options)")),
    };
    ExitCode::from(outcome.unwrap_or_else(|reason| {
        complain(&reason);
        EXIT_NOT_STARTED
    }))
}

fn run(options: Options) -> Result<u8, String> {
    process::raise_descriptor_limit();
    let runtime = oneloop::Runtime::new().map_err(|error| format!("no event loop can be made: {error}"))?;
    runtime.block_on(serve(options))
}

/// Serves until it is asked to stop. Returns the exit code, or the reason why it could not start.
async fn serve(options: Options) -> Result<u8, String> {
    let Options { address, certificate, verbose } = options;
    let acceptor = Acceptor::new(certificate.first()?);
    let listener =
        TcpListener::bind(&address).await.map_err(|error| format!("cannot listen on {address}: {error}"))?;
    let bound = listener.local_addr().map_err(|error| error.to_string())?;
    // The server listens for signals before it prints its address, because a signal may arrive from
    // then on.
    let no_signals = |error| format!("cannot listen for signals: {error}");
    let mut stop = Stop::listen().map_err(no_signals)?;
    let hint = certificate.hint();
    #[cfg(unix)]
    reload_on_hangup(certificate, acceptor.clone()).map_err(no_signals)?;

    let failed = Rc::new(Cell::new(0));
    let (end, ended) = oneshot::channel::<()>();
    let server = serve_with(listener, Greeter::new)
        .tls(acceptor)
        .on_error(report(failed.clone(), verbose))
        .shutdown(ended, GRACE);
    let server = oneloop::spawn(server.into_future());
    say(&format!("listening on https://{bound}\ntry it from another terminal: curl {hint} https://{bound}/"));

    stop.asked().await;
    let _ = end.send(());
    let finish = async {
        let summary = server.await.expect("the server does not panic");
        (0, Some(summary))
    };
    let (code, summary) = or(finish, async { (stop.asked().await, None) }).await;
    if let Some(summary) = summary {
        let (served, failed, cut_off) = (summary.connections, failed.get(), summary.cut_off);
        let served = counted(served, "connection");
        say(&format!("{served} served, {failed} failed, {cut_off} cut off at the end"));
    }
    Ok(code)
}

/// The service of one connection: it answers with the name and the version that the client chose.
struct Greeter {
    /// The name that the client asked for.
    name: String,
}

impl Greeter {
    fn new(peer: &Peer) -> Greeter {
        let name = peer.tls().and_then(|tls| tls.server_name()).unwrap_or("a server without a name");
        Greeter { name: name.to_owned() }
    }
}

impl Service<Request<Incoming>> for Greeter {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let text = format!("hello from {} over {:?}\n", self.name, request.version());
        ready(Ok(Response::new(text)))
    }
}

/// Counts the connections that fail, and prints the failures of accepting.
fn report(failed: Rc<Cell<u64>>, verbose: bool) -> impl Fn(Error) {
    let accepting = Accepting::default();
    move |error| {
        if accepting.report(&error) {
            return;
        }
        failed.set(failed.get() + 1);
        if verbose {
            complain(&error.to_string());
        }
    }
}

/// Starts the task that reads the certificate again at each SIGHUP.
#[cfg(unix)]
fn reload_on_hangup(certificate: options::Certificate, acceptor: Acceptor) -> std::io::Result<()> {
    use oneloop::signal::{Signal, SignalKind};

    let mut hangup = Signal::new(SignalKind::HANGUP)?;
    oneloop::spawn(async move {
        while hangup.recv().await.is_ok() {
            match certificate.again().await {
                Ok(config) => {
                    acceptor.replace(config);
                    say("the certificate was read again");
                }
                Err(error) => complain(&format!("the old certificate stays: {error}")),
            }
        }
    });
    Ok(())
}
