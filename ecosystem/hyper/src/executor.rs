//! This file implements hyper's `Executor`.

use std::future::Future;

/// hyper's [`Executor`](hyper::rt::Executor) on [`oneloop::spawn`].
///
/// HTTP/2 needs an executor because each of its requests is a task. A future need not be `Send`.
///
/// # Panics
///
/// `execute` panics outside a runtime, as [`oneloop::spawn`] does.
#[derive(Clone, Copy, Debug, Default)]
pub struct Executor;

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future + 'static,
{
    fn execute(&self, future: F) {
        drop(oneloop::spawn(future)); // A dropped handle detaches the task.
    }
}
