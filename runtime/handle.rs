//! `Handle`, which gives other threads access to a runtime.

mod remote_join;

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;
use std::thread;

use futures_channel::oneshot;
use futures_lite::future;
use futures_task::{FutureObj, LocalFutureObj, LocalSpawn, Spawn, SpawnError};

use crate::dump::DumpRequest;
use crate::engine::context;
use crate::engine::core::Core;
use crate::engine::inbox::{Inbox, Message};
use crate::engine::join_error::JoinError;
use crate::engine::sync::Arc;
use crate::engine::ticket::Ticket;
use crate::metrics::Metrics;
use crate::task;
use remote_join::Relay;
pub use remote_join::RemoteJoinHandle;

/// A handle of a runtime, which starts tasks on the runtime and stops it from any thread. The
/// handle does not keep the runtime alive. After the runtime's drop, tasks that are started through
/// the handle return the error "cancelled".
///
/// The handle implements [`futures_task::Spawn`], and on its loop's own thread also
/// [`futures_task::LocalSpawn`].
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let runtime = oneloop::Runtime::new()?;
/// let handle = runtime.handle();
/// let helper = std::thread::spawn(move || {
///     // Another thread starts a task on this loop and awaits the result. The thread may have a
///     // loop of its own.
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

    /// Returns the handle of the current runtime.
    ///
    /// # Panics
    ///
    /// The call panics outside a runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// oneloop::block_on(async {
    ///     let handle = oneloop::Handle::current(); // may move to any thread
    ///     let remote = handle.spawn(async { 6 * 7 });
    ///     assert_eq!(remote.await.unwrap(), 42);
    /// });
    /// ```
    #[track_caller]
    pub fn current() -> Handle {
        context::with("oneloop::Handle::current was called", Handle::new)
    }

    /// Returns the handle of the current runtime, if there is one.
    ///
    /// # Errors
    ///
    /// The call returns [`TryCurrentError`] outside a runtime.
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

    /// Runs `future` as a task of the runtime and blocks this thread until the task has finished.
    /// The method is for threads without a loop. The call waits for ever if no thread drives the
    /// runtime.
    ///
    /// # Errors
    ///
    /// The call returns [`JoinError`] if the task panics, or if the runtime is dropped before the
    /// task has finished.
    ///
    /// # Panics
    ///
    /// The call panics on the runtime's own thread, where it would wait for itself. The call also
    /// panics inside a loop of another runtime, because it would stop that loop. Await
    /// [`spawn`](Handle::spawn) there instead.
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

    /// Starts a task on the runtime, from any thread. Any thread and any executor may await the
    /// result.
    ///
    /// Dropping the returned handle detaches the task. The task is cancelled when its runtime is
    /// dropped, and when the runtime has the maximum number of tasks (see
    /// [`Runtime::spawn`](crate::Runtime::spawn)). The result is sent through a channel, which
    /// needs two more allocations than [`oneloop::spawn`](crate::spawn). Waking a parked loop costs
    /// a system call.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> RemoteJoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawn_with(|| future)
    }

    /// Like [`spawn`](Handle::spawn), but `make` creates the future on the loop's thread, so the
    /// future need not be `Send`. A panic of `make` is the task's panic.
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
    ///     let local = Rc::new(42); // stays on the loop's thread
    ///     async move {
    ///         oneloop::yield_now().await;
    ///         *local
    ///     }
    /// });
    /// assert_eq!(runtime.block_on(remote).unwrap(), 42);
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn spawn_with<M, F>(&self, make: M) -> RemoteJoinHandle<F::Output>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let place = Location::caller();
        let begin = move || match catch_unwind(AssertUnwindSafe(make)) {
            // The join handle is dropped, which detaches the task. If the task is dropped before it
            // has sent its result, the sender is dropped, and the receiver returns the error
            // "cancelled".
            Ok(future) => {
                let relay = Relay { future: Some(future), sender: Some(sender) };
                drop(task::spawn_from(relay, place));
            }
            Err(payload) => drop(sender.send(Err(JoinError::panic(payload)))),
        };
        let start = move || context::enter_loop(begin);
        if let Err(unread) = self.post(Message::Call(Box::new(start))) {
            drop(unread); // drops the sender, so the receiver returns "cancelled"
        }
        RemoteJoinHandle { receiver, result: None }
    }

    /// Returns the loop's counters, from any thread. The call does not contact the loop, so the
    /// loop may be busy, parked or stuck. The counters do not change after the drop of the runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let runtime = oneloop::Runtime::new()?;
    /// let handle = runtime.handle();
    /// let polls = std::thread::scope(|scope| {
    ///     scope.spawn(move || handle.metrics().polls).join().unwrap()
    /// });
    /// assert_eq!(polls, 0);
    /// # Ok(()) }
    /// ```
    pub fn metrics(&self) -> Metrics {
        Metrics::read(&self.inbox.counters)
    }

    /// Requests a dump, which shows the waits of each task of the loop. Any executor on any thread
    /// may await the future, including the loop's own tasks. [`DumpRequest::wait`] is the blocking
    /// form.
    ///
    /// The loop answers when it next drains its inbox: at once if it is parked, and otherwise
    /// before it polls the next task. A dump of 10,000 tasks takes some milliseconds of the loop's
    /// time, most of them for the addresses of sockets.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::time::Duration;
    ///
    /// let runtime = oneloop::Runtime::new()?;
    /// let handle = runtime.handle();
    /// let monitor = std::thread::spawn(move || {
    ///     match handle.dump().wait(Duration::from_secs(10)) {
    ///         Ok(dump) => println!("{dump}"),   // one line for each task
    ///         Err(error) => println!("{error}"), // names the task that holds the loop
    ///     }
    ///     handle.stop();
    /// });
    /// runtime.run();
    /// monitor.join().unwrap();
    /// # Ok(()) }
    /// ```
    pub fn dump(&self) -> DumpRequest {
        DumpRequest::post(&self.inbox)
    }

    /// Ends the current or the next call of [`Runtime::run`](crate::Runtime::run). The call does
    /// not affect [`block_on`](crate::Runtime::block_on), and does nothing if the runtime was
    /// dropped.
    pub fn stop(&self) {
        let _ = self.post(Message::Stop);
    }
}

