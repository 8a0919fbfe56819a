//! `JoinHandle`: awaited early, late, elsewhere, by many, or not at all.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

use futures::channel::oneshot;
use futures::executor::block_on as foreign_block_on;
use futures::future::{Either, FutureExt, join_all, select};
use futures::stream::{FuturesUnordered, StreamExt};
use oneloop::time::timeout;
use oneloop::{JoinHandle, Runtime, spawn, yield_now};

use common::executor::*;

#[test]
fn it_gives_the_value_of_a_task_that_finishes_later_and_of_one_that_has_finished() {
    finish(async {
        let task = spawn(async {
            settle().await;
            String::from("later")
        });
        assert!(!task.is_finished());
        assert_eq!(task.await.unwrap(), "later");

        let task = spawn(async { String::from("before") });
        settle().await;
        assert!(task.is_finished());
        assert_eq!(task.await.unwrap(), "before");
    });
}

#[test]
fn it_is_unpin_whatever_the_task_is() {
    finish(async {
        let task = spawn(async { std::marker::PhantomPinned });
        let _: &dyn Unpin = &task;
        task.await.unwrap();
    });
}

#[test]
#[should_panic(expected = "polled again")]
fn polled_after_it_has_given_the_result_it_panics() {
    finish(async {
        let mut task = spawn(async {});
        (&mut task).await.unwrap();
        let _ = (&mut task).await;
    });
}

#[test]
fn after_it_has_given_the_result_it_still_says_finished_and_aborts_nothing() {
    finish(async {
        let mut task = spawn(async { 1 });
        assert_eq!((&mut task).await.unwrap(), 1);
        let successor = spawn(async { 2 }); // in the same slot
        task.abort();
        assert!(task.is_finished());
        drop(task);
        assert_eq!(successor.await.unwrap(), 2);
    });
}

#[test]
fn awaiting_it_by_reference_loses_nothing_when_it_is_broken_off() {
    finish(async {
        let (sender, receiver) = oneshot::channel();
        let mut task = spawn(async { receiver.await.unwrap() });
        for _ in 0..3 {
            assert!(timeout(Duration::from_micros(100), &mut task).await.is_err());
        }
        sender.send(5).unwrap();
        assert_eq!(task.await.unwrap(), 5);
    });
}

#[test]
fn the_output_is_dropped_once_whether_or_not_it_is_taken() {
    let drops = Drops::new();
    let output = || {
        let token = drops.token();
        async move { token }
    };
    let runtime = Runtime::new().unwrap();
    let kept = runtime.spawn(output());
    runtime.block_on(async {
        let joined = spawn(output()).await.unwrap();
        assert_eq!(drops.count(), 0);
        drop(joined);
        assert_eq!(drops.count(), 1, "taken, and dropped by its owner");

        drop(spawn(output()));
        settle().await;
        assert_eq!(drops.count(), 2, "detached before it ran: dropped when it finished");

        let finished = spawn(output());
        settle().await;
        assert_eq!(drops.count(), 2, "kept for the handle");
        drop(finished);
        assert_eq!(drops.count(), 3, "and dropped with it");

        let aborted = spawn(output());
        aborted.abort();
        assert!(aborted.await.is_err());
        assert_eq!(drops.count(), 4, "never made: what was dropped is the future");
    });
    drop(runtime);
    assert_eq!(drops.count(), 4, "it outlives the runtime in its handle");
    drop(kept);
    assert_eq!(drops.count(), 5);
}

#[test]
fn the_drop_of_an_output_that_was_not_taken_may_use_the_runtime() {
    finish(async {
        let ran = Rc::new(Cell::new(false));
        let theirs = ran.clone();
        let task = spawn(async move {
            OnDrop(move || {
                let ran = theirs.clone();
                drop(spawn(async move { ran.set(true) }));
            })
        });
        settle().await;
        drop(task);
        settle().await;
        assert!(ran.get());
    });
}

