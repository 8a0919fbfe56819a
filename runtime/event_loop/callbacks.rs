//! The loop as a set of callbacks, for those who come from asyncio: call this soon, call that later, call it when the
//! socket is readable.
//!
//! It is a map from ids to functions on top of [`EventLoop`]. What it adds is that the functions get the loop, so that
//! one can lead to the next.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use super::run::drive;
use super::{Ended, Event, EventLoop, Failure, Id, Policy, PostError, Sender};

type Once = Box<dyn FnOnce(&mut Callbacks)>;
type Each = Box<dyn FnMut(&mut Callbacks, Event<Call>)>;

/// A message of the loop below [`Callbacks`]: something to be called.
pub struct Call(Kind);

enum Kind {
    /// The oldest of those that stay on the loop's thread, because they need not be `Send`.
    Soon,
    FromElsewhere(Box<dyn FnOnce(&mut Callbacks) + Send>),
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Call(..)")
    }
}

/// An [`EventLoop`] that calls functions. It derefs to the loop, for `watch`, `listen`, `connect`, `ctrl_c` and the others.
///
/// | asyncio | here |
/// |---|---|
/// | `loop.call_soon(f)` | [`call_soon`](Callbacks::call_soon) |
/// | `loop.call_later(s, f)`, `handle.cancel()` | [`call_later`](Callbacks::call_later), [`cancel`](Callbacks::cancel) |
/// | `loop.call_soon_threadsafe(f)` | [`CallHandle::call_soon`] |
/// | `loop.call_at(t, f)` | `call_later` with what is left until then |
/// | `loop.add_reader(fd, f)`, `loop.remove_reader(fd)` | [`watch`](EventLoop::watch) (for a descriptor, of a non-blocking [`Source`](crate::Source)) and [`on`](Callbacks::on); `cancel` |
/// | `loop.add_writer(fd, f)` | the same `on`, which gets both; [`Watched::add_interest`](super::Watched::add_interest) |
/// | `loop.add_signal_handler(n, f)` | [`signal`](EventLoop::signal) or [`ctrl_c`](EventLoop::ctrl_c), and [`on`](Callbacks::on) |
/// | `loop.create_task(c)` | `enter(\|\| oneloop::spawn(c))` |
/// | `loop.run_in_executor(None, f)` | a thread, or `oneloop::unblock` in a task, and [`CallHandle::call_soon`] |
/// | `loop.run_forever()`, `loop.stop()` | [`run`](Callbacks::run), [`stop`](EventLoop::stop) |
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::time::Duration;
/// use oneloop::Interest;
/// use oneloop::event_loop::{Callbacks, Policy};
/// use oneloop::net::UdpSocket;
///
/// let mut calls = Callbacks::new()?;
/// let socket = calls.enter(|| UdpSocket::try_from(std::net::UdpSocket::bind("127.0.0.1:0")?))?;
/// let addr = socket.local_addr()?;
/// let socket = calls.watch(socket, Interest::Readable)?;
/// let id = socket.id();
/// calls.on(id, move |calls, _readable| {
///     let mut buf = [0; 16]; // the callback owns the socket: cancelling one closes the other
///     if let Ok((n, _)) = socket.try_recv_from(&mut buf) {
///         assert_eq!(&buf[..n], b"ping");
///         calls.cancel(id);
///         calls.stop();
///     }
/// });
/// calls.call_later(Duration::from_millis(1), move |_| {
///     let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
///     client.send_to(b"ping", addr).unwrap();
/// })?;
/// calls.run(|_failure| Policy::Stop).unwrap();
/// # Ok(()) }
/// ```
pub struct Callbacks {
    events: EventLoop<Call>,
    /// As many as there are messages `Soon`. No bound: each is the program's own decision.
    soon: VecDeque<Once>,
    once: HashMap<Id, Once>,
    /// `None` while it is being called.
    each: HashMap<Id, Option<Each>>,
}

impl Callbacks {
    /// A loop with nothing to call yet.
    ///
    /// # Errors
    ///
    /// As [`EventLoop::new`].
    ///
    /// # Examples
    ///
    /// See [`Callbacks`].
    pub fn new() -> io::Result<Callbacks> {
        let events = EventLoop::new()?;
        Ok(Callbacks { events, soon: VecDeque::new(), once: HashMap::new(), each: HashMap::new() })
    }

    /// Calls a function after all that is queued now.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # use oneloop::event_loop::{Callbacks, Policy};
    /// let mut calls = Callbacks::new()?;
    /// calls.call_soon(|calls| calls.call_soon(|calls| calls.stop()));
    /// assert_eq!(calls.run(|_| Policy::Stop).unwrap().handled, 2);
    /// # Ok(()) }
    /// ```
    pub fn call_soon(&mut self, call: impl FnOnce(&mut Callbacks) + 'static) {
        self.soon.push_back(Box::new(call));
        self.events.post(Call(Kind::Soon)).expect("the queue has no bound and the loop is here");
    }

