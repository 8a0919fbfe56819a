//! Signals of the operating system as futures.
//!
//! On Unix each listener has a pipe of its own, and the signal's handler writes a byte to each
//! pipe. The `signal-hook` crate keeps the handlers. So all listeners of a signal receive it, on
//! any thread and any runtime. Windows supports Ctrl+C alone: this module has no `Signal` there,
//! and a program can't send a signal to a child. The `ctrlc` crate calls the handler on a thread of
//! its own, and all listeners receive each Ctrl+C on Windows, too.
//!
//! The first listener of a signal removes the signal's default action. For Ctrl+C this action is
//! the end of the process. Dropping the listeners does not restore the action. A program that
//! should end at a second Ctrl+C must listen for the second one, too.
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
pub(crate) use unix::Signal as SignalListener;
#[cfg(unix)]
pub use unix::{Signal, SignalKind, hangup, terminate};
#[cfg(windows)]
pub(crate) use windows::CtrlC as SignalListener;

use std::io;

/// Returns a listener that receives each later Ctrl+C.
pub(crate) fn listen_for_ctrl_c() -> io::Result<SignalListener> {
    #[cfg(unix)]
    return Signal::new(SignalKind::INTERRUPT);
    #[cfg(windows)]
    return SignalListener::new();
}

/// Waits for the next Ctrl+C: `SIGINT` on Unix, `CTRL_C_EVENT` on Windows.
///
/// The future listens from its first poll until it completes or is dropped. A Ctrl+C between two
/// such futures is lost. On Unix a `Signal` avoids this, because it listens continuously. The
/// completion or the drop of the future does not restore the signal's default action; see the
/// [module](self).
///
/// # Errors
///
/// The future returns an error if the handler can't be set, or (on Unix) if the operating system
/// can't create a pipe.
///
/// # Panics
///
/// On Unix, polling the future outside a runtime panics.
///
/// # Cancel safety
///
/// The future is not cancel safe. Dropping it loses a signal that arrives after the first poll and
/// is not reported yet.
pub async fn ctrl_c() -> io::Result<()> {
    let mut listener = listen_for_ctrl_c()?;
    std::future::poll_fn(|cx| listener.poll_recv(cx)).await
}
