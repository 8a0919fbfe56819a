//! The echo servers.

use std::io;
use std::net::TcpListener;

use super::script::{self, Script};
use super::{compio, epoll, glommio, mio, monoio, oneloop, oneloop_queue, smol, tokio};

/// An echo server.
pub struct Server {
    pub name: &'static str,
    pub about: &'static str,
    pub serve: Serve,
}

/// How a server serves.
pub enum Serve {
    /// In this program, for ever. Gets a listener that does not block, and the size of its read buffers in bytes.
    Here(fn(TcpListener, usize) -> io::Result<()>),
    /// In another program, if this machine has it.
    Script(Script),
}

use Serve::Here;

/// The first is the one that the others are compared to.
pub const SERVERS: &[Server] = &[
    Server {
        name: "epoll",
        about: "a hand-written epoll loop without futures: the limit",
        serve: Here(epoll::serve),
    },
    Server { name: "mio", about: "a mio loop without futures", serve: Here(mio::serve) },
    Server { name: "tokio", about: "tokio, current-thread runtime, spawn", serve: Here(tokio::serve) },
    Server {
        name: "tokio-local",
        about: "tokio, LocalRuntime, spawn_local",
        serve: Here(tokio::serve_local),
    },
    Server {
        name: "tokio-shared",
        about: "the same, one buffer for all tasks",
        serve: Here(tokio::serve_shared),
    },
    Server { name: "smol", about: "smol's LocalExecutor and async-net", serve: Here(smol::serve) },
    Server { name: "monoio", about: "monoio over epoll", serve: Here(monoio::serve_epoll) },
    Server { name: "monoio-uring", about: "monoio over io_uring", serve: Here(monoio::serve_uring) },
    Server { name: "compio", about: "compio over io_uring", serve: Here(compio::serve_uring) },
    Server { name: "compio-poll", about: "compio over epoll", serve: Here(compio::serve_polling) },
    Server { name: "glommio", about: "glommio (needs io_uring)", serve: Here(glommio::serve) },
    Server {
        name: "asyncio",
        about: "Python's asyncio, a Protocol (needs python3)",
        serve: Serve::Script(script::ASYNCIO),
    },
    Server {
        name: "uvloop",
        about: "the same on uvloop (needs its module)",
        serve: Serve::Script(script::UVLOOP),
    },
    Server { name: "node", about: "Node, pipe (needs node)", serve: Serve::Script(script::NODE) },
    Server { name: "oneloop", about: "oneloop, a buffer for each task", serve: Here(oneloop::serve) },
    Server {
        name: "oneloop-shared",
        about: "oneloop, one buffer for all tasks",
        serve: Here(oneloop::serve_shared),
    },
    Server {
        name: "oneloop-busy",
        about: "oneloop, busy_poll of 100 µs: latency for a busy core",
        serve: Here(oneloop::serve_busily),
    },
    Server {
        name: "oneloop-queue",
        about: "oneloop's queue-based EventLoop, without futures",
        serve: Here(oneloop_queue::serve),
    },
];
