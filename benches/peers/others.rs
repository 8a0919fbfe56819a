//! The lists of the servers and the executors that need other libraries or other programs.

use super::executor::Candidate;
use super::script;
use super::server::{Serve, Server};
use super::{compio, futures, glommio, mio, monoio, smol, tokio};
use crate::operations;

/// The reason for servers over io_uring. Valgrind 3.19 delivers no signal to a thread that waits in
/// `io_uring_enter`, so that such a server cannot end and write its counts.
const IN_IO_URING: &str = "valgrind cannot end a server that waits in io_uring_enter";
const IN_ANOTHER_PROGRAM: &str = "another program runs it";

/// Returns the servers.
pub fn servers() -> impl Iterator<Item = Server> {
    let script = |name, about, script| Server {
        name,
        about,
        serve: Serve::Script(script),
        not_counted: Some(IN_ANOTHER_PROGRAM),
    };
    [
        Server::here("mio", "a mio loop without futures", mio::serve),
        Server::here("tokio", "tokio, current-thread runtime, spawn", tokio::serve),
        Server::here("tokio-local", "tokio, LocalRuntime, spawn_local", tokio::serve_local),
        Server::here("tokio-shared", "tokio, LocalRuntime, one buffer for all tasks", tokio::serve_shared),
        Server::here("smol", "smol's LocalExecutor and async-net", smol::serve),
        Server::here("monoio", "monoio over epoll", monoio::serve_epoll),
        Server::here("monoio-uring", "monoio over io_uring", monoio::serve_uring).not_counted(IN_IO_URING),
        Server::here("compio", "compio over io_uring", compio::serve_uring).not_counted(IN_IO_URING),
        Server::here("compio-poll", "compio over epoll", compio::serve_polling),
        Server::here("glommio", "glommio (needs io_uring)", glommio::serve).not_counted(IN_IO_URING),
        script("asyncio", "Python's asyncio, a Protocol (needs python3)", script::ASYNCIO),
        script("uvloop", "Python's asyncio on uvloop (needs the module uvloop)", script::UVLOOP),
        script("node", "Node, pipe (needs node)", script::NODE),
    ]
    .into_iter()
}

/// Returns the executors. The first one is the baseline.
pub fn executors() -> impl Iterator<Item = Candidate> {
    let candidate = |name, about, measure| Candidate { name, about, measure };
    [
        candidate("tokio", "tokio, current-thread runtime, spawn", operations::measure::<tokio::Spawn>),
        candidate(
            "tokio-local",
            "tokio, LocalRuntime, spawn_local",
            operations::measure::<tokio::SpawnLocal>,
        ),
        candidate("smol", "async-executor's LocalExecutor, async-io", operations::measure::<smol::Smol>),
        candidate("monoio", "monoio over epoll", operations::measure::<monoio::Epoll>),
        candidate("compio", "compio over io_uring", operations::measure::<compio::Compio>),
        candidate("glommio", "glommio (needs io_uring)", operations::measure::<glommio::Glommio>),
        candidate("futures", "futures' LocalPool (no timers)", operations::measure::<futures::Pool>),
    ]
    .into_iter()
}
