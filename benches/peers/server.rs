//! The lists of the echo servers and of the HTTP servers. The hand-written loop and the servers of
//! oneloop are in every build.

use std::io;
use std::net::TcpListener;
use std::sync::LazyLock;

use super::script::Script;
use super::{epoll, oneloop, oneloop_queue};

/// An echo server or an HTTP server.
pub struct Server {
    pub name: &'static str,
    pub about: &'static str,
    pub serve: Serve,
    /// The reason why the instructions cannot be counted, or `None` if they can.
    pub not_counted: Option<&'static str>,
}

/// The program in which a server runs.
pub enum Serve {
    /// The server runs in this program and returns only with an error. It receives a non-blocking
    /// listener, and the size of its read buffers in bytes.
    Here(fn(TcpListener, usize) -> io::Result<()>),
    /// The server runs in another program, if this machine has it.
    #[cfg_attr(not(feature = "peers"), expect(dead_code, reason = "all scripts are peers"))]
    Script(Script),
}

impl Server {
    pub const fn here(
        name: &'static str,
        about: &'static str,
        serve: fn(TcpListener, usize) -> io::Result<()>,
    ) -> Server {
        Server { name, about, serve: Serve::Here(serve), not_counted: None }
    }

    /// Returns the same server, with the reason why its instructions cannot be counted.
    pub const fn not_counted(self, reason: &'static str) -> Server {
        Server { not_counted: Some(reason), ..self }
    }
}

/// All echo servers. The first one is the baseline.
pub static SERVERS: LazyLock<Vec<Server>> = LazyLock::new(|| {
    let mut servers =
        vec![Server::here("epoll", "a hand-written epoll loop without futures (the limit)", epoll::serve)];
    #[cfg(feature = "peers")]
    servers.extend(super::others::servers());
    servers.extend([
        Server::here("oneloop", "oneloop, a buffer for each task", oneloop::serve),
        Server::here("oneloop-shared", "oneloop, one buffer for all tasks", oneloop::serve_shared),
        Server::here(
            "oneloop-busy",
            "oneloop, busy_poll of 100 µs (lower latency, a busy core)",
            oneloop::serve_busily,
        )
        .not_counted("it polls for a time, and not for a number of polls"),
        Server::here(
            "oneloop-queue",
            "oneloop's queue-based EventLoop, without futures",
            oneloop_queue::serve,
        ),
    ]);
    servers
});

/// All HTTP servers. With the feature `peers`, the first one is the baseline. The list is empty without
/// the feature `http`.
pub static HTTP_SERVERS: LazyLock<Vec<Server>> = LazyLock::new(|| {
    #[cfg(feature = "http")]
    let servers = super::hyper::servers().collect();
    #[cfg(not(feature = "http"))]
    let servers = Vec::new();
    servers
});
