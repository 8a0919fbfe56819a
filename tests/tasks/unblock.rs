//! `unblock`: work on other threads, awaited on the loop.

#![cfg(feature = "unblock")]

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};

use futures::future::{FutureExt, join_all};
use oneloop::{Runtime, spawn, unblock, yield_now};

use common::executor::*;

#[test]
fn it_returns_what_the_closure_returns_from_another_thread() {
    finish(async {
        let here = std::thread::current().id();
        let text = String::from("moved there");
        let (text, there) = unblock(move || (text + " and back", std::thread::current().id())).await;
        assert_eq!(text, "moved there and back");
        assert_ne!(here, there);
    });
}

#[test]
fn the_loop_goes_on_while_the_closure_blocks() {
    finish(async {
        let (sender, receiver) = mpsc::channel();
        let blocked = spawn(unblock(move || receiver.recv().unwrap()));
        let turns = Rc::new(Cell::new(0));
        let counting = turns.clone();
        drop(spawn(async move {
            for _ in 0..100 {
                counting.set(counting.get() + 1);
                yield_now().await;
            }
            // Only a loop that goes on comes here and lets the closure end.
            sender.send("unblocked").unwrap();
        }));
        assert_eq!(blocked.await.unwrap(), "unblocked");
        assert_eq!(turns.get(), 100);
    });
}

#[test]
fn a_panic_in_the_closure_is_the_awaiters() {
    finish(async {
        let error = spawn(unblock(|| panic!("on another thread"))).await.unwrap_err();
        assert_eq!(text_of(&*error.into_panic()), "on another thread");
        let panicking = unblock(|| std::panic::panic_any(7));
        let payload = AssertUnwindSafe(panicking).catch_unwind().await.unwrap_err();
        assert_eq!(*payload.downcast::<i32>().unwrap(), 7);
        assert_eq!(unblock(|| 1).await, 1, "and the pool goes on");
    });
}

#[test]
fn a_panic_in_the_closure_comes_out_of_block_on() {
    let runtime = Runtime::new().unwrap();
    let text = panic_of(|| runtime.block_on(unblock(|| panic!("far away"))));
    assert_eq!(text, "far away");
    assert_eq!(runtime.block_on(unblock(|| 2)), 2);
}

#[test]
fn many_at_once_each_give_their_own_result() {
    finish(async {
        let results = join_all((0..300).map(|n| unblock(move || n * n))).await;
        assert!(results.into_iter().eq((0..300).map(|n| n * n)));
    });
}

#[test]
fn tasks_of_several_runtimes_share_the_pool() {
    let threads: Vec<_> = (0..4)
        .map(|n| std::thread::spawn(move || finish(async move { unblock(move || n + 1).await })))
        .collect();
    let sums: Vec<i32> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(sums, [1, 2, 3, 4]);
}

#[test]
fn the_closure_may_use_a_loop_of_its_own() {
    let value = finish(async {
        unblock(|| oneloop::block_on(async { unblock(|| 1).await + spawn(async { 2 }).await.unwrap() })).await
    });
    assert_eq!(value, 3);
}

#[test]
fn it_works_with_a_foreign_executor_too() {
    assert_eq!(futures::executor::block_on(unblock(|| 5)), 5);
}

#[test]
fn a_closure_that_has_begun_runs_to_its_end_and_what_it_returns_is_dropped() {
    let drops = Drops::new();
    let (begun, has_begun) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let ended = Arc::new(AtomicBool::new(false));
    finish(async {
        let (token, theirs) = (drops.token(), ended.clone());
        let mut running = unblock(move || {
            begun.send(()).unwrap();
            may_go_on.recv().unwrap();
            theirs.store(true, Ordering::SeqCst);
            token
        });
        assert!((&mut running).now_or_never().is_none());
        has_begun.recv().unwrap();
        drop(running);
        assert_eq!(drops.count(), 0);
        go_on.send(()).unwrap();
        until(|| drops.count() == 1).await;
        assert!(ended.load(Ordering::SeqCst));
    });
}

#[test]
fn a_runtime_may_be_dropped_while_closures_run() {
    let drops = Drops::new();
    let token = drops.token();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let runtime = Runtime::new().unwrap();
    drop(runtime.spawn(unblock(move || {
        may_go_on.recv().unwrap();
        token
    })));
    runtime.block_on(settle());
    drop(runtime);
    go_on.send(()).unwrap_or(()); // it may never have begun
    finish(until(|| drops.count() == 1));
}

#[test]
fn dropped_before_it_has_begun_the_closure_never_runs() {
    // A pool of one thread, which another closure holds: a process of its own, because the pool is the
    // whole process's.
    in_child_with(
        "dropped_before_it_has_begun_the_closure_never_runs",
        &[("ONELOOP_UNBLOCK_THREADS", "1")],
        a_pool_of_one_thread_never_runs_what_was_dropped,
    );
}

