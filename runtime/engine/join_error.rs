//! The error of a task without a value, which panicked or was dropped before it finished, and the
//! payload of a panic.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::ticket::{Id, Ticket};

type Payload = Box<dyn Any + Send + 'static>;

/// The error of a task that panicked or was cancelled. Its text contains the task's id and name.
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
// The error has the size of one word, because it is part of every task's allocation and of each result.
// The loop adds the id and the name when the task has failed, which costs only such a task an
// allocation.
pub struct JoinError(Option<Box<Ended>>);

/// The facts of a task that has no value. An error without these facts means that the task was
/// cancelled.
#[derive(Default)]
struct Ended {
    /// The panic of the task, or `None` for a task that was cancelled.
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

    /// Adds the id and the name of the task.
    #[cold]
    pub(crate) fn set_task(&mut self, ticket: Ticket, name: Option<Arc<str>>) {
        let ended = self.0.get_or_insert_default();
        (ended.id, ended.name) = (Some(Id(ticket)), name);
    }

    fn panicked(&self) -> Option<&Panic> {
        self.0.as_ref()?.panic.as_ref()
    }

    /// Returns the task's id. The id is `None` if another thread awaits the task and the task was
    /// cancelled.
    ///
    /// [`JoinError`] has an example.
    pub fn id(&self) -> Option<Id> {
        self.0.as_ref()?.id
    }

    /// Returns the name that [`task::Builder`](crate::task::Builder) gave the task, if the task has a
    /// name.
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

    /// Returns whether the task panicked, in a poll or during its drop.
    ///
    /// [`JoinError`] has an example.
    pub fn is_panic(&self) -> bool {
        self.panicked().is_some()
    }

    /// Returns whether the task was dropped before it finished, because the task was aborted or its
    /// runtime was dropped.
    ///
    /// [`JoinError`] has an example.
    pub fn is_cancelled(&self) -> bool {
        self.panicked().is_none()
    }

    /// Returns the payload of the task's panic. The caller can inspect the payload or pass it to
    /// [`std::panic::resume_unwind`].
    ///
    /// # Panics
    ///
    /// The call panics if the task was cancelled. [`try_into_panic`](JoinError::try_into_panic) returns
    /// an error instead.
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

    /// Returns the payload of the task's panic.
    ///
    /// # Errors
    ///
    /// The call returns the error itself if the task was cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// oneloop::block_on(async {
    ///     let task = oneloop::spawn(std::future::pending::<()>());
    ///     task.abort();
    ///     match task.await.unwrap_err().try_into_panic() {
    ///         Ok(payload) => std::panic::resume_unwind(payload), // the panic goes on here
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

/// The payload of a panic that was caught.
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
// The lock makes the type `Sync` without `unsafe`. The outer box keeps the type at eight bytes, because
// it is part of every task's allocation.
pub struct Panic(Box<Mutex<Payload>>);

impl Panic {
    pub(crate) fn new(payload: Payload) -> Panic {
        Panic(Box::new(Mutex::new(payload)))
    }

    /// Returns the payload of the panic. The caller can inspect the payload or pass it to
    /// [`std::panic::resume_unwind`].
    ///
    /// [`Panic`] has an example.
    pub fn into_inner(self) -> Box<dyn Any + Send + 'static> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `f` with the message of the panic, if the payload is a string, as with `panic!`.
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
