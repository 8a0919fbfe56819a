//! This module writes the record in the Trace Event Format, which Perfetto and `chrome://tracing` open.
//!
//! Each key of the ready queue has a lane, which its tasks share one after the other. Parks, turns,
//! timers and sockets have one lane each, and messages and signals share one. A poll is a complete
//! event. A wake is a flow from the poll or the turn that called it to the poll that it caused. All
//! events are in the order of their times.

mod instants;
mod lanes;
mod written;

use std::io::{self, BufWriter, Write};

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::json;

use crate::model::{Model, Outcome, Poll, Wake};
use crate::record::Record;
use instants::Instant;
use lanes::{Lanes, PARKS, TURNS};
use written::{Phase, Written, microseconds};

/// Writes the record as JSON in the Trace Event Format.
///
/// # Errors
///
/// An error is that of the writer.
pub fn write_trace_events(record: &Record, model: &Model, to: impl Write) -> io::Result<()> {
    let lanes = Lanes::of(model);
    let items = items(model);
    let mut to = BufWriter::new(to);
    serde_json::to_writer(&mut to, &Document(&Events { record, model, lanes: &lanes, items: &items }))?;
    to.write_all(b"\n")?;
    to.flush()
}

/// An item becomes one event.
enum Item {
    Poll(usize),
    Park(usize),
    /// A turn, with its end.
    Turn(usize, u64),
    WakeBegins(usize),
    /// The flow of the wake ends at this poll.
    WakeEnds(usize),
    Spawned(usize),
    Ended(usize),
    Queue(u64),
}

/// Returns all items in the order of their times. Among items of one time, slices come before the flows
/// that are bound to them. The instants are not among the items, because they are many and the record
/// has them in this order.
fn items(model: &Model) -> Vec<(u64, Item)> {
    let mut items = Vec::new();
    let turn_ends = model.turns_ns.iter().skip(1).copied().chain([model.last_ns]);
    items.extend(
        model.turns_ns.iter().zip(turn_ends).enumerate().map(|(n, (&at, end))| (at, Item::Turn(n, end))),
    );
    items.extend(model.parks.iter().enumerate().map(|(n, park)| (park.begin_ns, Item::Park(n))));
    items.extend(model.polls.iter().enumerate().map(|(n, poll)| (poll.begin_ns, Item::Poll(n))));
    for (n, poll) in model.polls.iter().enumerate() {
        let Some(wake) = poll.wake else { continue };
        if let Some((_, at_ns)) = origin(model, &model.wakes[wake]) {
            items.push((at_ns, Item::WakeBegins(wake)));
            items.push((poll.begin_ns, Item::WakeEnds(n)));
        }
    }
    for (n, unit) in model.units.iter().enumerate() {
        items.extend(unit.spawned_ns.map(|at_ns| (at_ns, Item::Spawned(n))));
        items.extend(unit.ended_ns.map(|at_ns| (at_ns, Item::Ended(n))));
    }
    let queue = &model.ready_queue;
    // If several lengths have one time, the last one counts.
    let last = |n: usize| queue.get(n + 1).is_none_or(|next| next.at_ns != queue[n].at_ns);
    items.extend(
        (0..queue.len()).filter(|&n| last(n)).map(|n| (queue[n].at_ns, Item::Queue(queue[n].length))),
    );
    items.sort_by_key(|item| item.0);
    items
}

/// Returns the poll that has called a wake, or `None` for the turn, and the time at which the wake's
/// arrow begins. A wake outside of both has no arrow, because an arrow needs a slice at each end.
fn origin<'a>(model: &'a Model, wake: &Wake) -> Option<(Option<&'a Poll>, u64)> {
    if let Some(poll) = wake.during {
        let poll = &model.polls[poll];
        return Some((Some(poll), wake.at_ns.clamp(poll.begin_ns, poll.end_ns)));
    }
    let first_turn_ns = *model.turns_ns.first()?;
    (first_turn_ns <= wake.at_ns).then_some((None, wake.at_ns))
}

