//! `Handle`: a runtime as other threads see it.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::thread;

use futures_channel::oneshot;
use futures_lite::future;
use futures_task::{FutureObj, LocalFutureObj, LocalSpawn, Spawn, SpawnError};
use pin_project_lite::pin_project;

use crate::engine::context;
use crate::engine::core::Core;
use crate::engine::inbox::{Inbox, Message};
use crate::engine::join_error::JoinError;
use crate::engine::panic::drop_quietly;
use crate::engine::sync::Arc;
use crate::engine::ticket::Ticket;
use crate::task;

/// Reaches a runtime from any thread: to start tasks on it, and to stop it. It does not keep the
/// runtime alive; after that, tasks started through the handle say cancelled.
///
/// It is also a [`futures_task::Spawn`], and on its loop's own thread a
/// [`futures_task::LocalSpawn`].
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
    ///
    /// # Examples
    ///
    /// ```
    /// oneloop::block_on(async {
    ///     let handle = oneloop::Handle::current(); // may go to any thread
    ///     let remote = handle.spawn(async { 6 * 7 });
    ///     assert_eq!(remote.await.unwrap(), 42);
    /// });
    /// ```
    #[track_caller]
    pub fn current() -> Handle {
        context::with("oneloop::Handle::current was called", Handle::new)
    }

    /// The handle of the runtime that this code runs in, if there is one.
    ///
    /// # Errors
    ///
    /// [`TryCurrentError`] outside a runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// use oneloop::Handle;
    ///
    /// assert!(Handle::try_current().is_err());
    /// oneloop::block_on(async { assert!(Handle::try_current().is_ok()) });
    /// ```
    pub fn try_current() -> Result<Handle, TryCurrentError> {
        context::current().as_ref().map(Handle::new).ok_or(TryCurrentError(()))
    }

    /// Runs `future` as a task of the runtime and blocks this thread until it has finished: for
    /// threads that have no loop. It waits for ever if no thread drives the runtime.
    ///
    /// # Errors
    ///
    /// [`JoinError`], if the task panicked, or if the runtime was dropped before it had finished.
    ///
    /// # Panics
    ///
    /// On the runtime's own thread, where it would wait for itself; and inside a loop of another
    /// runtime, which it would stop: await [`spawn`](Handle::spawn) there.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let runtime = oneloop::Runtime::new()?;
    /// let handle = runtime.handle();
    /// let worker = std::thread::spawn(move || {
    ///     let sum = handle.block_on(async { 1 + 2 }).unwrap();
    ///     handle.stop();
    ///     sum
    /// });
    /// runtime.run();
    /// assert_eq!(worker.join().unwrap(), 3);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn block_on<F>(&self, future: F) -> Result<F::Output, JoinError>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        assert!(
            thread::current().id() != self.inbox.thread,
            "Handle::block_on was called on the thread of its oneloop runtime, where it would wait for itself: \
             use Runtime::block_on, or spawn the future and `.await` its handle"
        );
        assert!(
            !context::runs_here(),
            "Handle::block_on was called inside a oneloop runtime, whose loop it would stop: `.await` what \
             Handle::spawn returns instead"
        );
        future::block_on(self.spawn(future))
    }

    /// Starts a task on the runtime, from any thread. The result can be awaited on any thread, by
    /// any executor.
    ///
    /// Dropping what is returned detaches the task. The task is cancelled when its runtime is
    /// dropped, or if that has no room for it (see [`Runtime::spawn`](crate::Runtime::spawn)). The
    /// result travels through a channel, which is two allocations more than
    /// [`oneloop::spawn`](crate::spawn) needs, and waking a loop that sleeps is a system call.
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

    /// Like [`spawn`](Handle::spawn), but the future is made on the loop's thread, by `make`, and
    /// need not be `Send`. If `make` panics, that is the task's panic.
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
        let begin = move || match catch_unwind(AssertUnwindSafe(make)) {
            // The join handle is dropped, which detaches the task. If that is dropped before it has
            // sent its result, the receiver sees that the sender was dropped.
            Ok(future) => drop(task::spawn(Relay { future: Some(future), sender: Some(sender) })),
            Err(payload) => drop(sender.send(Err(JoinError::panic(payload)))),
        };
        let start = move || context::enter_loop(begin);
        if let Err(unread) = self.post(Message::Call(Box::new(start))) {
            drop(unread); // with it the sender: the receiver says cancelled
        }
        RemoteJoinHandle { receiver, result: None }
    }

    /// Ends [`Runtime::run`](crate::Runtime::run), the current one or else the next. A
    /// [`block_on`](crate::Runtime::block_on) is not affected. Nothing happens if the runtime was
    /// dropped.
    ///
    /// # Examples
    ///
    /// See [`Runtime::run`](crate::Runtime::run).
    pub fn stop(&self) {
        let _ = self.post(Message::Stop);
    }
}

impl Handle {
    /// Whether the runtime belongs to the process that this one was forked from.
    pub(crate) fn is_inherited(&self) -> bool {
        self.inbox.is_inherited()
    }

    /// Posts a message. It comes back if the runtime was dropped, or is not of this process.
    fn post(&self, message: Message) -> Result<(), Message> {
        if self.is_inherited() { Err(message) } else { self.inbox.post(message) }
    }

    /// Wakes what has this name.
    pub(crate) fn wake(&self, ticket: Ticket) {
        let _ = self.post(Message::Wake(ticket));
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("runtime", &self.number).finish()
    }
}

/// The error of [`Handle::try_current`]: no runtime is entered on this thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TryCurrentError(());

