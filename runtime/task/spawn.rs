//! `spawn`, which makes a task of a future.

use std::future::Future;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

use super::join::JoinHandle;
use crate::engine::cell;
use crate::engine::context;
use crate::engine::core::Core;
use crate::engine::happening::{Happening, Unit};
use crate::engine::places::Place;
use crate::engine::slots::KEY_MAX;

/// Starts a task on the current loop. The future need not be `Send`. The task runs whether or not
/// the handle is awaited, and dropping the handle detaches the task. The task is queued, and
/// `spawn` never polls it.
///
/// The future can't borrow from the code that spawns it. The page [`future`](crate::future)
/// describes futures that can.
///
/// A spawn costs one allocation. Its size is that of the future or of its result, whichever is larger,
/// plus 8 bytes.
///
/// # Panics
///
/// The function panics outside a runtime. It also panics if the runtime has 16,777,215 tasks,
/// because a task's key has 24 bits. A finished task counts until its result is taken or its join
/// handle is dropped.
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
#[track_caller]
pub(crate) fn spawn_on<F>(core: Rc<Core>, future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
{
    spawn_at(core, future, Location::caller(), None)
}

/// `spawn` for a future that another thread has sent from `place`.
pub(crate) fn spawn_from<F>(future: F, place: Place) -> JoinHandle<F::Output>
where
    F: Future + 'static,
{
    match context::current() {
        Some(core) => spawn_at(core, future, place, None),
        None => context::outside("oneloop::spawn was called"),
    }
}

/// `spawn_on` with a known place and a name.
#[inline]
pub(crate) fn spawn_at<F>(
    core: Rc<Core>,
    future: F,
    place: Place,
    name: Option<Arc<str>>,
) -> JoinHandle<F::Output>
where
    F: Future + 'static,
{
    let place = core.places.number(place);
    let unit = core.tasks.insert(cell::boxed(future, place));
    let (kind, text) = (Unit::Task, name.as_deref());
    core.tasks.hook.tell(|by| Happening::Spawned { unit, kind, place, name: text, by });
    if let Some(name) = name {
        core.tasks.set_name(unit, name);
    }
    JoinHandle::new(core, unit)
}

/// Panics in the same case as `spawn_on`.
#[track_caller]
pub(super) fn require_free_key(core: &Core) {
    if !core.tasks.has_room() {
        no_free_key();
    }
}

#[cold]
#[track_caller]
fn no_free_key() -> ! {
    panic!("oneloop: {KEY_MAX} tasks are alive in this runtime, which is the most it can name")
}
