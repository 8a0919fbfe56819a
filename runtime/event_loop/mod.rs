//! The queue-based event loop, without futures: **everything that happens is an event in one queue,
//! and the program takes one at a time.**
//!
//! It is the loop of the introductory articles, made real:
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
//! *tasks*, whose futures the loop polls. Here they are *sources of events* (a socket, a timer, the
//! queue of messages): the loop polls each, and the poll returns the event. `Core::turn` in
//! `engine/core.rs` runs both. Reactor, timer wheel, inbox and driver do not distinguish them: they
//! wake a ticket.
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | [`EventLoop`]: the queue, and [`take`](EventLoop::take) |
//! | `event.rs` | [`Event`], and [`Id`], which names its source |
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
//!         Event::TimedOut => break, // the articles' loop takes again
//!         other => println!("not expected here: {other:?}"),
//!     }
//! }
//! # Ok(()) }
//! ```

mod callbacks;
mod event;
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
use std::task::Poll;
use std::time::{Duration, Instant};

pub use callbacks::{Call, CallHandle, Callbacks};
pub use event::{Event, Id};
pub use run::{Ended, Failure, Policy};
pub use sender::{PostError, Sender};
pub use watch::Watch;
pub use watched::{Listener, Watched};

pub use crate::engine::join_error::Panic;

use crate::engine::clock::Clock;
use crate::engine::context;
use crate::engine::core::Core;
use crate::engine::ticket::Ticket;
use crate::runtime::Runtime;
use sender::Messages;
use sources::{EventSource, EventSources};

/// A loop whose events the program takes one at a time. `M` is the type of its messages.
///
/// The program adds each source of events once: it [watches](EventLoop::watch) a socket,
/// [listens](EventLoop::listen) for connections, starts a [timer](EventLoop::timer). Then
/// [`take`](EventLoop::take) returns the next event, or [`run`](EventLoop::run) calls a handler
/// with it.
///
/// It belongs to its thread; other threads have [senders](EventLoop::sender):
///
/// ```compile_fail,E0277
/// let events = oneloop::event_loop::EventLoop::<u32>::new().unwrap();
/// std::thread::spawn(move || drop(events)); // an EventLoop is not Send
/// ```
///
/// # Order and fairness
///
/// First in, first out. A source (a socket, a timer, …) stands in the queue once at most, however
/// many events it has; a poll returns one of them, and the source goes to the back. All messages
/// together are one such source, with up to 64 events in a row: messages come in the order in which
/// they were posted, and a flood of them delays a socket by 64 messages at most. After 256 events
/// without a pause, and the rest of such a row, the loop polls the driver.
///
/// # Examples
///
/// See the [module](self) and, for sockets, [`watch`](EventLoop::watch).
pub struct EventLoop<M> {
    /// First, so that it is dropped first: that wakes a thread that waits for room in the queue,
    /// also if a task that is dropped with the runtime waits for that thread.
    messages: Messages<M>,
    runtime: Runtime,
    sources: Rc<EventSources>,
}

impl<M> EventLoop<M> {
    /// A loop on the default driver, whose queue takes any number of messages. It starts no thread.
    ///
    /// # Errors
    ///
    /// As [`Runtime::new`].
    ///
    /// # Examples
    ///
    /// See the [module](self).
    pub fn new() -> io::Result<EventLoop<M>> {
        EventLoop::on(Runtime::new()?, None)
    }

    /// A loop whose queue holds at most `capacity` messages. Only messages can pile up: every other
    /// source stands in the queue once. If the queue is full, [`Sender::post`] waits for room;
    /// [`Sender::try_post`] and [`post`](EventLoop::post) return an error. The memory for
    /// `capacity` messages is taken at once.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if `capacity` is 0 or more than 16,777,216; otherwise as [`Runtime::new`].
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

    /// A loop on the engine of a runtime, for the options of a [`Builder`](crate::Builder).
    /// `capacity` as in [`bounded`](EventLoop::bounded); `None` for no bound. Tasks of the runtime
    /// are entries of the same queue.
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

    /// Takes the next event out of the queue. If there is none, the loop sleeps until one comes;
    /// with a `timeout`, that long at most, and then the event is [`TimedOut`](Event::TimedOut).
    /// With a time-out of zero the loop does not sleep.
    ///
    /// `TimedOut` says that the time-out has passed, and that neither the entries that were queued
    /// then nor those that the operating system reported next had an event. A later event is the
    /// next `take`'s.
    ///
    /// A loop without an event makes one system call, the one that it sleeps in.
    ///
    /// # Errors
    ///
    /// If the operating system's event queue fails, or the listener of a signal does. The latter is
    /// reported once, and the signal is [cancelled](EventLoop::cancel).
    ///
    /// # Panics
    ///
    /// Inside a runtime on the same thread, whose loop it would stop.
    ///
    /// # Examples
    ///
    /// See the [module](self).
    #[track_caller]
    pub fn take(&mut self, timeout: Option<Duration>) -> io::Result<Event<M>> {
        refuse_inside("EventLoop::take");
        self.runtime.core.begin()?;
        self.next_event(timeout, false).map(|event| event.expect("only `run` can be stopped"))
    }

