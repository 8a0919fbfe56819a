//! `Ready`: the future that waits for a direction of an I/O object.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::engine::interest::Interest;
use crate::engine::registration::Registration;

/// Waits for readiness: the future of [`Source::readable`](crate::io::source::Source::readable) and of every socket's `readable` and `writable`.
///
/// # Errors
///
/// If the object's runtime is gone, or the operating system refuses to watch it: see [`Source::readable`](crate::io::source::Source::readable).
///
/// # Cancel safety
///
/// Cancel safe: it only looks.
///
/// # Examples
///
/// See [`Source::readable`](crate::io::source::Source::readable).
#[must_use = "futures do nothing unless awaited"]
pub struct Ready<'a> {
    pub(crate) registration: Registration<'a>,
    pub(crate) interest: Interest,
}

impl Future for Ready<'_> {
    type Output = io::Result<()>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.registration.poll_ready(cx, self.interest)
    }
}

impl fmt::Debug for Ready<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready").field("interest", &self.interest).finish_non_exhaustive()
    }
}
