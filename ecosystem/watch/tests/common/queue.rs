//! This file makes the record of an `EventLoop` that never ran: its sources, the events that it returns,
//! and the time in which the program handles each event.

use oneloop::trace::format::{Cause, EventKind, Kind, Message, NONE, State, Unit, ready};

use super::words::{Words, cause, id};

const LISTENER: u64 = 1;

/// Makes the record of a loop that returns `events` events.
pub fn record(events: usize) -> Words {
    let mut words = Words::default();
    let mut random = fastrand::Rng::with_seed(7);
    let mut now_ns = 2_000;
    let sources = [
        (id(0, 0), Unit::Messages, "messages"),
        (id(LISTENER, 0), Unit::Listener, "listener"),
        (id(2, 0), Unit::Timer, "timer"),
        (id(3, 0), Unit::Socket, "socket 3"),
        (id(4, 0), Unit::Socket, "socket 4"),
        (id(5, 0), Unit::Connect, "connect"),
        (id(6, 0), Unit::Signal, "SIGHUP"),
    ];
    for (source, unit, name) in sources {
        words.with_text(Kind::Spawned, source, &[1 | (unit as u64) << 40, cause(Cause::Outside, 0)], name);
        if matches!(unit, Unit::Listener | Unit::Socket | Unit::Connect) {
            words.with_text(Kind::Registered, source, &[source >> 24, 0], "tcp 127.0.0.1:7878");
        }
    }
    for turn in 1..=events as u64 {
        let (source, unit, _) = sources[random.usize(0..sources.len())];
        now_ns += 200;
        words.entry(Kind::Turn, 0, &[now_ns, turn]);
        words.entry(Kind::Parks, 0, &[now_ns, u64::MAX]);
        now_ns += random.u64(1_000..90_000);
        let is_ready = |words: &mut Words| {
            let (why, event) = ready_by(words, source, unit, now_ns);
            words.entry(Kind::Woken, source, &[why]);
            event
        };
        // The reactor wakes a source within the park. All other wakes come in the turn after it.
        let by_driver = matches!(unit, Unit::Listener | Unit::Socket | Unit::Connect);
        let mut event = None;
        if by_driver {
            event = Some(is_ready(&mut words));
        }
        words.entry(Kind::Unparks, 0, &[now_ns, u64::from(by_driver)]);
        let event = event.unwrap_or_else(|| is_ready(&mut words));
        now_ns += 300;
        let taken_from = if unit == Unit::Messages { NONE } else { source };
        words.entry(Kind::EventTaken, taken_from, &[now_ns, event as u64]);
        now_ns += if turn % 50 == 0 { 12_000_000 } else { random.u64(500..20_000) };
        words.entry(Kind::EventHandled, 0, &[now_ns]);
    }
    define(&mut words, &sources, now_ns);
    words
}

/// Writes the cause that makes a source ready, and returns the event of the source.
fn ready_by(words: &mut Words, source: u64, unit: Unit, now_ns: u64) -> (u64, EventKind) {
    match unit {
        Unit::Messages => {
            words.entry(Kind::MessageTaken, source, &[Message::Wake as u64]);
            (cause(Cause::Thread, 0), EventKind::Message)
        }
        Unit::Timer => {
            words.entry(Kind::TimerSet, 9, &[now_ns, cause(Cause::Unit, source)]);
            words.entry(Kind::TimerFired, 9, &[now_ns]);
            (cause(Cause::Timer, 9), EventKind::Timer)
        }
        Unit::Signal => {
            words.entry(Kind::Signal, 1, &[]);
            (cause(Cause::Outside, 0), EventKind::Signal)
        }
        _ => {
            words.entry(Kind::Readiness, source, &[ready::READABLE]);
            let event = match unit {
                Unit::Listener => EventKind::Accepted,
                Unit::Connect => EventKind::Connected,
                _ => EventKind::Readable,
            };
            (cause(Cause::Socket, source), event)
        }
    }
}

fn define(words: &mut Words, sources: &[(u64, Unit, &str)], now_ns: u64) {
    for meta in ["oneloop=0.1.0", "pid=77", "thread=loop", "unix_ns=1764284400000000000"] {
        words.with_text(Kind::Meta, 0, &[], meta);
    }
    words.with_text(Kind::Meta, 0, &[], &format!("end_ns={now_ns}"));
    words.with_text(Kind::Place, 1, &[21 | 5 << 32], "src/queue.rs");
    for (source, unit, name) in sources {
        let first = 1 | (State::Waiting as u64) << 32 | (*unit as u64) << 40;
        words.with_text(Kind::UnitAlive, *source, &[first, 1, 700], name);
    }
}