fn a_pool_of_one_thread_never_runs_what_was_dropped() {
    let drops = Drops::new();
    let ran = Arc::new(AtomicBool::new(false));
    finish(async {
        let (go_on, may_go_on) = mpsc::channel::<()>();
        let (begun, has_begun) = mpsc::channel();
        let first = spawn(unblock(move || {
            begun.send(()).unwrap();
            may_go_on.recv().unwrap();
        }));
        yield_now().await;
        has_begun.recv().unwrap();
        let (token, theirs) = (drops.token(), ran.clone());
        drop(unblock(move || {
            let _kept = token;
            theirs.store(true, Ordering::SeqCst);
        }));
        go_on.send(()).unwrap();
        first.await.unwrap();
        assert_eq!(unblock(|| "the next").await, "the next");
        until(|| drops.count() == 1).await;
    });
    assert!(!ran.load(Ordering::SeqCst));
}

#[cfg(target_os = "linux")]
fn blocking_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("there is procfs");
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("oneloop-unblock")).count()
}

/// An idle process is idle: none of our threads is left to wake up now and then.
#[cfg(target_os = "linux")]
#[test]
fn the_threads_of_a_burst_end_when_there_is_nothing_to_do() {
    in_child("the_threads_of_a_burst_end_when_there_is_nothing_to_do", || {
        finish(async {
            let ((begins, begun), (release, released)) = (mpsc::channel(), mpsc::channel::<()>());
            let first = spawn(unblock(move || {
                begins.send(()).unwrap();
                let _ = released.recv(); // returns an error when the sender is dropped
            }));
            let sleep = || std::thread::sleep(std::time::Duration::from_millis(50));
            let mut jobs: Vec<_> = (0..30).map(|_| spawn(unblock(sleep))).collect();
            jobs.push(first);
            settle().await;
            begun.recv().unwrap(); // A thread has its name before it calls a closure.
            assert!(blocking_threads() > 0, "none has this name any more");
            drop(release);
            for job in jobs {
                job.await.unwrap();
            }
            while blocking_threads() > 0 {
                oneloop::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            assert_eq!(unblock(|| 42).await, 42);
        });
    });
}

#[test]
fn at_most_as_many_closures_run_at_once_as_the_environment_says() {
    in_child_with(
        "at_most_as_many_closures_run_at_once_as_the_environment_says",
        &[("ONELOOP_UNBLOCK_THREADS", "3")],
        || {
            let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let first_three = Arc::new(Barrier::new(3));
            let job = |number| {
                let (running, most, first_three) = (running.clone(), most.clone(), first_three.clone());
                unblock(move || {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    if number < 3 {
                        first_three.wait();
                    }
                    std::thread::sleep(std::time::Duration::from_millis(5));
                    running.fetch_sub(1, Ordering::SeqCst);
                })
            };
            finish(join_all((0..30).map(job)));
            assert_eq!(most.load(Ordering::SeqCst), 3);
        },
    );
}

#[test]
fn a_number_of_threads_that_is_none_is_named() {
    for bad in ["0", "many", "-1", ""] {
        in_child_with(
            "a_number_of_threads_that_is_none_is_named",
            &[("ONELOOP_UNBLOCK_THREADS", bad)],
            || {
                let value = std::env::var("ONELOOP_UNBLOCK_THREADS").unwrap();
                let text = panic_of(|| finish(async { unblock(|| 1).await }));
                assert_eq!(
                    text,
                    format!(
                        "ONELOOP_UNBLOCK_THREADS is {value:?}, which is not a number of threads (1 or more)"
                    )
                );
                let error =
                    finish(async { oneloop::net::TcpStream::connect("localhost:1").await.unwrap_err() });
                assert!(error.to_string().contains("ONELOOP_UNBLOCK_THREADS"), "{error}");
            },
        );
    }
}

/// The waker that a result wakes may be another crate's.
#[test]
fn a_foreign_waker_that_panics_on_the_pool_ends_neither_the_process_nor_the_thread() {
    struct Panics;
    impl std::task::Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker's panic");
        }
    }
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let mut running = unblock(move || may_go_on.recv().unwrap());
    assert!(poll_with(&mut running, &Arc::new(Panics).into()).is_pending());
    go_on.send(()).unwrap();
    assert_eq!(finish(async { unblock(|| 7).await }), 7);
    finish(running);
}

#[test]
fn the_captures_of_a_closure_that_was_cancelled_may_panic_when_they_are_dropped() {
    in_child_with(
        "the_captures_of_a_closure_that_was_cancelled_may_panic_when_they_are_dropped",
        &[("ONELOOP_UNBLOCK_THREADS", "1")],
        || {
            let (go_on, may_go_on) = mpsc::channel::<()>();
            let first = unblock(move || may_go_on.recv().unwrap());
            let bomb = Bomb("a capture");
            drop(unblock(move || drop(bomb)));
            go_on.send(()).unwrap();
            finish(first);
            assert_eq!(finish(unblock(|| 8)), 8);
        },
    );
}
