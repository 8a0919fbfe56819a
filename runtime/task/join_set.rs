//! `JoinSet`: many tasks, joined in the order in which they end.
//!
//! To poll every join handle would cost as much as there are tasks, each time that one ends.
//! Instead each task holds, behind its future, an *announcement*: its drop puts the task's key into
//! the set's queue and wakes the set's waiter. The loop drops a task's future whenever the task ends,
//! by its value, a panic, an abort or the runtime's end, so no end is missed. Joining takes the
//! first key and polls that handle alone.
//!
//! The announcement is dropped a few steps before the table says that the task has finished. All who
//! can ask in between (a waker of another crate that polls at once) are told "not yet" by the
//! handle, and the key stays where it is.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker, ready};

use pin_project_lite::pin_project;
use slab::Slab;

use super::join::{AbortHandle, JoinHandle};
use super::spawn::{require_room, spawn_on};
use crate::engine::context;
use crate::engine::join_error::JoinError;
use crate::engine::panic::drop_quietly;
use crate::engine::wait_list::wake_foreign;

/// Tasks that were spawned together, to be joined in the order in which they end. Dropping the set
/// aborts all that are left.
///
/// The names are those of tokio's `JoinSet`. The futures need not be `Send`; blocking work is
/// `set.spawn(oneloop::unblock(closure))`. A task and its result stay in the set until they are
/// joined: in a set that a server fills for months, join now and then, with
/// [`try_join_next`](JoinSet::try_join_next).
///
/// As a [`JoinHandle`], a set belongs to its thread, and may outlive the runtime of its tasks or be
/// joined on another one. Its tasks may belong to several.
///
/// # Cost
///
/// A task is one allocation, as with [`spawn`](crate::spawn), 8 bytes larger, and 24 bytes in the
/// set's table and queue. A join is O(1), however many tasks there are, and no task that has not ended is
/// looked at.
///
/// # Examples
///
/// ```
/// use oneloop::JoinSet;
/// use oneloop::time::{Duration, sleep};
///
/// oneloop::block_on(async {
///     let mut set = JoinSet::new();
///     for n in [30, 10, 20] {
///         set.spawn(async move {
///             sleep(Duration::from_millis(n)).await;
///             n
///         });
///     }
///     let mut ended = Vec::new();
///     while let Some(result) = set.join_next().await {
///         ended.push(result.unwrap());
///     }
///     assert_eq!(ended, [10, 20, 30]);
/// });
/// ```
pub struct JoinSet<T> {
    tasks: Slab<JoinHandle<T>>,
    ended: Rc<Ended>,
}

/// What the tasks of a set share with it.
#[derive(Default)]
struct Ended {
    /// Tasks that have ended, in that order. Bound: the tasks of the set.
    keys: RefCell<VecDeque<usize>>,
    /// The task that waits for the next one.
    waiter: Cell<Option<Waker>>,
}

impl Ended {
    fn first(&self) -> Option<usize> {
        self.keys.borrow().front().copied()
    }
}

pin_project! {
    /// A task's future, and behind it the announcement, which is dropped after it.
    struct Member<F> {
        #[pin]
        future: F,
        announcement: Announcement,
    }
}

impl<F: Future> Future for Member<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().future.poll(cx)
    }
}

struct Announcement {
    /// Weak: a set that was dropped, or has detached its tasks, collects no keys.
    set: Weak<Ended>,
    key: usize,
}

impl Drop for Announcement {
    fn drop(&mut self) {
        let Some(set) = self.set.upgrade() else { return };
        set.keys.borrow_mut().push_back(self.key);
        if let Some(waiter) = set.waiter.take() {
            wake_foreign(waiter);
        }
    }
}

impl<T> JoinSet<T> {
    /// An empty set. It needs no runtime.
    ///
    /// # Examples
    ///
    /// See [`JoinSet`].
    pub fn new() -> JoinSet<T> {
        JoinSet { tasks: Slab::new(), ended: Rc::default() }
    }

