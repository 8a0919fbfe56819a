//! The queue-based event loop, without futures: **everything that happens is an event in one queue, and the program
//! takes one at a time.**
//!
//! It is the loop that introductory articles draw, made real:
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
//! The queue is the [runtime](crate::Runtime)'s own ready queue. There its entries are *tasks*: an entry's turn is a poll of
//! the task. Here they are *sources of events* (a socket, a timer, the mailbox of messages): an entry's turn asks the source what
//! has happened, and that is the event. Reactor, timer wheel, inbox and driver are the same, and don't know who is in
//! the queue: they wake a ticket. Compare [`take`](EventLoop::take) with `Core::turn` in `engine/core.rs`.
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | [`EventLoop`]: the queue, and [`take`](EventLoop::take) |
//! | `event.rs` | [`Event`], and [`Id`], which says where it came from |
//! | `subscribe.rs` | how one says what is to be heard of: `watch`, `listen`, `connect`, `timer`, `signal` |
//! | `sources.rs` | what can make events, and what each one's turn is |
//! | `watched.rs` | [`Watched`] sockets and [`Listener`]s, as the program holds them |
//! | `sender.rs` | messages: [`Sender`] for other threads, and the bound |
//! | `run.rs` | [`run`](EventLoop::run): a handler for each event, and what to do when it fails |
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
//!         Event::TimedOut => break, // the articles' loop goes round again
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
mod watched;

use std::fmt;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

pub use callbacks::{Call, CallHandle, Callbacks};
pub use event::{Event, Id};
pub use run::{Ended, Failure, Policy, Reason};
pub use sender::{PostError, Sender};
pub use watched::{Listener, Watched};

pub use crate::engine::join_error::Panic;
pub use crate::io::watch::Watch;

use crate::engine::context;
use crate::engine::core::Core;
use crate::engine::tasks::Turn;
use crate::engine::wait_list::wake_foreign;
use crate::runtime::Runtime;
use sender::Messages;
use sources::{EventSource, Sources};

/// A loop whose events the program takes one at a time. `M` is what messages are.
///
/// What is to be heard of is said once: [`watch`](EventLoop::watch) a socket, [`listen`](EventLoop::listen) for
/// connections, set a [`timer`](EventLoop::timer). Then [`take`](EventLoop::take) returns what happens, or
/// [`run`](EventLoop::run) calls a handler with it.
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
/// First in, first out. A source (a socket, a timer, …) stands in the queue once at most, however much it has to say; when
/// its turn comes it says one thing and goes to the back. All messages together are one such source, which says
/// up to 64 of them in a turn: they come in the order in which they were posted, and a flood of them delays a
/// socket by 64 messages at most. After 256 events without a pause, and the rest of a turn of messages, the operating system is
/// asked for news.
///
/// # Examples
///
/// See the [module](self) and, for sockets, [`watch`](EventLoop::watch).
pub struct EventLoop<M> {
    /// First, so that it is dropped first: a thread that waits for room in the queue then hears that there will be none,
    /// even if a task that is dropped with the runtime waits for that thread.
    messages: Messages<M>,
    runtime: Runtime,
    sources: Rc<Sources>,
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

    /// A loop whose queue holds at most `capacity` messages. Only messages can pile up: every other source stands
    /// in the queue once. Whoever posts to a full queue chooses: [`Sender::post`] waits for room, [`Sender::try_post`] and
    /// [`post`](EventLoop::post) refuse. The memory for `capacity` messages is taken at once.
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

