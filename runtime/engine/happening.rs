//! The happenings of a loop that an observer receives, and their causes.

use std::time::{Duration, Instant};

use super::driver::{Raw, Readiness, Token};
use super::interest::Interest;
use super::ticket::Ticket;

/// The activity of the loop, in the form of a record. The low 8 bits hold the kind. The upper 48 bits
/// hold the id of the unit, object or timer. A cause is one word, because the loop sets it far more
/// often than an observer reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cause(pub(crate) u64);

impl Cause {
    /// The program's code runs outside of a poll.
    pub(crate) const OUTSIDE: Cause = Cause(1);
    /// Another thread has sent a message.
    pub(crate) const THREAD: Cause = Cause(5);
    /// The runtime is dropped.
    pub(crate) const SHUTDOWN: Cause = Cause(7);

    /// A unit is polled.
    #[inline(always)]
    pub(crate) fn unit(unit: Ticket) -> Cause {
        Cause(2 | unit.id() << 16)
    }

    /// The driver has reported readiness of an object.
    #[inline(always)]
    pub(crate) fn socket(object: Token) -> Cause {
        Cause(3 | object_id(object) << 16)
    }

    /// A timer has fired.
    #[inline(always)]
    pub(crate) fn timer(key: u32) -> Cause {
        Cause(4 | u64::from(key) << 16)
    }

    /// A task has ended.
    #[inline(always)]
    pub(crate) fn end_of(task: Ticket) -> Cause {
        Cause(6 | task.id() << 16)
    }
}

/// Returns the id of a registered object. The id has 48 bits, which are the object's key and
/// generation.
#[inline(always)]
pub(crate) fn object_id(object: Token) -> u64 {
    u64::from(object.key) << 24 | u64::from(object.generation) & 0xff_ffff
}

/// The result of a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Pending,
    Ready,
    Panicked,
}

/// The kind of a unit of the ready queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)] // some variants need features
pub(crate) enum Unit {
    Task,
    Main,
    Messages,
    Socket,
    Listener,
    Connect,
    Timer,
    Signal,
}

/// An event of an `EventLoop`, and its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "trace"), allow(dead_code))]
pub(crate) enum EventKind {
    Message,
    Readable(Ticket),
    Writable(Ticket),
    Accepted(Ticket),
    Connected(Ticket),
    Timer(Ticket),
    Signal(Ticket),
    TimedOut,
}

/// A message of another thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Wake(Ticket),
    Call,
    Stop,
}

/// A happening in a loop. The loop calls its observer with the happening at once, in the middle of its
/// work. The observer must not use the loop.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(all(feature = "trace", feature = "signal", unix)), allow(dead_code))]
pub(crate) enum Happening<'a> {
    Turn { at: Instant },
    Spawned { unit: Ticket, kind: Unit, place: u16, name: Option<&'a str>, by: Cause },
    PollBegins { unit: Ticket, at: Instant },
    PollEnds { unit: Ticket, at: Instant, outcome: Outcome },
    Aborted { unit: Ticket },
    Woken { unit: Ticket, by: Cause },
    WokenForeign { by: Cause },
    Parks { at: Instant, limit_ns: u64 },
    Unparks { at: Instant },
    TimerSet { timer: u32, deadline_ns: u64, unit: Option<Ticket> },
    TimerFired { timer: u32, deadline_ns: u64 },
    TimerDropped { timer: u32 },
    Registered { object: Token, raw: Option<Raw>, assumed: Readiness },
    Unregistered { object: Token },
    Readiness { object: Token, readiness: Readiness },
    NotReady { object: Token, readiness: Readiness },
    WaitsForSocket { object: Token, interest: Interest, unit: Option<Ticket> },
    WaitsForTask { task: Ticket, unit: Option<Ticket> },
    BudgetSpent { unit: Ticket },
    MessageTaken(Taken),
    UnblockBegins { number: u64, by: Cause },
    UnblockEnds { number: u64 },
    ChildStarted { process: u32 },
    ChildEnded { process: u32 },
    Signal { number: i32 },
    EventTaken { event: EventKind, at: Instant },
    EventHandled { at: Instant },
}

impl Happening<'_> {
    pub(crate) fn parks(at: Instant, limit: Option<Duration>) -> Self {
        let limit_ns = limit.and_then(|limit| u64::try_from(limit.as_nanos()).ok());
        Happening::Parks { at, limit_ns: limit_ns.unwrap_or(u64::MAX) }
    }
}
