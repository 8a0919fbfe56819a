//! An echo server on all cores, which sends back the bytes that it receives.
//!
//! ```text
//! cargo run --release -p oneloop-cores --example echo_cores
//! cargo run --release -p oneloop-cores --example echo_cores -- '[::1]:9000' --cores 2 --spread least-loaded
//! ```
//!
//! | file | content |
//! |---|---|
//! | `main.rs` | the server, from its arguments to its exit code |
//! | `core.rs` | the work of one core, which accepts and spawns a task for each connection |
//! | `faults.rs` | panics and hangs that clients cause, with `--inject` |
//! | `../shared/` | the command line, Ctrl+C and SIGTERM, printing |
//!
//! The tasks of a core share its state through `Rc` and `Cell`, without locks.

mod core;
mod faults;
#[path = "../shared/options.rs"]
mod options;
#[path = "../shared/process.rs"]
mod process;
#[path = "../shared/signals.rs"]
mod signals;
#[path = "../shared/stop.rs"]
mod stop;

use std::process::ExitCode;

use oneloop_cores::End;

use options::{Options, Request};
use process::{complain, say};

const HELP: &str = "\
An echo server on all cores, which sends back the bytes that it receives.

usage: echo_cores [ADDRESS] [options]

  --inject           let clients cause faults: the line `panic!` from a client makes its core panic,
                     and the line `hang!` makes its core block its thread for ever";

/// The exit code if a core failed.
const EXIT_FAILED: u8 = 1;

/// The exit code if the server could not start.
const EXIT_NOT_STARTED: u8 = 2;

fn main() -> ExitCode {
    let outcome = match options::parse("127.0.0.1:7000", true) {
        Ok(Request::Help) => {
            say(&format!("{HELP}{}", options::HELP));
            Ok(0)
        }
        Ok(Request::Serve(options)) => serve(&options),
        Err(error) => Err(format!("{error} (--help explains the options)")),
    };
    ExitCode::from(outcome.unwrap_or_else(|reason| {
        complain(&reason);
        EXIT_NOT_STARTED
    }))
}

/// Serves until a request to stop. Returns the exit code, or the reason why the server could not start.
fn serve(options: &Options) -> Result<u8, String> {
    process::raise_descriptor_limit();
    if options.inject {
        faults::silence_their_traces();
    }
    let (cores, port) = options.cores()?;
    // The call is before the print of the address, because after it a signal must end the server in
    // order.
    let (control, grace) = (cores.control(), options.grace);
    let notice = format!("stopping; connections have {grace:?} to finish");
    signals::stop_at_signals(notice, move || control.stop())?;
    let address = port.local_addr();
    say(&format!(
        "listening on {address}\ntry it from another terminal: nc {} {}",
        address.ip(),
        address.port()
    ));

    let (grace, inject) = (options.grace, options.inject);
    let report =
        cores.run(move |core| core::serve(core, port, grace, inject)).map_err(|error| error.to_string())?;
    let mut bytes = 0;
    for core in &report.cores {
        match &core.end {
            End::Returned(Ok(served)) => {
                bytes += served.bytes;
                if served.cut_off > 0 {
                    let (core, count) = (core.figures.core, served.cut_off);
                    complain(&format!("core {core} closed connections that did not finish: {count}"));
                }
            }
            End::Returned(Err(error)) => {
                complain(&format!("core {} cannot serve: {error}", core.figures.core))
            }
            _ => {}
        }
    }
    say(&format!("{report}\n{bytes} bytes echoed by the cores' last runtimes"));
    let served = report.cores.iter().all(|core| matches!(core.end, End::Returned(Ok(_))));
    Ok(if served { 0 } else { EXIT_FAILED })
}
