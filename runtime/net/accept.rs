//! The accept functions of TCP and Unix listeners.

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::engine::core::Core;
use crate::engine::interest::Interest;
use crate::io::socket::{READY, Socket, Watchable};

/// The forms of accept. `accept` is the function of mio's listener, and `own` creates the
/// public type.
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

    #[inline]
    pub(super) fn accept<T: Watchable, S, A>(
        &self,
        accept: impl Fn(&L) -> io::Result<(T, A)>,
        own: impl Fn(Socket<T>) -> S,
    ) -> impl Future<Output = io::Result<(S, A)>> {
        self.async_io(Interest::Readable, move |l| watch_accepted(self.core(), || accept(l), &own))
    }

    /// Accepts a connection that no loop watches. The stream of mio is non-blocking and not registered.
    pub(super) async fn accept_std<T, S: From<T>, A>(
        &self,
        accept: impl Fn(&L) -> io::Result<(T, A)>,
    ) -> io::Result<(S, A)> {
        let accept = |listener: &L| skip_broken(|| accept(listener));
        let (stream, peer) = self.async_io(Interest::Readable, accept).await?;
        Ok((S::from(stream), peer))
    }

    pub(super) fn try_accept<T: Watchable, S, A>(
        &self,
        accept: impl Fn(&L) -> io::Result<(T, A)>,
        own: impl Fn(Socket<T>) -> S,
    ) -> io::Result<(S, A)> {
        self.try_io(Interest::Readable, |listener| watch_accepted(self.core(), || accept(listener), &own))
    }
}

/// Accepts a connection and registers it with the listener's runtime.
fn watch_accepted<T: Watchable, S, A>(
    core: &Rc<Core>,
    accept: impl Fn() -> io::Result<(T, A)>,
    own: impl Fn(Socket<T>) -> S,
) -> io::Result<(S, A)> {
    let (stream, peer) = skip_broken(accept)?;
    Ok((own(Socket::on(core, stream, READY)?), peer))
}

/// Repeats an accept whose error concerns only the connection. The bound is the backlog, because
/// each call removes one connection from the listener's queue.
fn skip_broken<R>(mut accept: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    loop {
        match accept() {
            Err(error) if concerns_the_connection(&error) => {}
            accepted => return accepted,
        }
    }
}

/// Returns whether an error of `accept` concerns the connection and not the listener. Linux reports
/// pending network errors of a connection in this way (accept(2), "Error handling"). The check
/// compares numbers, because each accept without a connection calls it.
#[cfg(unix)]
fn concerns_the_connection(error: &io::Error) -> bool {
    use libc::*;
    let number = error.raw_os_error();
    matches!(number, Some(ECONNABORTED | ECONNRESET | EPROTO | ENOPROTOOPT))
        || matches!(number, Some(ENETDOWN | ENETUNREACH | EHOSTUNREACH | EHOSTDOWN))
}

/// Returns whether an error of `accept` concerns the connection and not the listener. wine reads
/// the peer's address after the accept, and a connection that was reset has no address.
#[cfg(windows)]
fn concerns_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::*;
    matches!(error.kind(), ConnectionAborted | ConnectionReset | NotConnected)
        || matches!(error.kind(), NetworkDown | NetworkUnreachable | HostUnreachable)
}

#[cfg(all(test, unix))]
mod tests;
