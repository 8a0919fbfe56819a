//! This file makes the model from the entries of a record, in one pass.
//!
//! A record may lack its start. A hostile record may lack any part, such as the begin of an end, or the
//! definition of an id. The pass handles each case without an error. Polls never overlap, because the
//! begin of a poll ends the poll before it.

mod queue;

use std::collections::{BTreeMap, HashMap, HashSet};

use oneloop::trace::format::{Cause, EventKind, Kind, NONE, State, Unit as UnitKind};

use super::{MESSAGES, Model, NO_SOURCE, Outcome, Park, Place, Poll, QueueLength, Socket};
use super::{Timer, TimerEnd, Unit, Wake};
use crate::entry::Entry;
use crate::record::Record;
use crate::shape::Field;
use queue::Queue;

impl Model {
    /// Makes the model of a record.
    pub fn of(record: &Record) -> Model {
        let mut build = Build { is_cut: record.flaws().start_overwritten, ..Build::default() };
        build.model.first_ns = record.first_ns();
        build.model.last_ns = build.model.first_ns;
        record.definitions().for_each(|entry| build.define(entry));
        build.begin(record);
        record.timed_events().for_each(|(at_ns, entry)| build.add(entry, at_ns));
        build.finish()
    }
}

#[derive(Default)]
struct Build {
    model: Model,
    /// The record does not begin at its start.
    is_cut: bool,
    /// The definitions of units, the ids of those that were ready in the order of the queue, and the
    /// deadlines of timers.
    alive: BTreeMap<u64, Alive>,
    ready: Vec<u64>,
    timers_alive: BTreeMap<u64, u64>,
    /// The index of the unit that has an id at present, and the unit that is the queue of messages.
    units: HashMap<u64, usize>,
    messages: Option<usize>,
    queue: Queue,
    timers: HashMap<u64, usize>,
    sockets: HashMap<u64, usize>,
    /// The running poll, and the event that the program handles.
    open: Option<usize>,
    handled: Option<usize>,
    parked: Option<usize>,
    /// The kinds of begin that an event has shown, of a poll or a park. From then on no end can lack its
    /// begin.
    begun: HashSet<Kind>,
}

/// A unit that was alive when the record was started, when it was written, or both.
struct Alive {
    /// The first definition.
    entry: Entry,
    /// The state in the last definition.
    state: Option<State>,
}

impl Build {
    fn define(&mut self, entry: Entry) {
        match entry.kind {
            Kind::Meta => {
                let (key, value) = entry.text.split_once('=').unwrap_or((&entry.text, ""));
                self.model.meta.push((key.to_owned(), value.to_owned()));
            }
            Kind::Place => {
                let position = entry.word(Field::Position);
                let (line, column) = (position as u32, (position >> 32) as u32);
                self.model.places.insert(entry.id, Place { file: entry.text, line, column });
            }
            Kind::UnitAlive => {
                let state = entry.state();
                if state == Some(State::Ready) && !self.alive.contains_key(&entry.id) {
                    self.ready.push(entry.id);
                }
                self.alive.entry(entry.id).or_insert(Alive { entry, state }).state = state;
            }
            Kind::SocketAlive => self.register(entry, None),
            Kind::TimerAlive => {
                // The first of two definitions describes the start.
                self.timers_alive.entry(entry.id).or_insert(entry.word(Field::Deadline));
            }
            _ => {}
        }
    }

    /// Adds the ready units and the timers that existed before the first event. No event of the record
    /// has made them.
    fn begin(&mut self, record: &Record) {
        let (mut spawned, mut set) = (HashSet::new(), HashSet::new());
        for entry in record.events() {
            match entry.kind {
                Kind::Spawned => drop(spawned.insert(entry.id)),
                Kind::TimerSet => drop(set.insert((entry.id, entry.word(Field::Deadline)))),
                _ => {}
            }
        }
        if !self.is_cut {
            for id in std::mem::take(&mut self.ready) {
                if spawned.contains(&id) {
                    continue;
                }
                let unit = self.unit(id);
                self.queue.push(unit, None);
            }
        }
        for (id, deadline_ns) in std::mem::take(&mut self.timers_alive) {
            let stale = self.is_cut && deadline_ns < self.model.first_ns;
            if !set.contains(&(id, deadline_ns)) && !stale {
                self.set_timer(id, deadline_ns, None);
            }
        }
    }

