//! `Socket`, the common part of all I/O objects: the object and its key in the reactor.

use std::io;
#[cfg(unix)]
use std::os::fd::{AsFd, AsRawFd};
#[cfg(windows)]
use std::os::windows::io::{AsRawSocket, AsSocket};
use std::rc::Rc;
use std::task::{Context, Poll};

use super::ready::{Operation, Ready};
use crate::engine::context;
use crate::engine::core::Core;
use crate::engine::driver::{Object, Raw, Readiness};
use crate::engine::interest::Interest;
use crate::engine::registration::Registration;

/// The readiness of a new socket, until an operation returns `WouldBlock`. A try on a socket that
/// is not ready costs one system call. A wait for an event on a socket that is already ready would
/// cost a turn.
pub(crate) const READY: Readiness = Readiness::READABLE.with(Readiness::WRITABLE);

/// An I/O object that the loop watches and owns: a socket, an end of a pipe, or the object of a
/// [`Source`](super::source::Source). A socket takes 16 bytes on Unix, of which the descriptor
/// takes 4.
///
/// The sockets of `mio` are used with every driver. On Windows its backend needs them, and on Unix
/// they are plain descriptors.
pub(crate) struct Socket<T: Watchable> {
    core: Rc<Core>,
    key: u32,
    io: T,
}

#[cfg(all(unix, feature = "net", not(debug_assertions), not(mio_unsupported_force_poll_poll)))]
const _: () =
    assert!(size_of::<Socket<mio::net::TcpStream>>() == 16, "a connection's task holds little else");

/// An object that a driver can watch.
pub(crate) trait Watchable {
    /// The object in the form that a driver takes. `None` once its owner has taken it back.
    fn object(&mut self) -> Option<Object<'_>>;

    /// Ends the watch before the object is dropped.
    fn end_watch(&mut self, registration: Registration<'_>);
}

#[cfg(unix)]
pub(crate) type Owned = std::os::fd::OwnedFd;
#[cfg(windows)]
pub(crate) type Owned = std::os::windows::io::OwnedSocket;

/// An object with a handle of the operating system: a descriptor, or a socket on Windows.
pub(crate) trait Named {
    fn as_raw(&self) -> Raw;

    /// Duplicates the handle. Both handles refer to the same open file.
    fn duplicate(&self) -> io::Result<Owned>;
}

#[cfg(unix)]
impl<T: AsFd> Named for T {
    fn as_raw(&self) -> Raw {
        self.as_fd().as_raw_fd()
    }

    fn duplicate(&self) -> io::Result<Owned> {
        self.as_fd().try_clone_to_owned()
    }
}

#[cfg(windows)]
impl<T: AsSocket> Named for T {
    fn as_raw(&self) -> Raw {
        self.as_socket().as_raw_socket()
    }

    fn duplicate(&self) -> io::Result<Owned> {
        self.as_socket().try_clone_to_owned()
    }
}

impl<T: mio::event::Source + Named> Watchable for T {
    fn object(&mut self) -> Option<Object<'_>> {
        let raw = Some(self.as_raw());
        Some(Object { mio: Some(self), raw })
    }

    /// Dropping a socket closes it.
    fn end_watch(&mut self, registration: Registration<'_>) {
        registration.forget();
    }
}

impl<T: Watchable> Socket<T> {
    /// Watches a non-blocking object. `assumed` counts as ready until an operation returns
    /// `WouldBlock`.
    #[track_caller]
    pub(crate) fn new(io: T, assumed: Readiness) -> io::Result<Socket<T>> {
        context::with("a oneloop socket was made", |core| Socket::on(core, io, assumed))
    }

    /// `new` on a given runtime. A connection belongs to the runtime of its listener, also if a
    /// task of another runtime accepts it.
    pub(crate) fn on(core: &Rc<Core>, mut io: T, assumed: Readiness) -> io::Result<Socket<T>> {
        let object = io.object().expect("its owner has just given it");
        let key = Registration::open(core, object, assumed)?;
        Ok(Socket { core: core.clone(), key, io })
    }

