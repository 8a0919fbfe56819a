//! `JoinSet`: many tasks, joined in the order in which they end.
//!
//! If the set polled every join handle each time that a task ends, the cost of a join would grow with
//! the number of tasks. Instead each task holds an *announcement* behind its future. The drop of the
//! announcement puts the task's key into the set's queue and wakes the set's waiter. The loop drops
//! a task's future whenever the task ends: by its value, a panic, an abort or the end of the
//! runtime. So the set misses no end. A join takes the first key and polls that handle alone.
//!
//! The announcement is dropped a few steps before the table marks the task as finished. A waker of
//! another crate that polls at once may poll the handle between these steps. The handle then
//! returns `Pending`, and the key stays in the queue.

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
use super::spawn::{require_free_key, spawn_on};
use crate::engine::context;
use crate::engine::join_error::JoinError;
use crate::engine::panic::drop_quietly;
use crate::engine::wait_list::wake_foreign;

/// A set of spawned tasks that a program joins in the order in which they end. Dropping the set
/// aborts all tasks in it.
///
/// The names are those of tokio's `JoinSet`. The futures need not be `Send`. Blocking work is
/// `set.spawn(oneloop::unblock(closure))`. A task and its result stay in the set until they are
/// joined. A server that fills a set for months must join now and then, with
/// [`try_join_next`](JoinSet::try_join_next).
///
/// A set belongs to its thread, as a [`JoinHandle`] does. It may outlive the runtime of its tasks,
/// and another runtime may join it. Its tasks may belong to several runtimes.
///
/// # Cost
///
/// A task is one allocation, as with [`spawn`](crate::spawn), and 16 bytes larger. It also takes 24
/// bytes in the set's table and queue. A join is O(1), independent of the number of tasks, and
/// examines no task that has not ended.
///
/// # Examples
///
/// ```
/// use oneloop::JoinSet;
/// use oneloop::time::{Duration, now, sleep_until};
///
/// oneloop::block_on(async {
///     let mut set = JoinSet::new();
///     let start = now();
///     for n in [30, 10, 20] {
///         set.spawn(async move {
///             sleep_until(start + Duration::from_millis(n)).await;
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

/// The state that the tasks of a set share with the set.
#[derive(Default)]
struct Ended {
    /// The keys of the tasks that have ended, in that order. The bound is the number of tasks in
    /// the set.
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
    /// A task's future with the announcement, which is dropped after the future.
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
    /// Weak, so that a dropped set, and a set that has detached its tasks, collects no keys.
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
    /// Returns an empty set. The function needs no runtime. [`JoinSet`] has an example.
    pub fn new() -> JoinSet<T> {
        JoinSet { tasks: Slab::new(), ended: Rc::default() }
    }

    /// Returns the number of tasks in the set: the running tasks, and those that have ended and
    /// were not joined.
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

    /// Returns whether the set contains no task.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(oneloop::JoinSet::<()>::new().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Aborts all tasks. They stay in the set. A join then returns an error with
    /// [`is_cancelled`](JoinError::is_cancelled) for each task that had not ended before.
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

    /// Removes all tasks from the set without aborting them. They keep running.
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
        let detached = std::mem::take(&mut self.ended); // a detached task announces nothing
        drop_quietly(detached);
    }
}

impl<T: 'static> JoinSet<T> {
    /// Starts a task on the current loop, as [`oneloop::spawn`](crate::spawn) does, and puts it
    /// into the set.
    ///
    /// # Panics
    ///
    /// The method panics in the same cases as [`oneloop::spawn`](crate::spawn).
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
        // This check precedes the announcement: dropping an announcement in this place would
        // announce a key that is not its own.
        require_free_key(&core);
        let place = self.tasks.vacant_entry();
        let announcement = Announcement { set: Rc::downgrade(&self.ended), key: place.key() };
        let task = spawn_on(core, Member { future, announcement });
        let abort = task.abort_handle();
        place.insert(task);
        abort
    }

    /// Waits for the next task to end, and removes it from the set. Returns `None` if the set is
    /// empty. The tasks are returned in the order in which they end. The wait is charged to the
    /// budget, as that of a [`JoinHandle`] is. [`JoinSet`] has an example.
    ///
    /// # Errors
    ///
    /// [`JoinError`], if that task panicked or was cancelled. The other tasks are not affected.
    ///
    /// # Cancel safety
    ///
    /// The method is cancel safe: if the future is dropped, the task is still in the set.
    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        poll_fn(|cx| self.poll_join_next(cx)).await
    }

    /// Returns the next task that has ended. Returns `None` if all tasks are running or the set is
    /// empty. The method does not wait, and the budget does not apply to it.
    ///
    /// # Errors
    ///
    /// The method returns the errors of [`join_next`](JoinSet::join_next).
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

    /// The poll function behind [`join_next`](JoinSet::join_next). The set wakes only the task that
    /// polled last.
    ///
    /// # Errors
    ///
    /// The method returns the errors of [`join_next`](JoinSet::join_next).
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

    /// Waits until all tasks have ended. Returns their values in the order in which the tasks end.
    ///
    /// # Panics
    ///
    /// If a task panicked, the method panics with that panic. It also panics if a task was
    /// cancelled. In both cases the other tasks are aborted.
    ///
    /// # Cancel safety
    ///
    /// The method is not cancel safe: if the future is dropped, all tasks are aborted, and the
    /// collected values are lost.
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
                    // A second panic, from the drop of a value, would end the process.
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
    /// If the future is dropped, the tasks are still aborted, and they stay in the set.
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
    /// The method panics in the same cases as [`JoinSet::spawn`].
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
    /// The method panics in the same cases as [`JoinSet::spawn`].
    fn extend<I: IntoIterator<Item = F>>(&mut self, futures: I) {
        futures.into_iter().for_each(|future| drop(self.spawn(future)));
    }
}

impl<T> fmt::Debug for JoinSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinSet").field("len", &self.len()).finish_non_exhaustive()
    }
}
