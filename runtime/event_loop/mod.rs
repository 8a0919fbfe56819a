//! The queue-based event loop, without futures: **everything that happens is an event in one queue,
//! and the program takes one event at a time.**
//!
//! This is the loop of the introductory articles as a working program:
//!
//! ```text
//!    post ──────────────┐
//!    other threads ─────┤                               ┌──▶ handle Message
//!    readable sockets ──┤    ┌───┬───┬───┬───┬───┐      ├──▶ handle Readable
//!    writable sockets ──┼───▶│   │   │   │   │   │─take─┼──▶ handle Accepted
//!    connections ───────┤    └───┴───┴───┴───┴───┘      ├──▶ handle Timer
//!    timers ────────────┤        the ready queue        ├──▶ handle Signal
//!    signals ───────────┘                               └──▶ handle TimedOut: nothing came
//! ```
//!
//! # The loop and the executor are one engine
//!
//! The queue is the [runtime](crate::Runtime)'s own ready queue. In the executor its entries are
//! *tasks*, whose futures the loop polls. Here they are *sources of events*: a socket, a timer, the
//! queue of messages. The loop polls each source, and the poll returns the event. `Core::turn` in
//! `engine/core.rs` runs both. The reactor, the timer wheel, the inbox and the driver wake a
//! ticket, and make no difference between a task and a source.
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | [`EventLoop`]: the queue, and [`take`](EventLoop::take) |
//! | `event.rs` | [`Event`], and [`Id`], which names its source |
//! | `id_map.rs` | [`IdMap`], a program's map from an id to its own state |
//! | `subscribe.rs` | the methods that add a source: `watch`, `listen`, `connect`, `timer`, `signal` |
//! | `sources.rs` | the table of sources, and the poll of each kind |
//! | `watch.rs` | [`Watch`]: what can be watched |
//! | `watched.rs` | [`Watched`] sockets and [`Listener`]s, as the program owns them |
//! | `sender.rs` | messages: [`Sender`] for other threads, and the bound |
//! | `run.rs` | [`run`](EventLoop::run): a handler for each event, and a policy for handlers that fail |
//! | `callbacks.rs` | [`Callbacks`]: "call this soon", "call that when the socket is readable" |
//!
//! # Examples
//!
//! The articles' loop:
//!
//! ```
//! # fn main() -> std::io::Result<()> {
//! use std::time::Duration;
//! use oneloop::event_loop::{Event, EventLoop};
//!
//! let mut events = EventLoop::new()?;
//! for i in 0..5 {
//!     events.post(format!("event_{i}")).expect("this queue has no bound");
//! }
//! loop {
//!     match events.take(Some(Duration::from_millis(10)))? {
//!         Event::Message(text) => println!("Processing message: {text}"),
//!         Event::TimedOut => break, // the articles' loop calls `take` again
//!         other => println!("not expected here: {other:?}"),
//!     }
//! }
//! # Ok(()) }
//! ```

mod callbacks;
mod event;
mod id_map;
mod run;
mod sender;
mod sources;
mod subscribe;
mod watch;
mod watched;

use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::{Duration, Instant};

pub use callbacks::{Call, CallHandle, Callbacks};
pub use event::{Event, Id};
pub use id_map::{IdHasher, IdMap};
pub use run::{Ended, Failure, Policy};
pub use sender::{PostError, Sender};
pub use watch::Watch;
pub use watched::{Listener, Watched};

pub use crate::engine::join_error::Panic;

use crate::engine::clock::Clock;
use crate::engine::context;
use crate::engine::core::Core;
use crate::engine::happening::Happening;
use crate::engine::interest::Interest;
use crate::engine::ticket::Ticket;
use crate::handle::Handle;
use crate::runtime::Runtime;
use sender::Messages;
use sources::{EventSource, EventSources, Polled};

