//! `Handle`: a runtime as other threads see it.

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_channel::oneshot;
use futures_lite::FutureExt;
use futures_task::{FutureObj, LocalFutureObj, LocalSpawn, Spawn, SpawnError};

use crate::context;
use crate::remote::{Inbox, Message};
use crate::runtime::{Core, Runtime};
use crate::sync::Arc;
use crate::task::{self, JoinError};

/// Reaches a runtime from any thread: to start tasks on it, and to stop it. It does not keep the runtime
/// alive; when that is gone, tasks started through the handle say cancelled.
///
/// It is also a [`futures_task::Spawn`], and on its loop's own thread a [`futures_task::LocalSpawn`].
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let runtime = oneloop::Runtime::new()?;
/// let handle = runtime.handle();
/// let helper = std::thread::spawn(move || {
///     // Another thread, with its own loop or none, starts work here and awaits it there.
///     oneloop::block_on(handle.spawn(async { 6 * 7 }))
/// });
/// runtime.block_on(oneloop::time::sleep(std::time::Duration::from_millis(20)));
/// # drop(runtime);
/// # let _ = helper.join().unwrap();
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Handle {
    inbox: Arc<Inbox>,
    number: u16,
}

impl Handle {
    pub(crate) fn new(core: &Rc<Core>) -> Handle {
        Handle { inbox: core.inbox.clone(), number: core.number() }
    }

    /// The handle of the runtime that this code runs in.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    #[track_caller]
    pub fn current() -> Handle {
        context::with("oneloop::Handle::current", Handle::new)
    }

    /// Starts a task on the runtime, from any thread. The result can be awaited on any thread, by any
    /// executor.
    ///
    /// Dropping what is returned detaches the task. The task is cancelled when its runtime is dropped.
    ///
    /// # Examples
    ///
    /// See [`Handle`].
    pub fn spawn<F>(&self, future: F) -> RemoteJoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawn_with(|| future)
    }

    /// Like [`spawn`](Handle::spawn), but the future is made on the loop's thread, by `make`, and need not be
    /// `Send`.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::rc::Rc;
    ///
    /// let runtime = oneloop::Runtime::new()?;
    /// let handle = runtime.handle();
    /// let remote = handle.spawn_with(|| {
    ///     let local = Rc::new(42); // lives on the loop only
    ///     async move {
    ///         oneloop::yield_now().await;
    ///         *local
    ///     }
    /// });
    /// assert_eq!(runtime.block_on(remote).unwrap(), 42);
    /// # Ok(()) }
    /// ```
    pub fn spawn_with<M, F>(&self, make: M) -> RemoteJoinHandle<F::Output>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let start = move || {
            // `make` runs in the task's first poll, so that a panic in it is the task's.
            let task = AssertUnwindSafe(async move { make().await }).catch_unwind();
            // The handle is dropped, which detaches the task. If that is dropped before it has sent its result, the
            // receiver sees the sender gone.
            drop(task::spawn(async move {
                let _ = sender.send(task.await.map_err(JoinError::panic));
            }));
        };
        if let Err(unread) = self.inbox.post(Message::Spawn(Box::new(start))) {
            drop(unread); // with it the sender: the receiver says cancelled
        }
        RemoteJoinHandle { receiver }
    }

    /// Ends [`Runtime::run`], the current one or else the next. A [`block_on`](Runtime::block_on) is not
    /// affected. Nothing happens if the runtime is gone.
    ///
    /// # Examples
    ///
    /// See [`Runtime::run`].
    pub fn stop(&self) {
        let _ = self.inbox.post(Message::Stop);
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("runtime", &self.number).finish()
    }
}

/// What [`Handle::spawn`] returns: the task's result, for any thread and any executor. Dropping it detaches
/// the task.
///
/// # Errors
///
/// [`JoinError`], if the task panicked, or was dropped with its runtime.
///
/// # Cancel safety
///
/// Awaiting `&mut RemoteJoinHandle` is cancel safe: nothing is lost if it is dropped before it is ready.
#[derive(Debug)]
#[must_use = "dropping it detaches the task; use `drop` to say so"]
pub struct RemoteJoinHandle<T> {
    receiver: oneshot::Receiver<Result<T, JoinError>>,
}

impl<T> Future for RemoteJoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.receiver).poll(cx).map(|sent| sent.unwrap_or_else(|_| Err(JoinError::cancelled())))
    }
}

impl Spawn for Handle {
    /// # Errors
    ///
    /// If the runtime is gone.
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        let start = Box::new(move || drop(task::spawn(future)));
        self.inbox.post(Message::Spawn(start)).map_err(|_| SpawnError::shutdown())
    }

    fn status(&self) -> Result<(), SpawnError> {
        if self.inbox.mailbox.is_open() { Ok(()) } else { Err(SpawnError::shutdown()) }
    }
}

impl LocalSpawn for Handle {
    /// # Errors
    ///
    /// If the runtime is gone, or this is not called from inside it: a local future can't change threads.
    fn spawn_local_obj(&self, future: LocalFutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.status_local()?;
        drop(task::spawn(future));
        Ok(())
    }

    fn status_local(&self) -> Result<(), SpawnError> {
        let inside = context::try_with(|core| core.is_some_and(|core| core.number() == self.number));
        if inside { Ok(()) } else { Err(SpawnError::shutdown()) }
    }
}

impl Spawn for Runtime {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        drop(self.spawn(future));
        Ok(())
    }
}

impl LocalSpawn for Runtime {
    fn spawn_local_obj(&self, future: LocalFutureObj<'static, ()>) -> Result<(), SpawnError> {
        drop(self.spawn(future));
        Ok(())
    }
}
