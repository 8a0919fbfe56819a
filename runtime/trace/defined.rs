//! The head of a record and the definitions before the events. The definitions describe the
//! existing units, objects and timers.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::kept::Kept;
use crate::engine::cell::Note;
use crate::engine::core::Core;
use crate::engine::happening::{Unit, object_id};
use crate::engine::record::format::{self, Kind};
use crate::engine::record::ring::{cut, head, words_of_text};
use crate::engine::record::{Recorder, raw_number, unit_cause, unit_id, unit_number};
use crate::engine::scan::State;
use crate::engine::ticket::Ticket;

/// The entries as consecutive words, in the form of the record.
struct Entries(Vec<u64>);

impl Entries {
    fn push(&mut self, kind: Kind, id: u64, words: &[u64], text: &str) {
        let text = cut(text);
        self.0.push(head(kind as u8, 1 + words.len() + text.len().div_ceil(8), id));
        self.0.extend(words);
        self.0.extend(words_of_text(text));
    }

    fn meta(&mut self, key: &str, value: &str) {
        self.push(Kind::Meta, 0, &[], &format!("{key}={value}"));
    }

    /// Writes the definitions of the existing units, objects and timers.
    fn existing(&mut self, core: &Core, recorder: &Recorder) {
        let current = core.tasks.current.get();
        core.tasks.for_each_unit(|ticket, state, note| {
            if Some(ticket) != current {
                self.unit(core, ticket, state, note);
            }
        });
        current.into_iter().for_each(|ticket| self.running(core, ticket));
        core.reactor.for_each(|object| {
            let words = [raw_number(object.raw), object.readiness.bits()];
            self.push(Kind::SocketAlive, object_id(object.token), &words, &super::describe(object.raw));
        });
        core.timers.for_each(|key, deadline_ns, waiter| {
            let words = [recorder.deadline(deadline_ns), unit_cause(waiter.ticket())];
            self.push(Kind::TimerAlive, key.into(), &words, "");
        });
    }

    fn unit(&mut self, core: &Core, ticket: Ticket, state: State, note: Option<Note>) {
        let state = match state {
            State::Waiting => format::State::Waiting,
            State::Ready => format::State::Ready,
            State::Finished => format::State::Finished,
        };
        let unit = match note {
            Some(_) => unit_number(Unit::Task),
            None if ticket.is_main() => unit_number(Unit::Main),
            None => format::Unit::Source as u8,
        };
        self.existing_unit(core, ticket, state, unit, note);
    }

    /// Writes the definition of the task that is polled now and requests the record. Its place and
    /// polls are in its box, which is not in the slot during the poll.
    fn running(&mut self, core: &Core, ticket: Ticket) {
        self.existing_unit(core, ticket, format::State::Running, unit_number(Unit::Task), None);
    }

    fn existing_unit(
        &mut self,
        core: &Core,
        ticket: Ticket,
        state: format::State,
        unit: u8,
        note: Option<Note>,
    ) {
        let place = note.map_or(0, |note| u64::from(note.place));
        let spent = core.observation.spent(ticket).map_or(0, |spent| spent.as_nanos() as u64);
        let what = place | (state as u64) << 32 | u64::from(unit) << 40;
        let words = [what, note.map_or(0, |note| note.polls.into()), spent];
        let name = core.tasks.name(ticket);
        self.push(Kind::UnitAlive, unit_id(ticket), &words, name.as_deref().unwrap_or_default());
    }
}

/// Writes the definitions of all that exists at the start of the record, up to a quarter of the
/// ring.
pub(super) fn at_start(core: &Core, recorder: &Recorder) {
    let mut entries = Entries(Vec::new());
    entries.existing(core, recorder);
    let room = recorder.ring.bytes() / 8 / 4;
    let mut rest = &entries.0[..];
    while let Some(head) = rest.first() {
        let words = (head >> 8 & 0xff) as usize;
        if entries.0.len() - rest.len() + words > room {
            break;
        }
        let (entry, following) = rest.split_at(words);
        recorder.ring.push_words(entry);
        rest = following;
    }
}

/// Returns the bytes of a record: the whole record, or the events of the last `last`.
pub(super) fn write(core: &Core, recorder: &Recorder, last: Option<Duration>) -> Vec<u8> {
    let now_ns = u64::try_from(recorder.origin.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let from_ns =
        last.map_or(0, |last| now_ns.saturating_sub(u64::try_from(last.as_nanos()).unwrap_or(u64::MAX)));
    let kept = Kept::of(&recorder.ring, from_ns);

    let mut entries = Entries(vec![format::MAGIC, u64::from(format::VERSION)]);
    if kept.is_cut {
        entries.0[1] |= format::OVERWRITTEN;
    }
    facts(&mut entries, recorder, now_ns);
    core.places.for_each(|number, place| {
        let at = u64::from(place.line()) | u64::from(place.column()) << 32;
        entries.push(Kind::Place, number.into(), &[at], place.file());
    });
    entries.0.extend(kept.definitions);
    entries.existing(core, recorder);
    entries.0.extend(kept.events);
    entries.0.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn facts(entries: &mut Entries, recorder: &Recorder, now_ns: u64) {
    entries.meta("oneloop", env!("CARGO_PKG_VERSION"));
    entries.meta("pid", &std::process::id().to_string());
    entries.meta("thread", std::thread::current().name().unwrap_or_default());
    let since_origin = Instant::now().saturating_duration_since(recorder.origin);
    let origin =
        SystemTime::now().checked_sub(since_origin).and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    entries.meta("unix_ns", &origin.unwrap_or_default().as_nanos().to_string());
    entries.meta("end_ns", &now_ns.to_string());
}