    fn add(&mut self, entry: Entry, now_ns: u64) {
        self.model.last_ns = self.model.last_ns.max(entry.time_ns().unwrap_or(0));
        match entry.kind {
            Kind::Turn => self.model.turns_ns.push(now_ns),
            Kind::Spawned => self.spawned(entry, now_ns),
            Kind::PollBegins => self.poll_begins(&entry, now_ns),
            Kind::PollPending => self.poll_ends(&entry, now_ns, Outcome::Pending),
            Kind::PollReady => self.poll_ends(&entry, now_ns, Outcome::Ready),
            Kind::PollPanicked => self.poll_ends(&entry, now_ns, Outcome::Panicked),
            Kind::Aborted => self.ended(entry.id, now_ns),
            Kind::Woken => self.woken(&entry, now_ns),
            Kind::Parks => self.parks(&entry, now_ns),
            Kind::Unparks => self.unparks(&entry, now_ns),
            Kind::TimerSet => self.set_timer(entry.id, entry.word(Field::Deadline), Some(now_ns)),
            Kind::TimerFired => {
                if !self.timers.contains_key(&entry.id) {
                    self.set_timer(entry.id, entry.word(Field::Deadline), None);
                }
                self.end_timer(entry.id, TimerEnd::Fired(now_ns));
            }
            Kind::TimerDropped => self.end_timer(entry.id, TimerEnd::Dropped(now_ns)),
            Kind::Registered => self.register(entry, Some(now_ns)),
            Kind::Unregistered => {
                if let Some(socket) = self.sockets.remove(&entry.id) {
                    self.model.sockets[socket].unregistered_ns = Some(now_ns);
                }
            }
            Kind::Readiness => {
                if let Some(&socket) = self.sockets.get(&entry.id) {
                    self.model.sockets[socket].readiness += 1;
                }
            }
            Kind::EventTaken => self.event_taken(&entry, now_ns),
            Kind::EventHandled => self.close_handled(now_ns),
            _ => {}
        }
    }

    /// Returns the index of the unit with this id. A unit without a spawn event existed before the
    /// record.
    fn unit(&mut self, id: u64) -> usize {
        if let Some(&unit) = self.units.get(&id) {
            return unit;
        }
        let alive = self.alive.get(&id);
        let kind = alive.and_then(|alive| alive.entry.unit());
        let place = alive.map_or(0, |alive| alive.entry.place());
        let name = alive.map(|alive| alive.entry.text.clone()).unwrap_or_default();
        self.push_unit(Unit { id, kind, name, place, spawned_ns: None, ended_ns: None, state: None })
    }

    fn push_unit(&mut self, unit: Unit) -> usize {
        let index = self.model.units.len();
        self.units.insert(unit.id, index);
        self.model.units.push(unit);
        index
    }

    fn spawned(&mut self, entry: Entry, now_ns: u64) {
        let (kind, place, cause) = (entry.unit(), entry.place(), entry.cause());
        let spawned_ns = Some(now_ns);
        let unit = self.push_unit(Unit {
            id: entry.id,
            kind,
            name: entry.text,
            place,
            spawned_ns,
            ended_ns: None,
            state: None,
        });
        // A spawn queues a task at once. Other units are queued by a wake.
        match kind {
            Some(UnitKind::Task) => self.queue(unit, cause, now_ns),
            Some(UnitKind::Messages) => self.messages = Some(unit),
            _ => {}
        }
    }

    fn ended(&mut self, id: u64, now_ns: u64) {
        let unit = self.unit(id);
        self.model.units[unit].ended_ns.get_or_insert(now_ns);
        if self.queue.remove(unit) {
            self.note_queue(now_ns);
        }
    }

    fn woken(&mut self, entry: &Entry, now_ns: u64) {
        let unit = self.unit(entry.id);
        let is_source = !matches!(self.model.units[unit].kind, Some(UnitKind::Task | UnitKind::Main) | None);
        if is_source {
            self.queue.pop(unit); // The source had no event when the loop polled it.
        }
        self.queue(unit, entry.cause(), now_ns);
    }

    fn queue(&mut self, unit: usize, cause: Option<(Cause, u64)>, now_ns: u64) {
        let Some((cause, cause_id)) = cause else { return };
        // The next poll answers the first wake since the last poll.
        if !self.queue.push(unit, Some(self.model.wakes.len())) {
            return;
        }
        let during = self.during(cause, cause_id);
        self.model.wakes.push(Wake { unit, at_ns: now_ns, cause, cause_id, during });
        self.note_queue(now_ns);
    }

    /// Returns the poll that has called a wake.
    fn during(&self, cause: Cause, cause_id: u64) -> Option<usize> {
        let is_cause = |poll: &usize| self.model.units[self.model.polls[*poll].unit].id == cause_id;
        match cause {
            Cause::Unit => self.open,
            Cause::Outside => self.handled,
            // The end of a task wakes the units that wait for it, during its last poll.
            Cause::Task => self.open.filter(is_cause),
            _ => None,
        }
    }

    fn note_queue(&mut self, at_ns: u64) {
        self.model.ready_queue.push(QueueLength { at_ns, length: self.queue.len() as u64 });
    }

    fn poll_begins(&mut self, entry: &Entry, now_ns: u64) {
        self.close_poll(now_ns, Outcome::Open);
        self.close_handled(now_ns);
        self.begun.insert(Kind::PollBegins);
        let unit = self.unit(entry.id);
        let wake = self.pop(unit, now_ns);
        self.open = Some(self.push_poll(unit, now_ns, Outcome::Open, wake));
    }

