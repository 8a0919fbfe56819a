//! A million tasks and a million timers at once: everything runs, fires and ends, the memory comes back (but for what is
//! said to be kept for the next burst, which takes no more), and then nothing of it is left.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use oneloop::event_loop::{Event, EventLoop};
use oneloop::time::{Sleep, sleep_until};
use oneloop::{Runtime, spawn, yield_now};

use crate::counting;
use common::executor::Watchdog;
use counting::bytes_alive;

const MILLION: usize = 1_000_000;

/// A burst of `most` and a smaller one. After the first, `bytes_each` are kept at most (and a byte for the tables of the
/// tables): DESIGN.md, "Bounds". The second finds its place in what is kept.
fn assert_kept(most: usize, bytes_each: usize, mut burst: impl FnMut(usize)) {
    let before = bytes_alive();
    burst(most);
    let kept = bytes_alive() - before;
    assert!(kept <= (most * (bytes_each + 1)) as isize, "{kept} bytes are kept for {most}");
    burst(most / 5);
    let more = bytes_alive() - before - kept;
    assert!(more <= 0, "{more} bytes more are kept after a smaller burst");
}

/// Nothing of it is left. The process's table of runtimes may have grown on this thread meanwhile: ten bytes for
/// each of about 2,000 numbers at most (1,024 that rest, and those of the tests that run), and a vector doubles. A
/// leak of one byte in ten tasks or timers would be more.
fn assert_freed(before: isize) {
    const TABLE_BYTES_MAX: isize = 20_000;
    let left = bytes_alive() - before;
    assert!(left < TABLE_BYTES_MAX, "{left} bytes are left");
}

async fn run_tasks(count: usize) {
    let ran = Rc::new(Cell::new(0));
    let before = bytes_alive();
    for _ in 0..count {
        let ran = ran.clone();
        drop(spawn(async move {
            yield_now().await; // so that all of them are alive at once
            ran.set(ran.get() + 1);
        }));
    }
    assert!(bytes_alive() - before >= 20 * count as isize, "they are there");
    while ran.get() < count {
        yield_now().await;
    }
    assert_eq!(ran.get(), count);
}

#[test]
fn a_million_tasks_at_once_all_run_and_their_memory_comes_back() {
    let _watchdog = Watchdog::start();
    let empty = bytes_alive();
    let runtime = Runtime::new().unwrap();
    assert_kept(MILLION, 32, |count| runtime.block_on(run_tasks(count)));
    drop(runtime);
    assert_freed(empty);
}

/// Deadlines of half a second, some past already when the last is made.
async fn wait_for_timers(count: usize) {
    let start = Instant::now();
    let deadline = |n: usize| start + Duration::from_nanos((n * 7919 % MILLION * 500) as u64);
    let mut sleeps: Vec<Sleep> = (0..count).map(|n| sleep_until(deadline(n))).collect();
    for sleep in &mut sleeps {
        assert!(sleep.now_or_never().is_none(), "the first poll enters the wheel");
    }
    // A tenth of them is given up.
    sleeps.truncate(count / 10 * 9);
    for (n, sleep) in sleeps.iter_mut().enumerate() {
        sleep.await;
        assert!(Instant::now() >= deadline(n));
    }
}

#[test]
fn a_million_timers_at_once_all_fire_none_early_and_their_memory_comes_back() {
    let _watchdog = Watchdog::start();
    let empty = bytes_alive();
    let runtime = Runtime::new().unwrap();
    assert_kept(MILLION, 40 + 48, |count| runtime.block_on(wait_for_timers(count)));
    drop(runtime);
    assert_freed(empty);
}

fn take_timers(events: &mut EventLoop<()>, count: usize) {
    let deadline = Instant::now() + Duration::from_millis(1);
    for _ in 0..count {
        events.timer_at(deadline).unwrap();
    }
    for _ in 0..count {
        assert!(matches!(events.take(None), Ok(Event::Timer(_))));
    }
    assert!(matches!(events.take(Some(Duration::ZERO)), Ok(Event::TimedOut)));
}

#[test]
fn many_timers_of_one_moment_are_as_many_events() {
    let _watchdog = Watchdog::start();
    let empty = bytes_alive();
    let mut events: EventLoop<()> = EventLoop::new().unwrap();
    // (A slot of the sources has 24 bytes in a release build on epoll; elsewhere mio's sockets are larger.)
    assert_kept(200_000, 32 + 64 + 40 + 48, |count| take_timers(&mut events, count));
    drop(events);
    assert_freed(empty);
}
