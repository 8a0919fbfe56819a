//! `JoinSet`s that are dropped or used inside their own tasks, carried to other runtimes, left behind by theirs, or polled by
//! other crates' executors.

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use futures::channel::oneshot;
use futures::executor::block_on as foreign_block_on;
use futures::future::FutureExt;
use oneloop::{JoinSet, Runtime, yield_now};

use common::executor::*;

#[test]
fn a_set_may_be_dropped_inside_one_of_its_own_tasks() {
    finish(async {
        let drops = Drops::new();
        let place = Rc::new(RefCell::new(JoinSet::new()));
        for n in 0..3 {
            let (theirs, token) = (place.clone(), drops.token());
            place.borrow_mut().spawn(async move {
                let _kept = token;
                if n == 1 {
                    drop(theirs.take());
                }
                pending::<()>().await;
            });
        }
        until(|| drops.count() == 3).await;
        assert!(place.borrow().is_empty());

        // And with the last reference to it, which a task's future holds.
        let set = Rc::new(RefCell::new(JoinSet::new()));
        for _ in 0..3 {
            let (theirs, token) = (set.clone(), drops.token());
            set.borrow_mut().spawn(async move {
                yield_now().await;
                drop((theirs, token));
            });
        }
        drop(set);
        until(|| drops.count() == 6).await;
    });
}

#[test]
fn a_task_may_use_its_own_set() {
    finish(async {
        type Output = Option<OnDrop<Box<dyn FnMut()>>>;
        let set = Rc::new(RefCell::new(JoinSet::<Output>::new()));
        let theirs = set.clone();
        set.borrow_mut().spawn(async move {
            // While the task runs, while its future is dropped, and as a part of its result.
            theirs.borrow_mut().spawn(async { None });
            let in_the_drop = theirs.clone();
            let _drop = OnDrop(move || {
                assert!(in_the_drop.borrow_mut().try_join_next().is_none());
                in_the_drop.borrow_mut().spawn(async { None });
            });
            let again = move || drop(theirs.borrow_mut().spawn(async { None }));
            Some(OnDrop(Box::new(again) as Box<dyn FnMut()>))
        });
        let next = async || poll_fn(|cx| set.borrow_mut().poll_join_next(cx)).await;
        assert!(next().await.unwrap().unwrap().is_some());
        for _ in 0..3 {
            assert!(next().await.unwrap().unwrap().is_none());
        }
        assert!(next().await.is_none());
    });
}

#[test]
fn the_tasks_of_a_dropped_runtime_are_joined_as_well() {
    let runtime = Runtime::new().unwrap();
    let mut set = JoinSet::new();
    runtime.block_on(async {
        set.spawn(async { "value" });
        settle().await;
        set.spawn(pending());
    });
    drop(runtime);
    assert_eq!(set.len(), 2);
    assert_eq!(foreign_block_on(set.join_next()).unwrap().unwrap(), "value");
    assert!(finish(set.join_next()).unwrap().unwrap_err().is_cancelled(), "on another runtime");
    assert!(set.is_empty());
    drop(set);
}

#[test]
fn tasks_of_several_runtimes_are_joined_on_any() {
    let (one, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let (sender, receiver) = oneshot::channel();
    let mut set = JoinSet::new();
    one.block_on(async { drop(set.spawn(async { receiver.await.unwrap() })) });
    other.block_on(async { drop(set.spawn(async { 2 })) });
    let waiting = other.spawn(async move { set.join_all().await });
    other.block_on(settle());
    one.block_on(async {
        sender.send(1).unwrap();
        settle().await;
    });
    assert_eq!(finish_on(&other, waiting).unwrap(), [2, 1]);
}

#[test]
fn a_runtime_that_is_dropped_wakes_the_one_that_waits_for_its_tasks() {
    let (one, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let mut set = JoinSet::new();
    one.block_on(async { (0..3).for_each(|_| drop(set.spawn(pending::<()>()))) });
    let waiting = other.spawn(async move {
        let mut cancelled = 0;
        while let Some(result) = set.join_next().await {
            cancelled += usize::from(result.unwrap_err().is_cancelled());
        }
        cancelled
    });
    other.block_on(settle());
    other.spawn(async move { drop(one) });
    assert_eq!(finish_on(&other, waiting).unwrap(), 3);
}

#[test]
fn a_set_that_a_task_owns_goes_with_the_runtime() {
    let drops = Drops::new();
    let runtime = Runtime::new().unwrap();
    let token = drops.token();
    drop(runtime.spawn(async move {
        let mut set = JoinSet::new();
        set.spawn(async move {
            let _kept = token;
            pending::<()>().await;
        });
        set.join_next().await
    }));
    runtime.block_on(settle());
    drop(runtime);
    assert_eq!(drops.count(), 1);
}

thread_local! {
    static SET: RefCell<JoinSet<i32>> = RefCell::default();
}

/// It is called while the task ends, a few steps before the task is marked so.
#[test]
fn a_foreign_waker_that_joins_at_once_gets_pending_and_loses_nothing() {
    struct Joins;
    impl Wake for Joins {
        fn wake(self: Arc<Self>) {
            SET.with(|set| {
                assert!(set.borrow_mut().try_join_next().is_none());
                assert!(
                    set.borrow_mut().poll_join_next(&mut Context::from_waker(Waker::noop())).is_pending()
                );
            });
        }
    }
    finish(async {
        SET.with(|set| {
            let mut set = set.borrow_mut();
            set.extend([1, 2].map(|n| async move { n }));
            assert!(set.poll_join_next(&mut Context::from_waker(&Waker::from(Arc::new(Joins)))).is_pending());
        });
        settle().await;
        let mut set = SET.take();
        assert_eq!(set.join_next().await.unwrap().unwrap(), 1);
        assert_eq!(set.join_next().await.unwrap().unwrap(), 2);
    });
}

#[test]
fn a_foreign_waker_that_panics_concerns_no_task() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("as the test wants");
        }
    }
    impl Drop for Panics {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("and in the drop");
            }
        }
    }
    /// The set's waker is the last.
    fn wait(set: &mut JoinSet<i32>) {
        let waker = Waker::from(Arc::new(Panics));
        assert!(set.poll_join_next(&mut Context::from_waker(&waker)).is_pending());
    }
    finish(async {
        let mut set: JoinSet<i32> = (0..2).map(|n| async move { n }).collect();
        wait(&mut set);
        assert!(set.join_next().now_or_never().is_none(), "another takes its place");
        wait(&mut set);
        settle().await; // it is called
        assert_eq!(set.join_all().await, [0, 1]);
        let mut set = JoinSet::new();
        set.spawn(pending());
        wait(&mut set);
        set.detach_all();
        set.spawn(pending());
        wait(&mut set);
        drop(set);
    });
}

#[test]
fn a_spawn_outside_of_a_runtime_says_so_and_leaves_the_set_as_it_was() {
    let mut set = JoinSet::new();
    let text = panic_of(|| set.spawn(async {}));
    assert!(text.starts_with("oneloop::JoinSet::spawn was called outside a oneloop runtime"), "{text}");
    assert!(set.is_empty());
    finish(async {
        set.spawn(async {});
        set.join_next().await.unwrap().unwrap();
        assert!(set.join_next().await.is_none());
    });
}
