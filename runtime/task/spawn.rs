//! `spawn`: a future becomes a task.

use std::future::Future;
use std::rc::Rc;

use super::join::JoinHandle;
use crate::engine::cell;
use crate::engine::context;
use crate::engine::core::Core;
use crate::engine::slots::KEY_MAX;

/// Starts a task on the current loop. It need not be `Send` and runs whether or not the handle is
/// awaited; dropping the handle detaches it. It is queued, and never polled inside `spawn`.
///
/// It can't borrow from the code that starts it; for that see [`future`](crate::future).
///
/// One allocation, of the future's size or the result's plus 8 bytes.
///
/// # Panics
///
/// Outside a runtime. If 16,777,215 tasks are alive in this one: a task's name has 24 bits. One
/// that has finished counts until its result is taken or its join handle dropped.
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
///
/// oneloop::block_on(async {
///     let shared = Rc::new(21);
///     let theirs = shared.clone();
///     let task = oneloop::spawn(async move { *theirs * 2 });
///     assert_eq!(task.await.unwrap(), 42);
/// });
/// ```
#[inline]
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
{
    match context::current() {
        Some(core) => spawn_on(core, future),
        None => context::outside("oneloop::spawn was called"),
    }
}

#[inline]
pub(crate) fn spawn_on<F>(core: Rc<Core>, future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
{
    let ticket = core.tasks.insert(cell::boxed(future));
    JoinHandle::new(core, ticket)
}

/// Panics as `spawn_on` would.
#[track_caller]
pub(super) fn require_room(core: &Core) {
    if !core.tasks.has_room() {
        no_room();
    }
}

#[cold]
#[track_caller]
fn no_room() -> ! {
    panic!("oneloop: {KEY_MAX} tasks are alive in this runtime, which is the most it can name")
}