#[test]
fn of_a_dropped_runtime_it_returns_the_value_or_says_cancelled() {
    let runtime = Runtime::new().unwrap();
    let finished = runtime.spawn(async { "value" });
    let waiting = runtime.spawn(pending::<()>());
    runtime.block_on(settle());
    let never_polled = runtime.spawn(async { "never" });
    drop(runtime);
    assert!(finished.is_finished() && waiting.is_finished() && never_polled.is_finished());
    assert_eq!(foreign_block_on(finished).unwrap(), "value");
    assert!(finish(waiting).unwrap_err().is_cancelled(), "on another runtime");
    assert!(foreign_block_on(never_polled).unwrap_err().is_cancelled());
}

#[test]
fn it_may_be_awaited_on_another_runtime() {
    let (one, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let (sender, receiver) = oneshot::channel();
    let task = one.spawn(async { receiver.await.unwrap() });
    // The other runtime's task waits; the first finishes; the other is woken across.
    let waiting = other.spawn(task);
    other.block_on(settle());
    one.block_on(async {
        sender.send(6).unwrap();
        settle().await;
    });
    assert_eq!(finish_on(&other, waiting).unwrap().unwrap(), 6);
}

#[test]
fn a_task_of_another_runtime_that_waits_sees_it_cancelled_when_its_runtime_is_dropped() {
    let (one, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let waiting = other.spawn(one.spawn(pending::<()>()));
    other.block_on(settle());
    other.spawn(async move { drop(one) });
    assert!(finish_on(&other, waiting).unwrap().unwrap_err().is_cancelled());
}

#[test]
fn it_works_with_a_foreign_executor_inside_and_outside() {
    let runtime = Runtime::new().unwrap();
    let outside = runtime.spawn(async { 1 });
    runtime.block_on(async {
        let inside = spawn(async { 2 });
        settle().await;
        assert_eq!(foreign_block_on(inside).unwrap(), 2);
    });
    assert_eq!(foreign_block_on(outside).unwrap(), 1);
}

#[test]
fn a_foreign_waker_is_woken_when_the_task_finishes() {
    let runtime = Runtime::new().unwrap();
    let (sender, receiver) = oneshot::channel();
    let mut task = runtime.spawn(async { receiver.await.unwrap() });
    let (wakes, waker) = Wakes::new();
    assert!(poll_with(&mut task, &waker).is_pending());
    assert!(poll_with(&mut task, &waker).is_pending(), "the same waker counts once");
    runtime.block_on(settle());
    assert_eq!(wakes.count(), 0);
    sender.send(3).unwrap();
    runtime.block_on(settle());
    assert_eq!(wakes.count(), 1);
    assert!(matches!(poll_with(&mut task, &waker), Poll::Ready(Ok(3))));
}

#[test]
fn a_handle_handed_over_wakes_every_task_that_waited_with_it() {
    finish(async {
        let (sender, receiver) = oneshot::channel();
        let shared = Rc::new(RefCell::new(Some(spawn(async { receiver.await.unwrap() }))));
        let results = Rc::new(RefCell::new(Vec::new()));
        let waiting: Vec<_> = (0..5)
            .map(|n| {
                let (shared, results) = (shared.clone(), results.clone());
                spawn(poll_fn(move |cx| {
                    let mut place = shared.borrow_mut();
                    let Some(task) = place.as_mut() else { return Poll::Ready(()) };
                    let Poll::Ready(result) = Pin::new(task).poll(cx) else { return Poll::Pending };
                    *place = None;
                    results.borrow_mut().push((n, result.unwrap()));
                    Poll::Ready(())
                }))
            })
            .collect();
        settle().await;
        sender.send("result").unwrap();
        for task in waiting {
            task.await.unwrap();
        }
        assert_eq!(*results.borrow(), [(0, "result")], "the first that is woken takes it");
    });
}

#[test]
fn two_hundred_tasks_may_wait_with_one_handle_without_waking_each_other_for_ever() {
    finish(async {
        let (sender, receiver) = oneshot::channel();
        let shared = Rc::new(RefCell::new(Some(spawn(async { receiver.await.unwrap() }))));
        let polls = Rc::new(Cell::new(0));
        let waiting: Vec<_> = (0..200)
            .map(|_| {
                let (shared, polls) = (shared.clone(), polls.clone());
                spawn(poll_fn(move |cx| {
                    polls.set(polls.get() + 1);
                    let mut place = shared.borrow_mut();
                    let Some(task) = place.as_mut() else { return Poll::Ready(()) };
                    let polled = Pin::new(task).poll(cx);
                    polled.map(|result| {
                        *place = None;
                        result.unwrap()
                    })
                }))
            })
            .collect();
        for _ in 0..100 {
            yield_now().await;
        }
        let settled = polls.get();
        for _ in 0..100 {
            yield_now().await;
        }
        assert_eq!(polls.get(), settled, "they sleep while there is nothing to see");
        sender.send(()).unwrap();
        for task in waiting {
            task.await.unwrap();
        }
    });
}

#[test]
fn foreign_wakers_and_tasks_may_wait_together() {
    finish(async {
        let (sender, receiver) = oneshot::channel();
        let mut task = spawn(async { receiver.await.unwrap() });
        let (first, first_waker) = Wakes::new();
        let (second, second_waker) = Wakes::new();
        assert!(poll_with(&mut task, &first_waker).is_pending());
        assert!((&mut task).now_or_never().is_none());
        assert!(futures::poll!(&mut task).is_pending());
        assert!(poll_with(&mut task, &second_waker).is_pending());
        sender.send(4).unwrap();
        assert_eq!(task.await.unwrap(), 4);
        assert_eq!((first.count(), second.count()), (1, 1));
    });
}

#[test]
fn join_all_and_futures_unordered_join_many_tasks() {
    finish(async {
        let start = |n: usize| {
            spawn(async move {
                for _ in 0..n % 7 {
                    yield_now().await;
                }
                n
            })
        };
        let all = join_all((0..200).map(start)).await;
        assert!(all.into_iter().map(Result::unwrap).eq(0..200));

        let mut unordered: FuturesUnordered<_> = (0..200).map(start).collect();
        let mut seen = Vec::new();
        while let Some(result) = unordered.next().await {
            seen.push(result.unwrap());
        }
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..200));
    });
}

