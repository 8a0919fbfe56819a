//! `run`: a handler for each event, and a policy for handlers that fail.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::sources::EventSources;
use super::{Event, EventLoop, refuse_inside};
use crate::engine::context;
use crate::engine::join_error::Panic;
use crate::engine::panic::drop_quietly;

/// What the loop does after a handler has failed.
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

/// The failure of a handler, or of the loop itself.
///
/// # Examples
///
/// See [`EventLoop::run`].
#[derive(Debug)]
pub enum Failure<E> {
    /// The handler returned an error.
    Error(E),
    /// The handler panicked.
    Panic(Panic),
    /// The operating system's event queue failed, or a signal's listener did. The loop asks for no
    /// policy.
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

impl<E: fmt::Debug + fmt::Display> std::error::Error for Failure<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let Failure::Loop(error) = self { Some(error) } else { None }
    }
}

/// The account of a [`run`](EventLoop::run) that was stopped.
///
/// # Examples
///
/// See [`EventLoop::run`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Events that the handler was called with.
    pub handled: u64,
    /// Those of them that it failed for.
    pub failed: u64,
    /// Messages that are still queued, for the next `run` or `take`, or for [`EventLoop::drain`].
    /// (Other events are not lost either: they come next.)
    pub messages_left: usize,
}

impl<M> EventLoop<M> {
    /// Calls `handler` with each event until the loop is [stopped](EventLoop::stop). A handler that
    /// fails or panics does not end the loop by itself: the panic is caught, and `on_failure`
    /// decides.
    ///
    /// Events that are still queued when `run` returns stay queued; the account says how many
    /// messages that are.
    ///
    /// `run` itself listens for no signal, so Ctrl+C ends the process as it does by default. A
    /// program that wants another end calls [`ctrl_c`](EventLoop::ctrl_c) first, and its handler
    /// calls `stop` at that [`Signal`](Event::Signal) event.
    ///
    /// # Errors
    ///
    /// The failure for which `on_failure` returned [`Policy::Stop`]; or [`Failure::Loop`]. The loop
    /// can be run again.
    ///
    /// # Panics
    ///
    /// As [`take`](EventLoop::take). If a handler of this loop calls it. If `on_failure` panics.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::event_loop::{Event, EventLoop, Policy};
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
    /// assert_eq!((ended.handled, ended.failed), (3, 1));
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn run<E>(
        &mut self,
        handler: impl FnMut(&mut EventLoop<M>, Event<M>) -> Result<(), E>,
        on_failure: impl FnMut(&Failure<E>) -> Policy,
    ) -> Result<Ended, Failure<E>> {
        run_host(self, |events| events, handler, on_failure)
    }

    /// Ends [`run`](EventLoop::run), the current one or else the next, before the next event. The
    /// end of a run clears every stop that was requested in it, also if the run ended with a
    /// failure.
    ///
    /// # Examples
    ///
    /// See [`run`](EventLoop::run).
    pub fn stop(&self) {
        self.runtime.core.request_stop();
    }
}

/// `run` for a host that has an event loop as a part of it. The handler gets the host.
#[track_caller]
pub(super) fn run_host<H, M, E>(
    host: &mut H,
    events: impl Fn(&mut H) -> &mut EventLoop<M>,
    mut handler: impl FnMut(&mut H, Event<M>) -> Result<(), E>,
    mut on_failure: impl FnMut(&Failure<E>) -> Policy,
) -> Result<Ended, Failure<E>> {
    refuse_inside("an event loop's `run`");
    let _running = Running::begin(&events(host).sources).map_err(Failure::Loop)?;
    let (mut handled, mut failed) = (0, 0);
    while let Some(event) = events(host).next_event(None, true).map_err(Failure::Loop)? {
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
        drop_quietly(failure); // the error's drop, or the panic payload's, is the handler's code
    }
    Ok(Ended { handled, failed, messages_left: events(host).messages.count() })
}

/// Marks a loop as running until it is dropped, however the run ends.
struct Running(Rc<EventSources>);

impl Running {
    #[track_caller]
    fn begin(sources: &Rc<EventSources>) -> io::Result<Running> {
        let text = "an event loop's `run` was called in one of its handlers: it runs already";
        assert!(!sources.running.get(), "{text}");
        sources.core.begin()?;
        sources.running.set(true);
        Ok(Running(sources.clone()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let core = &self.0.core;
        context::enter(core, || {
            core.drain_inbox();
            core.stop.set(false); // a stop that was requested in this run is done
            core.end();
        });
        self.0.running.set(false);
    }
}
