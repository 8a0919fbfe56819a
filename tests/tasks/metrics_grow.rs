//! `Metrics`: the numbers that count never decrease, whenever they are read.

use std::future::pending;
use std::time::{Duration, Instant};

use oneloop::{Handle, Metrics, Runtime, spawn, time, yield_now};

use common::executor::*;

#[track_caller]
fn assert_grown(before: &Metrics, after: &Metrics) {
    let numbers = |of: &Metrics| {
        let times = [of.time_parked.as_nanos() as u64, of.time_busy.as_nanos() as u64];
        let counts = [of.turns, of.polls, of.wakes_local, of.wakes_remote, of.parks, of.spawned];
        (counts, times)
    };
    let ((counts, times), (later_counts, later_times)) = (numbers(before), numbers(after));
    let grown = counts.iter().chain(&times).zip(later_counts.iter().chain(&later_times));
    assert!(grown.clone().all(|(before, after)| before <= after), "{before:?} {after:?}");
}

#[test]
fn tasks_spawned_or_aborted_in_one_poll_change_no_other_count() {
    let runtime = Runtime::builder().event_interval(8).build().unwrap();
    finish_on(&runtime, async {
        for _ in 0..100 {
            yield_now().await;
        }
        let before = runtime.metrics();
        assert!(before.wakes_local >= 80 && before.polls >= 80, "{before:?}");
        let tasks: Vec<_> = (0..1000).map(|_| spawn(pending::<()>())).collect();
        let spawned = runtime.metrics();
        assert_grown(&before, &spawned);
        tasks.iter().for_each(|task| task.abort()); // their entries are passed over later
        drop(tasks);
        let mut last = spawned;
        for _ in 0..2000 {
            yield_now().await;
            let now = runtime.metrics();
            assert_grown(&last, &now);
            last = now;
        }
        assert_eq!((last.tasks, last.spawned), (0, 1000));
    });
}

#[test]
fn a_wake_from_another_thread_that_wakes_nothing_takes_nothing_from_the_local_ones() {
    let runtime = Runtime::new().unwrap();
    finish_on(&runtime, async {
        let waker = std::future::poll_fn(|cx| std::task::Poll::Ready(cx.waker().clone())).await;
        for _ in 0..50 {
            let waker = waker.clone();
            waker.wake_by_ref(); // it is queued
            std::thread::spawn(move || waker.wake()).join().unwrap();
            yield_now().await;
        }
    });
    let metrics = runtime.metrics();
    assert_eq!((metrics.wakes_remote, metrics.spawned), (0, 0), "{metrics:?}");
    assert!(metrics.wakes_local >= 50, "{metrics:?}");
}

#[test]
fn times_never_decrease_and_their_sum_is_the_time_that_has_passed() {
    const FOR: Duration = Duration::from_millis(400);
    const LIMIT: Duration = Duration::from_secs(60);
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let (begin, first) = (Instant::now(), handle.metrics());
    assert_eq!((first.time_parked, first.time_busy), (Duration::ZERO, Duration::ZERO));
    /// Ends the loop, also if the thread panics.
    struct Stop(Handle);
    impl Drop for Stop {
        fn drop(&mut self) {
            self.0.stop();
        }
    }
    let reader = std::thread::spawn(move || {
        let stop = Stop(handle);
        let mut last = first;
        // A slow machine may not have run the loop's thread yet.
        let has_parked = |metrics: &Metrics| metrics.parks > 1 && metrics.time_parked > Duration::ZERO;
        while begin.elapsed() < FOR || !has_parked(&last) && begin.elapsed() < LIMIT {
            let now = stop.0.metrics();
            assert_grown(&last, &now);
            let sum = now.time_parked + now.time_busy;
            assert!(sum <= begin.elapsed() + Duration::from_millis(1), "{now:?}");
            last = now;
        }
        last
    });
    runtime.spawn(async {
        loop {
            time::sleep(Duration::from_millis(1)).await; // long enough to park on a slow machine
        }
    });
    runtime.run();
    let last = reader.join().unwrap();
    assert!(last.parks > 1 && last.time_parked > Duration::ZERO, "{last:?}");
}
