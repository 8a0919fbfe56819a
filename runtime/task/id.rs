//! Which task this is: ids and names.

use std::sync::Arc;

use super::join::JoinHandle;
use super::spawn::spawn_on;
use crate::engine::context;
use crate::engine::ticket::Id;

/// The id of the task that is polled or dropped now.
///
/// # Panics
///
/// Outside a task, and in the future of `block_on`, which is none.
///
/// # Examples
///
/// See [`Id`].
#[track_caller]
pub fn id() -> Id {
    try_id().expect("oneloop::task::id was called outside a task (the future of block_on is none)")
}

/// The id of the task that is polled or dropped now; `None` outside a task.
///
/// # Examples
///
/// ```
/// oneloop::block_on(async {
///     assert_eq!(oneloop::task::try_id(), None); // `block_on`'s own future is no task
/// });
/// ```
pub fn try_id() -> Option<Id> {
    context::try_with(|core| core?.tasks.current.get()).map(Id)
}

/// The name of the task that is polled or dropped now, if it has one.
///
/// # Examples
///
/// See [`Builder`].
pub fn name() -> Option<Arc<str>> {
    context::try_with(|core| {
        let core = core?;
        core.tasks.name(core.tasks.current.get()?)
    })
}

/// Options for a task: a name, for what is printed of it. It stands in a table of the runtime until
/// the task's result was taken or dropped; a task without a name costs nothing.
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
    /// No options.
    ///
    /// # Examples
    ///
    /// See [`Builder`].
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Gives the task a name. Several tasks may have the same.
    ///
    /// # Examples
    ///
    /// See [`Builder`].
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Builder {
        self.name = Some(name.into());
        self
    }

    /// Starts a task on the current loop, as [`spawn`](super::spawn()) does.
    ///
    /// # Panics
    ///
    /// As [`spawn`](super::spawn()).
    ///
    /// # Examples
    ///
    /// See [`Builder`].
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
    {
        let Some(core) = context::current() else {
            context::outside("oneloop::task::Builder::spawn was called")
        };
        let task = spawn_on(core.clone(), future);
        if let Some(name) = self.name {
            core.tasks.set_name(task.id().0, name);
        }
        task
    }
}