struct Document<'a>(&'a Events<'a>);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let facts: serde_json::Map<_, _> =
            self.0.model.meta.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        let mut map = to.serialize_map(Some(3))?;
        map.serialize_entry("displayTimeUnit", "ns")?;
        map.serialize_entry("otherData", &facts)?;
        map.serialize_entry("traceEvents", self.0)?;
        map.end()
    }
}

struct Events<'a> {
    record: &'a Record,
    model: &'a Model,
    lanes: &'a Lanes,
    items: &'a [(u64, Item)],
}

impl Serialize for Events<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut events = to.serialize_seq(None)?;
        for name in self.lanes.names(self.model) {
            events.serialize_element(&name)?;
        }
        let mut instants = instants::of(self.record).peekable();
        for (at_ns, item) in self.items {
            while let Some((earlier_ns, instant)) = instants.next_if(|instant| instant.0 < *at_ns) {
                events.serialize_element(&self.instant(earlier_ns, instant))?;
            }
            events.serialize_element(&self.written(*at_ns, item))?;
        }
        for (at_ns, instant) in instants {
            events.serialize_element(&self.instant(at_ns, instant))?;
        }
        events.end()
    }
}

impl Events<'_> {
    fn written(&self, at_ns: u64, item: &Item) -> Written {
        let model = self.model;
        let event = |name: &str, category, phase, lane| {
            Written::new(self.lanes.pid, at_ns, name, category, phase, lane)
        };
        match item {
            Item::Poll(poll) => self.poll(&model.polls[*poll]),
            Item::Park(park) => {
                let park = &model.parks[*park];
                let longest = (park.longest_ns != u64::MAX).then(|| microseconds(park.longest_ns));
                event("park", "park", Phase::X, PARKS)
                    .lasting(park.end_ns - at_ns)
                    .with(json!({ "events": park.events, "longest_us": longest }))
            }
            Item::Turn(number, end_ns) => {
                event(&format!("turn {number}"), "turn", Phase::X, TURNS).lasting(end_ns - at_ns)
            }
            Item::WakeBegins(wake) => {
                let from = origin(model, &model.wakes[*wake]).and_then(|from| from.0);
                let lane = from.map_or(TURNS, |poll| self.lanes.of_unit(model, poll.unit));
                event("wake", "wake", Phase::S, lane).flow(*wake)
            }
            Item::WakeEnds(poll) => {
                let poll = &model.polls[*poll];
                let lane = self.lanes.of_unit(model, poll.unit);
                event("wake", "wake", Phase::F, lane).flow(poll.wake.unwrap_or_default())
            }
            Item::Spawned(unit) => {
                let name = format!("spawned: {}", model.title(&model.units[*unit]));
                event(&name, "unit", Phase::I, self.lanes.of_unit(model, *unit))
            }
            Item::Ended(unit) => {
                let name = format!("ended: {}", model.title(&model.units[*unit]));
                event(&name, "unit", Phase::I, self.lanes.of_unit(model, *unit))
            }
            Item::Queue(length) => {
                event("ready queue", "queue", Phase::C, TURNS).with(json!({ "units": length }))
            }
        }
    }

    fn instant(&self, at_ns: u64, instant: Instant) -> Written {
        Written::new(self.lanes.pid, at_ns, instant.name, instant.category, Phase::I, instant.lane)
            .with(instant.arguments)
    }

    fn poll(&self, poll: &Poll) -> Written {
        let (model, unit) = (self.model, &self.model.units[poll.unit]);
        let outcome = match poll.outcome {
            Outcome::Pending => "pending",
            Outcome::Ready => "ready",
            Outcome::Panicked => "panicked",
            Outcome::Open => "open",
            Outcome::Handled(_) => "handled",
        };
        let place = model.places.get(&unit.place).map(ToString::to_string);
        let waited = model.wait_ns(poll).map(microseconds);
        let lane = self.lanes.of_unit(model, poll.unit);
        Written::new(self.lanes.pid, poll.begin_ns, model.title(unit), "poll", Phase::X, lane)
            .lasting(poll.time_ns())
            .with(json!({ "outcome": outcome, "place": place, "waited_us": waited }))
    }
}