#[test]
fn select_gives_the_first_and_leaves_the_other_to_be_awaited() {
    finish(async {
        let (sender, receiver) = oneshot::channel::<u32>();
        let slow = spawn(async { receiver.await.unwrap() });
        let quick = spawn(async { 1 });
        let Either::Right((value, slow)) = select(slow, quick).await else {
            panic!("the quick one is first")
        };
        assert_eq!(value.unwrap(), 1);
        sender.send(2).unwrap();
        assert_eq!(slow.await.unwrap(), 2);
    });
}

#[test]
fn the_value_is_there_after_a_waiter_was_dropped_and_another_took_over() {
    finish(async {
        let (sender, receiver) = oneshot::channel();
        let mut task = spawn(async { receiver.await.unwrap() });
        {
            let mut unordered = FuturesUnordered::new();
            unordered.push(&mut task);
            assert!(unordered.next().now_or_never().is_none());
        }
        sender.send(7).unwrap();
        assert_eq!(task.await.unwrap(), 7);
    });
}

#[test]
fn a_foreign_waker_that_panics_ends_neither_the_loop_nor_other_tasks() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("in a waker");
        }
    }
    let runtime = Runtime::new().unwrap();
    let (sender, receiver) = oneshot::channel();
    let mut task = runtime.spawn(async { receiver.await.unwrap() });
    let (wakes, waker) = Wakes::new();
    for waker in [Waker::from(Arc::new(Panics)), waker, Waker::from(Arc::new(Panics))] {
        assert!(poll_with(&mut task, &waker).is_pending());
    }
    sender.send(1).unwrap();
    runtime.block_on(settle());
    assert_eq!(wakes.count(), 1);
    assert_eq!(finish_on(&runtime, task).unwrap(), 1);
}

