//! The methods with which a program adds sources of events: sockets, connections, timers, signals.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::{Duration, Instant};

use super::sources::EventSource;
use super::{EventLoop, Id, Listener, Watch, Watched};
use crate::engine::context;
use crate::engine::interest::Interest;
use crate::net::{TcpListener, TcpStream};
#[cfg(feature = "signal")]
use crate::signal::{self, SignalListener};

impl<M> EventLoop<M> {
    /// Makes sockets for this loop: calls `make` inside the loop's [`Runtime`](crate::Runtime).
    /// Tasks that `make` spawns run whenever the loop waits for an event.
    /// [`watch`](EventLoop::watch) has an example.
    pub fn enter<R>(&self, make: impl FnOnce() -> R) -> R {
        context::enter(&self.runtime.core, make)
    }

    /// Watches a socket. A [`Readable`](super::Event::Readable) or
    /// [`Writable`](super::Event::Writable) event comes *as long as* the socket counts as ready and
    /// `interest` is not [removed](Watched::remove_interest). So a handler need not read all bytes.
    /// The next event for the other bytes comes after one poll of every other ready source. The
    /// method makes no system call.
    ///
    /// The socket must have been made for this loop. The loop has
    /// [accepted](super::Event::Accepted) it, also by `try_accept` of a listener of this loop, or
    /// has [connected](super::Event::Connected) it, or the program has made it in
    /// [`enter`](EventLoop::enter). The socket must be non-blocking, as the sockets of this library
    /// are. For the object of a [`Source`](crate::Source), the program must ensure this. Standard
    /// input is better read on another thread, with a [`Sender`](super::Sender).
    ///
    /// Events may be spurious, and an operation may return `WouldBlock`. The program reads and
    /// writes through the socket's own `try_` methods, which record a `WouldBlock`. With other
    /// methods the socket counts as ready for ever, and the loop spins.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the socket was made for another loop. [`into_std`](TcpStream::into_std)
    /// takes the socket out of that loop. The method also returns an
    /// error if this loop has 16,777,215 sources and tasks.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::Interest;
    /// use oneloop::event_loop::{Event, EventLoop};
    /// use oneloop::net::UdpSocket;
    ///
    /// let mut events = EventLoop::<()>::new()?;
    /// let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// let socket = events.enter(|| UdpSocket::try_from(socket))?;
    /// let socket = events.watch(socket, Interest::Readable)?;
    /// socket.try_send_to(b"ping", socket.local_addr()?)?;
    ///
    /// let mut buf = [0; 16];
    /// loop {
    ///     match events.take(None)? {
    ///         Event::Readable(id) if id == socket.id() => match socket.try_recv_from(&mut buf) {
    ///             Ok((n, _)) => break assert_eq!(&buf[..n], b"ping"),
    ///             Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
    ///             Err(e) => return Err(e),
    ///         },
    ///         other => println!("{other:?}"),
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    pub fn watch<T: Watch>(&self, io: T, interest: Interest) -> io::Result<Watched<T>> {
        Watched::new(&self.sources, io, interest)
    }

    /// Listens for TCP connections at an address. Each connection is an
    /// [`Accepted`](super::Event::Accepted) event. With port 0 the system chooses the port. A name
    /// is resolved in this call, on this thread.
    ///
    /// # Errors
    ///
    /// If no address works, the method returns the error of [`TcpListener::bind`], with the address
    /// in the message. The method also returns an error if the loop has 16,777,215 sources and
    /// tasks.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::event_loop::{Event, EventLoop};
    ///
    /// let mut events = EventLoop::<()>::new()?;
    /// let listener = events.listen("127.0.0.1:0")?;
    /// let client = std::net::TcpStream::connect(listener.local_addr())?;
    /// match events.take(None)? {
    ///     Event::Accepted(id, Ok((_stream, peer))) => {
    ///         assert_eq!((id, peer), (listener.id(), client.local_addr()?));
    ///     }
    ///     other => panic!("{other:?}"),
    /// }
    /// # Ok(()) }
    /// ```
    pub fn listen(&self, addr: impl ToSocketAddrs + fmt::Debug) -> io::Result<Listener> {
        let listen = || {
            let none = io::Error::new(io::ErrorKind::InvalidInput, "no address to listen at");
            let mut outcome = Err(none);
            for addr in addr.to_socket_addrs()? {
                outcome = TcpListener::listen_at(addr);
                if outcome.is_ok() {
                    break;
                }
            }
            outcome
        };
        let explain = |error: io::Error| {
            let text = format!("can't listen at {addr:?}: {error}");
            io::Error::new(error.kind(), text)
        };
        Listener::new(&self.sources, self.enter(listen).map_err(explain)?)
    }

    /// Listens with an existing listener: one with options of its own, or one that another process
    /// has passed on.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the listener was made for another loop. [`enter`](EventLoop::enter) makes
    /// a listener for this loop. The method also returns an error if this loop has
    /// 16,777,215 sources and tasks.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::event_loop::EventLoop;
    /// use oneloop::net::TcpListener;
    ///
    /// let events = EventLoop::<()>::new()?;
    /// let inherited = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let listener = events.listen_on(events.enter(|| TcpListener::try_from(inherited))?)?;
    /// assert!(listener.local_addr().ip().is_loopback());
    /// # Ok(()) }
    /// ```
    pub fn listen_on(&self, listener: TcpListener) -> io::Result<Listener> {
        Listener::new(&self.sources, listener)
    }

