//! The runtimes that take part in the operation cases.

use std::sync::LazyLock;
use std::time::Duration;

use super::oneloop;
use crate::operations::{self, Setting};

/// A runtime that takes part in the operation cases.
pub struct Candidate {
    pub name: &'static str,
    pub about: &'static str,
    /// Measures one case: its figures, in the order of its metrics.
    pub measure: fn(&operations::Case, &Setting) -> Result<Vec<f64>, String>,
}

/// All executors. The first is the one that the others are compared to.
pub static EXECUTORS: LazyLock<Vec<Candidate>> = LazyLock::new(|| {
    let mut executors = Vec::new();
    #[cfg(feature = "peers")]
    executors.extend(super::others::executors());
    let measure = operations::measure::<oneloop::Oneloop>;
    executors.push(Candidate { name: "oneloop", about: "this project", measure });
    executors
});

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
