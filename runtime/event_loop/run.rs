//! Running the loop: a handler for each event, and what to do when it fails.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::sources::Sources;
use super::{Event, EventLoop, refuse_inside};
use crate::engine::context;
use crate::engine::join_error::Panic;
use crate::engine::panic::drop_quietly;
use crate::engine::ticket::Ticket;

/// What to do after a handler has failed.
///
/// # Examples
///
/// See [`EventLoop::run`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Go on with the next event.
    Continue,
    /// End the loop, and return the failure.
    Stop,
}

/// What went wrong in a handler, or in the loop itself.
///
/// # Examples
///
/// See [`EventLoop::run`].
pub enum Failure<E> {
    /// The handler returned an error.
    Error(E),
    /// The handler panicked.
    Panic(Panic),
    /// The operating system's event queue failed, or Ctrl+C can't be listened for. No policy is asked.
    Loop(io::Error),
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Error(error) => write!(f, "the handler failed: {error}"),
            Failure::Panic(panic) => write!(f, "the handler {panic}"),
            Failure::Loop(error) => write!(f, "the event loop failed: {error}"),
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Error(error) => f.debug_tuple("Failure::Error").field(error).finish(),
            Failure::Panic(panic) => write!(f, "Failure::{panic:?}"),
            Failure::Loop(error) => f.debug_tuple("Failure::Loop").field(error).finish(),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for Failure<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Failure::Loop(error) => Some(error),
            _ => None,
        }
    }
}

/// Why a [`run`](EventLoop::run) has ended, if not by a failure.
///
/// # Examples
///
/// See [`EventLoop::run`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// [`EventLoop::stop`] or [`Sender::stop`](super::Sender::stop) was called.
    Stopped,
    /// Ctrl+C was pressed.
    CtrlC,
}

/// The account of a [`run`](EventLoop::run).
///
/// # Examples
///
/// See [`EventLoop::run`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Why it ended.
    pub reason: Reason,
    /// Events that the handler was called with.
    pub handled: u64,
    /// Those of them that it failed for.
    pub failed: u64,
    /// Messages that are still queued, for the next `run` or `take`, or for [`EventLoop::drain`]. (What else has happened is not
    /// lost either: it is the next events.)
    pub messages_left: usize,
}

impl<M> EventLoop<M> {
    /// Calls `handler` with each event until the loop is [stopped](EventLoop::stop) or Ctrl+C is pressed (with the feature
    /// `signal`, and unless the program [hears it itself](EventLoop::ctrl_c): then that event is all, and the handler
    /// decides). A handler that fails or panics doesn't end the loop by itself: the panic is caught, `on_failure` is asked,
    /// and what it says is done.
    ///
    /// When it ends, what is still queued stays queued; the account says how many messages that are. Ctrl+C's default
    /// action is gone for good after this.
    ///
    /// # Errors
    ///
    /// The failure after which `on_failure` said [`Policy::Stop`]; or [`Failure::Loop`]. The loop can be run again.
    ///
    /// # Panics
    ///
    /// As [`take`](EventLoop::take). Inside a handler of this loop, which runs already. If `on_failure` panics.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::event_loop::{Event, EventLoop, Policy, Reason};
    ///
    /// let mut events = EventLoop::new()?;
    /// for number in ["1", "two", "3"] {
    ///     events.post(number).unwrap();
    /// }
    /// let mut sum = 0;
    /// let ended = events.run(
    ///     |events, event| {
    ///         if let Event::Message(number) = event {
    ///             sum += number.parse::<i32>()?;
    ///             if sum == 4 {
    ///                 events.stop();
    ///             }
    ///         }
    ///         Ok::<(), std::num::ParseIntError>(())
    ///     },
    ///     |failure| {
    ///         println!("{failure}, the loop goes on");
    ///         Policy::Continue
    ///     },
    /// );
    /// let ended = ended.unwrap();
    /// assert_eq!((ended.reason, ended.handled, ended.failed), (Reason::Stopped, 3, 1));
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn run<E>(
        &mut self,
        handler: impl FnMut(&mut EventLoop<M>, Event<M>) -> Result<(), E>,
        on_failure: impl FnMut(&Failure<E>) -> Policy,
    ) -> Result<Ended, Failure<E>> {
        drive(self, |events| events, handler, on_failure)
    }

    /// Ends [`run`](EventLoop::run), the current one or else the next, before the next event. One that was asked for in a run which
    /// ends for another reason is done with.
    ///
    /// # Examples
    ///
    /// See [`run`](EventLoop::run).
    pub fn stop(&self) {
        self.runtime.core.request_stop();
    }
}

/// `run`, for an event loop that is a part of something else, which the handler gets whole.
#[track_caller]
pub(super) fn drive<H, M, E>(
    host: &mut H,
    events: impl Fn(&mut H) -> &mut EventLoop<M>,
    mut handler: impl FnMut(&mut H, Event<M>) -> Result<(), E>,
    mut on_failure: impl FnMut(&Failure<E>) -> Policy,
) -> Result<Ended, Failure<E>> {
    refuse_inside("an event loop's `run`");
    let running = Running::begin(events(host)).map_err(Failure::Loop)?;
    let (mut handled, mut failed) = (0, 0);
    loop {
        let event = match events(host).next_event(None, true) {
            Err(error) => return Err(Failure::Loop(error)),
            Ok(None) => break,
            Ok(Some(event)) => event,
        };
        handled += 1;
        let failure = match catch_unwind(AssertUnwindSafe(|| handler(host, event))) {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => Failure::Error(error),
            Err(payload) => Failure::Panic(Panic::new(payload)),
        };
        failed += 1;
        if on_failure(&failure) == Policy::Stop {
            return Err(failure);
        }
        drop_quietly(failure); // dropping what the handler returned, or panicked with, is its code, too
    }
    let reason = if running.sources.interrupted.get() { Reason::CtrlC } else { Reason::Stopped };
    Ok(Ended { reason, handled, failed, messages_left: events(host).messages.count() })
}

/// A `run` from its begin to its end, however that comes.
struct Running {
    sources: Rc<Sources>,
    ctrl_c: Option<Ticket>,
}

impl Running {
    #[track_caller]
    fn begin<M>(events: &EventLoop<M>) -> io::Result<Running> {
        let sources = events.sources.clone();
        assert!(
            !sources.running.replace(true),
            "an event loop's `run` was called in one of its handlers: it runs already"
        );
        let mut running = Running { sources, ctrl_c: None };
        running.hear_ctrl_c()?;
        Ok(running)
    }

    #[cfg(feature = "signal")]
    fn hear_ctrl_c(&mut self) -> io::Result<()> {
        let hearing = context::enter(self.sources.core(), crate::signal::hear_ctrl_c)?;
        let ticket = self.sources.insert(super::sources::EventSource::Interrupt(Box::new(hearing)))?;
        self.sources.wake(ticket); // its first turn begins to wait
        self.ctrl_c = Some(ticket);
        Ok(())
    }

    #[cfg(not(feature = "signal"))]
    fn hear_ctrl_c(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(ticket) = self.ctrl_c {
            self.sources.remove(ticket);
        }
        let core = self.sources.core();
        context::enter(core, || core.take_stop()); // it was meant for this run
        self.sources.interrupted.set(false);
        self.sources.running.set(false);
    }
}
