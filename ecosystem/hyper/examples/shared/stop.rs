//! The requests to stop: Ctrl+C and SIGTERM.

use std::io;

#[cfg(unix)]
use oneloop::signal::{Signal, SignalKind};

/// Listens for both until it is dropped, so that a second request counts as well as the first.
pub struct Stop {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Signal,
}

#[cfg(unix)]
impl Stop {
    pub fn listen() -> io::Result<Stop> {
        Ok(Stop {
            interrupt: Signal::new(SignalKind::INTERRUPT)?,
            terminate: Signal::new(SignalKind::TERMINATE)?,
        })
    }

    /// Waits for the next request. Returns the exit code of a program that ends because of it: 128
    /// and the signal's number, as a shell reports a program that the signal has killed.
    pub async fn asked(&mut self) -> u8 {
        oneloop::future::or(received(&mut self.interrupt), received(&mut self.terminate)).await
    }
}

#[cfg(unix)]
async fn received(signal: &mut Signal) -> u8 {
    // A failure counts as a request, because otherwise no signal could stop the program.
    let _ = signal.recv().await;
    128 + signal.kind().number() as u8
}

#[cfg(windows)]
impl Stop {
    pub fn listen() -> io::Result<Stop> {
        Ok(Stop {})
    }

    /// Waits for the next Ctrl+C. Returns the exit code of a program that ends because of it.
    pub async fn asked(&mut self) -> u8 {
        let _ = oneloop::signal::ctrl_c().await;
        130
    }
}
