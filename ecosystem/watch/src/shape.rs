//! This file holds the shape of each kind of entry: `oneloop::trace::format` as a table.

use oneloop::trace::format::{Cause, EventKind, Kind, Message, State, Unit};

/// The content of one word of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// A time, in nanoseconds since the record was started.
    Time,
    /// A time that may lie in the future.
    Deadline,
    /// The cause of the event.
    Cause,
    /// A place and the kind of a unit.
    PlacedUnit,
    /// A place, the state and the kind of a unit.
    LivingUnit,
    /// A line and a column.
    Position,
    /// The kind of a message from another thread.
    Message,
    /// The kind of an event that an `EventLoop` has returned.
    Event,
    /// The bits of a readiness.
    Readiness,
    /// Any number.
    Number,
}

/// The latest time that the reader accepts: 146 years.
pub(crate) const TIME_MAX_NS: u64 = 1 << 62;

/// Returns the words of an entry after its head, and whether a text follows them. The result is `None`
/// for a kind that only a newer `oneloop` has.
pub(crate) fn shape(kind: Kind) -> Option<(&'static [Field], bool)> {
    use Field::{Cause, Deadline, LivingUnit, Number, PlacedUnit, Position, Readiness, Time};
    Some(match kind {
        Kind::Meta => (&[], true),
        Kind::Place => (&[Position], true),
        Kind::UnitAlive => (&[LivingUnit, Number, Number], true),
        Kind::SocketAlive | Kind::Registered => (&[Number, Readiness], true),
        Kind::TimerAlive | Kind::TimerSet => (&[Deadline, Cause], false),
        Kind::Turn | Kind::Parks | Kind::Unparks => (&[Time, Number], false),
        Kind::Spawned => (&[PlacedUnit, Cause], true),
        Kind::PollBegins | Kind::PollPending | Kind::PollReady | Kind::PollPanicked => (&[Time], false),
        Kind::Aborted | Kind::EventHandled => (&[Time], false),
        Kind::Woken | Kind::WokenForeign | Kind::WaitsForTask | Kind::UnblockBegins => (&[Cause], false),
        Kind::TimerFired => (&[Deadline], false),
        Kind::Readiness | Kind::NotReady => (&[Readiness], false),
        Kind::WaitsForSocket => (&[Readiness, Cause], false),
        Kind::MessageTaken => (&[Field::Message], false),
        Kind::EventTaken => (&[Time, Field::Event], false),
        Kind::TimerDropped | Kind::Unregistered | Kind::BudgetSpent | Kind::UnblockEnds => (&[], false),
        Kind::ChildStarted | Kind::ChildEnded | Kind::Signal => (&[], false),
        _ => return None,
    })
}

impl Field {
    /// Returns whether the format allows a word here.
    pub(crate) fn holds(self, word: u64) -> bool {
        match self {
            Field::Time => word <= TIME_MAX_NS,
            Field::Cause => Cause::from_number(word as u8).is_some(),
            Field::PlacedUnit => unit(word).is_some(),
            Field::LivingUnit => unit(word).is_some() && state(word).is_some(),
            Field::Message => u8::try_from(word).ok().and_then(Message::from_number).is_some(),
            Field::Event => u8::try_from(word).ok().and_then(EventKind::from_number).is_some(),
            Field::Deadline | Field::Position | Field::Readiness | Field::Number => true,
        }
    }
}

/// Returns the kind of a unit, from the word that has its place.
pub(crate) fn unit(word: u64) -> Option<Unit> {
    Unit::from_number((word >> 40) as u8)
}

/// Returns the state of a unit, from the word that has its place.
pub(crate) fn state(word: u64) -> Option<State> {
    State::from_number((word >> 32) as u8)
}