    /// A loop on the engine of a runtime, for the options of a [`Builder`](crate::Builder). `capacity` as in
    /// [`bounded`](EventLoop::bounded); `None` for no bound. Tasks of the runtime have their turns in the same queue.
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
        let sources = Rc::new(Sources::new(runtime.core.clone()));
        let messages = Messages::new(runtime.handle(), sources.insert(EventSource::Messages)?, capacity)?;
        Ok(EventLoop { runtime, sources, messages })
    }

    /// Takes the next event out of the queue. If there is none it waits, asleep; with a `timeout`, that long at most, and
    /// then the event is [`TimedOut`](Event::TimedOut). A time-out of zero only looks.
    ///
    /// While it sleeps, the one system call it made is the one that it sleeps in.
    ///
    /// # Errors
    ///
    /// If the operating system's event queue fails, or a signal can't be heard any more; that is said once, and the signal is
    /// [cancelled](EventLoop::cancel).
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
        let event = self.next_event(timeout, false)?;
        Ok(event.expect("only `run` is told to stop"))
    }

    /// **The loop**: compare `Core::turn`. `None` if it was told to [stop](EventLoop::stop) and `stoppable` says that this
    /// counts here.
    fn next_event(&mut self, timeout: Option<Duration>, stoppable: bool) -> io::Result<Option<Event<M>>> {
        let EventLoop { runtime, sources, messages } = self;
        let core = &runtime.core;
        let mut limit =
            Limit { timeout, deadline: None, last_round: false, unseen: false, looks_left: LOOKS_MORE };
        let next = || loop {
            if stoppable && core.take_stop() {
                return Ok(None);
            }
            if let Some(message) = messages.next_of_turn(sources) {
                core.count_turn();
                return Ok(Some(Event::Message(message)));
            }
            if let Some(turn) = core.next_turn() {
                let event = match turn {
                    Turn::Named(ticket) if ticket == messages.ticket() => {
                        messages.begin_turn();
                        None
                    }
                    Turn::Named(ticket) if limit.last_round && ticket.is_main() => limit.end_round(core)?,
                    Turn::Named(ticket) => {
                        let event = sources.turn(ticket)?;
                        limit.unseen |= event.is_none();
                        event
                    }
                    Turn::Task { task, ticket, aborted } => {
                        core.run(task, ticket, aborted);
                        None
                    }
                    Turn::Foreign(waker) => {
                        wake_foreign(waker);
                        None
                    }
                };
                core.count_turn();
                if event.is_some() {
                    return Ok(event);
                }
                continue;
            }
            if limit.is_over() {
                core.fire_timers();
                let mut tasks = core.tasks.borrow_mut();
                if tasks.has_ready() {
                    // The loop only pauses: what is queued now has its turn first.
                    limit.last_round = limit.last_round || tasks.wake_main();
                } else if !limit.looks_again() {
                    return Ok(Some(Event::TimedOut));
                }
            }
            core.look_outside(limit.remaining())?;
            limit.unseen &= limit.last_round;
        };
        context::enter(core, next)
    }

    /// Adds a message from the loop's own thread: a handler that posts has its message back as an event, after
    /// those that are queued already.
    ///
    /// # Errors
    ///
    /// [`PostError::Full`] if the queue is [bounded](EventLoop::bounded) and full: waiting here would be for ever. The
    /// message comes back.
    ///
    /// # Examples
    ///
    /// See [`bounded`](EventLoop::bounded).
    pub fn post(&self, message: M) -> Result<(), PostError<M>> {
        self.messages.post(message)?;
        self.sources.wake(self.messages.ticket());
        Ok(())
    }

    /// What other threads post messages with. Cheap to clone.
    ///
    /// # Examples
    ///
    /// See [`Sender`].
    pub fn sender(&self) -> Sender<M> {
        self.messages.sender()
    }

    /// Takes all messages that are queued, without their turns: those that are left when a program wants to end.
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
        !context::is_inside(),
        "{what} was called inside a oneloop runtime, whose loop it would stop: give the event loop a thread of its own"
    );
}

/// How long a `take` may wait. It counts from when it first has to, so that taking what is there reads no clock.
struct Limit {
    timeout: Option<Duration>,
    deadline: Option<Instant>,
    /// It is over, and the end of the queue as it was then is marked: by the name of `block_on`'s own future, which there
    /// isn't here.
    last_round: bool,
    /// A source has said that it waits, and on a one-shot driver is watched only since then: it may have something to say that
    /// the last look at the driver didn't show, or that is queued behind the mark.
    unseen: bool,
    looks_left: u8,
}

/// A source begins to wait before the mark or, if it was woken meanwhile, in the round behind it. Later than that only if events come
/// that turn out to be nothing: a flood of those must not stretch the time-out.
const LOOKS_MORE: u8 = 3;

impl Limit {
    /// Whether the driver must be asked once more before nothing has happened.
    fn looks_again(&mut self) -> bool {
        let again = self.unseen && self.looks_left > 0;
        if again {
            (self.unseen, self.looks_left) = (false, self.looks_left - 1);
        }
        again
    }

    /// At the mark.
    fn end_round<M>(&mut self, core: &Core) -> io::Result<Option<Event<M>>> {
        if !self.looks_again() {
            return Ok(Some(Event::TimedOut));
        }
        self.last_round = false;
        core.look_outside(Some(Duration::ZERO))?;
        Ok(None)
    }

    /// Only after it has waited, so that a time-out of zero looks once.
    fn is_over(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    fn remaining(&mut self) -> Option<Duration> {
        let timeout = self.timeout?;
        let now = Instant::now();
        if self.deadline.is_none() {
            self.deadline = now.checked_add(timeout);
        }
        Some(self.deadline.map_or(timeout, |deadline| deadline.saturating_duration_since(now)))
    }
}

impl<M> Drop for EventLoop<M> {
    fn drop(&mut self) {
        // A `Watched` that lives on keeps the table, but need not keep what the loop listened with.
        self.sources.end_all();
    }
}

impl<M> fmt::Debug for EventLoop<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLoop").field("runtime", &self.runtime).finish_non_exhaustive()
    }
}
