//! The output has the properties of the Trace Event Format that its readers need.

use std::collections::HashMap;

use oneloop_watch::{Model, Record, write_trace_events};
use serde_json::Value;

use crate::common::queue;
use crate::common::words::Words;
use crate::hostile_server;

fn written(words: &Words) -> Vec<u8> {
    let record = Record::parse(&words.record()).unwrap();
    let mut json = Vec::new();
    write_trace_events(&record, &Model::of(&record), &mut json).unwrap();
    json
}

/// Parses a time of the format, which has three decimals, in nanoseconds.
fn ns(value: &Value) -> u64 {
    (value.as_f64().unwrap() * 1_000.0).round() as u64
}

/// Checks the properties of any record, and returns the events. Times beyond 2^53 ns are not exact in a
/// double. `exact` means that the record has none.
pub fn check_trace_events(json: &[u8], exact: bool) -> Vec<Value> {
    let document: Value = serde_json::from_slice(json).unwrap();
    let events = document["traceEvents"].as_array().unwrap().clone();
    let mut last: HashMap<u64, u64> = HashMap::new();
    let mut flows: HashMap<u64, Vec<String>> = HashMap::new();
    let mut slices: HashMap<u64, Vec<(u64, u64)>> = HashMap::new();
    for event in &events {
        let (phase, lane, at) =
            (event["ph"].as_str().unwrap(), event["tid"].as_u64().unwrap(), ns(&event["ts"]));
        assert!(event["name"].is_string() && event["pid"].is_u64(), "{event}");
        if phase == "M" {
            continue;
        }
        let last = last.entry(lane).or_default();
        assert!(*last <= at, "a lane goes backwards: {event}");
        *last = at;
        match phase {
            "X" => {
                let end = at + ns(&event["dur"]);
                let open = slices.entry(lane).or_default();
                open.push((at, end));
            }
            "s" | "f" => {
                flows.entry(event["id"].as_u64().unwrap()).or_default().push(format!("{phase} {lane} {at}"))
            }
            "i" => assert_eq!(event["s"], "t"),
            "C" => assert!(event["args"]["units"].is_u64()),
            _ => panic!("{event}"),
        }
    }
    for ends in flows.values() {
        assert!(ends.len() == 2 && ends[0].starts_with('s') && ends[1].starts_with('f'), "{ends:?}");
        if exact {
            ends.iter().for_each(|end| check_within_a_slice(end, &slices));
        }
    }
    if exact {
        slices.values().for_each(|slices| check_nesting(slices));
    }
    events
}

/// Checks that slices of one lane are within each other or beside each other.
fn check_nesting(slices: &[(u64, u64)]) {
    let mut open: Vec<(u64, u64)> = Vec::new();
    for &(begin, end) in slices {
        while open.last().is_some_and(|outer| outer.1 <= begin) {
            open.pop();
        }
        assert!(open.last().is_none_or(|outer| end <= outer.1), "{begin} to {end} overlaps {open:?}");
        open.push((begin, end));
    }
}

fn check_within_a_slice(end: &str, slices: &HashMap<u64, Vec<(u64, u64)>>) {
    let parts: Vec<u64> = end.split(' ').skip(1).map(|part| part.parse().unwrap()).collect();
    let slices = &slices[&parts[0]];
    let before = slices.partition_point(|slice| slice.0 <= parts[1]);
    assert!(before > 0 && parts[1] <= slices[before - 1].1, "{end} lies in no slice");
}

#[test]
fn lanes_go_forwards_slices_nest_and_flows_have_both_ends_in_slices() {
    for words in [hostile_server(20_000), queue::record(1_000)] {
        let events = check_trace_events(&written(&words), true);
        let count = |phase: &str| events.iter().filter(|event| event["ph"] == phase).count();
        assert!(["X", "s", "f", "i", "C", "M"].iter().all(|phase| count(phase) > 50 || *phase == "M"));
    }
}

#[test]
fn every_poll_and_park_is_a_slice_and_every_lane_has_a_name() {
    let words = hostile_server(20_000);
    let model = Model::of(&Record::parse(&words.record()).unwrap());
    let events = check_trace_events(&written(&words), true);
    let count =
        |category: &str| events.iter().filter(|event| event["ph"] == "X" && event["cat"] == category).count();
    assert_eq!((count("poll"), count("park")), (model.polls.len(), model.parks.len()));
    let named: Vec<&Value> =
        events.iter().filter(|event| event["name"] == "thread_name").map(|event| &event["tid"]).collect();
    assert!(events.iter().filter(|event| event["ph"] == "X").all(|event| named.contains(&&event["tid"])));
    // A task's lane is that of its key, so thousands of tasks share some hundred lanes.
    assert!(named.len() < 400, "{}", named.len());
}

#[test]
fn names_in_the_json_are_those_of_the_record() {
    let words = hostile_server(5_000);
    let events = check_trace_events(&written(&words), true);
    for name in ["</script><script>alert(1)</script>", "\"}],\"quoted\\", "\u{1b}[31mred\u{7}\r\n\0x"] {
        assert!(events.iter().any(|event| event["name"].as_str().is_some_and(|found| found.ends_with(name))));
    }
}
