//! A model holds the units, polls, wakes, parks, timers and sockets of a record. Each list is in the
//! order of the begins.

mod build;
mod statistics;

use std::collections::HashMap;

use oneloop::trace::format::{Cause, EventKind, State, Unit as UnitKind};

pub use statistics::{Busy, PlaceBusy, Total};

/// The id that stands for the missing source of an event: no source had an event in time. No other id
/// has more than 48 bits.
const NO_SOURCE: u64 = u64::MAX;
/// The id of the queue of messages, if the record does not say which unit that is.
const MESSAGES: u64 = u64::MAX - 1;

/// The activity of a loop. Times are in nanoseconds since the record was started.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Model {
    /// Facts about the record: its process, its thread, the version of oneloop.
    pub meta: Vec<(String, String)>,
    /// Places in source files, by their numbers.
    pub places: HashMap<u64, Place>,
    /// The entries of the ready queue: tasks, `block_on`'s future, sources of an `EventLoop`.
    pub units: Vec<Unit>,
    /// The polls.
    pub polls: Vec<Poll>,
    /// The wakes that have queued a unit. The first wake of a task is its spawn.
    pub wakes: Vec<Wake>,
    /// The times in which the loop waited in the driver.
    pub parks: Vec<Park>,
    /// The beginnings of the turns.
    pub turns_ns: Vec<u64>,
    /// The timers.
    pub timers: Vec<Timer>,
    /// The registered objects.
    pub sockets: Vec<Socket>,
    /// The length of the ready queue, at each change.
    pub ready_queue: Vec<QueueLength>,
    /// The time of the first event that has one.
    pub first_ns: u64,
    /// The time of the last event that has one.
    pub last_ns: u64,
}

/// A place in a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

/// An entry of the ready queue.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Unit {
    /// The id: a key in the upper 24 of 48 bits, a generation in the lower 24. `u64::MAX` stands for all
    /// events that have no source, `u64::MAX - 1` for the queue of messages, if the record does not say
    /// which unit that is.
    pub id: u64,
    /// The unit's kind, or `None` if the record does not have it.
    pub kind: Option<UnitKind>,
    /// The unit's name. It may be empty, and it may hold any text.
    pub name: String,
    /// The number of its place, or 0.
    pub place: u64,
    /// The time of its spawn, if the record has it.
    pub spawned_ns: Option<u64>,
    /// The time of its completion, panic or abort, if there was one.
    pub ended_ns: Option<u64>,
    /// Its state when the record was written, if it existed then.
    pub state: Option<State>,
}

/// A time in which a unit holds the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Poll {
    /// The index of the unit.
    pub unit: usize,
    /// The time at which the poll begins.
    pub begin_ns: u64,
    /// The time at which the poll ends.
    pub end_ns: u64,
    /// The result of the poll.
    pub outcome: Outcome,
    /// The index of the wake that has queued the unit, if the record has it.
    pub wake: Option<usize>,
}

/// The result of a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The unit waits.
    Pending,
    /// The future has completed.
    Ready,
    /// The future has panicked.
    Panicked,
    /// The record does not have the poll's end.
    Open,
    /// The entry is not a poll: the program handles an event that `EventLoop::take` has returned.
    Handled(EventKind),
}

/// A wake that has queued a unit, or the spawn of a task, which queues it, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wake {
    /// The index of the unit.
    pub unit: usize,
    /// The last reading of the clock before the wake.
    pub at_ns: u64,
    /// The cause of the wake.
    pub cause: Cause,
    /// The id of the cause: of a unit, a socket, a timer or a task.
    pub cause_id: u64,
    /// The index of the poll that has called the wake, if a poll has.
    pub during: Option<usize>,
}

/// A time in which the loop waits in the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Park {
    /// The time at which the park begins.
    pub begin_ns: u64,
    /// The time at which the park ends.
    pub end_ns: u64,
    /// The longest time that the park may take. `u64::MAX` means no limit.
    pub longest_ns: u64,
    /// The number of events that the driver has reported.
    pub events: u64,
}

/// A timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timer {
    /// The timer's id. A later timer may have the same id.
    pub id: u64,
    /// The time at which the timer was set, if the record has it.
    pub set_ns: Option<u64>,
    /// The deadline.
    pub deadline_ns: u64,
    /// The end of the timer.
    pub end: TimerEnd,
}

/// The end of a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimerEnd {
    /// The timer has fired, at this time.
    Fired(u64),
    /// The timer was dropped, at this time.
    Dropped(u64),
    /// The timer was still set when the record was written.
    Set,
}

/// A registered object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Socket {
    /// Its id.
    pub id: u64,
    /// The object's addresses. The text may be any text.
    pub addresses: String,
    /// The time of the registration, if the record has it.
    pub registered_ns: Option<u64>,
    /// The time at which the object was unregistered, if it was.
    pub unregistered_ns: Option<u64>,
    /// The number of readiness reports of the driver.
    pub readiness: u64,
}

/// A length of the ready queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueLength {
    /// The time from which the queue has this length.
    pub at_ns: u64,
    /// The number of units.
    pub length: u64,
}

impl Model {
    /// Returns the value of a fact about the record.
    pub fn fact(&self, key: &str) -> Option<&str> {
        self.meta.iter().find(|fact| fact.0 == key).map(|fact| fact.1.as_str())
    }

    /// Returns how long the poll's unit has waited in the ready queue: from the last reading of the
    /// clock before the wake to the poll.
    pub fn wait_ns(&self, poll: &Poll) -> Option<u64> {
        Some(poll.begin_ns - self.wakes[poll.wake?].at_ns)
    }

    /// Returns the name of a unit with its key and generation, for display. The result may hold any text
    /// that a name may.
    pub fn title(&self, unit: &Unit) -> String {
        match unit.id {
            NO_SOURCE => return "no source".into(),
            MESSAGES => return "messages".into(),
            _ => {}
        }
        let kind = match unit.kind {
            Some(UnitKind::Main) => "main",
            Some(UnitKind::Messages) => "messages",
            Some(UnitKind::Socket) => "socket",
            Some(UnitKind::Listener) => "listener",
            Some(UnitKind::Connect) => "connect",
            Some(UnitKind::Timer) => "timer",
            Some(UnitKind::Signal) => "signal",
            Some(UnitKind::Source) => "source",
            _ => "task",
        };
        let (key, generation) = (unit.id >> 24, unit.id & 0xff_ffff);
        let number =
            if unit.kind == Some(UnitKind::Main) { String::new() } else { format!(" {key}.{generation}") };
        if unit.name.is_empty() { format!("{kind}{number}") } else { format!("{kind}{number} {}", unit.name) }
    }
}

impl Poll {
    /// Returns the duration of the poll.
    pub fn time_ns(&self) -> u64 {
        self.end_ns - self.begin_ns
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
