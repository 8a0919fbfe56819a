//! The recorder, which writes the happenings of the hook into a ring.
//!
//! The hook calls the recorder by its own type and not as a trait object. So each place of the loop has
//! the code of its own event, out of line. An entry costs about 40 instructions, and the code of the
//! places stays small.

pub mod format;
pub(crate) mod ring;

use std::cell::Cell;
use std::time::Instant;

use super::driver::{Raw, Token};
use super::happening::{Cause, EventKind, Happening, Outcome, Taken, Unit, object_id};
use super::ticket::Ticket;
use format::{EventKind as EventNumber, Kind, NONE};
use ring::{Ring, head};

/// The low 48 bits.
const ID: u64 = (1 << 48) - 1;

pub(crate) struct Recorder {
    pub(crate) ring: Ring,
    /// Time 0 of the record.
    pub(crate) origin: Instant,
    /// The same time in the form of the timer wheel.
    pub(crate) origin_ns: u64,
    /// The last instant that was recorded. `last_ns` is the same time in nanoseconds.
    last: Cell<Instant>,
    pub(crate) last_ns: Cell<u64>,
    turns: Cell<u64>,
    /// The number of events of the driver since the last park.
    events: Cell<u64>,
    describe: fn(Option<Raw>) -> String,
}

/// Returns the id of a unit, which is the key and the generation of its ticket.
pub(crate) fn unit_id(ticket: Ticket) -> u64 {
    ticket.id()
}

pub(crate) fn unit_number(unit: Unit) -> u8 {
    let unit = match unit {
        Unit::Task => format::Unit::Task,
        Unit::Main => format::Unit::Main,
        Unit::Messages => format::Unit::Messages,
        Unit::Socket => format::Unit::Socket,
        Unit::Listener => format::Unit::Listener,
        Unit::Connect => format::Unit::Connect,
        Unit::Timer => format::Unit::Timer,
        Unit::Signal => format::Unit::Signal,
    };
    unit as u8
}

/// Returns a unit as a cause. A waiter of another crate is no unit, so its cause is `OUTSIDE`.
pub(crate) fn unit_cause(unit: Option<Ticket>) -> u64 {
    unit.map_or(Cause::OUTSIDE, Cause::unit).0
}

// `happening.rs` has the kinds of causes as numbers, because the file is also compiled without the
// format.
const _: () = assert!(
    Cause::OUTSIDE.0 == format::Cause::Outside as u64
        && Cause::THREAD.0 == format::Cause::Thread as u64
        && Cause::SHUTDOWN.0 == format::Cause::Shutdown as u64
        && format::Cause::Unit as u8 == 2
        && format::Cause::Socket as u8 == 3
        && format::Cause::Timer as u8 == 4
        && format::Cause::Task as u8 == 6
);

#[cfg_attr(windows, allow(clippy::unnecessary_cast))]
pub(crate) fn raw_number(raw: Option<Raw>) -> u64 {
    raw.map_or(u64::MAX, |raw| raw as u64)
}

impl Recorder {
    /// Makes a recorder. `describe` returns the description of an object, because the loop knows only
    /// the number of the object.
    pub(crate) fn new(bytes_max: usize, origin_ns: u64, describe: fn(Option<Raw>) -> String) -> Recorder {
        let zero = || Cell::new(0);
        let origin = Instant::now();
        Recorder {
            ring: Ring::new(bytes_max),
            origin,
            origin_ns,
            last: Cell::new(origin),
            last_ns: zero(),
            turns: zero(),
            events: zero(),
            describe,
        }
    }

    /// Returns a time in nanoseconds since the start of the record. Times never decrease. A poll
    /// usually begins at the time at which the previous poll has ended, so the last conversion is
    /// reused.
    #[inline(always)]
    fn time(&self, at: Instant) -> u64 {
        if at == self.last.get() { self.last_ns.get() } else { self.next_time(at) }
    }

    #[inline(never)]
    fn next_time(&self, at: Instant) -> u64 {
        self.last.set(at);
        let since = at.saturating_duration_since(self.origin);
        let ns = (since.as_secs() * 1_000_000_000 + u64::from(since.subsec_nanos())).max(self.last_ns.get());
        self.last_ns.set(ns);
        ns
    }

    /// Converts a deadline of the timer wheel. `u64::MAX` means never. A deadline before the start of
    /// the record counts as the start.
    pub(crate) fn deadline(&self, deadline_ns: u64) -> u64 {
        match deadline_ns {
            u64::MAX => u64::MAX,
            deadline_ns => deadline_ns.saturating_sub(self.origin_ns),
        }
    }

    #[inline(always)]
    fn push1(&self, kind: Kind, id: u64) {
        self.ring.push([head(kind as u8, 1, id)]);
    }

    #[inline(always)]
    fn push2(&self, kind: Kind, id: u64, word: u64) {
        self.ring.push([head(kind as u8, 2, id), word]);
    }

    #[inline(always)]
    fn push3(&self, kind: Kind, id: u64, words: [u64; 2]) {
        self.ring.push([head(kind as u8, 3, id), words[0], words[1]]);
    }