    /// Starts to connect to `addr`. The result is a [`Connected`](super::Event::Connected) event.
    /// [`cancel`](EventLoop::cancel) ends the attempt.
    ///
    /// # Errors
    ///
    /// The method returns an error if the attempt fails at once, or if the loop has 16,777,215
    /// sources and tasks.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::event_loop::{Event, EventLoop};
    ///
    /// let mut events = EventLoop::<()>::new()?;
    /// let server = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let id = events.connect(server.local_addr()?)?;
    /// match events.take(None)? {
    ///     Event::Connected(from, Ok(stream)) => {
    ///         assert_eq!((from, stream.peer_addr()?), (id, server.local_addr()?));
    ///     }
    ///     other => panic!("{other:?}"),
    /// }
    /// # Ok(()) }
    /// ```
    pub fn connect(&self, addr: SocketAddr) -> io::Result<Id> {
        let stream = self.enter(|| TcpStream::connecting(addr))?;
        self.sources.start(EventSource::Connect(stream)).map(Id)
    }

    /// Starts a timer. A [`Timer`](super::Event::Timer) event comes once when `duration` has
    /// passed, and never early. Timers that are due at the same time come in the order of their
    /// deadlines. Before the event, [`cancel`](EventLoop::cancel) ends the timer. With a duration
    /// that overflows [`Instant`] the timer never fires.
    ///
    /// # Errors
    ///
    /// The method returns an error if the loop has 16,777,215 sources and tasks.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::time::Duration;
    /// use oneloop::event_loop::{Event, EventLoop};
    ///
    /// let mut events = EventLoop::<()>::new()?;
    /// let never = events.timer(Duration::from_secs(3600))?;
    /// let sooner = events.timer(Duration::from_millis(5))?;
    /// let later = events.timer(Duration::from_millis(10))?;
    /// assert!(matches!(events.take(None)?, Event::Timer(id) if id == sooner));
    /// assert!(matches!(events.take(None)?, Event::Timer(id) if id == later));
    /// assert!(events.cancel(never));
    /// # Ok(()) }
    /// ```
    pub fn timer(&self, duration: Duration) -> io::Result<Id> {
        self.sources.start_timer(self.runtime.core.clock.now().checked_add(duration))
    }

    /// Starts a timer for `deadline`. If the deadline has passed, the event comes at once. In all
    /// other respects the method behaves as [`timer`](EventLoop::timer).
    ///
    /// # Errors
    ///
    /// The method returns the errors of [`timer`](EventLoop::timer).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # use oneloop::event_loop::{Event, EventLoop};
    /// let mut events = EventLoop::<()>::new()?;
    /// events.timer_at(std::time::Instant::now())?;
    /// assert!(matches!(events.take(None)?, Event::Timer(_)));
    /// # Ok(()) }
    /// ```
    pub fn timer_at(&self, deadline: Instant) -> io::Result<Id> {
        self.sources.start_timer(Some(deadline))
    }

    /// Listens for Ctrl+C. Each press from now on is a [`Signal`](super::Event::Signal) event,
    /// until the id is [cancelled](EventLoop::cancel). Several presses in quick succession may
    /// count as one. The default action of Ctrl+C does not return after this.
    /// [`oneloop::signal`](crate::signal) says why.
    ///
    /// # Errors
    ///
    /// The method returns an error if the handler can't be set, if the operating system provides no
    /// pipe for it, or if the loop has 16,777,215 sources and tasks.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::event_loop::{Event, EventLoop};
    ///
    /// let mut events = EventLoop::<()>::new()?;
    /// let ctrl_c = events.ctrl_c()?;
    /// println!("press Ctrl+C");
    /// assert!(matches!(events.take(None)?, Event::Signal(id) if id == ctrl_c));
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "signal")]
    pub fn ctrl_c(&self) -> io::Result<Id> {
        self.listen_for(signal::listen_for_ctrl_c)
    }

    /// Listens for a Unix signal. Each delivery is a [`Signal`](super::Event::Signal) event. In all
    /// other respects the method behaves as [`ctrl_c`](EventLoop::ctrl_c).
    ///
    /// # Errors
    ///
    /// The method returns the errors of [`Signal::new`](signal::Signal::new), such as
    /// `InvalidInput` for a signal that can't be caught.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::event_loop::{Event, EventLoop};
    /// use oneloop::signal::SignalKind;
    ///
    /// let mut events = EventLoop::<()>::new()?;
    /// let user1 = events.signal(SignalKind::USER1)?;
    /// // a shell sends the signal with kill -USR1
    /// # signal_hook::low_level::raise(SignalKind::USER1.number())?;
    /// assert!(matches!(events.take(None)?, Event::Signal(id) if id == user1));
    /// # Ok(()) }
    /// ```
    #[cfg(all(unix, feature = "signal"))]
    pub fn signal(&self, kind: signal::SignalKind) -> io::Result<Id> {
        self.listen_for(|| signal::Signal::new(kind))
    }

    #[cfg(feature = "signal")]
    fn listen_for(&self, listen: impl FnOnce() -> io::Result<SignalListener>) -> io::Result<Id> {
        let listener = self.enter(listen)?;
        self.sources.start(EventSource::Signal(Box::new(listener))).map(Id)
    }

    /// Cancels a [timer](EventLoop::timer), a [signal](EventLoop::signal) or an attempt to
    /// [connect](EventLoop::connect). No event of the source comes after this, also not one that
    /// was already queued. Returns `false` if the timer has fired, if the attempt has ended, or if
    /// the id names another source. A [`Watched`] socket or a [`Listener`] is dropped instead.
    /// After its loop was dropped, an id must not be used, because it may name a source of a later
    /// loop. [`timer`](EventLoop::timer) has an example.
    pub fn cancel(&self, id: Id) -> bool {
        self.sources.cancel(id.0)
    }
}
