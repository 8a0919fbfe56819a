//! A web service: an axum router over HTTP/1.1 and HTTP/2, on one thread.
//!
//! ```text
//! cargo run --release -p oneloop-hyper --example http_server
//! cargo run --release -p oneloop-hyper --example http_server -- '[::1]:9000' --dir public
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `main.rs` | the server, from its arguments to its exit code |
//! | `router.rs` | the routes, limits, a log |
//! | `notes.rs` | JSON, path and query parameters, a form, state that is `Send` |
//! | `figures.rs` | state and handlers that are not `Send` |
//! | `ticks.rs` | a streaming response |
//! | `files.rs` | static files: types, conditions, ranges, reading on other threads |
//! | `folder.rs` | which files a client may name |
//! | `upload.rs` | bodies that are written to the disk as they arrive |
//! | `error.rs` | errors as JSON |
//! | `options.rs` | the command line |
//! | `../shared/stop.rs` | Ctrl+C and SIGTERM |
//!
//! axum needs no tokio runtime here. The crate is used without its default features. Its router is a
//! tower service, which hyper-util converts into a service of hyper. `axum::serve`,
//! `axum::extract::ws`, and tower-http's `ServeDir` and `TimeoutLayer` do need tokio.

#[path = "../shared/accepting.rs"]
mod accepting;
mod error;
mod figures;
mod files;
mod folder;
mod notes;
mod options;
#[path = "../shared/process.rs"]
mod process;
mod router;
#[path = "../shared/stop.rs"]
mod stop;
mod ticks;
mod upload;

use std::process::ExitCode;
use std::rc::Rc;
use std::time::Instant;

use hyper_util::service::TowerToHyperService;
use oneloop::Runtime;
use oneloop::future::or;
use oneloop::net::TcpListener;
use send_wrapper::SendWrapper;

use accepting::Accepting;
use error::BodyTimeout;
use figures::Figures;
use options::{Options, Request};
use process::{complain, counted, say};
use router::Parts;
use stop::Stop;
use upload::Uploads;

/// The exit code of a server that could not start.
const EXIT_NOT_STARTED: u8 = 2;

fn main() -> ExitCode {
    let outcome = match options::parse() {
        Ok(Request::Help) => {
            say(options::HELP);
            Ok(0)
        }
        Ok(Request::Serve(options)) => run(*options),
        Err(error) => Err(format!("{error} (--help explains the options)")),
    };
    ExitCode::from(outcome.unwrap_or_else(|reason| {
        complain(&reason);
        EXIT_NOT_STARTED
    }))
}

fn run(options: Options) -> Result<u8, String> {
    process::raise_descriptor_limit();
    let runtime = Runtime::new().map_err(|error| format!("no event loop can be made: {error}"))?;
    runtime.block_on(serve(options))
}

/// Serves until it is asked to stop. Returns the exit code, or the reason why it could not start.
async fn serve(options: Options) -> Result<u8, String> {
    let started = Instant::now();
    let figures = SendWrapper::new(Rc::new(Figures::default()));
    let service = TowerToHyperService::new(router::router(parts(&options, &figures)?));
    let cannot_listen = |error| format!("cannot listen on {}: {error}", options.address);
    let listener = TcpListener::bind(&options.address).await.map_err(cannot_listen)?;
    let address = listener.local_addr().map_err(cannot_listen)?;
    // The server listens for signals before it prints its address, so that a program that has read the
    // address can end it in order. Each of the two receives every signal.
    let no_signals = |error| format!("cannot listen for signals: {error}");
    let mut first = Stop::listen().map_err(no_signals)?;
    let mut second = Stop::listen().map_err(no_signals)?;
    say(&format!("listening on http://{address}\ntry it from another terminal: curl http://{address}/"));

    let stop = async move {
        first.asked().await;
        complain(&format!("stopping; requests have {:?} to finish", options.grace));
    };
    let accepting = Accepting::default();
    let serving = oneloop_hyper::serve(listener, service)
        .max_connections(options.connections_max)
        .on_error(move |error| {
            if !accepting.report(&error) {
                complain(&error.to_string());
            }
        })
        .shutdown(stop, options.grace);
    let served = async {
        let summary = serving.await;
        if summary.cut_off > 0 {
            complain(&format!("cut off because of the time: {}", counted(summary.cut_off, "connection")));
        }
        let connections = counted(summary.connections, "connection");
        let requests = counted(figures.requests(), "request");
        let seconds = started.elapsed().as_secs_f64();
        say(&format!("{connections} and {requests} served, {seconds:.1} seconds"));
        0
    };
    let asked_twice = async {
        second.asked().await;
        second.asked().await
    };
    Ok(or(served, asked_twice).await)
}

fn parts(options: &Options, figures: &figures::Shared) -> Result<Parts, String> {
    let uploads = Uploads {
        folder: options.uploads.as_deref().map(folder::open).transpose()?,
        bytes_max: options.upload_bytes_max,
        piece_timeout: options.body_timeout,
        figures: figures.clone(),
    };
    let files = options.dir.as_deref().map(folder::open).transpose()?;
    let body_timeout = BodyTimeout(options.body_timeout);
    Ok(Parts { figures: figures.clone(), files, uploads, body_timeout, log: options.log })
}
