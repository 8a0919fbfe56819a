//! This file holds one event of the Trace Event Format in its written form.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// The phase of an event, which is its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Phase {
    /// A complete event: it has a begin and a duration.
    X,
    /// An instant.
    #[serde(rename = "i")]
    I,
    /// A flow begins.
    #[serde(rename = "s")]
    S,
    /// A flow ends.
    #[serde(rename = "f")]
    F,
    /// A counter.
    C,
    /// A fact about a process or a thread.
    M,
}

#[derive(Serialize)]
pub(super) struct Written {
    name: String,
    cat: &'static str,
    ph: Phase,
    ts: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<Box<RawValue>>,
    pid: u64,
    tid: u64,
    /// The number that the two ends of a flow share.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    /// This value makes a flow end at the slice around it, not at the next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    bp: Option<&'static str>,
    /// This value makes an instant belong to its lane alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<&'static str>,
    #[serde(skip_serializing_if = "Value::is_null")]
    args: Value,
}

impl Written {
    pub(super) fn new(
        pid: u64,
        at_ns: u64,
        name: impl Into<String>,
        cat: &'static str,
        ph: Phase,
        tid: u64,
    ) -> Written {
        let bp = (ph == Phase::F).then_some("e");
        let s = (ph == Phase::I).then_some("t");
        let (ts, name) = (microseconds(at_ns), name.into());
        Written { name, cat, ph, ts, dur: None, pid, tid, id: None, bp, s, args: Value::Null }
    }

    pub(super) fn lasting(self, ns: u64) -> Written {
        Written { dur: Some(microseconds(ns)), ..self }
    }

    pub(super) fn flow(self, id: usize) -> Written {
        Written { id: Some(id), ..self }
    }

    pub(super) fn with(self, args: Value) -> Written {
        Written { args, ..self }
    }
}

/// Formats a time in microseconds, the format's unit, to the nanosecond. A floating-point number would
/// round it.
pub(super) fn microseconds(ns: u64) -> Box<RawValue> {
    let text = format!("{}.{:03}", ns / 1_000, ns % 1_000);
    RawValue::from_string(text).expect("digits with a point between them are JSON")
}
