//! `Runtime::metrics` and `Handle::metrics`: each number counts what its documentation says.

use std::future::pending;
use std::sync::mpsc;
use std::thread;

use oneloop::net::UdpSocket;
use oneloop::time::{Duration, sleep};
use oneloop::{JoinSet, Metrics, Runtime, spawn, yield_now};

use common::executor::*;

/// What `work` has added to the counters of a runtime that is otherwise idle.
fn added<T>(work: impl AsyncFnOnce() -> T) -> (Metrics, Metrics) {
    let runtime = Runtime::new().unwrap();
    finish_on(&runtime, settle());
    let before = runtime.metrics();
    finish_on(&runtime, async { drop(work().await) });
    (before, runtime.metrics())
}

#[test]
fn each_poll_counts_once() {
    let (before, after) = added(async || {
        let task = spawn(async {
            for _ in 0..100 {
                yield_now().await;
            }
        });
        task.await.unwrap();
    });
    // 101 polls of the task, and of `block_on`'s future its first, the one after the join, and those
    // that `finish_on` adds.
    let polls = after.polls - before.polls;
    assert!((103..110).contains(&polls), "{polls}");
    assert_eq!(after.spawned - before.spawned, 1);
}

#[test]
fn a_task_is_alive_until_its_output_is_taken_or_dropped() {
    let runtime = Runtime::new().unwrap();
    let kept = runtime.spawn(async {});
    drop(runtime.spawn(async {}));
    assert_eq!(runtime.metrics().tasks, 2);
    finish_on(&runtime, settle());
    assert_eq!(runtime.metrics().tasks, 1, "the output of one waits for its handle");
    finish_on(&runtime, kept).unwrap();
    let metrics = runtime.metrics();
    assert_eq!((metrics.tasks, metrics.spawned), (0, 2));
    let never = runtime.spawn(pending::<()>());
    never.abort();
    finish_on(&runtime, settle());
    assert_eq!(runtime.metrics().tasks, 1);
    drop(never);
    assert_eq!(runtime.metrics().tasks, 0);
}

#[test]
fn the_ready_queue_is_measured_where_it_is_longest() {
    let runtime = Runtime::new().unwrap();
    finish_on(&runtime, async {
        let mut set = JoinSet::new();
        set.extend((0..500).map(|_| yield_now()));
        while set.join_next().await.is_some() {}
    });
    let metrics = runtime.metrics();
    // All of them, or those that the first turn of 256 polls has left and queued again.
    assert!((240..=501).contains(&metrics.ready_longest), "{metrics:?}");
    assert_eq!(metrics.ready, 0, "{metrics:?}");
    drop(runtime.spawn(pending::<()>()));
    runtime.block_on(async {});
    assert!(runtime.metrics().ready <= 1);
}

#[test]
fn timers_and_registrations_are_those_that_are_left() {
    let runtime = Runtime::new().unwrap();
    let registered = runtime.metrics().registrations;
    let sockets = runtime.block_on(async {
        let sockets =
            (UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap());
        drop(spawn(sleep(Duration::from_secs(3600))));
        settle().await;
        sockets
    });
    let metrics = runtime.metrics();
    assert_eq!((metrics.registrations - registered, metrics.timers), (2, 1), "{metrics:?}");
    drop(sockets);
    assert_eq!(runtime.metrics().registrations, registered);
}

#[test]
fn wakes_of_other_threads_are_counted_apart_from_those_of_the_loop() {
    let runtime = Runtime::new().unwrap();
    let (sender, receiver) = futures::channel::oneshot::channel();
    let before = runtime.metrics();
    let waits = runtime.spawn(receiver);
    finish_on(&runtime, settle());
    let thread = thread::spawn(move || sender.send(()).unwrap());
    finish_on(&runtime, waits).unwrap().unwrap();
    thread.join().unwrap();
    let after = runtime.metrics();
    assert_eq!(after.wakes_remote - before.wakes_remote, 1, "{after:?}");
    assert!(after.wakes_local > before.wakes_local);
}

#[test]
fn any_thread_reads_them_while_the_loop_is_busy_and_after_its_end() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let (begins, begun) = mpsc::channel();
    let (ends, end) = mpsc::channel::<()>();
    let reader = {
        let handle = handle.clone();
        thread::spawn(move || {
            begun.recv().unwrap();
            let metrics = handle.metrics();
            drop(ends);
            metrics
        })
    };
    runtime.block_on(async {
        begins.send(()).unwrap();
        let _ = end.recv(); // blocks the loop
    });
    assert_eq!(reader.join().unwrap().tasks, 0);
    let last = runtime.metrics();
    drop(runtime);
    assert_eq!(handle.metrics().polls, last.polls);
}

#[test]
fn time_is_parked_or_busy_from_the_first_reading_on() {
    let runtime = Runtime::new().unwrap();
    finish_on(&runtime, sleep(Duration::from_millis(2)));
    let first = runtime.metrics();
    assert_eq!((first.time_parked, first.time_busy), (Duration::ZERO, Duration::ZERO));
    // A busy machine may stop the thread between the start of the sleep and the park.
    let parks = || {
        finish_on(&runtime, sleep(Duration::from_millis(50)));
        runtime.metrics().time_parked >= Duration::from_millis(20)
    };
    assert!(std::iter::repeat_with(parks).take(20).any(|parked| parked));
    let second = runtime.metrics();
    assert!(second.parks > first.parks);
    thread::sleep(Duration::from_millis(10)); // the program's own time is no park
    let third = runtime.metrics();
    assert_eq!(third.time_parked, second.time_parked);
    assert!(third.time_busy - second.time_busy >= Duration::from_millis(10));
}

#[test]
fn a_park_that_goes_on_counts_until_now() {
    let runtime = Runtime::new().unwrap();
    runtime.metrics();
    let handle = runtime.handle();
    let reader = thread::spawn(move || {
        while handle.metrics().time_parked < Duration::from_millis(20) {
            thread::yield_now();
        }
        let parks = handle.metrics().parks;
        handle.stop();
        parks
    });
    runtime.run(); // parks, with nothing to do
    assert!(reader.join().unwrap() >= 1);
}
