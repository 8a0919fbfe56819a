//! A clock that stands still between two turns, goes in steps, or leaps: as coarse clocks, virtual machines and machines
//! that sleep have them. Timers are never early by that clock and all fire, time is all that waits, and nothing spins.
//!
//! The clock is for real: `common/clock.rs` puts its own `clock_gettime` in the place of the system's.
#![cfg(target_os = "linux")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use oneloop::event_loop::{Event, EventLoop};
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::spawn;
use oneloop::time::{interval, sleep, sleep_until, timeout};

use crate::clock;
use clock::{Clock, Manual};
use common::executor::{self, Watchdog, settle, until};

/// Runs a test with a clock that stands still unless it is moved.
fn standing_still(test: impl AsyncFnOnce(&'static Manual)) {
    let _watchdog = Watchdog::start();
    let manual = Manual::new();
    manual.advance(Duration::from_secs(1000));
    clock::set(Clock::Manual(manual));
    assert_eq!(Instant::now(), Instant::now(), "it does not stand still");
    oneloop::block_on(test(manual));
    clock::set(Clock::System);
}

async fn echo_once(a: &mut oneloop::net::TcpStream, b: &mut oneloop::net::TcpStream) {
    a.write_all(b"x").await.unwrap();
    b.read_exact(&mut [0]).await.unwrap();
}

#[test]
fn due_timers_fire_while_the_clock_stands_still() {
    standing_still(async |_| {
        let now = Instant::now();
        let tasks: Vec<_> = (0..1000)
            .map(|n| {
                spawn(async move {
                    match n % 3 {
                        0 => sleep(Duration::ZERO).await,
                        1 => sleep_until(now - Duration::from_nanos(n)).await,
                        _ => assert!(timeout(Duration::ZERO, std::future::pending::<()>()).await.is_err()),
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(now, Instant::now());
    });
}

#[test]
fn timers_that_are_not_due_wait_and_delay_no_task_until_the_clock_moves() {
    standing_still(async |clock| {
        let sleeps: Vec<_> = (1..=100).map(|ns| spawn(sleep(Duration::from_nanos(ns)))).collect();
        let (mut a, mut b) = executor::tcp_pair().await.unwrap();
        for due in 0..=100 {
            // Tasks, sockets and turns of the loop between two moments: as many as they like.
            for _ in 0..3 {
                echo_once(&mut a, &mut b).await;
            }
            settle().await;
            let fired = sleeps.iter().filter(|sleep| sleep.is_finished()).count();
            assert_eq!(fired, due, "of {due} timers that are due");
            clock.advance(Duration::from_nanos(1));
            sleep(Duration::ZERO).await; // a turn that looks at the clock
        }
    });
}

#[test]
fn a_loop_that_waits_for_a_clock_that_stands_still_does_not_spin() {
    standing_still(async |clock| {
        // The loop sleeps for a time that does not pass, until the other thread moves the clock. That
        // thread may start late, so the count begins with it.
        let (begins, begun) = std::sync::mpsc::channel();
        let moving = std::thread::spawn(move || {
            let (real, reads) = (Instant::now(), clock.reads());
            begins.send(reads).unwrap();
            while clock.reads() < reads + 5 || real.elapsed() < Duration::from_millis(100) {
                std::thread::sleep(Duration::from_millis(1));
            }
            clock.advance(Duration::from_millis(5));
            real.elapsed()
        });
        let reads = begun.recv().unwrap();
        let before = Instant::now();
        sleep(Duration::from_millis(5)).await;
        assert_eq!(before.elapsed(), Duration::from_millis(5));
        let stood_still = moving.join().unwrap();
        let reads = clock.reads() - reads;
        assert!(clock::slept(reads, stood_still), "it read the clock {reads} times in {stood_still:?}");
    });
}

#[test]
fn an_interval_of_a_nanosecond_ticks_once_for_each_moment_there_is() {
    standing_still(async |clock| {
        let mut ticks = interval(Duration::from_nanos(1));
        let start = ticks.tick().await;
        for leap in [1, 1, 2, 1000, 1_000_000_000] {
            let mut tick = Box::pin(ticks.tick());
            for _ in 0..3 {
                assert!((&mut tick).now_or_never().is_none(), "no time has passed");
                sleep(Duration::ZERO).await;
            }
            clock.advance(Duration::from_nanos(leap));
            // The first moment that was waited for; what was missed after it is skipped.
            assert!(tick.await > start);
        }
        // All tasks run beside a task that is always ready.
        let turns = Rc::new(Cell::new(0));
        let counting = turns.clone();
        let busy = spawn(async move {
            for _ in 0..1000 {
                clock.advance(Duration::from_nanos(1));
                ticks.tick().await;
                counting.set(counting.get() + 1);
            }
        });
        until(|| turns.get() > 500).await;
        busy.await.unwrap();
    });
}

#[test]
fn with_a_clock_that_goes_in_steps_no_timer_is_early_and_all_fire() {
    let _watchdog = Watchdog::start();
    clock::set(Clock::Steps(10_000_000));
    oneloop::block_on(async {
        let tasks: Vec<_> = (0..300)
            .map(|n| {
                spawn(async move {
                    let (begun, wanted) = (Instant::now(), Duration::from_micros(n * 97));
                    sleep(wanted).await;
                    assert!(begun.elapsed() >= wanted, "{wanted:?}");
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    let mut events: EventLoop<()> = EventLoop::new().unwrap();
    for _ in 0..3 {
        let (begun, wanted) = (Instant::now(), Duration::from_millis(7));
        assert!(matches!(events.take(Some(wanted)), Ok(Event::TimedOut)));
        assert!(begun.elapsed() >= wanted);
    }
    clock::set(Clock::System);
}

#[test]
fn after_a_leap_of_ten_years_all_that_is_due_fires_in_its_order() {
    const DAY: Duration = Duration::from_secs(86_400);
    standing_still(async |clock| {
        let log = Rc::new(RefCell::new(Vec::new()));
        let tasks: Vec<_> = (0..1000_u32)
            .map(|n| {
                let days = n.wrapping_mul(7919) % 3000;
                let (log, sleep) = (log.clone(), sleep(days * DAY));
                spawn(async move {
                    sleep.await;
                    log.borrow_mut().push(days);
                })
            })
            .collect();
        let later = spawn(sleep(3651 * DAY));
        let mut daily = interval(DAY);
        let first = daily.tick().await;
        settle().await;
        clock.advance(3650 * DAY + DAY / 2);
        for task in tasks {
            task.await.unwrap();
        }
        assert!(log.borrow().is_sorted());
        assert_eq!(daily.tick().await, first + DAY, "the one that was waited for");
        assert!(daily.tick().now_or_never().is_none(), "the others were skipped");
        assert!(!later.is_finished());
        clock.advance(DAY / 2);
        later.await.unwrap();
        assert_eq!(daily.tick().await, first + 3651 * DAY);
    });
}
