//! TCP servers under load.
//!
//! The loop is closed: each connection sends a message, waits for the whole answer, and sends the next. The server has
//! one core and the load generator another. On the loopback interface the kernel takes most of each round trip, and
//! the generator costs about as much as a fast server, so round trips per second say little about the server: the
//! processor time of its process per round trip does.

mod churn;
mod echo;
mod verify;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use crate::child::ServerProcess;
use crate::peers;
use crate::report::Metric;

/// The bytes of a message.
pub const MESSAGE_BYTES: usize = 64;
/// The bytes of every server's read buffer, and of the load generator's.
pub const BUFFER_BYTES: usize = 4096;
/// A server that leaves every connection without an answer for so long has lost one.
const STALL: Duration = Duration::from_secs(5);
/// Descriptors that a process needs beyond its connections.
const DESCRIPTORS_SPARE: u64 = 64;

/// One way to load a server.
pub struct Case {
    pub name: &'static str,
    pub about: &'static str,
    pub metrics: &'static [Metric],
    kind: Kind,
}

enum Kind {
    Echo { connections: usize },
    Churn,
}

const ECHO_METRICS: &[Metric] =
    &[Metric::compared("CPU ns/round trip"), Metric::shown("round trips/s"), Metric::shown("server busy %")];
const CHURN_METRICS: &[Metric] =
    &[Metric::compared("CPU ns/connection"), Metric::shown("connections/s"), Metric::shown("server busy %")];

pub const CASES: &[Case] = &[
    Case {
        name: "echo-50",
        about: "64 bytes to and fro on 50 connections",
        metrics: ECHO_METRICS,
        kind: Kind::Echo { connections: 50 },
    },
    Case {
        name: "echo-1000",
        about: "64 bytes to and fro on 1,000 connections",
        metrics: ECHO_METRICS,
        kind: Kind::Echo { connections: 1_000 },
    },
    Case {
        name: "echo-10000",
        about: "64 bytes to and fro on 10,000 connections",
        metrics: ECHO_METRICS,
        kind: Kind::Echo { connections: 10_000 },
    },
    Case {
        name: "churn",
        about: "connect, one echo of 64 bytes, close",
        metrics: CHURN_METRICS,
        kind: Kind::Churn,
    },
];

impl Case {
    /// Roughly how long one measurement takes.
    pub fn estimate(&self, time: Duration) -> Duration {
        match self.kind {
            Kind::Echo { connections } => {
                time + warm_up(time) + Duration::from_micros(100_000 + 120 * connections as u64)
            }
            Kind::Churn => time.min(Duration::from_millis(1_200)) + Duration::from_millis(300),
        }
    }

    /// Measures one server: its figures, in the order of `metrics`.
    pub fn measure(
        &self,
        server: &'static peers::Server,
        time: Duration,
        setting: &Setting,
    ) -> Result<Vec<f64>, String> {
        let port = match self.kind {
            // Always the same port: connections that closed a second ago may then be replaced by new ones, and the
            // kernel's table of closed connections does not grow from server to server.
            Kind::Churn => setting.churn_port,
            Kind::Echo { connections }
                if connections as u64 + DESCRIPTORS_SPARE > setting.descriptors_max =>
            {
                let limit = setting.descriptors_max;
                return Err(format!("left out: needs more than the {limit} descriptors a process may open"));
            }
            Kind::Echo { .. } => 0,
        };
        let listener = listen(port).map_err(|error| format!("cannot listen: {error}"))?;
        let mut process = ServerProcess::start(server, setting.server_core, listener)?;
        let outcome = match self.kind {
            Kind::Echo { connections } => echo::measure(&process, connections, time),
            Kind::Churn => churn::measure(&process, time),
        };
        outcome.map_err(|error| process.failure().unwrap_or_else(|| error.to_string()))
    }
}

/// What all measurements of servers share.
pub struct Setting {
    server_core: usize,
    descriptors_max: u64,
    churn_port: u16,
}

impl Setting {
    pub fn new(server_core: usize, descriptors_max: u64) -> io::Result<Setting> {
        let churn_port = listen(0)?.local_addr()?.port();
        Ok(Setting { server_core, descriptors_max, churn_port })
    }
}

/// Time to fill caches and let buffers grow before anything counts.
fn warm_up(time: Duration) -> Duration {
    time / 6
}

/// A listener that the server process inherits. The standard library's has too short a queue for 10,000 clients.
fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    bind(&socket, SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    socket.listen(4096)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Waits for the address if need be: the kernel closes the sockets of an io_uring some time after its process has
/// ended.
fn bind(socket: &socket2::Socket, address: SocketAddr) -> io::Result<()> {
    let give_up_at = Instant::now() + STALL;
    loop {
        match socket.bind(&address.into()) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < give_up_at => {
                std::thread::sleep(Duration::from_millis(10));
            }
            outcome => return outcome,
        }
    }
}

/// Runs `work`, which returns how often the server served, and returns the figures of this time.
///
/// It must last for many services on each connection: the generator counts a service a little later than the
/// server pays for it.
fn figures(process: &ServerProcess, work: impl FnOnce() -> io::Result<u64>) -> io::Result<Vec<f64>> {
    let (cpu, wall) = (process.clock.now()?, Instant::now());
    let served = work()?;
    let (cpu, wall) = (process.clock.now()?.saturating_sub(cpu), wall.elapsed());
    if served == 0 {
        return Err(io::Error::other("the server served nobody"));
    }
    let per_service_ns = cpu.as_nanos() as f64 / served as f64;
    let busy = cpu.as_secs_f64() / wall.as_secs_f64();
    Ok(vec![per_service_ns, served as f64 / wall.as_secs_f64(), busy * 100.0])
}

/// The error for a server that does not answer.
fn stalled() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("the server gave no answer for {} s", STALL.as_secs()))
}

/// The error for a server that hangs up on a client.
fn hung_up() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed a connection that was in use")
}
