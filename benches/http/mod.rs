//! HTTP servers under load: the same hyper service on oneloop and on tokio.
//!
//! As with the echo servers, the loop is closed, server and load have a core each, and the figure to trust is the
//! processor time that the server's process spends on one request. The load is written by hand on epoll: its requests
//! are bytes that are made once, and it parses no more of an answer than is needed to know that it is right. So it is
//! the cheaper side.
//!
//! | file | holds |
//! |---|---|
//! | `cases.rs` | the list of the cases |
//! | `client.rs` | one connection of the load, and what an answer has to be |
//! | `http1.rs`, `http2.rs` | the bytes of the two protocols, without a socket |
//! | `load.rs` | requests one after the other on connections that stay |
//! | `idle.rs` | memory of connections that wait |

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

/// What is done to a server.
pub enum Kind {
    /// Requests one after the other on connections that stay.
    Load(Shape),
    /// Connections that wait after one request each.
    Idle(Shape),
}

/// The shape of a load.
#[derive(Clone, Copy)]
pub struct Shape {
    pub version: Version,
    pub method: Method,
    pub connections: usize,
    /// How many requests each connection has under way. HTTP/1.1 has one.
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
    /// The answer is a short text.
    Get,
    /// A body of [`POST_BYTES`], which the server reads and counts.
    Post,
}

/// The size of a body that is sent.
pub const POST_BYTES: usize = 256 * 1024;

impl Method {
    /// The body of the request.
    fn body(self) -> Vec<u8> {
        match self {
            Method::Get => Vec::new(),
            Method::Post => vec![b'x'; POST_BYTES],
        }
    }

    /// The body of the right answer.
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

    /// How often each server is measured. The servers differ by a few per cent, so that it takes many short rounds: what
    /// slows the machine down for a tenth of a second then meets all of them. Memory varies little.
    pub fn rounds(&self, quick: bool) -> usize {
        match (&self.kind, quick) {
            (Kind::Idle(_), false) => 3,
            (Kind::Idle(_), true) => 1,
            (Kind::Load(_), false) => 25,
            (Kind::Load(_), true) => 5,
        }
    }

    /// How long a round is, where an echo's is `time`.
    fn time(time: Duration) -> Duration {
        time / 5
    }

    /// Roughly how long one measurement takes.
    pub fn estimate(&self, time: Duration) -> Duration {
        let start = Duration::from_micros(30_000 + 150 * self.shape().connections as u64);
        start
            + match self.kind {
                Kind::Load(_) => Case::time(time) + servers::warm_up(Case::time(time), false),
                Kind::Idle(_) => idle::PAUSE,
            }
    }

    /// Measures one server: its figures, in the order of `metrics`.
    pub fn measure(&self, subject: &Subject, time: Duration, setting: &Setting) -> Result<Vec<f64>, String> {
        setting.allows(self.shape().connections)?;
        let listener = connect::listen(0).map_err(|error| format!("cannot listen: {error}"))?;
        let mut process = ServerProcess::start(subject, setting.server_core, 0, listener, None)?;
        let time = Case::time(time);
        let outcome = match &self.kind {
            Kind::Load(shape) => load::measure(&process, shape, servers::warm_up(time, false), time),
            Kind::Idle(shape) => idle::measure(&process, shape),
        };
        outcome.map_err(|error| process.failure().unwrap_or_else(|| error.to_string()))
    }
}