impl fmt::Display for TryCurrentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this thread is outside a oneloop runtime")
    }
}

impl std::error::Error for TryCurrentError {}

/// What [`Handle::spawn`] returns: the task's result, for any thread and any executor. Dropping it
/// detaches the task. It needs no runtime around it; inside one it is charged to that one's budget.
///
/// # Errors
///
/// [`JoinError`], if the task panicked, or was dropped with its runtime, or found no room there.
///
/// # Cancel safety
///
/// Awaiting `&mut RemoteJoinHandle` is cancel safe: nothing is lost if it is dropped before it is
/// ready.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let runtime = oneloop::Runtime::new()?;
/// let quick = runtime.handle().spawn(async { 6 * 7 });
/// let never = runtime.handle().spawn(std::future::pending::<()>());
/// assert_eq!(runtime.block_on(quick).unwrap(), 42);
/// drop(runtime);
/// assert!(oneloop::block_on(never).unwrap_err().is_cancelled());
/// # Ok(()) }
/// ```
#[must_use = "dropping it detaches the task; use `drop` to say so"]
pub struct RemoteJoinHandle<T> {
    receiver: oneshot::Receiver<Result<T, JoinError>>,
    /// A result that came when the budget was used up.
    result: Option<Result<T, JoinError>>,
}

impl<T> Unpin for RemoteJoinHandle<T> {}

impl<T> Drop for RemoteJoinHandle<T> {
    fn drop(&mut self) {
        // Quietly, as when the loop drops an output. After the close the loop keeps the result.
        self.receiver.close();
        drop_quietly((self.receiver.try_recv(), self.result.take()));
    }
}

impl<T> RemoteJoinHandle<T> {
    /// The result, if the task has finished or its runtime was dropped; `None` otherwise. It waits
    /// for nothing, and no budget denies it.
    ///
    /// # Panics
    ///
    /// If the handle has given the result already.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = oneloop::Runtime::new().unwrap();
    /// let mut task = runtime.handle().spawn(async { 42 });
    /// assert!(task.try_join().is_none());
    /// runtime.block_on(oneloop::yield_now());
    /// assert_eq!(task.try_join().unwrap().unwrap(), 42);
    /// ```
    pub fn try_join(&mut self) -> Option<Result<T, JoinError>> {
        if let Some(result) = self.result.take() {
            return Some(result);
        }
        match self.receiver.try_recv() {
            Ok(result) => result,
            Err(oneshot::Canceled) => Some(Err(JoinError::cancelled())),
        }
    }
}

impl<T> Future for RemoteJoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.result.is_none() {
            let received = ready!(Pin::new(&mut self.receiver).poll(cx));
            self.result = Some(received.unwrap_or_else(|_| Err(JoinError::cancelled())));
        }
        ready!(context::charge(cx));
        Poll::Ready(self.result.take().expect("set just now"))
    }
}

impl<T> fmt::Debug for RemoteJoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteJoinHandle").finish_non_exhaustive()
    }
}

pin_project! {
    /// A task's future that sends its result to another thread. A panic, in its poll or its drop,
    /// is its result, as it is for a task on its own loop.
    struct Relay<F: Future> {
        #[pin]
        future: Option<F>,
        sender: Option<oneshot::Sender<Result<F::Output, JoinError>>>,
    }

    impl<F: Future> PinnedDrop for Relay<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| this.future.set(None)))
                && let Some(sender) = this.sender.take()
            {
                drop_quietly(sender.send(Err(with_id(JoinError::panic(payload)))));
            }
        }
    }
}

/// Adds which task this is.
fn with_id(mut error: JoinError) -> JoinError {
    if let Some(id) = task::try_id() {
        error.set_task(id.0, task::name());
    }
    error
}

impl<F: Future> Future for Relay<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else { return Poll::Ready(()) };
        let polled = catch_unwind(AssertUnwindSafe(|| future.poll(cx)));
        let mut result = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(payload) => Err(with_id(JoinError::panic(payload))),
        };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| this.future.set(None))) {
            // The first panic stands. The output may panic as well when it is dropped.
            match result {
                Ok(_) => {
                    drop_quietly(std::mem::replace(&mut result, Err(with_id(JoinError::panic(payload)))))
                }
                Err(_) => drop_quietly(payload),
            }
        }
        if let Some(sender) = this.sender.take() {
            drop_quietly(sender.send(result)); // comes back if the receiver was dropped
        }
        Poll::Ready(())
    }
}

impl Spawn for Handle {
    /// # Errors
    ///
    /// If the runtime was dropped. (A future that finds no room there is dropped.)
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        let start = Box::new(move || context::enter_loop(|| drop(task::spawn(future))));
        self.post(Message::Call(start)).map_err(|_| SpawnError::shutdown())
    }

    fn status(&self) -> Result<(), SpawnError> {
        if self.inbox.queue.is_open() { Ok(()) } else { Err(SpawnError::shutdown()) }
    }
}

impl LocalSpawn for Handle {
    /// # Errors
    ///
    /// If the runtime was dropped, or this is not called from inside it: a local future can't change
    /// threads.
    ///
    /// # Panics
    ///
    /// As [`Runtime::spawn`](crate::Runtime::spawn).
    fn spawn_local_obj(&self, future: LocalFutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.status_local()?;
        drop(task::spawn(future));
        Ok(())
    }

    fn status_local(&self) -> Result<(), SpawnError> {
        let inside = context::try_with(|core| core.is_some_and(|core| Arc::ptr_eq(&core.inbox, &self.inbox)));
        if inside { Ok(()) } else { Err(SpawnError::shutdown()) }
    }
}