    /// The next event; or `None` after a [stop](EventLoop::stop), if `stoppable`.
    ///
    /// The loop is the executor's: `Core::turn` runs it, and calls back with each source that is
    /// ready.
    fn next_event(&mut self, timeout: Option<Duration>, stoppable: bool) -> io::Result<Option<Event<M>>> {
        let EventLoop { runtime, sources, messages } = self;
        let core = &runtime.core;
        let mut limit = Limit { timeout, deadline: None };
        let mut end = QueueEnd::default();
        context::enter(core, || {
            loop {
                // A `run` that was stopped before it began polls the tasks that are ready, once.
                let stops = stoppable && core.is_stopped();
                if stops && core.driver_polled() {
                    return Ok(None);
                }
                if !stops && let Some(message) = messages.next_of_batch(sources) {
                    core.budget.count_poll();
                    return Ok(Some(Event::Message(message)));
                }
                let mut polled = Poll::Pending;
                let on_key = |ticket: Ticket| {
                    if stoppable && core.stop.get() {
                        sources.wake(ticket); // the next `run` or `take` polls it
                    } else if ticket.is_main() {
                        end.pass();
                        return ControlFlow::Continue(());
                    } else if ticket == messages.ticket() {
                        messages.begin_batch();
                    } else {
                        polled = sources.poll(ticket);
                        if polled.is_pending() {
                            return ControlFlow::Continue(());
                        }
                    }
                    ControlFlow::Break(())
                };
                let turn = core.turn(|| limit.remaining(&core.clock), on_key)?;
                if stops {
                    return Ok(None);
                }
                if turn.is_break() {
                    core.budget.count_poll();
                    if let Poll::Ready(event) = polled {
                        return event.map(Some);
                    }
                } else if limit.is_over(&core.clock) && end.is_reached(core) {
                    // Only after a whole turn: the driver was polled after every source that waits.
                    return Ok(Some(Event::TimedOut));
                }
            }
        })
    }

    /// Adds a message from the loop's own thread. It comes as an event, after those that are queued
    /// already.
    ///
    /// # Errors
    ///
    /// [`PostError::Full`] if the queue is [bounded](EventLoop::bounded) and full: a wait on the
    /// loop's own thread would be for ever. The error returns the message.
    ///
    /// # Examples
    ///
    /// See [`bounded`](EventLoop::bounded).
    pub fn post(&self, message: M) -> Result<(), PostError<M>> {
        self.messages.post(message)?;
        self.sources.wake(self.messages.ticket());
        Ok(())
    }

    /// The handle with which other threads post messages. Cheap to clone.
    ///
    /// # Examples
    ///
    /// See [`Sender`].
    pub fn sender(&self) -> Sender<M> {
        self.messages.sender.clone()
    }

    /// Takes all messages that are queued, past all other events: those that are left when a
    /// program ends.
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

/// How long a `take` may wait.
struct Limit {
    timeout: Option<Duration>,
    /// Set before the first sleep, so that a `take` of an event that is queued reads no clock.
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

/// The end of the queue when a time-out has passed. The loop still polls the sources that are
/// queued then: key 0, which is `block_on`'s and free here, marks the end of them. A one-shot
/// driver watches a source only since that poll, so a second pass polls those that the driver
/// reports after the first. Then the time-out is the event, however many sources are ready again.
#[derive(Default)]
struct QueueEnd {
    /// The mark is in the queue.
    marked: bool,
    passes: u8,
}

impl QueueEnd {
    const PASSES_MAX: u8 = 2;

    /// Whether no source is left to poll. Otherwise marks the end of the queue.
    fn is_reached(&mut self, core: &Core) -> bool {
        core.fire_due_timers(); // a timer that is due before the time-out is an event before it
        core.drain_inbox(); // so is a message that ended the sleep, or that a timer's waker posted
        if !core.has_ready() || self.passes == Self::PASSES_MAX {
            return true;
        }
        self.marked = self.marked || core.tasks.wake_main();
        false
    }

    /// Key 0 came out of the queue: either it was the mark, or `stop` has queued it.
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
