//! This file holds the events of a record without a duration: those of timers, sockets, other threads
//! and processes.

use std::collections::HashMap;

use oneloop::trace::format::{Kind, Message, NONE, ready};
use serde_json::{Value, json};

use super::lanes::{OUTSIDE, SOCKETS, TIMERS};
use super::written::microseconds;
use crate::entry::Entry;
use crate::record::Record;
use crate::shape::{Field, TIME_MAX_NS};

pub(super) struct Instant {
    pub(super) name: &'static str,
    pub(super) category: &'static str,
    pub(super) lane: u64,
    pub(super) arguments: Value,
}

/// Returns the instants with their times.
pub(super) fn of(record: &Record) -> impl Iterator<Item = (u64, Instant)> + '_ {
    let mut sockets = HashMap::new();
    let entries = record.definitions().filter(|entry| entry.kind == Kind::SocketAlive);
    entries.for_each(|entry| drop(sockets.insert(entry.id, entry.text)));
    record.timed_events().filter_map(move |(at_ns, entry)| {
        if entry.kind == Kind::Registered {
            sockets.insert(entry.id, entry.text.clone());
        }
        Some((at_ns, of_entry(&entry, &sockets)?))
    })
}

fn of_entry(entry: &Entry, sockets: &HashMap<u64, String>) -> Option<Instant> {
    let id = entry.id;
    let instant = |name, category, lane, arguments| Some(Instant { name, category, lane, arguments });
    let timer = |name| {
        let deadline_ns = entry.word(Field::Deadline);
        let deadline = (entry.kind != Kind::TimerDropped && deadline_ns <= TIME_MAX_NS)
            .then(|| microseconds(deadline_ns));
        instant(name, "timer", TIMERS, json!({ "timer": id, "deadline_us": deadline }))
    };
    let socket = |name| {
        let readiness = readiness(entry.word(Field::Readiness));
        let arguments =
            json!({ "socket": numbered(id), "addresses": sockets.get(&id), "readiness": readiness });
        instant(name, "socket", SOCKETS, arguments)
    };
    let other = |name| {
        let number = (id != NONE).then_some(id);
        instant(name, "outside", OUTSIDE, json!({ "number": number }))
    };
    match entry.kind {
        Kind::TimerSet => timer("timer set"),
        Kind::TimerFired => timer("timer fired"),
        Kind::TimerDropped => timer("timer dropped"),
        Kind::Registered => socket("registered"),
        Kind::Unregistered => socket("unregistered"),
        Kind::Readiness => socket("ready"),
        Kind::NotReady => socket("not ready"),
        Kind::WaitsForSocket => socket("waited for"),
        Kind::MessageTaken => match entry.message()? {
            Message::Wake => instant("message: wake", "outside", OUTSIDE, json!({ "unit": numbered(id) })),
            Message::Call => other("message: call"),
            Message::Stop => other("message: stop"),
            _ => None,
        },
        Kind::UnblockBegins => other("unblock begins"),
        Kind::UnblockEnds => other("unblock ends"),
        Kind::ChildStarted => other("child started"),
        Kind::ChildEnded => other("child ended"),
        Kind::Signal => other("signal"),
        _ => None,
    }
}

fn numbered(id: u64) -> String {
    format!("{}.{}", id >> 24, id & 0xff_ffff)
}

fn readiness(bits: u64) -> String {
    let names = [
        (ready::READABLE, "readable"),
        (ready::WRITABLE, "writable"),
        (ready::READ_CLOSED, "read closed"),
        (ready::WRITE_CLOSED, "write closed"),
        (ready::URGENT, "urgent"),
    ];
    let set: Vec<&str> = names.iter().filter(|name| bits & name.0 != 0).map(|name| name.1).collect();
    set.join(", ")
}
