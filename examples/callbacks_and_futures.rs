//! From callbacks to futures, and back.
//!
//! From the articles: "bridge callback-based code with async/await". A library calls back on a thread
//! of its own, and tasks await its calls. In the other direction, code with callbacks and without
//! futures gets a callback for a future.
//!
//! ```text
//! cargo run --release --example callbacks_and_futures
//! ```
//!
//! Notice that a one-shot channel is the whole bridge: the callback owns the sender, and the task
//! awaits the receiver. The program shows three outcomes: the library calls back, the task stops
//! waiting before that, the library never calls.

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

/// A library with callbacks. It asks a weather station, and calls back on its own thread.
mod weather {
    use std::sync::mpsc::{self, RecvTimeoutError};
    use std::thread;
    use std::time::Duration;

    use super::say;

    /// A request that is under way. Dropping it cancels the request: the callback is dropped and not
    /// called.
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
            drop(stopped); // from here on the request can't be cancelled
            match degrees {
                Some(degrees) => call_back(degrees),
                None => say!("  library: there is no station in {station}; the callback is dropped"),
            }
        };
        thread.spawn(work).expect("the system can start a thread");
        Request { station, stop }
    }
}

/// Awaits a callback of the library. The future owns the request, so dropping the future cancels the
/// request.
///
/// `Canceled` means that the sender is dropped: the library has dropped the callback without calling
/// it.
async fn degrees(station: &'static str) -> Result<i32, Canceled> {
    let (sender, receiver) = oneshot::channel();
    let _request = weather::ask(station, move |degrees| {
        say!("  callback: {degrees} degrees in {station}, on the thread {}", thread_name());
        let _ = sender.send(degrees); // the receiver may be dropped already
    });
    receiver.await
}

async fn await_callbacks() -> Outcome {
    say!("two callbacks are awaited at once:");
    let (oslo, cairo) = zip(degrees("Oslo"), degrees("Cairo")).await;
    say!("  task: it is {} degrees warmer in Cairo", cairo? - oslo?);

    say!("a task gives up first:");
    let limit = Duration::from_millis(20);
    if timeout(limit, degrees("Vostok")).await.is_err() {
        say!("  task: nothing from Vostok in {limit:?}");
    }

    say!("the library never calls back:");
    if let Err(error) = degrees("Atlantis").await {
        say!("  task: nothing from Atlantis: {error}");
    }
    Ok(())
}

/// Starts a future on the loop, from any thread, and calls back with the future's output. The callback
/// runs on the loop's thread.
///
/// `make` is a function that makes the future, because a future that uses the loop's timers or sockets
/// can't move to another thread.
fn start<M, F>(handle: &Handle, make: M, call_back: impl FnOnce(F::Output) + Send + 'static)
where
    M: FnOnce() -> F + Send + 'static,
    F: Future + 'static,
{
    drop(handle.spawn_with(move || async move { call_back(make().await) }));
}

async fn call_back_for_a_future() -> Outcome {
    say!("a thread without futures is called back:");
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
