//! This file assigns the lanes of the timeline, which the format calls threads.

use std::collections::BTreeMap;

use oneloop::trace::format::Unit as UnitKind;
use serde_json::json;

use super::written::{Phase, Written};
use crate::model::Model;

pub(super) const TURNS: u64 = 1;
pub(super) const PARKS: u64 = 2;
pub(super) const TIMERS: u64 = 3;
pub(super) const SOCKETS: u64 = 4;
pub(super) const OUTSIDE: u64 = 5;
const FIXED: [(u64, &str); 5] = [
    (TURNS, "turns"),
    (PARKS, "parks"),
    (TIMERS, "timers"),
    (SOCKETS, "sockets"),
    (OUTSIDE, "messages, signals, children, unblock"),
];
const UNITS_FROM: u64 = 16;

/// The lane of the units of each key.
pub(super) struct Lanes {
    pub(super) pid: u64,
    keys: BTreeMap<u64, Lane>,
}

struct Lane {
    number: u64,
    first_unit: usize,
    units: usize,
}

impl Lanes {
    pub(super) fn of(model: &Model) -> Lanes {
        let pid = model.fact("pid").and_then(|pid| pid.parse::<u32>().ok()).unwrap_or(1);
        let mut keys: BTreeMap<u64, Lane> = BTreeMap::new();
        for (index, unit) in model.units.iter().enumerate() {
            let number = UNITS_FROM + keys.len() as u64;
            let lane = keys.entry(key(unit.id)).or_insert(Lane { number, first_unit: index, units: 0 });
            lane.units += 1;
        }
        Lanes { pid: pid.into(), keys }
    }

    pub(super) fn of_unit(&self, model: &Model, unit: usize) -> u64 {
        self.keys.get(&key(model.units[unit].id)).map_or(OUTSIDE, |lane| lane.number)
    }

    /// Returns the events that name the process and the lanes, and set the order of the lanes.
    pub(super) fn names(&self, model: &Model) -> Vec<Written> {
        let event = |name: &str, lane| Written::new(self.pid, 0, name, "__metadata", Phase::M, lane);
        let thread = model.fact("thread").unwrap_or("");
        let process = format!("oneloop {thread}");
        let mut names = vec![event("process_name", 0).with(json!({ "name": process.trim_end() }))];
        let mut name = |lane: u64, name: &str| {
            names.push(event("thread_name", lane).with(json!({ "name": name })));
            names.push(event("thread_sort_index", lane).with(json!({ "sort_index": lane })));
        };
        FIXED.iter().for_each(|fixed| name(fixed.0, fixed.1));
        for (key, lane) in &self.keys {
            let first = &model.units[lane.first_unit];
            if lane.units == 1 || first.kind == Some(UnitKind::Main) {
                name(lane.number, &model.title(first));
            } else {
                name(lane.number, &format!("key {key}: {} tasks, one after the other", lane.units));
            }
        }
        names
    }
}

fn key(id: u64) -> u64 {
    id >> 24
}