    /// Removes a unit from the ready queue. Returns the wake that has queued it.
    fn pop(&mut self, unit: usize, now_ns: u64) -> Option<usize> {
        let wake = self.queue.pop(unit)?;
        self.note_queue(now_ns);
        wake
    }

    fn push_poll(&mut self, unit: usize, begin_ns: u64, outcome: Outcome, wake: Option<usize>) -> usize {
        self.model.polls.push(Poll { unit, begin_ns, end_ns: begin_ns, outcome, wake });
        self.model.polls.len() - 1
    }

    fn poll_ends(&mut self, entry: &Entry, now_ns: u64, outcome: Outcome) {
        let unit = self.unit(entry.id);
        if self.open.is_none() && self.begun.insert(Kind::PollBegins) {
            // The poll began before the record.
            self.open = Some(self.push_poll(unit, self.model.first_ns, Outcome::Open, None));
        }
        if self.open.is_some_and(|poll| self.model.polls[poll].unit == unit) {
            self.close_poll(now_ns, outcome);
        }
        if outcome != Outcome::Pending {
            self.ended(entry.id, now_ns);
        }
    }

    fn close_poll(&mut self, now_ns: u64, outcome: Outcome) {
        if let Some(poll) = self.open.take() {
            let poll = &mut self.model.polls[poll];
            (poll.end_ns, poll.outcome) = (now_ns, outcome);
        }
    }

    fn event_taken(&mut self, entry: &Entry, now_ns: u64) {
        self.close_poll(now_ns, Outcome::Open);
        self.close_handled(now_ns);
        self.begun.insert(Kind::PollBegins);
        let Some(event) = entry.event() else { return };
        let unit = match (entry.id, event, self.messages) {
            (NONE, EventKind::Message, Some(messages)) => messages,
            (NONE, EventKind::Message, None) => self.unit(MESSAGES),
            (NONE, ..) => self.unit(NO_SOURCE),
            (id, ..) => self.unit(id),
        };
        let wake = self.pop(unit, now_ns);
        self.handled = Some(self.push_poll(unit, now_ns, Outcome::Handled(event), wake));
    }

    fn close_handled(&mut self, now_ns: u64) {
        if let Some(handled) = self.handled.take() {
            self.model.polls[handled].end_ns = now_ns;
        }
    }

    fn parks(&mut self, entry: &Entry, begin_ns: u64) {
        self.begun.insert(Kind::Parks);
        self.close_park(begin_ns, 0);
        // The loop parks only if no unit is ready, so the queued sources had no event.
        if self.queue.clear() {
            self.note_queue(begin_ns);
        }
        let longest_ns = entry.word(Field::Number);
        self.parked = Some(self.model.parks.len());
        self.model.parks.push(Park { begin_ns, end_ns: begin_ns, longest_ns, events: 0 });
    }

    fn unparks(&mut self, entry: &Entry, now_ns: u64) {
        let events = entry.word(Field::Number);
        if self.parked.is_none() && self.begun.insert(Kind::Parks) {
            // The park began before the record.
            let begin_ns = self.model.first_ns;
            self.model.parks.push(Park { begin_ns, end_ns: now_ns, longest_ns: u64::MAX, events });
        }
        self.close_park(now_ns, events);
    }

    fn close_park(&mut self, now_ns: u64, events: u64) {
        if let Some(park) = self.parked.take() {
            let park = &mut self.model.parks[park];
            (park.end_ns, park.events) = (now_ns, events);
        }
    }

    fn set_timer(&mut self, id: u64, deadline_ns: u64, set_ns: Option<u64>) {
        self.timers.insert(id, self.model.timers.len());
        self.model.timers.push(Timer { id, set_ns, deadline_ns, end: TimerEnd::Set });
    }

    fn end_timer(&mut self, id: u64, end: TimerEnd) {
        if let Some(timer) = self.timers.remove(&id) {
            self.model.timers[timer].end = end;
        }
    }

    fn register(&mut self, entry: Entry, registered_ns: Option<u64>) {
        let id = entry.id;
        if let Some(&alive) = self.sockets.get(&id) {
            self.model.sockets[alive].registered_ns = registered_ns;
            return;
        }
        self.sockets.insert(id, self.model.sockets.len());
        let addresses = entry.text;
        self.model.sockets.push(Socket { id, addresses, registered_ns, unregistered_ns: None, readiness: 0 });
    }

    fn finish(mut self) -> Model {
        let last_ns = self.model.last_ns;
        self.close_poll(last_ns, Outcome::Open);
        self.close_handled(last_ns);
        self.close_park(last_ns, 0);
        let states: Vec<_> = self.alive.values().map(|alive| (alive.entry.id, alive.state)).collect();
        for (id, state) in states {
            // The unit of `block_on`'s future exists also before the first `block_on`.
            let is_main = self.alive[&id].entry.unit() == Some(UnitKind::Main);
            if is_main && !self.units.contains_key(&id) {
                continue;
            }
            let unit = self.unit(id);
            let unit = &mut self.model.units[unit];
            unit.state = state.filter(|_| unit.ended_ns.is_none());
        }
        self.model
    }
}
