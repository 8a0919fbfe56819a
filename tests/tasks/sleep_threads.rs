//! Sleeps that change threads and loops, and are dropped there.

use futures::future::FutureExt;
use oneloop::Runtime;
use oneloop::time::{Duration, Instant, Sleep, sleep};

use common::executor::*;

#[test]
fn the_futures_of_time_may_change_threads() {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Sleep>();
    is_send_and_sync::<oneloop::time::Timeout<std::future::Pending<()>>>();
    is_send_and_sync::<oneloop::time::Interval>();
}

/// Polls once on this loop, so that it has a timer here.
async fn started(duration: Duration) -> Sleep {
    let mut pause = sleep(duration);
    assert!((&mut pause).now_or_never().is_none());
    pause
}

#[test]
fn sent_to_another_thread_it_waits_there_for_the_same_deadline() {
    let runtime = Runtime::new().unwrap();
    let pause = runtime.block_on(started(Duration::from_millis(30)));
    let deadline = pause.deadline().unwrap();
    let thread = std::thread::spawn(move || {
        finish(pause);
        assert!(Instant::now() >= deadline);
    });
    thread.join().unwrap();
    // Its timer here is cancelled by then.
    runtime.turn();
    assert_eq!(runtime.turn(), None);
}

#[test]
fn dropped_outside_of_its_loop_its_timer_is_cancelled() {
    let runtime = Runtime::new().unwrap();
    let on_another_thread = runtime.block_on(started(Duration::from_secs(3600)));
    let on_this_one = runtime.block_on(started(Duration::from_secs(3600)));
    let in_another_runtime = runtime.block_on(started(Duration::from_secs(3600)));
    assert!(runtime.turn().is_some());
    std::thread::spawn(move || drop(on_another_thread)).join().unwrap();
    drop(on_this_one);
    assert!(runtime.turn().is_some(), "one is left");
    finish(async move { drop(in_another_runtime) });
    runtime.turn();
    assert_eq!(runtime.turn(), None);
}

#[test]
fn a_drop_on_another_thread_ends_the_sleep_of_a_loop_that_waits_for_that_deadline() {
    // The loop need not wake for the cancelled timer any more: the next deadline is another's.
    let runtime = Runtime::new().unwrap();
    let pause = runtime.block_on(started(Duration::from_millis(200)));
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        drop(pause);
    });
    finish_on(&runtime, sleep(Duration::from_millis(60)));
    thread.join().unwrap();
    runtime.turn();
    assert_eq!(runtime.turn(), None);
}

#[test]
fn after_its_runtime_a_drop_does_nothing_to_a_successor() {
    let mut pauses = Vec::new();
    for _ in 0..3 {
        let runtime = Runtime::new().unwrap();
        pauses.push(runtime.block_on(started(Duration::from_secs(3600))));
    }
    // Its first timer has the key that those had; its number may be one of theirs, too.
    let runtime = Runtime::new().unwrap();
    let _own = runtime.block_on(started(Duration::from_secs(3600)));
    drop(pauses);
    runtime.turn();
    assert!(runtime.turn().is_some());
}

#[test]
fn polled_outside_a_runtime_it_says_so_also_if_it_was_polled_inside() {
    let runtime = Runtime::new().unwrap();
    let mut pause = runtime.block_on(started(Duration::from_millis(1)));
    std::thread::sleep(Duration::from_millis(2));
    let text = panic_of(|| {
        (&mut pause).now_or_never();
    });
    assert!(text.starts_with("a oneloop Sleep was polled outside a oneloop runtime"), "{text}");
    finish(pause);
}

#[test]
fn it_goes_to_and_fro_between_two_threads() {
    let (there, from_here) = std::sync::mpsc::channel::<Sleep>();
    let (back, from_there) = std::sync::mpsc::channel::<Sleep>();
    let thread = std::thread::spawn(move || {
        let runtime = Runtime::new().unwrap();
        for mut pause in from_here {
            runtime.block_on(async { (&mut pause).now_or_never() });
            back.send(pause).unwrap();
        }
    });
    let runtime = Runtime::new().unwrap();
    let mut pause = runtime.block_on(started(Duration::from_millis(50)));
    let deadline = pause.deadline().unwrap();
    for _ in 0..100 {
        there.send(pause).unwrap();
        pause = from_there.recv().unwrap();
        runtime.block_on(async { (&mut pause).now_or_never() });
    }
    finish_on(&runtime, pause);
    assert!(Instant::now() >= deadline);
    drop(there);
    thread.join().unwrap();
}
