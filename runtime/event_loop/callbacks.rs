//! `Callbacks`: the loop with the interface of asyncio. A program passes functions to the loop. The
//! loop calls a function soon, after a delay, or when a socket is readable.
//!
//! `Callbacks` is a map from ids to functions on top of [`EventLoop`]. Each function gets a
//! reference to the whole `Callbacks`, so that a callback can add others.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::ops::Deref;
use std::rc::Rc;
use std::time::Duration;

use super::run::run_host;
use super::{Ended, Event, EventLoop, Failure, Id, IdMap, Policy, PostError, Sender};

type Callback = dyn FnMut(&mut Callbacks, Event<Call>);
type Soon = dyn FnOnce(&mut Callbacks);
type SoonFromElsewhere = dyn FnOnce(&mut Callbacks) + Send;

/// The message of the loop in a [`Callbacks`]: a function to call. `None` stands for the oldest
/// function in `soon`. Such a function need not be `Send`, so it stays on the loop's thread.
pub struct Call(Option<Box<SoonFromElsewhere>>);

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Call(..)")
    }
}

/// An [`EventLoop`] that calls functions. The type derefs to the loop, for `watch`, `listen`,
/// `connect`, `ctrl_c` and its other methods.
///
/// | asyncio | here |
/// |---|---|
/// | `loop.call_soon(f)` | [`call_soon`](Callbacks::call_soon) |
/// | `loop.call_later(s, f)`, `handle.cancel()` | [`call_later`](Callbacks::call_later), [`cancel`](Callbacks::cancel) |
/// | `loop.call_soon_threadsafe(f)` | [`CallHandle::call_soon`] |
/// | `loop.call_at(t, f)` | `call_later` with the time that is left until then |
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
///     let mut buf = [0; 16]; // the callback owns the socket, so `cancel` closes it
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
    /// The functions of the messages `Call(None)`, one for each. The queue has no bound, because
    /// the program adds each function itself.
    soon: VecDeque<Box<Soon>>,
    /// Shared with the running call, in which a callback may cancel or replace itself.
    callbacks: IdMap<Rc<RefCell<Callback>>>,
}

impl Callbacks {
    /// Returns a loop without callbacks. [`Callbacks`] has an example.
    ///
    /// # Errors
    ///
    /// The method returns the errors of [`EventLoop::new`].
    pub fn new() -> io::Result<Callbacks> {
        let events = EventLoop::new()?;
        Ok(Callbacks { events, soon: VecDeque::new(), callbacks: IdMap::default() })
    }

    /// Calls a function after every event that is queued now.
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
        self.events.post(Call(None)).expect("the queue has no bound and the loop is here");
    }

    /// Calls a function when `delay` has passed, unless the program [cancels](Callbacks::cancel) it
    /// before. [`Callbacks`] has an example.
    ///
    /// # Errors
    ///
    /// The method returns the errors of [`EventLoop::timer`].
    pub fn call_later(
        &mut self,
        delay: Duration,
        call: impl FnOnce(&mut Callbacks) + 'static,
    ) -> io::Result<Id> {
        let id = self.events.timer(delay)?;
        let mut call = Some(call);
        let once = move |calls: &mut Callbacks, _| call.take().expect("a timer fires once")(calls);
        self.callbacks.insert(id, Rc::new(RefCell::new(once)));
        Ok(id)
    }

    /// Calls a function with every event of `id`. The id is that of a watched socket, a listener, a
    /// signal or an attempt to connect. The function replaces an earlier one of the same id, which
    /// is dropped with everything that it owns.
    ///
    /// The function stays until it is [cancelled](Callbacks::cancel), also after its socket was
    /// dropped. A timer and an attempt to connect have one event each, after which their callback
    /// is dropped. A watched socket without a callback makes no events until it has one. The loop
    /// skips other events that have no callback. [`Callbacks`] has an example.
    pub fn on(&mut self, id: Id, call: impl FnMut(&mut Callbacks, Event<Call>) + 'static) {
        self.callbacks.insert(id, Rc::new(RefCell::new(call)));
        self.events.sources.change(id.0, |socket| socket.muted = false);
    }

    /// Drops the callback of `id`, and cancels a timer, a signal or an attempt to connect. A
    /// watched socket then makes no more events. If the callback owns the socket, the socket is
    /// dropped, too. [`Callbacks`] has an example.
    pub fn cancel(&mut self, id: Id) {
        self.events.cancel(id);
        self.mute(id);
        self.callbacks.remove(&id);
    }

    fn mute(&self, id: Id) {
        self.events.sources.change(id.0, |socket| socket.muted = true);
    }

    /// Returns the handle with which other threads call functions on this loop. [`CallHandle`] has
    /// an example.
    pub fn handle(&self) -> CallHandle {
        CallHandle(self.events.sender())
    }

    /// Waits for events and calls their callbacks until the loop is stopped. If a callback panics,
    /// `on_failure` decides whether the loop continues. In all other respects the method behaves as
    /// [`EventLoop::run`]. [`Callbacks`] has an example.
    ///
    /// # Errors
    ///
    /// The method returns the errors of [`EventLoop::run`].
    ///
    /// # Panics
    ///
    /// The method panics in the same cases as [`EventLoop::run`].
    #[track_caller]
    pub fn run(
        &mut self,
        on_failure: impl FnMut(&Failure<Infallible>) -> Policy,
    ) -> Result<Ended, Failure<Infallible>> {
        let handler = |calls: &mut Callbacks, event| {
            calls.dispatch(event);
            Ok(())
        };
        run_host(self, |calls| &mut calls.events, handler, on_failure)
    }

    fn dispatch(&mut self, event: Event<Call>) {
        let id = match event {
            Event::Message(Call(Some(call))) => return call(self),
            Event::Message(Call(None)) => {
                return self.soon.pop_front().expect("one for each message")(self);
            }
            Event::TimedOut => return,
            Event::Timer(id) | Event::Connected(id, _) | Event::Accepted(id, _) => id,
            Event::Readable(id) | Event::Writable(id) | Event::Signal(id) => id,
        };
        let callback = match event {
            Event::Timer(_) | Event::Connected(..) => self.callbacks.remove(&id), // its only event
            _ => self.callbacks.get(&id).cloned(),
        };
        match callback {
            Some(callback) => (callback.borrow_mut())(self, event),
            None => self.mute(id), // otherwise the socket stays readable, and the loop spins
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

/// Calls functions on the loop's thread from any other thread.
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
    /// Calls a function soon, on the loop's thread. [`CallHandle`] has an example.
    ///
    /// # Errors
    ///
    /// [`PostError::Closed`] if the loop was dropped. The function is then dropped without a call.
    pub fn call_soon<F>(&self, call: F) -> Result<(), PostError<()>>
    where
        F: FnOnce(&mut Callbacks) + Send + 'static,
    {
        self.0.post(Call(Some(Box::new(call)))).map_err(|_| PostError::Closed(()))
    }
}
