//! Signals of the operating system, as futures.
//!
//! On Unix each listener has a pipe of its own, and the signal's handler writes a byte to it (the
//! `signal-hook` crate keeps the handlers). So several listeners of one signal all receive it, on
//! any thread and any runtime. On Windows there is Ctrl+C and nothing else: no `Signal`, and no
//! signal to send to a child. The `ctrlc` crate calls the handler on a thread of its own, and every
//! listener receives it there, too.
//!
//! The first listener of a signal takes the signal's default action away (for Ctrl+C, the end of
//! the process). The action does not come back when the listeners are dropped. A program that
//! should end at a second Ctrl+C must listen for that, too.
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

/// A listener that receives each Ctrl+C from now on.
pub(crate) fn listen_for_ctrl_c() -> io::Result<SignalListener> {
    #[cfg(unix)]
    return Signal::new(SignalKind::INTERRUPT);
    #[cfg(windows)]
    return SignalListener::new();
}

/// Waits for the next Ctrl+C: `SIGINT` on Unix, `CTRL_C_EVENT` on Windows.
///
/// The future listens from its first poll until it is ready or dropped. To miss no press in between
/// two, use a `Signal` on Unix, which goes on listening. The signal's default action does not come
/// back when the future is ready or dropped; see the [module](self).
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
/// Not cancel safe: a signal that came after the first poll and was not reported yet is lost to
/// this listener.
///
/// # Examples
///
/// See the [module](self).
pub async fn ctrl_c() -> io::Result<()> {
    let mut listener = listen_for_ctrl_c()?;
    std::future::poll_fn(|cx| listener.poll_recv(cx)).await
}