    /// How many tasks are in the set: those that run, and those that have ended and were not
    /// joined.
    ///
    /// # Examples
    ///
    /// ```
    /// # oneloop::block_on(async {
    /// let mut set: oneloop::JoinSet<i32> = (0..3).map(|n| async move { n }).collect();
    /// assert_eq!(set.len(), 3);
    /// set.join_next().await.unwrap().unwrap();
    /// assert_eq!(set.len(), 2);
    /// # });
    /// ```
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether no task is in the set.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(oneloop::JoinSet::<()>::new().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Aborts all tasks. They stay in the set, and are joined with
    /// [`is_cancelled`](JoinError::is_cancelled), but for those that had ended before.
    ///
    /// # Examples
    ///
    /// ```
    /// # oneloop::block_on(async {
    /// let mut set = oneloop::JoinSet::new();
    /// set.spawn(std::future::pending::<()>());
    /// set.abort_all();
    /// assert!(set.join_next().await.unwrap().unwrap_err().is_cancelled());
    /// # });
    /// ```
    pub fn abort_all(&mut self) {
        self.tasks.iter().for_each(|(_, task)| task.abort());
    }

    /// Removes all tasks from the set without aborting them: they run on by themselves.
    ///
    /// # Examples
    ///
    /// ```
    /// # oneloop::block_on(async {
    /// let mut set = oneloop::JoinSet::new();
    /// set.spawn(async { println!("I run on") });
    /// set.detach_all();
    /// assert!(set.is_empty() && set.join_next().await.is_none());
    /// # });
    /// ```
    pub fn detach_all(&mut self) {
        self.tasks.clear();
        let detached = std::mem::take(&mut self.ended); // what these tasks announce is theirs
        drop_quietly(detached);
    }
}

impl<T: 'static> JoinSet<T> {
    /// Starts a task on the current loop, as [`oneloop::spawn`](crate::spawn) does, and puts it into
    /// the set.
    ///
    /// # Panics
    ///
    /// As [`oneloop::spawn`](crate::spawn).
    ///
    /// # Examples
    ///
    /// ```
    /// # oneloop::block_on(async {
    /// let mut set = oneloop::JoinSet::new();
    /// let slow = set.spawn(std::future::pending());
    /// set.spawn(async { 42 });
    /// assert_eq!(set.join_next().await.unwrap().unwrap(), 42);
    /// slow.abort();
    /// assert!(set.join_next().await.unwrap().unwrap_err().is_cancelled());
    /// # });
    /// ```
    #[track_caller]
    pub fn spawn<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        let Some(core) = context::current() else { context::outside("oneloop::JoinSet::spawn was called") };
        // Before the future has an announcement: a drop in here would announce a key that isn't its own.
        require_room(&core);
        let place = self.tasks.vacant_entry();
        let announcement = Announcement { set: Rc::downgrade(&self.ended), key: place.key() };
        let task = spawn_on(core, Member { future, announcement });
        let abort = task.abort_handle();
        place.insert(task);
        abort
    }

    /// Waits for the next task to end, and removes it from the set. `None` if the set is empty.
    /// Tasks that have ended are given in the order in which they did. It is charged to the budget
    /// as a [`JoinHandle`] is.
    ///
    /// # Errors
    ///
    /// [`JoinError`], if that task panicked or was cancelled. The others are not concerned.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if it is dropped: the task is still in the set.
    ///
    /// # Examples
    ///
    /// See [`JoinSet`].
    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        poll_fn(|cx| self.poll_join_next(cx)).await
    }

    /// The next task that has ended, if there is one; `None` if all run, and if the set is empty. It
    /// waits for nothing, and the budget does not deny it.
    ///
    /// # Errors
    ///
    /// As [`join_next`](JoinSet::join_next).
    ///
    /// # Examples
    ///
    /// ```
    /// # oneloop::block_on(async {
    /// let mut set = oneloop::JoinSet::new();
    /// set.spawn(async { 42 });
    /// assert!(set.try_join_next().is_none());
    /// oneloop::yield_now().await;
    /// assert_eq!(set.try_join_next().unwrap().unwrap(), 42);
    /// # });
    /// ```
    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        let key = self.ended.first()?;
        let result = self.tasks[key].try_join()?;
        self.remove_first(key);
        Some(result)
    }

    /// The form of [`join_next`](JoinSet::join_next) without a future. Only the task that polled last
    /// is woken.
    ///
    /// # Errors
    ///
    /// As [`join_next`](JoinSet::join_next).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::future::poll_fn;
    ///
    /// # oneloop::block_on(async {
    /// let mut set = oneloop::JoinSet::new();
    /// set.spawn(async { 42 });
    /// let next = poll_fn(|cx| set.poll_join_next(cx)).await;
    /// assert_eq!(next.unwrap().unwrap(), 42);
    /// # });
    /// ```
    pub fn poll_join_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, JoinError>>> {
        if self.tasks.is_empty() {
            return Poll::Ready(None);
        }
        let Some(key) = self.ended.first() else {
            let before = self.ended.waiter.replace(Some(cx.waker().clone()));
            drop_quietly(before);
            return Poll::Pending;
        };
        let result = ready!(Pin::new(&mut self.tasks[key]).poll(cx));
        self.remove_first(key);
        Poll::Ready(Some(result))
    }

    fn remove_first(&mut self, key: usize) {
        self.ended.keys.borrow_mut().pop_front();
        self.tasks.remove(key);
    }

    /// Waits until all tasks have ended. Their values come in the order in which the tasks did.
    ///
    /// # Panics
    ///
    /// If a task panicked, with its panic; and if one was cancelled. The others are aborted then.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, all tasks are aborted, and the values that were there are lost.
    ///
    /// # Examples
    ///
    /// ```
    /// # oneloop::block_on(async {
    /// let set: oneloop::JoinSet<_> = (0..3).map(|n| async move { n * n }).collect();
    /// assert_eq!(set.join_all().await, [0, 1, 4]);
    /// # });
    /// ```
    pub async fn join_all(mut self) -> Vec<T> {
        let mut values = Vec::with_capacity(self.len());
        while let Some(result) = self.join_next().await {
            match result {
                Ok(value) => values.push(value),
                Err(error) => {
                    // A second panic, from their drop, would end the process.
                    values.into_iter().for_each(drop_quietly);
                    match error.try_into_panic() {
                        Ok(payload) => resume_unwind(payload),
                        Err(error) => panic!("oneloop::JoinSet::join_all: {error}"),
                    }
                }
            }
        }
        values
    }

    /// Aborts all tasks and waits until they have ended. Results and panics are dropped.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, the tasks are aborted nevertheless, and are still in the set.
    ///
    /// # Examples
    ///
    /// ```
    /// # oneloop::block_on(async {
    /// let mut set = oneloop::JoinSet::new();
    /// set.spawn(std::future::pending::<()>());
    /// set.shutdown().await;
    /// assert!(set.is_empty());
    /// # });
    /// ```
    pub async fn shutdown(&mut self) {
        self.abort_all();
        while let Some(result) = self.join_next().await {
            drop_quietly(result);
        }
    }
}

impl<T> Drop for JoinSet<T> {
    fn drop(&mut self) {
        self.abort_all();
        drop_quietly(self.ended.waiter.take());
    }
}

impl<T> Default for JoinSet<T> {
    fn default() -> JoinSet<T> {
        JoinSet::new()
    }
}

impl<T: 'static, F: Future<Output = T> + 'static> FromIterator<F> for JoinSet<T> {
    /// Spawns each future.
    ///
    /// # Panics
    ///
    /// As [`JoinSet::spawn`].
    fn from_iter<I: IntoIterator<Item = F>>(futures: I) -> JoinSet<T> {
        let mut set = JoinSet::new();
        set.extend(futures);
        set
    }
}

impl<T: 'static, F: Future<Output = T> + 'static> Extend<F> for JoinSet<T> {
    /// Spawns each future.
    ///
    /// # Panics
    ///
    /// As [`JoinSet::spawn`].
    fn extend<I: IntoIterator<Item = F>>(&mut self, futures: I) {
        futures.into_iter().for_each(|future| drop(self.spawn(future)));
    }
}

impl<T> fmt::Debug for JoinSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinSet").field("len", &self.len()).finish_non_exhaustive()
    }
}
