//! Signals of the operating system, as something to await.
//!
//! On Unix each listener has a pipe of its own that the signal's handler writes a byte to (the `signal-hook` crate
//! keeps the handlers), so several listeners of one signal all hear it, on whatever thread or runtime they
//! are. On Windows there is Ctrl+C and nothing else (no `Signal`, and nothing that a child could be sent), through the
//! `ctrlc` crate, which hears it on a thread of its own; several listeners all hear it there, too.
//!
//! Once a signal has been listened for, its default action (for Ctrl+C, the end of the process) is gone for
//! good, also while nobody listens. A program that should end at a second Ctrl+C must listen for that, too.
//!
//! # Examples
//!
//! ```no_run
//! # fn main() -> std::io::Result<()> {
//! oneloop::block_on(async {
//!     println!("press Ctrl+C");
//!     oneloop::signal::ctrl_c().await?;
//!     println!("good bye");
//! #   Ok(())
//! })
//! # }
//! ```

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::{Signal, SignalKind, hangup, terminate};

use std::io;

/// What hears a signal again and again.
#[cfg(unix)]
pub(crate) type Hearing = Signal;
#[cfg(windows)]
pub(crate) type Hearing = windows::CtrlC;

/// Hears each Ctrl+C from now on.
pub(crate) fn hear_ctrl_c() -> io::Result<Hearing> {
    #[cfg(unix)]
    return Signal::new(SignalKind::INTERRUPT);
    #[cfg(windows)]
    return windows::CtrlC::new();
}

/// Waits for the next Ctrl+C: `SIGINT` on Unix, `CTRL_C_EVENT` on Windows.
///
/// It listens from its first poll until it is ready or dropped. To miss none in between two, use a `Signal`
/// on Unix, which goes on listening. The signal's default action stays gone when this is ready or dropped;
/// see the [module](self).
///
/// # Errors
///
/// If the handler can't be set, or (on Unix) the operating system gives no pipe.
///
/// # Panics
///
/// On Unix, when polled outside a runtime.
///
/// # Cancel safety
///
/// Not cancel safe: a signal that came after the first poll and was not reported yet is lost to this
/// listener.
///
/// # Examples
///
/// See the [module](self).
pub async fn ctrl_c() -> io::Result<()> {
    let mut ctrl_c = hear_ctrl_c()?;
    std::future::poll_fn(|cx| ctrl_c.poll_recv(cx)).await
}