/// A loop whose events the program takes one at a time. `M` is the type of its messages.
///
/// The program adds each source of events once: it [watches](EventLoop::watch) a socket,
/// [listens](EventLoop::listen) for connections, or starts a [timer](EventLoop::timer). Then
/// [`take`](EventLoop::take) returns the next event, or [`run`](EventLoop::run) calls a handler
/// with each event.
///
/// The loop belongs to its thread. Other threads use [senders](EventLoop::sender):
///
/// ```compile_fail,E0277
/// let events = oneloop::event_loop::EventLoop::<u32>::new().unwrap();
/// std::thread::spawn(move || drop(events)); // an EventLoop is not Send
/// ```
///
/// The [module](self) has an example, and [`watch`](EventLoop::watch) has one for sockets.
///
/// # Order and fairness
///
/// The queue is first in, first out. Each source (a socket, a timer, and so on) is in the queue at
/// most once, however many events it has. A poll returns one event, and then the source goes to the
/// back of the queue. A socket goes to the back when the program takes the next event, so that
/// messages which the program posts meanwhile come first.
///
/// All messages together are one source, with up to 64 events in a row. The messages come in the
/// order in which they were posted, and delay a socket by at most 64 messages. After 256 events
/// without a pause, and the remaining messages of the current row, the loop polls the driver.
pub struct EventLoop<M> {
    /// The first field, so that it is dropped first. Its drop wakes a thread that waits for a free
    /// place in the queue. A task that is dropped with the runtime may wait for that thread.
    messages: Messages<M>,
    runtime: Runtime,
    sources: Rc<EventSources>,
}

impl<M> EventLoop<M> {
    /// Returns a loop on the default driver, whose queue takes any number of messages. The loop
    /// starts no thread. The [module](self) has an example.
    ///
    /// # Errors
    ///
    /// The function returns the errors of [`Runtime::new`].
    pub fn new() -> io::Result<EventLoop<M>> {
        EventLoop::on(Runtime::new()?, None)
    }

    /// Returns a loop whose queue holds at most `capacity` messages. Only messages need a bound,
    /// because every other source is in the queue at most once. If the queue is full,
    /// [`Sender::post`] waits until a message is taken. [`Sender::try_post`] and
    /// [`post`](EventLoop::post) return an error instead. The memory for `capacity` messages is
    /// allocated at once.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if `capacity` is 0 or more than 16,777,216. The function also returns the
    /// errors of [`Runtime::new`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::event_loop::{EventLoop, PostError};
    ///
    /// let events = EventLoop::bounded(1)?;
    /// events.post("first").unwrap();
    /// assert_eq!(events.post("second"), Err(PostError::Full("second")));
    /// # Ok(()) }
    /// ```
    pub fn bounded(capacity: usize) -> io::Result<EventLoop<M>> {
        EventLoop::on(Runtime::new()?, Some(capacity))
    }

    /// Returns a loop on the engine of a runtime, for the options of a [`Builder`](crate::Builder).
    /// `capacity` has the meaning of that in [`bounded`](EventLoop::bounded), and `None` means no
    /// bound. Tasks of the runtime are entries of the same queue.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if `capacity` is 0 or more than 16,777,216.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::Runtime;
    /// use oneloop::event_loop::EventLoop;
    ///
    /// let runtime = Runtime::builder().event_interval(64).build()?;
    /// let events: EventLoop<String> = EventLoop::on(runtime, Some(1000))?;
    /// # Ok(()) }
    /// ```
    pub fn on(runtime: Runtime, capacity: Option<usize>) -> io::Result<EventLoop<M>> {
        let sources = Rc::new(EventSources::new(runtime.core.clone()));
        let ticket = sources.insert(EventSource::Messages)?;
        let messages = Messages::new(runtime.handle(), ticket, capacity)?;
        Ok(EventLoop { runtime, sources, messages })
    }

    /// Takes the next event out of the queue. If the queue has no event, the loop sleeps until an
    /// event occurs. A `timeout` limits the sleep: when it has passed, the event is
    /// [`TimedOut`](Event::TimedOut). With a time-out of zero the loop does not sleep.
    ///
    /// Before it returns `TimedOut`, the loop polls the entries that are queued when the time-out
    /// has passed, and those that the operating system reports next. If none of them has an event,
    /// the method returns `TimedOut`. The next `take` returns a later event.
    ///
    /// If no event occurs, the loop makes one system call, in which it sleeps. The [module](self)
    /// has an example.
    ///
    /// # Errors
    ///
    /// The method returns an error if the operating system's event queue or the listener of a
    /// signal fails. An error of a listener is reported once, and the signal is
    /// [cancelled](EventLoop::cancel).
    ///
    /// # Panics
    ///
    /// The method panics inside a runtime on the same thread, because it would stop the loop of
    /// that runtime.
    #[track_caller]
    pub fn take(&mut self, timeout: Option<Duration>) -> io::Result<Event<M>> {
        refuse_inside("EventLoop::take");
        self.runtime.core.begin()?;
        self.next_event(timeout, false)
    }

