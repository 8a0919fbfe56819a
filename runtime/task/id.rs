//! Ids and names of tasks.

use std::panic::Location;
use std::sync::Arc;

use super::join::JoinHandle;
use super::spawn::spawn_at;
use crate::engine::context;
use crate::engine::ticket::Id;

/// Returns the id of the task that is being polled or dropped. [`Id`] has an example.
///
/// # Panics
///
/// The function panics outside a task. The future of `block_on` is not a task.
#[track_caller]
pub fn id() -> Id {
    try_id().expect("oneloop::task::id was called outside a task (the future of block_on is none)")
}

/// Returns the id of the task that is being polled or dropped, or `None` outside a task.
///
/// # Examples
///
/// ```
/// oneloop::block_on(async {
///     assert_eq!(oneloop::task::try_id(), None); // the future of `block_on` is not a task
/// });
/// ```
pub fn try_id() -> Option<Id> {
    context::try_with(|core| core?.tasks.current.get()).map(Id)
}

/// Returns the name of the task that is being polled or dropped, if the task has one. [`Builder`]
/// has an example.
pub fn name() -> Option<Arc<str>> {
    context::try_with(|core| {
        let core = core?;
        core.tasks.name(core.tasks.current.get()?)
    })
}

/// Options for a task. The only option is a name, which dumps and errors print. The name
/// is in a table of the runtime until the task's result is taken or dropped. A task without a name
/// has no cost.
///
/// # Examples
///
/// ```
/// use oneloop::task;
///
/// oneloop::block_on(async {
///     let task = task::Builder::new().name("resizer").spawn(async { task::name() });
///     assert!(format!("{task:?}").contains("resizer"));
///     assert_eq!(task.await.unwrap().as_deref(), Some("resizer"));
/// });
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `spawn` is called"]
pub struct Builder {
    name: Option<Arc<str>>,
}

impl Builder {
    /// Returns a builder without options. [`Builder`] has an example.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Gives the task a name. Several tasks may have the same name. [`Builder`] has an example.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Builder {
        self.name = Some(name.into());
        self
    }

    /// Starts a task on the current loop, as [`spawn`](super::spawn()) does. [`Builder`] has an
    /// example.
    ///
    /// # Panics
    ///
    /// The method panics in the same cases as [`spawn`](super::spawn()).
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
    {
        let Some(core) = context::current() else {
            context::outside("oneloop::task::Builder::spawn was called")
        };
        spawn_at(core, future, Location::caller(), self.name)
    }
}
