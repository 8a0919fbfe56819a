//! Downloads files over HTTP and HTTPS, several at a time.
//!
//! ```text
//! cargo run --release -p oneloop-hyper --example http_client -- https://www.rust-lang.org/logos/rust-logo-512x512.png
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `main.rs` | the program, from its arguments to its exit code |
//! | `download.rs` | one download: attempts, pauses between them, and the file |
//! | `redirect.rs` | the target of a redirect |
//! | `file.rs` | a file that gets its name when it is complete |
//! | `progress.rs` | bars on a terminal, lines otherwise |
//! | `options.rs` | the command line |
//! | `../shared/` | Ctrl+C and SIGTERM; lines on the terminal |
//!
//! All downloads are parts of one future. When the program is asked to stop, each download ends at its
//! wait for the network and removes its partial file.

mod download;
mod file;
mod options;
#[path = "../shared/process.rs"]
mod process;
mod progress;
mod redirect;
#[path = "../shared/stop.rs"]
mod stop;

use std::cell::Cell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use futures::channel::oneshot;
use futures::{FutureExt, StreamExt};
use hyper::Uri;
use oneloop::future::or;
use oneloop_hyper::client::{self, Connector};
use oneloop_hyper::tls::Roots;

use download::{Client, Downloads, Failure};
use options::{Options, Request};
use process::{complain, counted, say};
use progress::Progress;
use stop::Stop;

const EXIT_INCOMPLETE: u8 = 1;
const EXIT_NOT_BEGUN: u8 = 2;

fn main() -> ExitCode {
    let outcome = match options::parse() {
        Ok(Request::Help) => {
            say(options::HELP);
            Ok(0)
        }
        Ok(Request::Download(options)) => run(options),
        Err(error) => Err(format!("{error} (--help explains the options)")),
    };
    ExitCode::from(outcome.unwrap_or_else(|reason| {
        complain(&reason);
        EXIT_NOT_BEGUN
    }))
}

/// Downloads all files. Returns the exit code, or the reason why no download began.
fn run(options: Options) -> Result<u8, String> {
    let files = files(&options.urls, &options.folder)?;
    let client = new_client(options.ca.as_deref(), options.limits.timeout)?;
    let runtime = oneloop::Runtime::new().map_err(|error| format!("no event loop can be made: {error}"))?;
    runtime.block_on(async {
        let mut stop = Stop::listen().map_err(|error| format!("cannot listen for signals: {error}"))?;
        let (end, ended) = oneshot::channel();
        let downloads =
            Downloads { client, limits: options.limits, progress: Progress::new(), stopped: ended.shared() };
        let asked = Cell::new(None);
        let stopping = async {
            asked.set(Some(stop.asked().await));
            downloads.progress.complain("stopping; partial files are removed");
            drop(end);
            stop.asked().await // a second request ends the wait for the files
        };
        let code = or(download_all(&downloads, files, options.jobs), stopping).await;
        Ok(asked.get().unwrap_or(code))
    })
}

/// Pairs each URL with the path of its file.
fn files(urls: &[String], folder: &Path) -> Result<Vec<(Uri, PathBuf)>, String> {
    if !folder.is_dir() {
        return Err(format!("--dir {}: there is no such folder", folder.display()));
    }
    let mut names = HashMap::new();
    let mut files = Vec::new();
    for text in urls {
        let url: Uri = text.parse().map_err(|error| format!("{text}: not a URL: {error}"))?;
        if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none() {
            return Err(format!("{text}: not a URL of the form http://HOST/PATH or https://HOST/PATH"));
        }
        let name = file::name_of(&url);
        if let Some(other) = names.insert(name.clone(), text) {
            return Err(format!("{other} and {text} would both be written to {name}"));
        }
        files.push((url, folder.join(name)));
    }
    Ok(files)
}

fn new_client(ca: Option<&Path>, limit: Duration) -> Result<Client, String> {
    let mut connector = Connector::new().connect_timeout(limit).handshake_timeout(limit);
    if let Some(path) = ca {
        let mut roots = Roots::webpki();
        roots.add_pem_file(path).map_err(|error| error.to_string())?;
        connector = connector.tls_config(roots.client_config());
    }
    Ok(client::builder().build(connector))
}

/// Downloads the files, `jobs` at a time. Returns the exit code.
async fn download_all(downloads: &Downloads, files: Vec<(Uri, PathBuf)>, jobs: usize) -> u8 {
    let progress = &downloads.progress;
    let each = futures::stream::iter(files).map(|(url, file)| async move {
        match downloads.download(&url, &file).await {
            Ok(bytes) => {
                progress.say(&format!("{}: {}", file.display(), counted(bytes, "byte")));
                return true;
            }
            Err(Failure::Retry(reason) | Failure::Final(reason)) => {
                progress.complain(&format!("{url}: {reason}"));
            }
            Err(Failure::Stopped) => {}
        }
        false
    });
    let all = each.buffer_unordered(jobs).fold(true, |all, complete| async move { all && complete });
    if all.await { 0 } else { EXIT_INCOMPLETE }
}
