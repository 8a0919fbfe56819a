//! The HTTP cases: the same hyper service on oneloop and on tokio, under load.
//!
//! As for the echo servers, the loop is closed, server and load have a core each, and the reliable
//! figure is the processor time of the server's process for one request. The load is written by hand on
//! epoll. It creates the bytes of its requests once, and parses an answer only as far as the check of
//! the answer needs. So the load costs less than the server.
//!
//! | file | holds |
//! |---|---|
//! | `cases.rs` | the list of the cases |
//! | `client.rs` | one connection of the load, and the check of the answers |
//! | `http1.rs`, `http2.rs` | the bytes of the two protocols, without a socket |
//! | `load.rs` | requests one after the other on connections that stay open |
//! | `idle.rs` | the memory of idle connections |

mod cases;
pub mod client;
mod http1;
mod http2;
mod idle;
mod load;

use std::time::Duration;

pub use cases::CASES;

use crate::case;
use crate::child::ServerProcess;
use crate::servers::{self, Setting, Subject, connect};

/// One way to load an HTTP server.
pub type Case = case::Case<Kind>;

/// The kind of load.
pub enum Kind {
    /// Requests one after the other on connections that stay open.
    Load(Shape),
    /// Connections that are idle after one request each.
    Idle(Shape),
}

/// The shape of a load.
#[derive(Clone, Copy)]
pub struct Shape {
    pub version: Version,
    pub method: Method,
    pub connections: usize,
    /// The number of simultaneous requests of each connection. HTTP/1.1 has one.
    pub streams: usize,
}

/// The protocol.
#[derive(Clone, Copy, PartialEq)]
pub enum Version {
    Http1,
    Http2,
}

/// The request.
#[derive(Clone, Copy, PartialEq)]
pub enum Method {
    /// A request without a body. The answer is a short text.
    Get,
    /// A request with a body of [`POST_BYTES`]. The server reads and counts the bytes.
    Post,
}

/// The size of the body of a POST request.
pub const POST_BYTES: usize = 256 * 1024;

/// The shortest round of requests with a body. On 64 connections the bodies have 16 MiB. On a busy machine
/// a shorter round might end before the first answer.
const POST_TIME_MIN: Duration = Duration::from_millis(150);

impl Method {
    /// Returns the body of the request.
    fn body(self) -> Vec<u8> {
        match self {
            Method::Get => Vec::new(),
            Method::Post => vec![b'x'; POST_BYTES],
        }
    }

    /// Returns the body of the expected answer.
    fn answer(self) -> Vec<u8> {
        match self {
            Method::Get => b"Hello, World!".to_vec(),
            Method::Post => POST_BYTES.to_string().into_bytes(),
        }
    }
}

impl Case {
    pub fn shape(&self) -> &Shape {
        match &self.kind {
            Kind::Load(shape) | Kind::Idle(shape) => shape,
        }
    }

    /// Returns the number of rounds. The servers differ by a few per cent, so that many short rounds are
    /// necessary. A slow phase of the machine of a tenth of a second then affects all servers. Memory
    /// varies little and needs few rounds.
    pub fn rounds(&self, quick: bool) -> usize {
        match (&self.kind, quick) {
            (Kind::Idle(_), false) => 3,
            (Kind::Idle(_), true) => 1,
            (Kind::Load(_), false) => 25,
            (Kind::Load(_), true) => 5,
        }
    }

    /// Returns the time of a round. `time` is that of an echo case.
    fn time(&self, time: Duration) -> Duration {
        match self.shape().method {
            Method::Get => time / 5,
            Method::Post => (time / 5).max(POST_TIME_MIN),
        }
    }

    /// Returns the approximate time of one measurement.
    pub fn estimate(&self, time: Duration) -> Duration {
        let start = Duration::from_micros(30_000 + 150 * self.shape().connections as u64);
        start
            + match self.kind {
                Kind::Load(_) => self.time(time) + servers::warm_up(self.time(time), false),
                Kind::Idle(_) => idle::PAUSE,
            }
    }

    /// Measures one server. Returns its figures in the order of `metrics`.
    pub fn measure(&self, subject: &Subject, time: Duration, setting: &Setting) -> Result<Vec<f64>, String> {
        setting.allows(self.shape().connections)?;
        let listener = connect::listen(0).map_err(|error| format!("cannot listen: {error}"))?;
        let mut process = ServerProcess::start(subject, setting.server_core, 0, listener, None)?;
        let time = self.time(time);
        let outcome = match &self.kind {
            Kind::Load(shape) => load::measure(&process, shape, servers::warm_up(time, false), time),
            Kind::Idle(shape) => idle::measure(&process, shape),
        };
        outcome.map_err(|error| process.failure().unwrap_or_else(|| error.to_string()))
    }
}
