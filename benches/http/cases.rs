//! The list of the HTTP cases.

use std::sync::LazyLock;

use super::Method::{Get, Post};
use super::Version::{Http1, Http2};
use super::{Case, Kind, Method, Shape, Version};
use crate::case::Metric;

const METRICS: &[Metric] = &[
    Metric::compared("CPU", "ns/request"),
    Metric::shown("served", "requests/s"),
    Metric::shown("server busy", "%"),
    Metric::shown("p50", "\u{b5}s"),
    Metric::shown("p99", "\u{b5}s"),
    Metric::shown("p99.9", "\u{b5}s"),
];
const MEMORY_METRICS: &[Metric] =
    &[Metric::compared("after 5 s", "B/connection"), Metric::compared("at once", "B/connection")];

/// All HTTP cases.
pub static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let mut cases = Vec::new();
    for version in [Http1, Http2] {
        cases.push(load(version, Get, 1, 1));
        cases.push(load(version, Get, 64, 1));
        if version == Http2 {
            cases.push(load(version, Get, 1, 64));
        }
        cases.push(load(version, Post, 1, 1));
        cases.push(load(version, Post, 64, 1));
    }
    cases.push(idle(10_000));
    cases
});

fn load(version: Version, method: Method, connections: usize, streams: usize) -> Case {
    let (short, long) = match version {
        Http1 => ("http1", "HTTP/1.1"),
        Http2 => ("http2", "HTTP/2"),
    };
    let (verb, what) = match method {
        Get => ("get", "GET, an answer of 13 bytes"),
        Post => ("post", "POST of 256 KiB, counted by the server"),
    };
    let (size, each) = match streams {
        1 => (connections.to_string(), String::new()),
        _ => {
            (format!("{connections}x{streams}"), format!(", {streams} requests at a time on each connection"))
        }
    };
    let shape = Shape { version, method, connections, streams };
    let about = format!("{long}: {what} (connections: {connections}{each})");
    Case::new(&format!("{short}-{verb}-{size}"), &about, METRICS, Kind::Load(shape))
}

/// Creates the case of idle connections. A quick run does not include it, because most of its time is a
/// pause.
fn idle(connections: usize) -> Case {
    let shape = Shape { version: Http1, method: Get, connections, streams: 1 };
    let about = "HTTP/1.1: resident memory of 10,000 connections that wait after one GET each";
    let case = Case::new(&format!("http1-idle-{connections}"), about, MEMORY_METRICS, Kind::Idle(shape));
    Case { quick: false, ..case }
}
