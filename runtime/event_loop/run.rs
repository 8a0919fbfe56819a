//! Running the loop: a handler for each event, and what to do when it fails.

use std::any::Any;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::sources::Sources;
use super::{Event, EventLoop, Id, refuse_inside};
use crate::task::panic_message;

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
    /// The handler panicked, with this value.
    Panic(Box<dyn Any + Send>),
    /// The operating system's event queue failed, or Ctrl+C can't be listened for. No policy is asked.
    Loop(io::Error),
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Error(error) => write!(f, "the handler failed: {error}"),
            Failure::Panic(payload) => match panic_message(&**payload) {
                Some(message) => write!(f, "the handler panicked: {message}"),
                None => f.write_str("the handler panicked"),
            },
            Failure::Loop(error) => write!(f, "the event loop failed: {error}"),
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Error(error) => f.debug_tuple("Failure::Error").field(error).finish(),
            Failure::Panic(payload) => {
                f.debug_tuple("Failure::Panic").field(&panic_message(&**payload).unwrap_or("..")).finish()
            }
            Failure::Loop(error) => f.debug_tuple("Failure::Loop").field(error).finish(),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for Failure<E> {}

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
    /// Messages that are still queued, for the next `run` or `take`, or for [`EventLoop::drain`].
    pub messages_left: usize,
}

impl<M> EventLoop<M> {
    /// Calls `handler` with each event until the loop is [stopped](EventLoop::stop) or Ctrl+C is pressed (with the feature
    /// `signal`). A handler that fails or panics doesn't end the loop by itself: the panic is caught, `on_failure` is asked, and
    /// what it says is done.
    ///
    /// When it ends, what is still queued stays queued; the account says how many messages that are. Ctrl+C's default
    /// action is gone for good after this; to treat Ctrl+C in another way, call [`take`](EventLoop::take) in a
    /// loop of your own.
    ///
    /// # Errors
    ///
    /// The failure after which `on_failure` said [`Policy::Stop`]; or [`Failure::Loop`]. The loop can be run again.
    ///
    /// # Panics
    ///
    /// As [`take`](EventLoop::take). If `on_failure` panics.
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

    /// Ends [`run`](EventLoop::run), the current one or else the next, before the next event.
    ///
    /// # Examples
    ///
    /// See [`run`](EventLoop::run).
    pub fn stop(&self) {
        self.runtime.core.stop.set(true);
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
    let ctrl_c = hear_ctrl_c(events(host)).map_err(Failure::Loop)?;
    let mut ended = Ended { reason: Reason::Stopped, handled: 0, failed: 0, messages_left: 0 };
    let outcome = loop {
        let event = match events(host).next_event(None, true) {
            Err(error) => break Err(Failure::Loop(error)),
            Ok(None) => break Ok(()),
            Ok(Some(Event::Signal(id))) if ctrl_c.as_ref().is_some_and(|heard| heard.id == id) => {
                ended.reason = Reason::CtrlC;
                break Ok(());
            }
            Ok(Some(event)) => event,
        };
        ended.handled += 1;
        let failure = match catch_unwind(AssertUnwindSafe(|| handler(host, event))) {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => Failure::Error(error),
            Err(payload) => Failure::Panic(payload),
        };
        ended.failed += 1;
        if on_failure(&failure) == Policy::Stop {
            break Err(failure);
        }
    };
    outcome.map(|()| Ended { messages_left: events(host).messages.count(), ..ended })
}

/// Ctrl+C, for as long as a `run` lasts: also if it ends by a panic.
struct CtrlC {
    id: Id,
    sources: Rc<Sources>,
}

impl Drop for CtrlC {
    fn drop(&mut self) {
        self.sources.cancel(self.id.0);
    }
}

#[cfg(feature = "signal")]
fn hear_ctrl_c<M>(events: &EventLoop<M>) -> io::Result<Option<CtrlC>> {
    Ok(Some(CtrlC { id: events.ctrl_c()?, sources: events.sources.clone() }))
}

#[cfg(not(feature = "signal"))]
fn hear_ctrl_c<M>(_: &EventLoop<M>) -> io::Result<Option<CtrlC>> {
    Ok(None)
}
