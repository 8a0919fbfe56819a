//! What TCP and Unix listeners share: accepting.

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::engine::core::Core;
use crate::engine::interest::Interest;
use crate::io::socket::{READY, Socket, Watchable};

/// The three ways to accept. `accept` is that of mio's listener, and `own` makes the public type.
impl<L: Watchable> Socket<L> {
    pub(super) fn poll_accept<T: Watchable, S, A>(
        &self,
        cx: &mut Context<'_>,
        accept: impl Fn(&L) -> io::Result<(T, A)>,
        own: impl Fn(Socket<T>) -> S,
    ) -> Poll<io::Result<(S, A)>> {
        self.poll_io(cx, Interest::Readable, |listener| {
            watch_accepted(self.core(), || accept(listener), &own)
        })
    }

    pub(super) fn accept<T: Watchable, S, A>(
        &self,
        accept: impl Fn(&L) -> io::Result<(T, A)>,
        own: impl Fn(Socket<T>) -> S,
    ) -> impl Future<Output = io::Result<(S, A)>> {
        self.async_io(Interest::Readable, move |l| watch_accepted(self.core(), || accept(l), &own))
    }

    pub(super) fn try_accept<T: Watchable, S, A>(
        &self,
        accept: impl Fn(&L) -> io::Result<(T, A)>,
        own: impl Fn(Socket<T>) -> S,
    ) -> io::Result<(S, A)> {
        self.try_io(Interest::Readable, |listener| watch_accepted(self.core(), || accept(listener), &own))
    }
}

/// Accepts, and watches the connection on the listener's runtime.
fn watch_accepted<T: Watchable, S, A>(
    core: &Rc<Core>,
    accept: impl Fn() -> io::Result<(T, A)>,
    own: impl Fn(Socket<T>) -> S,
) -> io::Result<(S, A)> {
    let (stream, peer) = skip_broken(accept)?;
    Ok((own(Socket::on(core, stream, READY)?), peer))
}

/// Repeats an accept whose error concerns only the connection that was to be accepted. Bound: each
/// call takes one connection out of the listener's queue, which the backlog limits.
fn skip_broken<R>(mut accept: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    loop {
        match accept() {
            Err(error) if concerns_the_connection(&error) => {}
            accepted => return accepted,
        }
    }
}

/// Whether an error of `accept` concerns the connection that was to be accepted, not the listener:
/// Linux passes pending network errors on in this way (accept(2), "Error handling"). By number,
/// because every accept that finds none asks this.
#[cfg(unix)]
fn concerns_the_connection(error: &io::Error) -> bool {
    use libc::*;
    let number = error.raw_os_error();
    matches!(number, Some(ECONNABORTED | ECONNRESET | EPROTO | ENOPROTOOPT))
        || matches!(number, Some(ENETDOWN | ENETUNREACH | EHOSTUNREACH | EHOSTDOWN))
}

/// The same. wine looks for the peer's address after it has accepted, and finds a connection that
/// was reset to have none.
#[cfg(windows)]
fn concerns_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::*;
    matches!(error.kind(), ConnectionAborted | ConnectionReset | NotConnected)
        || matches!(error.kind(), NetworkDown | NetworkUnreachable | HostUnreachable)
}

#[cfg(all(test, unix))]
mod tests;
