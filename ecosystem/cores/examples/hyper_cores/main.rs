//! A hyper service on all cores: HTTP/1.1 and HTTP/2.
//!
//! ```text
//! cargo run --release -p oneloop-cores --features hyper --example hyper_cores
//! curl http://127.0.0.1:8080/
//! curl http://127.0.0.1:8080/cores
//! ```
//!
//! | path | answer |
//! |---|---|
//! | `/` | the number of the core that answers, and the number of its requests |
//! | `/cores` | the figures of all cores |

#[path = "../shared/options.rs"]
mod options;
#[path = "../shared/process.rs"]
mod process;
#[path = "../shared/signals.rs"]
mod signals;
#[path = "../shared/stop.rs"]
mod stop;

use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request as HttpRequest, Response, StatusCode};
use oneloop_cores::{Core, End, Port};

use options::{Options, Request};
use process::{complain, say};

const HELP: &str = "\
A hyper service on all cores: HTTP/1.1 and HTTP/2. `/` returns the number of the core that answers,
and `/cores` the figures of each core.

usage: hyper_cores [ADDRESS] [options]
";

/// The exit code if a core failed.
const EXIT_FAILED: u8 = 1;

/// The exit code if the server could not start.
const EXIT_NOT_STARTED: u8 = 2;

fn main() -> ExitCode {
    let outcome = match options::parse("127.0.0.1:8080", false) {
        Ok(Request::Help) => {
            say(&format!("{HELP}{}", options::HELP));
            Ok(0)
        }
        Ok(Request::Serve(options)) => run(&options),
        Err(error) => Err(format!("{error} (--help explains the options)")),
    };
    ExitCode::from(outcome.unwrap_or_else(|reason| {
        complain(&reason);
        EXIT_NOT_STARTED
    }))
}

/// Serves until a request to stop. Returns the exit code, or the reason why the server could not start.
fn run(options: &Options) -> Result<u8, String> {
    process::raise_descriptor_limit();
    let (cores, port) = options.cores()?;
    // The call is before the print of the address, because after it a signal must end the server in
    // order.
    let (control, grace) = (cores.control(), options.grace);
    let notice = format!("stopping; connections have {grace:?} to finish");
    signals::stop_at_signals(notice, move || control.stop())?;
    let address = port.local_addr();
    say(&format!("listening on http://{address}\ntry it from another terminal: curl http://{address}/"));

    let grace = options.grace;
    let report = cores.run(move |core| serve(core, port, grace)).map_err(|error| error.to_string())?;
    let mut requests = 0;
    for core in &report.cores {
        match &core.end {
            End::Returned(Ok(served)) => requests += served,
            End::Returned(Err(error)) => {
                complain(&format!("core {} cannot serve: {error}", core.figures.core))
            }
            _ => {}
        }
    }
    say(&format!("{report}\n{requests} requests answered"));
    let served = report.cores.iter().all(|core| matches!(core.end, End::Returned(Ok(_))));
    Ok(if served { 0 } else { EXIT_FAILED })
}

/// Runs one core's server, with its own state. Returns the number of its requests.
async fn serve(core: Core, port: Port, grace: Duration) -> io::Result<u64> {
    // A core that can't serve stops all cores, because clients would wait in its queue without end.
    let listener = core.listener(port).inspect_err(|_| core.stop())?;
    let requests = Rc::new(Cell::new(0));
    let service = service_fn({
        let (core, requests) = (core.clone(), requests.clone());
        move |request: HttpRequest<Incoming>| {
            requests.set(requests.get() + 1);
            let response = answer(&core, &request, requests.get());
            async move { Ok::<_, Infallible>(response) }
        }
    });
    let stopped = async move { core.stopped().await };
    oneloop_hyper::serve(listener, service)
        .on_error(|error| complain(&error.to_string()))
        .shutdown(stopped, grace)
        .await;
    Ok(requests.get())
}

fn answer(core: &Core, request: &HttpRequest<Incoming>, count: u64) -> Response<String> {
    let text = match request.uri().path() {
        "/" => format!("request {count} of core {}\n", core.number()),
        "/cores" => {
            let row = |figures: oneloop_cores::Figures| {
                let busy = 100.0 * figures.busy_share();
                let (core, open, accepted) = (figures.core, figures.open, figures.accepted);
                format!("core {core}: {open} connections open of {accepted}, {busy:.0} % busy\n")
            };
            core.control().figures().into_iter().map(row).collect()
        }
        path => {
            let mut response = Response::new(format!("this server has no page at {path}\n"));
            *response.status_mut() = StatusCode::NOT_FOUND;
            return response;
        }
    };
    Response::new(text)
}
