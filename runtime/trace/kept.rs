//! The part of a record that is returned: the events since a time, and the definitions that apply
//! at that time.

use std::collections::BTreeMap;

use crate::engine::record::format::{self, Kind};
use crate::engine::record::ring::{Ring, head};

/// The kind and the id of a defined unit, object or timer.
type Subject = (Kind, u64);

pub(super) struct Kept {
    /// The words of the definitions, in the order of their subjects.
    pub(super) definitions: Vec<u64>,
    pub(super) events: Vec<u64>,
    /// Whether events were left out.
    pub(super) is_cut: bool,
}

impl Kept {
    /// Returns the events of the ring since `from_ns`. An event without a time has the time of the
    /// event before. Events that are left out create and remove definitions.
    pub(super) fn of(ring: &Ring, from_ns: u64) -> Kept {
        let mut definitions = BTreeMap::<Subject, Vec<u64>>::new();
        let mut events = Vec::new();
        let mut begun = from_ns == 0;
        let mut is_cut = ring.is_cut();
        ring.for_each(|entry| {
            let kind = Kind::from_number(entry[0] as u8).expect("it was written by this program");
            let id = entry[0] >> 16;
            if kind < Kind::Turn {
                definitions.insert((kind, id), entry.to_vec());
                return;
            }
            begun |= kind.has_time() && entry[1] >= from_ns;
            if begun {
                return events.extend(entry);
            }
            is_cut = true;
            apply(&mut definitions, kind, id, entry);
        });
        Kept { definitions: definitions.into_values().flatten().collect(), events, is_cut }
    }
}

/// Updates the definitions after an event that is left out.
fn apply(definitions: &mut BTreeMap<Subject, Vec<u64>>, kind: Kind, id: u64, entry: &[u64]) {
    let mut define = |kind: Kind, words: &[u64]| {
        let first = head(kind as u8, words.len() + 1, id);
        definitions.insert((kind, id), std::iter::once(first).chain(words.iter().copied()).collect());
    };
    match kind {
        Kind::Spawned => {
            // Place and unit have the same position as in a definition. Polls and time are 0, and
            // the name follows.
            let what = entry[1] | (format::State::Ready as u64) << 32;
            let words: Vec<u64> = [what, 0, 0].into_iter().chain(entry[3..].iter().copied()).collect();
            define(Kind::UnitAlive, &words);
        }
        Kind::Registered => define(Kind::SocketAlive, &entry[1..]),
        Kind::TimerSet => define(Kind::TimerAlive, &entry[1..]),
        Kind::PollReady | Kind::PollPanicked | Kind::Aborted => {
            definitions.remove(&(Kind::UnitAlive, id));
        }
        Kind::Unregistered => {
            definitions.remove(&(Kind::SocketAlive, id));
        }
        Kind::TimerFired | Kind::TimerDropped => {
            definitions.remove(&(Kind::TimerAlive, id));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{Kept, Kind, Ring, head};

    fn kinds(words: &[u64]) -> Vec<(u64, u64)> {
        let mut rest = words;
        let mut kinds = Vec::new();
        while let Some(head) = rest.first() {
            kinds.push((head & 0xff, head >> 16));
            rest = &rest[(head >> 8 & 0xff) as usize..];
        }
        kinds
    }

    #[test]
    fn events_that_are_left_out_make_and_end_definitions() {
        let ring = Ring::new(1 << 16);
        ring.push([head(Kind::UnitAlive as u8, 4, 1), 0, 0, 0]);
        ring.push([head(Kind::Turn as u8, 3, 0), 10, 1]);
        ring.push_text([head(Kind::Spawned as u8, 4, 2), 0, 0], "name");
        ring.push([head(Kind::Registered as u8, 3, 3), 0, 0]);
        ring.push([head(Kind::TimerSet as u8, 3, 4), 0, 0]);
        ring.push([head(Kind::TimerSet as u8, 3, 5), 0, 0]);
        ring.push([head(Kind::PollReady as u8, 2, 1), 20]);
        ring.push([head(Kind::TimerFired as u8, 2, 5), 0]);
        ring.push([head(Kind::Turn as u8, 3, 0), 30, 2]);
        ring.push([head(Kind::Woken as u8, 2, 2), 0]);

        let all = Kept::of(&ring, 0);
        assert!(!all.is_cut);
        assert_eq!((kinds(&all.definitions).len(), kinds(&all.events).len()), (1, 9));

        let last = Kept::of(&ring, 25);
        assert!(last.is_cut);
        let (unit, socket, timer) = (Kind::UnitAlive, Kind::SocketAlive, Kind::TimerAlive);
        let alive = [(unit as u64, 2), (socket as u64, 3), (timer as u64, 4)];
        assert_eq!(kinds(&last.definitions), alive);
        assert_eq!(&last.definitions[4].to_le_bytes(), b"name\0\0\0\0");
        assert_eq!(kinds(&last.events), [(Kind::Turn as u64, 0), (Kind::Woken as u64, 2)]);
    }
}
