//! `run`: a handler for each event, and a policy for handlers that fail.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::sources::EventSources;
use super::{Event, EventLoop, refuse_inside};
use crate::engine::context;
use crate::engine::driven;
use crate::engine::happening::Outcome;
use crate::engine::join_error::Panic;
use crate::engine::observation::Activity;
use crate::engine::panic::drop_quietly;

/// The action of the loop after a handler has failed. [`EventLoop::run`] has an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The loop continues with the next event.
    Continue,
    /// The loop ends, and `run` returns the failure.
    Stop,
}

/// The failure of a handler, or of the loop itself. [`EventLoop::run`] has an example.
#[derive(Debug)]
pub enum Failure<E> {
    /// The handler returned an error.
    Error(E),
    /// The handler panicked.
    Panic(Panic),
    /// The operating system's event queue failed, or the listener of a signal failed. The loop does
    /// not call `on_failure`.
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

/// The result of a [`run`](EventLoop::run) that was stopped. [`EventLoop::run`] has an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The number of events for which the handler was called.
    pub handled: u64,
    /// The number of events for which the handler failed. `handled` includes them.
    pub failed: u64,
    /// The number of messages that are still queued, for the next `run` or `take`, or for
    /// [`EventLoop::drain`]. Other events are not lost: the next `run` or `take` returns them.
    pub messages_left: usize,
}

impl<M> EventLoop<M> {
    /// Calls `handler` with each event until the loop is [stopped](EventLoop::stop). A handler that
    /// fails or panics does not end the loop by itself: the loop catches the panic, and
    /// `on_failure` decides.
    ///
    /// Events that are still queued when `run` returns stay queued. The result contains the number
    /// of messages among them.
    ///
    /// `run` itself listens for no signal, so Ctrl+C ends the process by default. A program that
    /// ends in another way calls [`ctrl_c`](EventLoop::ctrl_c) first, and its handler calls `stop`
    /// at that [`Signal`](Event::Signal) event.
    ///
    /// # Errors
    ///
    /// The failure for which `on_failure` returned [`Policy::Stop`], or [`Failure::Loop`]. After an
    /// error the program may call `run` again.
    ///
    /// # Panics
    ///
    /// The method panics in the same cases as [`take`](EventLoop::take). It also panics if a
    /// handler of this loop calls it, or if `on_failure` panics.
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

    /// Ends the current [`run`](EventLoop::run) before the next event. If the loop is not in a
    /// `run`, the call ends the next one. The end of a run clears every stop that was requested in
    /// it, also if the run ended with a failure. [`run`](EventLoop::run) has an example.
    pub fn stop(&self) {
        self.runtime.core.request_stop();
    }
}

/// `run` for a type that contains an event loop. The handler gets that type as its host.
#[track_caller]
pub(super) fn run_host<H, M, E>(
    host: &mut H,
    events: impl Fn(&mut H) -> &mut EventLoop<M>,
    mut handler: impl FnMut(&mut H, Event<M>) -> Result<(), E>,
    mut on_failure: impl FnMut(&Failure<E>) -> Policy,
) -> Result<Ended, Failure<E>> {
    refuse_inside("an event loop's `run`");
    let running = Running::begin(&events(host).sources).map_err(Failure::Loop)?;
    let core = &running.0.core;
    let messages = events(host).messages.ticket();
    let (mut handled, mut failed) = (0, 0);
    loop {
        let event = match events(host).next_event(None, true).map_err(Failure::Loop)? {
            Event::TimedOut => break, // stopped
            event => event,
        };
        handled += 1;
        let ticket = event.ticket().unwrap_or(messages);
        let handle =
            || core.run_outside_table(Activity::Handler, ticket, || handler(host, event), |_| Outcome::Ready);
        let failure = match catch_unwind(AssertUnwindSafe(handle)) {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => Failure::Error(error),
            Err(payload) => Failure::Panic(Panic::new(payload)),
        };
        failed += 1;
        if on_failure(&failure) == Policy::Stop {
            return Err(failure);
        }
        drop_quietly(failure); // dropping the error or the panic's payload may run foreign code
        core.observation.clear_reading(); // so may `on_failure`
    }
    Ok(Ended { handled, failed, messages_left: events(host).messages.count() })
}

/// Marks a loop as running until it is dropped. The drop runs however the run ends.
struct Running(Rc<EventSources>);

impl Running {
    #[track_caller]
    fn begin(sources: &Rc<EventSources>) -> io::Result<Running> {
        let text = "an event loop's `run` was called in one of its handlers: it runs already";
        assert!(!sources.running.get(), "{text}");
        sources.core.begin()?;
        driven::begin(&sources.core);
        sources.running.set(true);
        Ok(Running(sources.clone()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let core = &self.0.core;
        context::enter(core, || {
            core.drain_inbox();
            core.stop.set(false); // clears a stop that was requested in this run
            core.end();
        });
        driven::end(core);
        self.0.running.set(false);
    }
}
