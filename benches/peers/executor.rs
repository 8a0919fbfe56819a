//! The runtimes that take part in the operation cases.

use std::time::Duration;

use super::{compio, futures, glommio, monoio, oneloop, smol, tokio};
use crate::operations::{self, Setting};

/// A runtime that takes part in the operation cases.
pub struct Candidate {
    pub name: &'static str,
    pub about: &'static str,
    /// Measures one case: its figures, in the order of its metrics.
    pub measure: fn(&operations::Case, &Setting) -> Result<Vec<f64>, String>,
}

/// The first is the one that the others are compared to.
pub const EXECUTORS: &[Candidate] = &[
    Candidate {
        name: "tokio",
        about: "tokio, current-thread runtime, spawn",
        measure: operations::measure::<tokio::Spawn>,
    },
    Candidate {
        name: "tokio-local",
        about: "tokio, LocalRuntime, spawn_local",
        measure: operations::measure::<tokio::SpawnLocal>,
    },
    Candidate {
        name: "smol",
        about: "async-executor's LocalExecutor, async-io",
        measure: operations::measure::<smol::Smol>,
    },
    Candidate { name: "monoio", about: "monoio over epoll", measure: operations::measure::<monoio::Epoll> },
    Candidate {
        name: "compio",
        about: "compio over io_uring",
        measure: operations::measure::<compio::Compio>,
    },
    Candidate {
        name: "glommio",
        about: "glommio (needs io_uring)",
        measure: operations::measure::<glommio::Glommio>,
    },
    Candidate {
        name: "futures",
        about: "futures' LocalPool (no timers)",
        measure: operations::measure::<futures::Pool>,
    },
    Candidate { name: "oneloop", about: "this project", measure: operations::measure::<oneloop::Oneloop> },
];

/// What the operation cases ask of a runtime.
///
/// Measured code runs in a task, never in `block_on`'s own future, which many runtimes treat in a way of its own.
pub trait Executor: 'static {
    /// The runtime has timers of its own.
    const TIMERS: bool = true;
    /// `yield_now` lets other tasks run.
    const YIELDS: bool = true;
    /// A waker may be used on another thread.
    const REMOTE_WAKES: bool = true;

    /// Awaiting it gives the output of the task.
    type Join<T: 'static>: Future<Output = T> + 'static;

    /// Runs a future on a new runtime.
    fn block_on<T: 'static>(future: impl Future<Output = T> + 'static) -> T;

    fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> Self::Join<T>;

    /// Lets the task run on without its handle.
    fn detach<T: 'static>(join: Self::Join<T>);

    /// Lets the other ready tasks run first.
    fn yield_now() -> impl Future<Output = ()>;

    fn sleep(duration: Duration) -> impl Future<Output = ()>;
}
