//! `Watched` and `Listener`: watched sockets and listeners as the program owns them. Dropping one
//! ends its events.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::rc::Rc;

use super::event::Id;
use super::sources::{EventSource, EventSources, WatchedListener, WatchedSocket};
use super::watch::Watch;
use crate::engine::interest::Interest;
use crate::engine::registration::Registration;
use crate::engine::ticket::Ticket;
use crate::net::TcpListener;

/// Removes a source when the owner of the source is dropped.
struct Guard {
    ticket: Ticket,
    sources: Rc<EventSources>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.sources.remove(self.ticket);
    }
}

/// A socket that an [`EventLoop`](super::EventLoop) [watches](super::EventLoop::watch). The type
/// derefs to the socket. Dropping it ends the watch and drops the socket.
/// [`EventLoop::watch`](super::EventLoop::watch) has an example.
pub struct Watched<T> {
    /// The first field, so that it is dropped first: the source uses the socket's registration.
    guard: Guard,
    io: T,
}

/// Returns a socket's registration, if the socket was made for this loop.
fn registration_on<'a>(sources: &EventSources, io: &'a impl Watch) -> io::Result<Registration<'a>> {
    let registration = io.readable().registration;
    if Rc::ptr_eq(registration.core, &sources.core) {
        return Ok(registration);
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "this socket was made for another loop: `into_std` takes it out of that one, and `TryFrom` inside \
         `EventLoop::enter` makes it one of this loop",
    ))
}

impl<T: Watch> Watched<T> {
    pub(super) fn new(sources: &Rc<EventSources>, io: T, interest: Interest) -> io::Result<Self> {
        let registration = registration_on(sources, &io)?;
        let ticket = sources.insert(EventSource::Socket(WatchedSocket::new(registration)))?;
        let watched = Watched { guard: Guard { ticket, sources: sources.clone() }, io };
        watched.add_interest(interest);
        Ok(watched)
    }
}

impl<T> Watched<T> {
    /// Returns the id of the socket's events. [`EventLoop::watch`](super::EventLoop::watch) has an
    /// example.
    pub fn id(&self) -> Id {
        Id(self.guard.ticket)
    }

    /// Adds events of this direction from now on. The method makes no system call.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # use oneloop::Interest;
    /// # use oneloop::event_loop::{Event, EventLoop};
    /// # use oneloop::net::UdpSocket;
    /// # let mut events = EventLoop::<()>::new()?;
    /// # let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// # let socket = events.enter(|| UdpSocket::try_from(socket))?;
    /// let socket = events.watch(socket, Interest::Readable)?;
    /// // a write has returned `WouldBlock`, so the program waits until it can write
    /// socket.add_interest(Interest::Writable);
    /// assert!(matches!(events.take(None)?, Event::Readable(_))); // a new socket may be ready
    /// assert!(matches!(events.take(None)?, Event::Writable(_)));
    /// // after everything is written
    /// socket.remove_interest(Interest::Writable);
    /// # Ok(()) }
    /// ```
    pub fn add_interest(&self, interest: Interest) {
        let Guard { ticket, sources } = &self.guard;
        sources.change(*ticket, |socket| socket.wanted = socket.wanted.with(interest.ready()));
    }

    /// Ends the events of this direction, also one that is queued. The method makes no system call.
    /// A socket is writable most of the time, so a program removes [`Interest::Writable`] whenever
    /// it has nothing to write. [`add_interest`](Watched::add_interest) has an example.
    pub fn remove_interest(&self, interest: Interest) {
        let Guard { ticket, sources } = &self.guard;
        sources.change(*ticket, |socket| socket.wanted = socket.wanted.without(interest.ready()));
    }

    /// Ends the watch and returns the socket.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # use oneloop::Interest;
    /// # use oneloop::event_loop::EventLoop;
    /// # use oneloop::net::UdpSocket;
    /// # let mut events = EventLoop::<()>::new()?;
    /// # let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// # let socket = events.enter(|| UdpSocket::try_from(socket))?;
    /// let watched = events.watch(socket, Interest::Readable)?;
    /// let socket: UdpSocket = watched.into_inner();
    /// # Ok(()) }
    /// ```
    pub fn into_inner(self) -> T {
        let Watched { guard, io } = self;
        drop(guard);
        io
    }
}

impl<T> Deref for Watched<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.io
    }
}

impl<T: fmt::Debug> fmt::Debug for Watched<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("id", &self.id()).field("io", &self.io).finish()
    }
}

/// A TCP listener whose connections are [`Accepted`](super::Event::Accepted) events. Dropping it
/// closes the listener. [`EventLoop::listen`](super::EventLoop::listen) has an example.
#[must_use = "dropping it closes it"]
pub struct Listener {
    guard: Guard,
    addr: SocketAddr,
}

impl Listener {
    pub(super) fn new(sources: &Rc<EventSources>, listener: TcpListener) -> io::Result<Listener> {
        registration_on(sources, &listener)?;
        let addr = listener.local_addr()?;
        let ticket = sources.start(EventSource::Listener(WatchedListener::new(listener)))?;
        Ok(Listener { guard: Guard { ticket, sources: sources.clone() }, addr })
    }

    /// Returns the id of the listener's events. [`EventLoop::listen`](super::EventLoop::listen) has
    /// an example.
    pub fn id(&self) -> Id {
        Id(self.guard.ticket)
    }

    /// Returns the address of the listener, with the port that the system chose.
    /// [`EventLoop::listen`](super::EventLoop::listen) has an example.
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("id", &self.id()).field("addr", &self.addr).finish()
    }
}