    /// Calls a function when `delay` has passed. [`cancel`](Callbacks::cancel) takes it back.
    ///
    /// # Errors
    ///
    /// As [`EventLoop::timer`].
    ///
    /// # Examples
    ///
    /// See [`Callbacks`].
    pub fn call_later(
        &mut self,
        delay: Duration,
        call: impl FnOnce(&mut Callbacks) + 'static,
    ) -> io::Result<Id> {
        let id = self.events.timer(delay)?;
        self.once.insert(id, Box::new(call));
        Ok(id)
    }

    /// Calls a function with every event that comes from `id`: a watched socket, a listener, a signal, an attempt to
    /// connect. It replaces an earlier one, which is dropped with all that it owns. It stays until it is
    /// [cancelled](Callbacks::cancel), also when its socket is gone; that of a timer or of an attempt to connect is dropped
    /// after its one event. A watched socket without a callback is not heard of until it has one; other events without one
    /// are passed over.
    ///
    /// # Examples
    ///
    /// See [`Callbacks`].
    pub fn on(&mut self, id: Id, call: impl FnMut(&mut Callbacks, Event<Call>) + 'static) {
        self.each.insert(id, Some(Box::new(call)));
        self.events.sources.set_muted(id, false);
    }

    /// Drops what is to be called for `id`, and takes back a timer, a signal or an attempt to connect. Of a watched socket nothing is
    /// heard any more; if the callback owns it, it is dropped, too.
    ///
    /// # Examples
    ///
    /// See [`Callbacks`].
    pub fn cancel(&mut self, id: Id) {
        self.events.cancel(id);
        self.events.sources.set_muted(id, true);
        drop((self.once.remove(&id), self.each.remove(&id)));
    }

    /// What other threads use to have something called here.
    ///
    /// # Examples
    ///
    /// See [`CallHandle`].
    pub fn handle(&self) -> CallHandle {
        CallHandle(self.events.sender())
    }

    /// Calls what there is to call until the loop is stopped. If a callback panics, `on_failure`
    /// decides whether the loop goes on. Otherwise as [`EventLoop::run`].
    ///
    /// # Errors
    ///
    /// As [`EventLoop::run`].
    ///
    /// # Panics
    ///
    /// As [`EventLoop::run`].
    ///
    /// # Examples
    ///
    /// See [`Callbacks`].
    #[track_caller]
    pub fn run(
        &mut self,
        on_failure: impl FnMut(&Failure<Infallible>) -> Policy,
    ) -> Result<Ended, Failure<Infallible>> {
        let handler = |calls: &mut Callbacks, event| {
            calls.dispatch(event);
            Ok(())
        };
        drive(self, |calls| &mut calls.events, handler, on_failure)
    }

    fn dispatch(&mut self, event: Event<Call>) {
        let id = match event {
            Event::Message(Call(Kind::FromElsewhere(call))) => return call(self),
            Event::Message(Call(Kind::Soon)) => {
                let call = self.soon.pop_front().expect("one for each message");
                return call(self);
            }
            Event::Timer(id) => {
                if let Some(call) = self.once.remove(&id) {
                    return call(self);
                }
                id
            }
            Event::Readable(id)
            | Event::Writable(id)
            | Event::Accepted(id, _)
            | Event::Connected(id, _)
            | Event::Signal(id) => id,
            Event::TimedOut => return,
        };
        let happens_once = matches!(event, Event::Connected(..) | Event::Timer(_));
        // Out of the map while it is called: it may cancel itself, or put another in its place.
        let Some(mut call) = self.each.get_mut(&id).and_then(Option::take) else {
            // Nobody to read what is there: it would be announced for ever.
            return self.events.sources.set_muted(id, true);
        };
        // One that panics is put back, too: without it a socket's events would be passed over for ever.
        let outcome = catch_unwind(AssertUnwindSafe(|| call(self, event)));
        match self.each.get_mut(&id) {
            Some(place @ None) if !happens_once => *place = Some(call),
            Some(None) => drop(self.each.remove(&id)),
            _ => {}
        }
        if let Err(payload) = outcome {
            resume_unwind(payload);
        }
    }
}

impl Deref for Callbacks {
    type Target = EventLoop<Call>;

    fn deref(&self) -> &EventLoop<Call> {
        &self.events
    }
}

impl fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callbacks").field("events", &self.events).finish_non_exhaustive()
    }
}

/// Has functions called on the loop's thread, from any other.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use oneloop::event_loop::{Callbacks, Policy};
///
/// let mut calls = Callbacks::new()?;
/// let handle = calls.handle();
/// let helper = std::thread::spawn(move || handle.call_soon(|calls| calls.stop()).is_ok());
/// calls.run(|_| Policy::Stop).unwrap();
/// assert!(helper.join().unwrap());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct CallHandle(Sender<Call>);

impl CallHandle {
    /// Calls a function soon, on the loop's thread.
    ///
    /// # Errors
    ///
    /// [`PostError::Closed`] if the loop is gone: the function will not be called, and is dropped.
    ///
    /// # Examples
    ///
    /// See [`CallHandle`].
    pub fn call_soon(&self, call: impl FnOnce(&mut Callbacks) + Send + 'static) -> Result<(), PostError<()>> {
        self.0.post(Call(Kind::FromElsewhere(Box::new(call)))).map_err(|_| PostError::Closed(()))
    }
}