    fn spawned(&self, unit: Ticket, kind: Unit, place: u16, name: Option<&str>, by: Cause) {
        let name = ring::cut(name.unwrap_or_default());
        let words = 3 + name.len().div_ceil(8);
        let what = u64::from(place) | u64::from(unit_number(kind)) << 40;
        self.ring.push_text([head(Kind::Spawned as u8, words, unit_id(unit)), what, by.0], name);
    }

    fn event_taken(&self, event: EventKind, at: Instant) {
        let (kind, source) = match event {
            EventKind::Message => (EventNumber::Message, None),
            EventKind::Readable(source) => (EventNumber::Readable, Some(source)),
            EventKind::Writable(source) => (EventNumber::Writable, Some(source)),
            EventKind::Accepted(source) => (EventNumber::Accepted, Some(source)),
            EventKind::Connected(source) => (EventNumber::Connected, Some(source)),
            EventKind::Timer(source) => (EventNumber::Timer, Some(source)),
            EventKind::Signal(source) => (EventNumber::Signal, Some(source)),
            EventKind::TimedOut => (EventNumber::TimedOut, None),
        };
        self.push3(Kind::EventTaken, source.map_or(NONE, unit_id), [self.time(at), kind as u64]);
    }

    fn registered(&self, object: Token, raw: Option<Raw>, assumed: u64) {
        let addresses = (self.describe)(raw);
        let addresses = ring::cut(&addresses);
        let words = 3 + addresses.len().div_ceil(8);
        let first = head(Kind::Registered as u8, words, object_id(object));
        self.ring.push_text([first, raw_number(raw), assumed], addresses);
    }
}

impl Recorder {
    /// Records a happening.
    #[inline(always)]
    pub(crate) fn observe(&self, happening: Happening<'_>) {
        use Happening::*;
        match happening {
            Turn { at } => {
                self.turns.set(self.turns.get() + 1);
                self.push3(Kind::Turn, 0, [self.time(at), self.turns.get()]);
            }
            Spawned { unit, kind, place, name, by } => self.spawned(unit, kind, place, name, by),
            PollBegins { unit, at } => self.push2(Kind::PollBegins, unit_id(unit), self.time(at)),
            PollEnds { unit, at, outcome } => {
                let kind = match outcome {
                    Outcome::Pending => Kind::PollPending,
                    Outcome::Ready => Kind::PollReady,
                    Outcome::Panicked => Kind::PollPanicked,
                };
                self.push2(kind, unit_id(unit), self.time(at));
            }
            Aborted { unit } => self.push2(Kind::Aborted, unit_id(unit), self.last_ns.get()),
            Woken { unit, by } => self.push2(Kind::Woken, unit_id(unit), by.0),
            WokenForeign { by } => self.push2(Kind::WokenForeign, 0, by.0),
            Parks { at, limit_ns } => {
                self.events.set(0);
                self.push3(Kind::Parks, 0, [self.time(at), limit_ns]);
            }
            Unparks { at } => self.push3(Kind::Unparks, 0, [self.time(at), self.events.get()]),
            TimerSet { timer, deadline_ns, unit } => {
                self.push3(Kind::TimerSet, timer.into(), [self.deadline(deadline_ns), unit_cause(unit)]);
            }
            TimerFired { timer, deadline_ns } => {
                self.push2(Kind::TimerFired, timer.into(), self.deadline(deadline_ns));
            }
            TimerDropped { timer } => self.push1(Kind::TimerDropped, timer.into()),
            Registered { object, raw, assumed } => self.registered(object, raw, assumed.bits()),
            Unregistered { object } => self.push1(Kind::Unregistered, object_id(object)),
            Readiness { object, readiness } => {
                self.events.set(self.events.get() + 1);
                self.push2(Kind::Readiness, object_id(object), readiness.bits());
            }
            NotReady { object, readiness } => {
                self.push2(Kind::NotReady, object_id(object), readiness.bits());
            }
            WaitsForSocket { object, interest, unit } => {
                let words = [interest.ready().bits(), unit_cause(unit)];
                self.push3(Kind::WaitsForSocket, object_id(object), words);
            }
            WaitsForTask { task, unit } => self.push2(Kind::WaitsForTask, unit_id(task), unit_cause(unit)),
            BudgetSpent { unit } => self.push1(Kind::BudgetSpent, unit_id(unit)),
            MessageTaken(Taken::Wake(unit)) => {
                self.push2(Kind::MessageTaken, unit_id(unit), format::Message::Wake as u64);
            }
            MessageTaken(Taken::Call) => self.push2(Kind::MessageTaken, NONE, format::Message::Call as u64),
            MessageTaken(Taken::Stop) => self.push2(Kind::MessageTaken, NONE, format::Message::Stop as u64),
            UnblockBegins { number, by } => self.push2(Kind::UnblockBegins, number & ID, by.0),
            UnblockEnds { number } => self.push1(Kind::UnblockEnds, number & ID),
            ChildStarted { process } => self.push1(Kind::ChildStarted, process.into()),
            ChildEnded { process } => self.push1(Kind::ChildEnded, process.into()),
            Signal { number } => self.push1(Kind::Signal, number as u64 & ID),
            EventTaken { event, at } => self.event_taken(event, at),
            EventHandled { at } => self.push2(Kind::EventHandled, 0, self.time(at)),
        }
    }
}
