//! The requests to stop. These are Ctrl+C, SIGTERM, and for a worker process the end of its standard
//! input.

use std::io;

#[cfg(unix)]
use oneloop::future::or;
use oneloop::io::AsyncReadExt;
#[cfg(unix)]
use oneloop::signal::{Signal, SignalKind};

use crate::process::complain;

/// Listens for both signals until it is dropped, so that a second request counts as well as the first.
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
        or(received(&mut self.interrupt), received(&mut self.terminate)).await
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

/// Waits for the first request. A second one ends the process at once.
pub async fn asked() {
    let (first, second) = match (Stop::listen(), Stop::listen()) {
        (Ok(first), Ok(second)) => (first, second),
        (Err(error), _) | (_, Err(error)) => {
            complain(&format!("cannot listen for signals: {error}"));
            return;
        }
    };
    let (mut first, mut second) = (first, second);
    drop(oneloop::spawn(async move {
        second.asked().await;
        let code = second.asked().await;
        std::process::exit(code.into());
    }));
    first.asked().await;
    complain("stopping; running jobs have time to finish");
}

/// Waits for the end of standard input. It ends when the parent process ends or closes the pipe.
pub async fn input_ended() {
    let mut input = oneloop::io::stdin();
    let mut buffer = [0; 64];
    while matches!(input.read(&mut buffer).await, Ok(1..)) {}
}
