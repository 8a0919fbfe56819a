//! From callbacks to futures, and back.
//!
//! From the articles: "bridge callback-based code with async/await". A library calls back on a thread of its own; here
//! tasks await it. And the other way round: code that knows only callbacks is given one for a future.
//!
//! ```text
//! cargo run --release --example callbacks_and_futures
//! ```
//!
//! Notice that a one-shot channel is the whole bridge: the callback owns the sender, the task awaits the receiver. Its
//! three ends are shown: the library calls back, the task gives up before that, the library never calls.

#[path = "shared/demo.rs"]
mod demo;

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use demo::{Outcome, say};
use futures::channel::oneshot::{self, Canceled};
use oneloop::future::zip;
use oneloop::time::{sleep, timeout};
use oneloop::{Handle, Runtime};

fn main() -> ExitCode {
    demo::run("Awaits a library that calls back, and calls back for a future.", || {
        Runtime::new()?.block_on(async {
            await_callbacks().await?;
            call_back_for_a_future().await
        })
    })
}

/// A library in the old style: it asks a weather station, and calls back on its own thread.
mod weather {
    use std::sync::mpsc::{self, RecvTimeoutError};
    use std::thread;
    use std::time::Duration;

    use super::say;

    /// A request under way. Dropping it cancels it: the callback is then dropped, not called.
    pub struct Request {
        station: &'static str,
        stop: mpsc::Sender<()>,
    }

    impl Drop for Request {
        fn drop(&mut self) {
            if self.stop.send(()).is_ok() {
                say!("  library: the request to {} is cancelled", self.station);
            }
        }
    }

    pub fn ask(station: &'static str, call_back: impl FnOnce(i32) + Send + 'static) -> Request {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::Builder::new().name("library".to_owned());
        let work = move || {
            let (answer_ms, degrees) = match station {
                "Oslo" => (100, Some(-4)),
                "Cairo" => (10, Some(31)),
                "Vostok" => (60_000, Some(-60)),
                _ => (10, None),
            };
            let answer_time = Duration::from_millis(answer_ms);
            if stopped.recv_timeout(answer_time) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            drop(stopped); // too late to cancel
            match degrees {
                Some(degrees) => call_back(degrees),
                None => say!("  library: there is no station in {station}; it forgets to say so"),
            }
        };
        thread.spawn(work).expect("the system has room for a thread");
        Request { station, stop }
    }
}

/// The bridge. The future owns the request, so that dropping the future cancels it.
///
/// `Canceled` says that the sender is gone: the library dropped the callback without calling it.
async fn degrees(station: &'static str) -> Result<i32, Canceled> {
    let (sender, receiver) = oneshot::channel();
    let _request = weather::ask(station, move |degrees| {
        say!("  callback: {degrees} degrees in {station}, on the thread {}", thread_name());
        let _ = sender.send(degrees); // nobody may be waiting any more
    });
    receiver.await
}

async fn await_callbacks() -> Outcome {
    say!("two callbacks are awaited at once:");
    let (oslo, cairo) = zip(degrees("Oslo"), degrees("Cairo")).await;
    say!("  task: it is {} degrees warmer in Cairo", cairo? - oslo?);

    say!("a task gives up first:");
    let patience = Duration::from_millis(20);
    if timeout(patience, degrees("Vostok")).await.is_err() {
        say!("  task: nothing from Vostok in {patience:?}");
    }

    say!("the library never calls back:");
    if let Err(error) = degrees("Atlantis").await {
        say!("  task: nothing from Atlantis: {error}");
    }
    Ok(())
}

/// The bridge back: starts a future on the loop, from any thread, and calls back with what it returns. The callback
/// runs on the loop's thread.
///
/// It takes a function that makes the future, because one that uses the loop's timers or sockets can't change threads.
fn start<M, F>(handle: &Handle, make: M, call_back: impl FnOnce(F::Output) + Send + 'static)
where
    M: FnOnce() -> F + Send + 'static,
    F: Future + 'static,
{
    drop(handle.spawn_with(move || async move { call_back(make().await) }));
}

async fn call_back_for_a_future() -> Outcome {
    say!("a thread that knows no futures is called back:");
    let handle = Handle::current();
    let (over, wait) = oneshot::channel();
    thread::spawn(move || {
        let product = || async {
            sleep(Duration::from_millis(10)).await;
            6 * 7
        };
        start(&handle, product, move |product| {
            say!("  callback: 6 times 7 is {product}, on the thread {}", thread_name());
            let _ = over.send(());
        });
    });
    wait.await?;
    Ok(())
}

fn thread_name() -> String {
    thread::current().name().unwrap_or("without a name").to_owned()
}
