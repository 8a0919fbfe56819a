//! What TCP and Unix listeners share: accepting.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_lite::Stream;

use super::tcp_listener::TcpListener;
use crate::engine::core::Core;
use crate::engine::interest::Interest;
use crate::io::socket::{READY, Socket, Watchable};

/// A listener of mio.
pub(crate) trait Listen: Watchable {
    type Stream: Watchable;
    type Addr;
    fn accept(&self) -> io::Result<(Self::Stream, Self::Addr)>;
}

/// The three ways to accept. `own` makes the public type.
impl<L: Listen> Socket<L> {
    pub(super) fn poll_accept<S>(
        &self,
        cx: &mut Context<'_>,
        own: impl Fn(Socket<L::Stream>) -> S,
    ) -> Poll<io::Result<(S, L::Addr)>> {
        self.poll_io(cx, Interest::Readable, |listener| accept(listener, self.core(), &own))
    }

    pub(super) fn accept<S>(
        &self,
        own: impl Fn(Socket<L::Stream>) -> S,
    ) -> impl Future<Output = io::Result<(S, L::Addr)>> {
        self.async_io(Interest::Readable, move |listener| accept(listener, self.core(), &own))
    }

    pub(super) fn try_accept<S>(&self, own: impl Fn(Socket<L::Stream>) -> S) -> io::Result<(S, L::Addr)> {
        self.try_io(Interest::Readable, |listener| accept(listener, self.core(), &own))
    }
}

fn accept<L: Listen, S>(
    listener: &L,
    core: &Rc<Core>,
    own: impl Fn(Socket<L::Stream>) -> S,
) -> io::Result<(S, L::Addr)> {
    let (stream, peer) = skip_broken(|| listener.accept())?;
    Ok((own(Socket::on(core, stream, READY)?), peer))
}

/// Repeats an accept whose error concerns only the connection that was to be accepted. Bound: each call takes one connection
/// out of the listener's queue, which the backlog limits.
fn skip_broken<R>(mut accept: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    loop {
        match accept() {
            Err(error) if concerns_the_connection(&error) => {}
            accepted => return accepted,
        }
    }
}

/// Whether an error of `accept` concerns the connection that was to be accepted, not the listener: Linux passes pending
/// network errors on in this way (accept(2), "Error handling"). By number, because every accept that finds none asks this.
#[cfg(unix)]
fn concerns_the_connection(error: &io::Error) -> bool {
    use libc::*;
    let number = error.raw_os_error();
    matches!(number, Some(ECONNABORTED | ECONNRESET | EPROTO | ENOPROTOOPT))
        || matches!(number, Some(ENETDOWN | ENETUNREACH | EHOSTUNREACH | EHOSTDOWN))
}

/// The same. wine looks for the peer's address after it has accepted, and finds a connection that was reset to have none.
#[cfg(windows)]
fn concerns_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::*;
    matches!(error.kind(), ConnectionAborted | ConnectionReset | NotConnected)
        || matches!(error.kind(), NetworkDown | NetworkUnreachable | HostUnreachable)
}

/// A listener whose connections are a stream. It is public only because the bounds of [`Incoming`] name it; no other crate can
/// name or implement it.
pub trait Accept {
    #[doc(hidden)]
    type Stream;
    #[doc(hidden)]
    fn poll_accept_stream(&self, cx: &mut Context<'_>) -> Poll<io::Result<Self::Stream>>;
}

/// The connections of a listener: errors, cancel safety and an example are at [`TcpListener::incoming`].
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Incoming<'a, L = TcpListener> {
    pub(super) listener: &'a L,
}

impl<L: Accept> Stream for Incoming<'_, L> {
    type Item = io::Result<L::Stream>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.listener.poll_accept_stream(cx).map(Some)
    }
}

#[cfg(all(test, unix))]
mod tests;