    #[inline]
    fn registration(&self) -> Registration<'_> {
        Registration { core: &self.core, key: self.key }
    }

    pub(crate) fn core(&self) -> &Rc<Core> {
        &self.core
    }

    /// The object, for calls that neither read nor write, such as addresses and options.
    #[inline]
    pub(crate) fn io(&self) -> &T {
        &self.io
    }

    pub(crate) fn io_mut(&mut self) -> &mut T {
        &mut self.io
    }

    pub(crate) fn readable(&self) -> Ready<'_> {
        Ready::new(self.registration(), Interest::Readable)
    }

    pub(crate) fn writable(&self) -> Ready<'_> {
        Ready::new(self.registration(), Interest::Writable)
    }

    pub(crate) fn poll_ready(&self, cx: &mut Context<'_>, interest: Interest) -> Poll<io::Result<()>> {
        self.registration().poll_ready(cx, interest, None)
    }

    /// **Each operation that moves data or connections calls this function**: a read, a write, an
    /// accept, the end of a connect.
    #[inline]
    fn perform<R>(&self, operation: &mut impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        operation(&self.io)
    }

    /// Tries `operation` whenever `interest` counts as ready, until the result is not `WouldBlock`.
    #[inline]
    pub(crate) fn poll_io<R>(
        &self,
        cx: &mut Context<'_>,
        interest: Interest,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.registration().poll_io(cx, interest, None, || self.perform(&mut operation), |_| false)
    }

    /// `poll_io` for an operation of a stream. `drained` says whether it was a short read or write.
    #[inline(always)]
    pub(super) fn poll_stream<R>(
        &self,
        cx: &mut Context<'_>,
        interest: Interest,
        mut operation: impl FnMut(&T) -> io::Result<R>,
        drained: impl FnOnce(&R) -> bool,
    ) -> Poll<io::Result<R>> {
        self.registration().poll_io(cx, interest, None, || self.perform(&mut operation), drained)
    }

    /// `poll_io` as a future.
    #[inline]
    pub(crate) fn async_io<R>(
        &self,
        interest: Interest,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> impl Future<Output = io::Result<R>> {
        let ready = Ready::new(self.registration(), interest);
        Operation { ready, attempt: move || self.perform(&mut operation) }
    }

    /// Tries `operation` if `interest` counts as ready, and returns `WouldBlock` otherwise.
    pub(crate) fn try_io<R>(
        &self,
        interest: Interest,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        self.registration().try_io(interest, || self.perform(&mut operation), |_| false)
    }

    /// `try_io` for an operation of a stream, as [`poll_stream`](Socket::poll_stream).
    #[inline(always)]
    pub(super) fn try_stream<R>(
        &self,
        interest: Interest,
        mut operation: impl FnMut(&T) -> io::Result<R>,
        drained: impl FnOnce(&R) -> bool,
    ) -> io::Result<R> {
        self.registration().try_io(interest, || self.perform(&mut operation), drained)
    }

    /// Tries `operation`, whether or not the object counts as ready.
    #[cfg(unix)]
    pub(crate) fn try_now<R>(&self, mut operation: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        loop {
            match self.perform(&mut operation) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// Charges the budget for an operation that does not use the reactor.
    #[cfg(unix)]
    pub(crate) async fn give_way(&self) {
        std::future::poll_fn(|cx| self.core.budget.poll(cx)).await;
    }

    /// Wakes the waiters after a change that this program has made to the socket, where the system
    /// reports no event for it.
    #[cfg(windows)]
    pub(super) fn announce(&self, readiness: Readiness) {
        self.registration().announce(readiness);
    }

    /// Ends the watch of an object that stays open.
    pub(crate) fn deregister(&mut self) -> io::Result<()> {
        let registration = Registration { core: &self.core, key: self.key };
        self.io.object().map_or(Ok(()), |object| registration.deregister(object))
    }

    /// Ends the watch and returns a new descriptor of the same open file, before this one is
    /// dropped. The descriptor is new for two reasons: a type with a `Drop` can't be taken apart,
    /// and an optional field would cost every operation a check. With the close, this makes three
    /// system calls.
    pub(crate) fn leave(&mut self) -> io::Result<Owned>
    where
        T: Named,
    {
        let owned = self.io.duplicate()?;
        // Closing the old descriptor ends nothing as long as the new one is open.
        match self.deregister() {
            // mio's poll(2) fallback has already ended the watch of a descriptor that was hung up.
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(owned),
        }
    }
}

impl<T: Watchable> Drop for Socket<T> {
    fn drop(&mut self) {
        /// Releases the slot also if the user's object panics.
        struct Release<'a>(Registration<'a>);
        impl Drop for Release<'_> {
            fn drop(&mut self) {
                self.0.release();
            }
        }
        let release = Release(Registration { core: &self.core, key: self.key });
        self.io.end_watch(release.0);
    }
}
