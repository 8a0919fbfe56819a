//! Why a task has no value to give: it panicked, or it was dropped before it finished.

use std::any::Any;
use std::fmt;
use std::sync::{Mutex, PoisonError};

type Payload = Box<dyn Any + Send + 'static>;

/// The error of a task that panicked or was cancelled.
///
/// # Examples
///
/// ```
/// oneloop::block_on(async {
///     let error = oneloop::spawn(async { panic!("out of cheese") }).await.unwrap_err();
///     assert!(error.is_panic());
///     assert_eq!(error.to_string(), "task panicked: out of cheese");
///
///     let task = oneloop::spawn(std::future::pending::<()>());
///     task.abort();
///     assert!(task.await.unwrap_err().is_cancelled());
/// });
/// ```
pub struct JoinError {
    /// `None`: cancelled. The lock makes the error `Sync` without `unsafe`, the outer box keeps it at
    /// eight bytes, because it is part of every task's allocation.
    panic: Option<Box<Mutex<Payload>>>,
}

impl JoinError {
    pub(crate) fn cancelled() -> JoinError {
        JoinError { panic: None }
    }

    pub(crate) fn panic(payload: Payload) -> JoinError {
        JoinError { panic: Some(Box::new(Mutex::new(payload))) }
    }

    /// Whether the task panicked, while it ran or while it was dropped.
    ///
    /// # Examples
    ///
    /// See [`JoinError`].
    pub fn is_panic(&self) -> bool {
        self.panic.is_some()
    }

    /// Whether the task was dropped before it finished: aborted, or its runtime was dropped.
    ///
    /// # Examples
    ///
    /// See [`JoinError`].
    pub fn is_cancelled(&self) -> bool {
        self.panic.is_none()
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
        match self.panic {
            Some(payload) => Ok(payload.into_inner().unwrap_or_else(PoisonError::into_inner)),
            None => Err(self),
        }
    }

    /// The panic's message, if it was a string, as it is with `panic!`.
    fn with_message<R>(&self, f: impl FnOnce(Option<&str>) -> R) -> R {
        let Some(payload) = &self.panic else { return f(None) };
        f(panic_message(&**payload.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// What a panic says, if it says it in a string, as it does with `panic!`.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> Option<&str> {
    let text = payload.downcast_ref::<&'static str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_cancelled() {
            return f.write_str("task was cancelled");
        }
        self.with_message(|message| match message {
            Some(message) => write!(f, "task panicked: {message}"),
            None => f.write_str("task panicked"),
        })
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_cancelled() {
            return f.write_str("JoinError::Cancelled");
        }
        self.with_message(|message| match message {
            Some(message) => write!(f, "JoinError::Panic({message:?})"),
            None => f.write_str("JoinError::Panic(..)"),
        })
    }
}

impl std::error::Error for JoinError {}
