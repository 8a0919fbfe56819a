//! The list of the server cases.

use std::sync::LazyLock;

use super::{Case, Kind, Shape};
use crate::case::{Metric, Sweep};

const BUSY: Metric = Metric::shown("server busy", "%");
const P50: Metric = Metric::shown("p50", "\u{b5}s");
const P99: Metric = Metric::shown("p99", "\u{b5}s");
const P999: Metric = Metric::shown("p99.9", "\u{b5}s");

const ECHO_METRICS: &[Metric] = &[
    Metric::compared("CPU", "ns/round trip"),
    Metric::shown("served", "round trips/s"),
    BUSY,
    P50,
    P99,
    P999,
];
const PIPELINED_METRICS: &[Metric] =
    &[Metric::compared("CPU", "ns/message"), Metric::shown("served", "messages/s"), BUSY, P50, P99, P999];
const BULK_METRICS: &[Metric] =
    &[Metric::compared("CPU", "ns/KiB"), Metric::shown("served", "KiB/s"), BUSY, P50, P99, P999];
const CHURN_METRICS: &[Metric] =
    &[Metric::compared("CPU", "ns/connection"), Metric::shown("served", "connections/s"), BUSY];
const MEMORY_METRICS: &[Metric] =
    &[Metric::compared("memory", "B/connection"), Metric::shown("RSS growth", "B/connection")];

/// The sizes of a short and of a long message, in bytes.
const SHORT: usize = 64;
const LONG: usize = 64 * 1024;
/// The size of every server's read buffer in bytes, except in the case `bulk`, where the buffer holds a
/// whole message.
const BUFFER: usize = 4096;

const ECHO: Sweep = Sweep {
    name: "echo",
    parameter: "connections",
    values: &[1, 10, 50, 100, 1_000, 10_000],
    quick: &[1, 50, 1_000, 10_000],
    metrics: ECHO_METRICS,
};

const PIPELINED: Shape =
    Shape { connections: 50, message_bytes: SHORT, batch: 16, units_per_batch: 16, buffer_bytes: BUFFER };
const BULK: Shape =
    Shape { connections: 4, message_bytes: LONG, batch: 1, units_per_batch: 64, buffer_bytes: LONG };

const IDLE: Sweep = Sweep {
    name: "idle-memory",
    parameter: "connections",
    values: &[1_000, 10_000],
    quick: &[1_000],
    metrics: MEMORY_METRICS,
};

/// All server cases.
pub static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let echo = |connections| {
        Kind::Load(Shape {
            connections,
            message_bytes: SHORT,
            batch: 1,
            units_per_batch: 1,
            buffer_bytes: BUFFER,
        })
    };
    let mut cases = ECHO.cases("round trips of 64 bytes (connections: #)", echo);
    cases.extend([
        Case::new(
            "pipelined",
            "16 messages of 64 bytes sent before their answers are read, on 50 connections",
            PIPELINED_METRICS,
            Kind::Load(PIPELINED),
        ),
        Case::new("bulk", "messages of 64 KiB on 4 connections", BULK_METRICS, Kind::Load(BULK)),
        Case::new("churn", "connect, one echo of 64 bytes, close", CHURN_METRICS, Kind::Churn(PLAIN)),
    ]);
    let idle = |connections| Kind::Idle(Shape { connections, ..PLAIN });
    cases.extend(IDLE.cases(
        "growth of the server's memory by idle connections that were served once (connections: #)",
        idle,
    ));
    cases
});

const PLAIN: Shape =
    Shape { connections: 1, message_bytes: SHORT, batch: 1, units_per_batch: 1, buffer_bytes: BUFFER };
