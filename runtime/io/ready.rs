//! `Ready`, the future that waits for a direction of an I/O object, and `Operation`, the future
//! that also tries an operation.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::engine::interest::Interest;
use crate::engine::registration::Registration;
use crate::engine::wait_list::NodeKey;

/// The future of [`Source::readable`](crate::Source::readable) and of every socket's `readable` and
/// `writable`. It waits for readiness. [`Source::readable`](crate::Source::readable) has an
/// example.
///
/// # Errors
///
/// The future returns an error if the object's runtime was dropped, or if the operating system
/// refuses to watch the object. [`Source::readable`](crate::Source::readable) describes these
/// cases.
///
/// # Cancel safety
///
/// The future is cancel safe: it takes nothing from the object.
#[must_use = "futures do nothing unless awaited"]
pub struct Ready<'a> {
    pub(crate) registration: Registration<'a>,
    pub(crate) interest: Interest,
    node: NodeKey,
}

impl<'a> Ready<'a> {
    pub(crate) fn new(registration: Registration<'a>, interest: Interest) -> Ready<'a> {
        Ready { registration, interest, node: None }
    }
}

impl Future for Ready<'_> {
    type Output = io::Result<()>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Ready { registration, interest, node } = &mut *self;
        registration.poll_ready(cx, *interest, Some(node))
    }
}

impl Drop for Ready<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(node) = self.node {
            self.registration.stop_waiting(self.interest, node);
        }
    }
}

impl fmt::Debug for Ready<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready").field("interest", &self.interest).finish_non_exhaustive()
    }
}

/// Tries an operation whenever its direction counts as ready, until the result is not `WouldBlock`.
///
/// # Cancel safety
///
/// The future is cancel safe: the result of a try is returned in the same poll.
#[must_use = "futures do nothing unless awaited"]
pub(crate) struct Operation<'a, F> {
    pub(crate) ready: Ready<'a>,
    pub(crate) attempt: F,
}

/// `attempt` is called, never polled.
impl<F> Unpin for Operation<'_, F> {}

impl<F: FnMut() -> io::Result<R>, R> Future for Operation<'_, F> {
    type Output = io::Result<R>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Operation { ready: Ready { registration, interest, node }, attempt } = &mut *self;
        registration.poll_io(cx, *interest, Some(node), attempt, |_| false)
    }
}
