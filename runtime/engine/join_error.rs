//! Why a task has no value to give: it panicked, or it was dropped before it finished. And what a
//! panic leaves behind.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::ticket::{Id, Ticket};

type Payload = Box<dyn Any + Send + 'static>;

/// The error of a task that panicked or was cancelled. What it prints has the task's id and name.
///
/// # Examples
///
/// ```
/// oneloop::block_on(async {
///     let task = oneloop::spawn(async { panic!("out of cheese") });
///     let id = task.id();
///     let error = task.await.unwrap_err();
///     assert!(error.is_panic());
///     assert_eq!(error.to_string(), format!("task {id} panicked: out of cheese"));
///
///     let task = oneloop::task::Builder::new().name("resizer").spawn(std::future::pending::<()>());
///     let id = task.id();
///     task.abort();
///     let error = task.await.unwrap_err();
///     assert!(error.is_cancelled());
///     assert_eq!(error.to_string(), format!("task \"resizer\" ({id}) was cancelled"));
/// });
/// ```
// One word: it is part of every task's allocation, and of each result. Which task it was is added when
// the handle gives the error, which costs that one an allocation.
pub struct JoinError(Option<Box<Ended>>);

/// What is known of a task that has no value. Without any of it, the task was cancelled.
#[derive(Default)]
struct Ended {
    /// `None`: cancelled.
    panic: Option<Panic>,
    id: Option<Id>,
    name: Option<Arc<str>>,
}

impl JoinError {
    pub(crate) fn cancelled() -> JoinError {
        JoinError(None)
    }

    pub(crate) fn panic(payload: Payload) -> JoinError {
        JoinError(Some(Box::new(Ended { panic: Some(Panic::new(payload)), ..Ended::default() })))
    }

    /// Adds which task it is.
    #[cold]
    pub(crate) fn set_task(&mut self, ticket: Ticket, name: Option<Arc<str>>) {
        let ended = self.0.get_or_insert_default();
        (ended.id, ended.name) = (Some(Id(ticket)), name);
    }

    fn panicked(&self) -> Option<&Panic> {
        self.0.as_ref()?.panic.as_ref()
    }

    /// The task's id; `None` of a task that another thread awaits and that was cancelled.
    ///
    /// # Examples
    ///
    /// See [`JoinError`].
    pub fn id(&self) -> Option<Id> {
        self.0.as_ref()?.id
    }

    /// The task's name, if it has one; see [`task::Builder`](crate::task::Builder).
    ///
    /// # Examples
    ///
    /// ```
    /// oneloop::block_on(async {
    ///     let task = oneloop::task::Builder::new().name("resizer").spawn(async { panic!() });
    ///     let error = task.await.map(|()| ()).unwrap_err();
    ///     assert_eq!(error.name(), Some("resizer"));
    /// });
    /// ```
    pub fn name(&self) -> Option<&str> {
        self.0.as_ref()?.name.as_deref()
    }

    /// Whether the task panicked, while it ran or while it was dropped.
    ///
    /// # Examples
    ///
    /// See [`JoinError`].
    pub fn is_panic(&self) -> bool {
        self.panicked().is_some()
    }

    /// Whether the task was dropped before it finished: aborted, or its runtime was dropped.
    ///
    /// # Examples
    ///
    /// See [`JoinError`].
    pub fn is_cancelled(&self) -> bool {
        self.panicked().is_none()
    }

    /// The value that the task panicked with, to be looked at or passed to
    /// [`std::panic::resume_unwind`].
    ///
    /// # Panics
    ///
    /// If the task was cancelled; see [`try_into_panic`](JoinError::try_into_panic).
    ///
    /// # Examples
    ///
    /// ```
    /// oneloop::block_on(async {
    ///     let error = oneloop::spawn(async { std::panic::panic_any(42) }).await.unwrap_err();
    ///     assert_eq!(*error.into_panic().downcast::<i32>().unwrap(), 42);
    /// });
    /// ```
    #[track_caller]
    pub fn into_panic(self) -> Box<dyn Any + Send + 'static> {
        match self.try_into_panic() {
            Ok(payload) => payload,
            Err(_) => {
                panic!("JoinError::into_panic was called on a task that was cancelled, not one that panicked")
            }
        }
    }

    /// The value that the task panicked with.
    ///
    /// # Errors
    ///
    /// The error itself, if the task was cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// oneloop::block_on(async {
    ///     let task = oneloop::spawn(std::future::pending::<()>());
    ///     task.abort();
    ///     match task.await.unwrap_err().try_into_panic() {
    ///         Ok(payload) => std::panic::resume_unwind(payload), // our bug, too
    ///         Err(error) => assert!(error.is_cancelled()),
    ///     }
    /// });
    /// ```
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send + 'static>, JoinError> {
        let mut error = self;
        match error.0.as_mut().and_then(|ended| ended.panic.take()) {
            Some(panic) => Ok(panic.into_inner()),
            None => Err(error),
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.id(), self.name()) {
            (Some(id), Some(name)) => write!(f, "task {name:?} ({id}) ")?,
            (Some(id), None) => write!(f, "task {id} ")?,
            _ => f.write_str("task ")?,
        }
        match self.panicked() {
            Some(panic) => write!(f, "{panic}"),
            None => f.write_str("was cancelled"),
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.panicked() {
            Some(panic) => write!(f, "JoinError::{panic:?}")?,
            None => f.write_str("JoinError::Cancelled")?,
        }
        match (self.id(), self.name()) {
            (Some(id), Some(name)) => write!(f, " of task {name:?} ({id})"),
            (Some(id), None) => write!(f, " of task {id}"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for JoinError {}

/// What a panic was raised with, after it was caught.
///
/// # Examples
///
/// ```
/// use oneloop::event_loop::{EventLoop, Failure, Policy};
///
/// let mut events = EventLoop::new().unwrap();
/// events.post(()).unwrap();
/// let outcome = events.run(|_, _| -> Result<(), ()> { panic!("out of cheese") }, |_| Policy::Stop);
/// let Err(Failure::Panic(panic)) = outcome else { panic!("{outcome:?}") };
/// assert_eq!(panic.to_string(), "panicked: out of cheese");
/// assert_eq!(*panic.into_inner().downcast::<&str>().unwrap(), "out of cheese");
/// ```
// The lock makes it `Sync` without `unsafe`. The outer box keeps it at eight bytes, because it is
// part of every task's allocation.
pub struct Panic(Box<Mutex<Payload>>);

impl Panic {
    pub(crate) fn new(payload: Payload) -> Panic {
        Panic(Box::new(Mutex::new(payload)))
    }

    /// The value that it was raised with, to be looked at or passed to
    /// [`std::panic::resume_unwind`].
    ///
    /// # Examples
    ///
    /// See [`Panic`].
    pub fn into_inner(self) -> Box<dyn Any + Send + 'static> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it says, if it says it in a string, as it does with `panic!`.
    fn with_message<R>(&self, f: impl FnOnce(Option<&str>) -> R) -> R {
        let payload = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = payload.downcast_ref::<&'static str>().copied();
        f(text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)))
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_message(|message| match message {
            Some(message) => write!(f, "panicked: {message}"),
            None => f.write_str("panicked"),
        })
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_message(|message| match message {
            Some(message) => write!(f, "Panic({message:?})"),
            None => f.write_str("Panic(..)"),
        })
    }
}