#[test]
fn a_foreign_waker_may_use_the_runtime_when_it_is_woken() {
    struct Spawns(Drops);
    impl Wake for Spawns {
        fn wake(self: Arc<Self>) {
            let token = self.0.token();
            drop(spawn(async move { drop(token) }));
        }
    }
    let runtime = Runtime::new().unwrap();
    let drops = Drops::new();
    let mut task = runtime.spawn(async {});
    assert!(poll_with(&mut task, &Waker::from(Arc::new(Spawns(drops.clone())))).is_pending());
    finish_on(&runtime, until(|| drops.count() == 1));
}

#[test]
fn a_task_that_awaits_itself_waits_for_ever_and_goes_with_its_runtime() {
    let drops = Drops::new();
    let token = drops.token();
    let runtime = Runtime::new().unwrap();
    let place = Rc::new(RefCell::new(None::<JoinHandle<()>>));
    let theirs = place.clone();
    *place.borrow_mut() = Some(runtime.spawn(async move {
        let _kept = token;
        let own = theirs.take().unwrap();
        drop(own.await);
    }));
    runtime.block_on(settle());
    assert_eq!(drops.count(), 0);
    drop(runtime);
    assert_eq!(drops.count(), 1);
}

#[test]
fn debug_output_says_whether_it_has_finished() {
    finish(async {
        let task = spawn(async {});
        assert!(format!("{task:?}").contains("finished: false"));
        settle().await;
        assert!(format!("{task:?}").contains("finished: true"));
        assert!(format!("{:?}", task.abort_handle()).contains("finished: true"));
    });
}

/// Panics when it is dropped.
struct Bad;

impl Drop for Bad {
    fn drop(&mut self) {
        panic!("a destructor panics, as the test wants");
    }
}

#[test]
fn dropping_the_handle_of_a_task_that_has_ended_lets_no_panic_of_its_output_out() {
    let runtime = Runtime::new().unwrap();
    let handles: Vec<_> = (0..3).map(|_| runtime.spawn(async { Bad })).collect();
    let payloads: Vec<_> = (0..3).map(|_| runtime.spawn(async { std::panic::panic_any(Bad) })).collect();
    let remote: Vec<_> = (0..3).map(|_| runtime.handle().spawn(async { Bad })).collect();
    let after_the_runtime: Vec<_> = (0..3).map(|_| runtime.handle().spawn(async { Bad })).collect();
    runtime.block_on(settle());
    assert!(handles.iter().all(oneloop::JoinHandle::is_finished));
    // Two panics in the drop of one `Vec` would end the process.
    drop((handles, remote));
    drop(payloads);
    drop(runtime);
    drop(after_the_runtime);
}

#[test]
fn a_finished_result_is_taken_without_waiting_also_when_the_budget_is_spent() {
    finish(async {
        let mut tasks: Vec<_> = (0..1000).map(|n| spawn(async move { n })).collect();
        let mut never = spawn(std::future::pending::<()>());
        settle().await;
        assert!(never.try_join().is_none());
        for (n, task) in tasks.iter_mut().enumerate() {
            assert_eq!(task.try_join().expect("it has finished").unwrap(), n);
        }
        never.abort();
        settle().await;
        assert!(never.try_join().unwrap().unwrap_err().is_cancelled());
        let mut remote = oneloop::Handle::current().spawn(async { 42 });
        assert!(remote.try_join().is_none());
        settle().await;
        assert_eq!(remote.try_join().unwrap().unwrap(), 42);
    });
}

#[allow(clippy::await_holding_lock, reason = "that is what the test is about")]
#[test]
fn a_panic_poisons_the_locks_that_other_branches_of_its_task_hold() {
    finish(async {
        let lock = std::sync::Arc::new(std::sync::Mutex::new(()));
        let theirs = lock.clone();
        let task = spawn(async move {
            let holds = async {
                let _guard = theirs.lock().unwrap();
                std::future::pending::<()>().await;
            };
            let panics = async {
                yield_now().await;
                panic!("the other branch has the lock");
            };
            futures::join!(holds, panics);
        });
        assert!(task.await.unwrap_err().is_panic());
        assert!(lock.is_poisoned(), "as after a panic of the thread that holds it");
    });
}
