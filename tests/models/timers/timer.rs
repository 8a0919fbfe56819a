//! One timer of the program, and what is known of it.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use oneloop::time::{Elapsed, Interval, Sleep, Timeout, interval, sleep, timeout};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sleep,
    Timeout,
    Interval,
}

type Inside = Pin<Box<dyn Future<Output = ()>>>;

enum Io {
    Sleep(Sleep),
    Timeout(Pin<Box<Timeout<Inside>>>, Rc<Cell<bool>>),
    /// With the tick that came last.
    Interval(Interval, Option<Instant>),
    /// A time-out that is over.
    Done,
}

/// Who is woken when the time comes.
pub struct Waits {
    pub waker: u32,
    /// The turn in which it was polled.
    pub since: u64,
}

pub struct Timer {
    io: Io,
    /// The deadline, or between which moments it is. `None`: never.
    pub not_before: Option<Instant>,
    pub due_by: Option<Instant>,
    pub waits: Option<Waits>,
    /// It was woken and not polled since: it must be ready.
    pub fired: bool,
}

impl Timer {
    pub fn new(kind: Kind, span: Duration) -> Timer {
        let before = Instant::now();
        let io = match kind {
            Kind::Sleep => Io::Sleep(sleep(span)),
            Kind::Timeout => {
                let ready = Rc::new(Cell::new(false));
                let seen = ready.clone();
                let inside = poll_fn(move |_| if seen.get() { Poll::Ready(()) } else { Poll::Pending });
                Io::Timeout(Box::pin(timeout(span, Box::pin(inside))), ready)
            }
            Kind::Interval => Io::Interval(interval(span.max(Duration::from_nanos(1))), None),
        };
        let span = if kind == Kind::Interval { Duration::ZERO } else { span };
        let mut timer = Timer { io, not_before: None, due_by: None, waits: None, fired: false };
        timer.expect(before, span);
        timer
    }

    /// The deadline is a span after a moment between `before` and now.
    fn expect(&mut self, before: Instant, span: Duration) {
        (self.not_before, self.due_by) = (before.checked_add(span), Instant::now().checked_add(span));
        if let Io::Sleep(sleep) = &self.io {
            (self.not_before, self.due_by) = (sleep.deadline(), sleep.deadline());
        }
    }

    pub fn is_exact(&self) -> bool {
        self.not_before == self.due_by
    }

    pub fn complete(&mut self) {
        if let Io::Timeout(_, ready) = &self.io {
            ready.set(true);
        }
    }

    /// Gives a sleep or an interval another deadline.
    pub fn reset(&mut self, span: Duration) {
        let before = Instant::now();
        let span = match &mut self.io {
            Io::Sleep(sleep) => match before.checked_add(span) {
                Some(deadline) => {
                    sleep.reset(deadline);
                    span
                }
                None => return,
            },
            Io::Interval(interval, last) => {
                interval.reset();
                *last = None;
                interval.period()
            }
            Io::Timeout(..) | Io::Done => return,
        };
        (self.waits, self.fired) = (None, false);
        self.expect(before, span);
    }

    /// Polls it with a waker of that number. `may_be_due`: its waker may be the next to be called.
    pub fn poll(&mut self, waker: &Waker, number: u32, turn: u64, may_be_due: bool) -> Result<(), String> {
        let mut cx = Context::from_waker(waker);
        let before = Instant::now();
        let polled = match &mut self.io {
            Io::Done => return Ok(()),
            Io::Sleep(sleep) => Pin::new(sleep).poll(&mut cx).map(|()| None),
            Io::Timeout(timeout, ready) => {
                let polled = timeout.as_mut().poll(&mut cx);
                if ready.get() {
                    return self.timeout_is_ready(polled);
                }
                match polled {
                    Poll::Ready(Ok(())) => return Err("what is inside was not ready".into()),
                    Poll::Ready(Err(_)) => Poll::Ready(None),
                    Poll::Pending => Poll::Pending,
                }
            }
            Io::Interval(interval, _) => interval.poll_tick(&mut cx).map(Some),
        };
        match polled {
            Poll::Pending if self.fired => Err("its time has come, and it waits".into()),
            Poll::Pending => {
                // Who polls first begins to wait; who polls later only takes over.
                let since = self.waits.as_ref().map_or(turn, |waits| waits.since);
                self.waits = Some(Waits { waker: number, since });
                Ok(())
            }
            Poll::Ready(_) if self.not_before.is_none_or(|time| Instant::now() < time) => {
                Err("it is ready early".into())
            }
            Poll::Ready(_) if !self.fired && !may_be_due => Err("it is ready, and no task was woken".into()),
            Poll::Ready(None) => {
                (self.waits, self.fired) = (None, true);
                if let Io::Timeout(..) = self.io {
                    self.io = Io::Done;
                    (self.not_before, self.due_by) = (None, None);
                    self.fired = false;
                }
                Ok(())
            }
            Poll::Ready(Some(due)) => self.ticked(due, before),
        }
    }

    fn timeout_is_ready(&mut self, polled: Poll<Result<(), Elapsed>>) -> Result<(), String> {
        self.io = Io::Done;
        (self.waits, self.fired) = (None, false);
        (self.not_before, self.due_by) = (None, None);
        if polled == Poll::Ready(Ok(())) { Ok(()) } else { Err("what is inside was ready".into()) }
    }

    /// A tick: on the grid, and the next one is the first point of the grid after now.
    fn ticked(&mut self, due: Instant, before: Instant) -> Result<(), String> {
        let Io::Interval(interval, last) = &mut self.io else { return Ok(()) };
        let period = interval.period();
        let (not_before, due_by) = (self.not_before, self.due_by);
        if not_before.is_some_and(|time| due < time) || due_by.is_some_and(|time| due > time) {
            return Err(format!("a tick of {due:?}, must be in {not_before:?}..{due_by:?}"));
        }
        if let Some(last) = last.replace(due)
            && (due <= last || !(due - last).as_nanos().is_multiple_of(period.as_nanos()))
        {
            return Err("a tick beside the grid".into());
        }
        let next = |now: Instant| {
            let periods = (now - due).as_nanos() / period.as_nanos() + 1;
            let ns = periods.checked_mul(period.as_nanos())?;
            due.checked_add(Duration::new((ns / 1_000_000_000).try_into().ok()?, (ns % 1_000_000_000) as u32))
        };
        (self.waits, self.fired) = (None, false);
        (self.not_before, self.due_by) = (next(before.max(due)), next(Instant::now()));
        Ok(())
    }
}