    /// Takes the next event. If `stoppable`, the caller passes no time-out, and `TimedOut` means
    /// that the loop was [stopped](EventLoop::stop).
    ///
    /// The loop is the same as the executor's: `Core::turn` runs it, and calls back with each ready
    /// source.
    fn next_event(&mut self, timeout: Option<Duration>, stoppable: bool) -> io::Result<Event<M>> {
        self.runtime.core.tell(|at, _| Happening::EventHandled { at });
        let event = self.take_event(timeout, stoppable);
        if let Ok(event) = &event {
            self.runtime.core.tell(|at, _| Happening::EventTaken { event: event.kind(), at });
        }
        event
    }

    #[inline(always)]
    fn take_event(&mut self, timeout: Option<Duration>, stoppable: bool) -> io::Result<Event<M>> {
        let EventLoop { runtime, sources, messages } = self;
        let core = &runtime.core;
        let mut limit = Limit { timeout, deadline: None };
        let mut end = QueueEnd::default();
        // An event that is not just a socket's direction, or an error. This variable carries it out
        // of the loop, so that a socket's event stays in registers.
        let mut other = None;
        let mut ends_with = |event| {
            other = Some(event);
            None
        };
        let socket = context::enter(core, || {
            sources.look_at_last();
            loop {
                // If `run` was stopped before it began, the ready tasks are polled once.
                let stops = stoppable && core.is_stopped();
                if stops && core.driver_polled() {
                    return ends_with(Ok(Event::TimedOut));
                }
                if !stops && let Some(message) = messages.next_of_batch(sources) {
                    core.budget.count_poll();
                    return ends_with(Ok(Event::Message(message)));
                }
                let on_key = |ticket: Ticket| {
                    if ticket.is_main() && !(stoppable && core.stop.get()) {
                        end.pass();
                        return ControlFlow::Continue(());
                    }
                    ControlFlow::Break(ticket)
                };
                let turn = match core.turn(|| limit.remaining(&core.clock), on_key) {
                    Ok(turn) => turn,
                    Err(error) => return ends_with(Err(error)),
                };
                if let ControlFlow::Break(ticket) = turn {
                    core.inbox.counters.running.set(0); // a turn that a callback ends does not set this
                    core.budget.count_poll();
                    if stoppable && core.stop.get() {
                        sources.wake(ticket); // the next `run` or `take` polls it
                    } else if ticket == messages.ticket() {
                        messages.begin_batch();
                    } else {
                        match sources.poll(ticket) {
                            Polled::Pending => {}
                            Polled::Socket(interest) => return Some((ticket, interest)),
                            Polled::Other(event) => return ends_with(event),
                        }
                    }
                } else if !stops && limit.is_over(&core.clock) && end.is_reached(core) {
                    // The time-out is checked only after a whole turn: the driver was polled after
                    // every waiting source.
                    return ends_with(Ok(Event::TimedOut));
                }
                if stops {
                    return ends_with(Ok(Event::TimedOut));
                }
            }
        });
        match socket {
            Some((ticket, Interest::Readable)) => Ok(Event::Readable(Id(ticket))),
            Some((ticket, Interest::Writable)) => Ok(Event::Writable(Id(ticket))),
            None => other.expect("without a socket's event there is another, or an error"),
        }
    }

    /// Adds a message from the loop's own thread. The message is an event that comes after the
    /// events that are already queued. [`bounded`](EventLoop::bounded) has an example.
    ///
    /// # Errors
    ///
    /// [`PostError::Full`] if the queue is [bounded](EventLoop::bounded) and full, because a wait
    /// on the loop's own thread would never end. The error returns the message.
    pub fn post(&self, message: M) -> Result<(), PostError<M>> {
        self.messages.post(message)?;
        self.sources.wake(self.messages.ticket());
        Ok(())
    }

    /// Returns the handle with which other threads post messages. A clone costs two atomic
    /// operations. [`Sender`] has an example.
    pub fn sender(&self) -> Sender<M> {
        self.messages.sender.clone()
    }

