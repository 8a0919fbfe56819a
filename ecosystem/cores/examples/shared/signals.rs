//! The thread that waits for Ctrl+C and SIGTERM.

use crate::process::complain;
use crate::stop::Stop;

/// Listens for signals from the return of this function on. The first signal prints `notice` and calls
/// `stop_all`. A second one ends the process at once.
///
/// A separate thread waits for the signals, so that they also work when a core blocks its thread.
pub fn stop_at_signals(notice: String, stop_all: impl FnOnce() + Send + 'static) -> Result<(), String> {
    let (sender, listening) = std::sync::mpsc::channel();
    let wait = move || {
        let waited = oneloop::Runtime::new().map(|runtime| {
            runtime.block_on(async {
                let mut stop = match Stop::listen() {
                    Ok(stop) => stop,
                    Err(error) => return drop(sender.send(Err(error))),
                };
                let _ = sender.send(Ok(()));
                stop.asked().await;
                complain(&notice);
                stop_all();
                let code = stop.asked().await;
                std::process::exit(i32::from(code));
            });
        });
        if let Err(error) = waited {
            complain(&format!("no event loop can be made for signals: {error}"));
        }
    };
    let cannot = |error: String| format!("cannot listen for signals: {error}");
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(wait)
        .map_err(|error| cannot(error.to_string()))?;
    match listening.recv() {
        Ok(outcome) => outcome.map_err(|error| cannot(error.to_string())),
        Err(_) => Err(cannot("the event loop for them could not be made".to_owned())),
    }
}
