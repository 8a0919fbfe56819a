//! The list of the echo servers, with those that are built in any case: the hand-written loop and our own. The list of
//! the HTTP servers.

use std::io;
use std::net::TcpListener;
use std::sync::LazyLock;

use super::script::Script;
use super::{epoll, oneloop, oneloop_queue};

/// A server: of echo or of HTTP.
pub struct Server {
    pub name: &'static str,
    pub about: &'static str,
    pub serve: Serve,
    /// Why its instructions cannot be counted; `None` if they can.
    pub not_counted: Option<&'static str>,
}

/// How a server serves.
pub enum Serve {
    /// In this program, for ever. Gets a listener that does not block, and the size of its read buffers in bytes.
    Here(fn(TcpListener, usize) -> io::Result<()>),
    /// In another program, if this machine has it.
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

    /// The same server, with a reason why its instructions cannot be counted.
    pub const fn not_counted(self, reason: &'static str) -> Server {
        Server { not_counted: Some(reason), ..self }
    }
}

/// All echo servers. The first is the one that the others are compared to.
pub static SERVERS: LazyLock<Vec<Server>> = LazyLock::new(|| {
    let mut servers =
        vec![Server::here("epoll", "a hand-written epoll loop without futures: the limit", epoll::serve)];
    #[cfg(feature = "peers")]
    servers.extend(super::others::servers());
    servers.extend([
        Server::here("oneloop", "oneloop, a buffer for each task", oneloop::serve),
        Server::here("oneloop-shared", "oneloop, one buffer for all tasks", oneloop::serve_shared),
        Server::here(
            "oneloop-busy",
            "oneloop, busy_poll of 100 µs: latency for a busy core",
            oneloop::serve_busily,
        )
        .not_counted("it polls for a time, not for a number of polls"),
        Server::here(
            "oneloop-queue",
            "oneloop's queue-based EventLoop, without futures",
            oneloop_queue::serve,
        ),
    ]);
    servers
});

/// All HTTP servers, likewise; none without the feature `http`.
pub static HTTP_SERVERS: LazyLock<Vec<Server>> = LazyLock::new(|| {
    #[cfg(feature = "http")]
    let servers = super::hyper::servers().collect();
    #[cfg(not(feature = "http"))]
    let servers = Vec::new();
    servers
});