impl Handle {
    /// Returns whether the runtime belongs to the process from which this process was forked.
    pub(crate) fn is_inherited(&self) -> bool {
        self.inbox.is_inherited()
    }

    /// Returns whether this is a handle of `core`.
    #[cfg(feature = "trace")]
    pub(crate) fn is_of(&self, core: &Core) -> bool {
        Arc::ptr_eq(&core.inbox, &self.inbox)
    }

    /// Posts `f` to the loop, which calls `f` on its thread inside the runtime.
    #[cfg(feature = "trace")]
    pub(crate) fn call(&self, f: impl FnOnce() + Send + 'static) {
        let unread = self.post(Message::Call(Box::new(move || context::enter_loop(f))));
        drop(unread); // the runtime was dropped
    }

    /// Posts a message. Returns the message if the runtime was dropped, or if it belongs to another
    /// process.
    fn post(&self, message: Message) -> Result<(), Message> {
        if self.is_inherited() { Err(message) } else { self.inbox.post(message) }
    }

    /// Wakes the unit of this ticket.
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

impl Spawn for Handle {
    /// # Errors
    ///
    /// The call returns an error if the runtime was dropped. (If the runtime has the maximum number
    /// of tasks, the future is dropped.)
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
    /// The call returns an error if the runtime was dropped, and if the caller is outside of the
    /// runtime, because a local future can't move between threads.
    ///
    /// # Panics
    ///
    /// The panics are those of [`Runtime::spawn`](crate::Runtime::spawn).
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
