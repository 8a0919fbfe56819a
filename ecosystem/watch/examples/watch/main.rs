//! An echo server under load with one task that misbehaves. The program records its loop and makes a
//! page of the record, which shows the task.
//!
//! ```text
//! cargo run --release -p oneloop-watch --example watch
//! ```
//!
//! The program prints the path of the page and what to look for. Ctrl+C ends the load early. The
//! program writes the page then, too.

mod clients;
mod options;
mod output;
mod server;

use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;

use oneloop::net::TcpListener;
use oneloop::{Runtime, signal, task};
use options::{HELP, Options, Request};

/// The size of the ring. Some seconds of this load fill it.
const RING_BYTES: usize = 16 << 20;

fn main() -> ExitCode {
    let options = match options::parse() {
        Ok(Request::Run(options)) => options,
        Ok(Request::Help) => {
            say(HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            complain(&format!("{error}; see --help"));
            return ExitCode::from(2);
        }
    };
    // The folder is made first, so that the program runs no load if the folder can't be made.
    let done =
        output::folder(options.out.as_deref()).and_then(|folder| output::write(&record(&options)?, &folder));
    match done {
        Ok(said) => {
            say(&said);
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Prints a line. A reader that has closed standard output is not an error.
fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "watch: {text}");
}

/// Serves clients until they are done or Ctrl+C arrives. Returns the record of the server's loop. The
/// clients have a thread and a loop of their own, so that the record shows the server alone.
fn record(options: &Options) -> io::Result<Vec<u8>> {
    let runtime = Runtime::builder().trace(RING_BYTES).build()?;
    let load = options.load;
    let clients = runtime.block_on(async {
        let ctrl_c = task::Builder::new().name("Ctrl+C").spawn(signal::ctrl_c());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = async_channel::bounded::<()>(1);
        let (done, is_done) = async_channel::bounded(1);
        let clients = thread::Builder::new().name("clients".into()).spawn(move || {
            // The receiver waits for this message, so the send succeeds.
            let _ = done.send_blocking(oneloop::block_on(clients::run(address, load, stopped)));
        })?;
        drop(task::Builder::new().name("accept").spawn(server::accept(listener)));
        drop(task::Builder::new().name("report").spawn(server::report()));
        let ended =
            futures_lite::future::or(async { is_done.recv().await.map_err(io::Error::other)? }, async {
                ctrl_c.await.map_err(io::Error::other)??;
                stop.close();
                is_done.recv().await.map_err(io::Error::other)?
            });
        ended.await.map(|round_trips: u64| {
            let plural = |number: u64| if number == 1 { "" } else { "s" };
            let connections = load.connections;
            say(&format!(
                "{round_trips} round trip{} on {connections} connection{}",
                plural(round_trips),
                plural(connections.into())
            ));
            clients
        })
    })?;
    clients.join().map_err(|_| io::Error::other("the thread of the clients panicked"))?;
    Ok(runtime.trace_record(None).unwrap_or_default())
}
