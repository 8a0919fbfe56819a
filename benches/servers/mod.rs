//! The server cases: TCP servers under load.
//!
//! The loop is closed: each connection sends a message, waits for the whole answer, and sends the next
//! message. The server has one core and the load generator another. On the loopback interface the kernel
//! takes most of each round trip, and the generator costs about as much as a fast server. So the
//! reliable figure is the processor time of the server's process per round trip, and not the number of
//! round trips per second.
//!
//! | file | holds |
//! |---|---|
//! | `cases.rs` | the list of the cases |
//! | `verify.rs` | the check that a server is an echo server |
//! | `connect.rs` | the sockets of both sides |
//! | `echo.rs` | round trips of messages on connections that stay open |
//! | `churn.rs` | connections that carry one message each |
//! | `idle.rs` | the memory of idle connections |
//! | `cost.rs` | the processor time of the server process |

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

/// The time limit for an answer on any connection. A server that exceeds it has lost a message or a
/// wake-up.
pub const STALL: Duration = Duration::from_secs(5);
/// The number of descriptors that a process needs beyond its connections.
const DESCRIPTORS_SPARE: usize = 64;
/// The minimum time of a measurement with ten thousand connections, so that the server answers on each
/// connection a few times.
const MANY_CONNECTIONS_TIME_MIN: Duration = Duration::from_millis(300);

/// One way to load a server.
pub type Case = case::Case<Kind>;

/// The kind of load.
pub enum Kind {
    /// Round trips of messages on connections that stay open.
    Load(Shape),
    /// Connections that carry one message each.
    Churn(Shape),
    /// Idle connections.
    Idle(Shape),
}

/// The shape of a load.
#[derive(Clone, Copy)]
pub struct Shape {
    pub connections: usize,
    pub message_bytes: usize,
    /// The number of messages that a connection sends before it reads their answers.
    pub batch: usize,
    /// The number of counted units in a batch.
    pub units_per_batch: u64,
    /// The size of the server's read buffers, in bytes.
    pub buffer_bytes: usize,
}

impl Shape {
    /// Returns the number of bytes of a whole batch.
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

    /// Returns the number of rounds. A quick run has fewer of a case that takes long. Memory varies
    /// little and needs few rounds.
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

    /// Returns the approximate time of one measurement.
    pub fn estimate(&self, time: Duration) -> Duration {
        let time = self.time(time);
        // This is the time to start a process, to verify 8 MiB, and to open and verify each connection,
        // in the mean of all servers. Some interpreters take a tenth of a second to start, and have a
        // longer warm-up.
        let start = Duration::from_micros(85_000 + 60 * self.shape().connections as u64);
        start
            + match self.kind {
                Kind::Load(_) => time + warm_up(time, false),
                Kind::Churn(_) => time.min(Duration::from_millis(800)) + warm_up(time, false),
                Kind::Idle(_) => idle::SETTLE_MIN * 2,
            }
    }

    /// Measures one server. Returns its figures in the order of `metrics`.
    pub fn measure(&self, subject: &Subject, time: Duration, setting: &Setting) -> Result<Vec<f64>, String> {
        let shape = self.shape();
        setting.allows(shape.connections)?;
        // Churn always has the same port, so that new connections may replace those that closed a second
        // ago. The kernel's table of closed connections then does not grow from server to server.
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
    /// The interpreter, if the server does not run in this program.
    pub interpreter: Option<Interpreter>,
}

/// The common setting of all measurements of servers.
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

    /// Checks that a process may open this number of connections. The error is a message with the
    /// reason.
    pub fn allows(&self, connections: usize) -> Result<(), String> {
        let limit = self.descriptors_max;
        if connections + DESCRIPTORS_SPARE <= limit {
            return Ok(());
        }
        Err(format!(
            "the case is left out, because it needs more than the {limit} descriptors that a process may \
             open (`ulimit -n`)"
        ))
    }
}

/// Returns the time before the measurement in which caches are filled and buffers grow. Interpreters of
/// other languages also compile frequently executed code in this time.
pub fn warm_up(time: Duration, interpreted: bool) -> Duration {
    let least_ms = if interpreted { 300 } else { 0 };
    Duration::from_millis(least_ms).max(time / 6)
}

/// Returns the error for a server that does not answer.
pub fn stalled() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("the server gave no answer for {} s", STALL.as_secs()))
}

/// Returns the error for a server that closes a connection early.
pub fn hung_up() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed a connection that was in use")
}