    /// Returns a handle of the loop's runtime, for its metrics, a dump of its tasks, and records of
    /// its activity. [`Handle::stop`] ends [`run`](EventLoop::run).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # use oneloop::event_loop::EventLoop;
    /// let mut events = EventLoop::new()?;
    /// events.post("hello").unwrap();
    /// events.take(None)?;
    /// println!("{} turns", events.handle().metrics().turns);
    /// # Ok(()) }
    /// ```
    pub fn handle(&self) -> Handle {
        self.runtime.handle()
    }

    /// Returns the record of the loop's activity, in the form of
    /// [`Runtime::trace_record`](crate::Runtime::trace_record). Returns `None` if no record was
    /// started.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # use oneloop::Runtime;
    /// # use oneloop::event_loop::EventLoop;
    /// let mut events = EventLoop::on(Runtime::builder().trace(1 << 20).build()?, None)?;
    /// events.post("hello").unwrap();
    /// events.take(None)?;
    /// let record = events.trace_record(None).expect("it was started by the builder");
    /// assert!(record.starts_with(b"oneloop\0"));
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "trace")]
    pub fn trace_record(&self, last: Option<Duration>) -> Option<Vec<u8>> {
        self.runtime.trace_record(last)
    }

    /// Takes all queued messages, ahead of all other events. A program uses this for the messages
    /// that are left when it ends.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # use oneloop::event_loop::EventLoop;
    /// let mut events = EventLoop::new()?;
    /// events.post(1).unwrap();
    /// events.post(2).unwrap();
    /// assert_eq!(events.drain(), [1, 2]);
    /// # Ok(()) }
    /// ```
    pub fn drain(&mut self) -> Vec<M> {
        self.messages.drain()
    }
}

#[track_caller]
fn refuse_inside(what: &str) {
    assert!(
        !context::runs_here(),
        "{what} was called inside a oneloop runtime, whose loop it would stop: \
         give the event loop a thread of its own"
    );
}

/// The limit of a `take`'s wait.
struct Limit {
    timeout: Option<Duration>,
    /// Set before the first sleep, so that a `take` of a queued event does not read the clock.
    deadline: Option<Instant>,
}

impl Limit {
    fn is_over(&self, clock: &Clock) -> bool {
        self.deadline.is_some_and(|deadline| clock.now() >= deadline)
    }

    fn remaining(&mut self, clock: &Clock) -> Option<Duration> {
        let timeout = self.timeout?;
        let now = clock.now();
        if self.deadline.is_none() {
            self.deadline = now.checked_add(timeout);
        }
        Some(self.deadline.map_or(timeout, |deadline| deadline.saturating_duration_since(now)))
    }
}

/// The mark for the end of the queue after a time-out has passed. The loop still polls the sources
/// that are queued at that time. Key 0, which is `block_on`'s and unused here, marks the end of
/// these sources. A one-shot driver watches a source only after that poll. So a second pass polls
/// the sources that the driver reports after the first pass. Then the event is the time-out,
/// however many sources are ready again.
#[derive(Default)]
struct QueueEnd {
    /// Whether the mark is in the queue.
    marked: bool,
    passes: u8,
}

impl QueueEnd {
    const PASSES_MAX: u8 = 2;

    /// Returns whether no source is left to poll. If one is left, the function marks the end of the
    /// queue.
    fn is_reached(&mut self, core: &Core) -> bool {
        core.fire_due_timers(); // a timer that is due before the time-out comes first
        core.drain_inbox(); // so does a message that ended the sleep, or that a timer's waker posted
        if !core.has_ready() || self.passes == Self::PASSES_MAX {
            return true;
        }
        self.marked = self.marked || core.tasks.wake_main();
        false
    }

    /// Key 0 came out of the queue. Either it is the mark, or `stop` has queued it.
    fn pass(&mut self) {
        self.passes += u8::from(std::mem::take(&mut self.marked));
    }
}

impl<M> Drop for EventLoop<M> {
    fn drop(&mut self) {
        // A `Watched` that outlives the loop keeps the table, which then need not keep any source.
        self.sources.end_all();
    }
}

impl<M> fmt::Debug for EventLoop<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLoop").field("runtime", &self.runtime).finish_non_exhaustive()
    }
}
