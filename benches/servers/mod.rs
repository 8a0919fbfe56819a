//! TCP servers under load.
//!
//! The loop is closed: each connection sends a message, waits for the whole answer, and sends the next. The server has
//! one core and the load generator another. On the loopback interface the kernel takes most of each round trip, and
//! the generator costs about as much as a fast server, so round trips per second say little about the server: the
//! processor time of its process per round trip does.
//!
//! | file | holds |
//! |---|---|
//! | `cases.rs` | the list of the cases |
//! | `verify.rs` | is it an echo server at all? |
//! | `connect.rs` | the sockets of both sides |
//! | `echo.rs` | messages to and fro on connections that stay |
//! | `churn.rs` | connections that live for one message |
//! | `idle.rs` | memory of connections that wait |
//! | `cost.rs` | processor time of the server process |

mod cases;
mod churn;
pub mod connect;
pub mod cost;
mod echo;
mod idle;
mod verify;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

pub use cases::CASES;

use crate::case;
use crate::child::ServerProcess;
use crate::peers::{Interpreter, Server};

/// A server that leaves every connection without an answer for so long has lost one.
pub const STALL: Duration = Duration::from_secs(5);
/// Descriptors that a process needs beyond its connections.
const DESCRIPTORS_SPARE: usize = 64;
/// Ten thousand connections need so long until each has been served a few times.
const MANY_CONNECTIONS_TIME_MIN: Duration = Duration::from_millis(300);

/// One way to load a server.
pub type Case = case::Case<Kind>;

/// What is done to a server.
pub enum Kind {
    /// Messages to and fro on connections that stay.
    Load(Shape),
    /// Connections that live for one message.
    Churn(Shape),
    /// Connections that wait.
    Idle(Shape),
}

/// The shape of a load.
#[derive(Clone, Copy)]
pub struct Shape {
    pub connections: usize,
    pub message_bytes: usize,
    /// How many messages a connection sends before it reads their answers.
    pub batch: usize,
    /// How many of what the case counts are in a batch.
    pub units_per_batch: u64,
    /// The size of the server's read buffers.
    pub buffer_bytes: usize,
}

impl Shape {
    /// The bytes of a whole batch.
    fn batch_bytes(&self) -> usize {
        self.message_bytes * self.batch
    }

    fn has_many_connections(&self) -> bool {
        self.connections >= 10_000
    }
}

impl Case {
    pub fn shape(&self) -> &Shape {
        match &self.kind {
            Kind::Load(shape) | Kind::Churn(shape) | Kind::Idle(shape) => shape,
        }
    }

    /// How often each server is measured: less in a quick run where it takes long. Memory varies little.
    pub fn rounds(&self, quick: bool) -> usize {
        match (&self.kind, quick) {
            (Kind::Idle(_), false) => 3,
            (Kind::Idle(_), true) => 1,
            (_, true) if self.shape().has_many_connections() => 2,
            (_, true) => 3,
            (_, false) => 5,
        }
    }

    fn time(&self, time: Duration) -> Duration {
        if self.shape().has_many_connections() { time.max(MANY_CONNECTIONS_TIME_MIN) } else { time }
    }

    /// Roughly how long one measurement takes.
    pub fn estimate(&self, time: Duration) -> Duration {
        let time = self.time(time);
        // Starting a process, verifying 8 MiB, connecting and verifying each connection. In the mean of all servers:
        // some interpreters take a tenth of a second to start, and need more time for warmth.
        let start = Duration::from_micros(85_000 + 60 * self.shape().connections as u64);
        start
            + match self.kind {
                Kind::Load(_) => time + warm_up(time, false),
                Kind::Churn(_) => time.min(Duration::from_millis(800)) + warm_up(time, false),
                Kind::Idle(_) => idle::SETTLE_MIN * 2,
            }
    }

    /// Measures one server: its figures, in the order of `metrics`.
    pub fn measure(&self, subject: &Subject, time: Duration, setting: &Setting) -> Result<Vec<f64>, String> {
        let shape = self.shape();
        setting.allows(shape.connections)?;
        // Churn has always the same port: connections that closed a second ago may then be replaced by new ones, and
        // the kernel's table of closed connections does not grow from server to server.
        let port = if matches!(self.kind, Kind::Churn(_)) { setting.churn_port } else { 0 };
        let listener = connect::listen(port).map_err(|error| format!("cannot listen: {error}"))?;
        let mut process =
            ServerProcess::start(subject, setting.server_core, shape.buffer_bytes, listener, None)?;
        let time = self.time(time);
        let warm_up = warm_up(time, subject.interpreter.is_some());
        let outcome = match &self.kind {
            Kind::Load(shape) => echo::measure(&process, shape, warm_up, time),
            Kind::Churn(shape) => churn::measure(&process, shape, warm_up, time),
            Kind::Idle(shape) => idle::measure(&process, shape),
        };
        outcome.map_err(|error| process.failure().unwrap_or_else(|| error.to_string()))
    }
}

/// A server that this machine can run.
pub struct Subject {
    pub server: &'static Server,
    /// What runs it, if that isn't this program.
    pub interpreter: Option<Interpreter>,
}

/// What all measurements of servers share.
pub struct Setting {
    pub server_core: usize,
    descriptors_max: usize,
    churn_port: u16,
}

impl Setting {
    pub fn new(server_core: usize, descriptors_max: u64) -> io::Result<Setting> {
        let churn_port = connect::listen(0)?.local_addr().as_ref().map(SocketAddr::port).unwrap_or_default();
        let descriptors_max = usize::try_from(descriptors_max).unwrap_or(usize::MAX);
        Ok(Setting { server_core, descriptors_max, churn_port })
    }

    /// Whether a process may have so many connections; if not, why.
    pub fn allows(&self, connections: usize) -> Result<(), String> {
        let limit = self.descriptors_max;
        if connections + DESCRIPTORS_SPARE <= limit {
            return Ok(());
        }
        Err(format!(
            "left out: needs more than the {limit} descriptors that a process may open (see `ulimit -n`)"
        ))
    }
}

/// Time to fill caches and let buffers grow before anything counts; in other languages, also to compile what is hot.
pub fn warm_up(time: Duration, interpreted: bool) -> Duration {
    let least_ms = if interpreted { 300 } else { 0 };
    Duration::from_millis(least_ms).max(time / 6)
}

/// The error for a server that does not answer.
pub fn stalled() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("the server gave no answer for {} s", STALL.as_secs()))
}

/// The error for a server that hangs up on a client.
pub fn hung_up() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed a connection that was in use")
}
