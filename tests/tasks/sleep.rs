//! `sleep` and `sleep_until`: never early, in order, by the hundred thousand, and wherever they are carried.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures::future::{FutureExt, join_all};
use futures::stream::{FuturesUnordered, StreamExt};
use oneloop::time::{Duration, Instant, Sleep, sleep, sleep_until};
use oneloop::{Runtime, spawn, yield_now};

use common::executor::*;

fn nap(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

#[test]
fn it_is_never_early_one_at_a_time() {
    finish(async {
        for micros in [0, 1, 10, 100, 500, 999, 1000, 1001, 1047, 1048, 1049, 1500, 2000, 3000, 4500] {
            let duration = Duration::from_micros(micros);
            let start = Instant::now();
            sleep(duration).await;
            assert!(start.elapsed() >= duration, "{:?} for {duration:?}", start.elapsed());
        }
        for nanos in [1, 999, 1_048_575, 1_048_576, 1_048_577, 1_999_999] {
            let duration = Duration::from_nanos(nanos);
            let start = Instant::now();
            sleep(duration).await;
            assert!(start.elapsed() >= duration, "{:?} for {duration:?}", start.elapsed());
        }
    });
}

#[test]
fn it_is_never_early_among_many() {
    finish(async {
        let sleeping = (0..700_u32).map(|n| {
            let duration = Duration::from_nanos(u64::from(n) * 98_765);
            let start = Instant::now();
            spawn(async move {
                sleep(duration).await;
                (start.elapsed(), duration)
            })
        });
        for task in join_all(sleeping).await {
            let (elapsed, duration) = task.unwrap();
            assert!(elapsed >= duration, "{elapsed:?} for {duration:?}");
        }
    });
}

#[test]
fn it_counts_from_its_creation_not_from_its_first_poll() {
    // With one task in a turn, a timer that is due fires right after the turn in which it was polled.
    let runtime = Runtime::builder().event_interval(1).build().unwrap();
    let mut early = sleep(Duration::from_millis(3)); // outside
    let before = Instant::now();
    nap(4);
    finish_on(&runtime, async {
        assert!(early.is_elapsed());
        assert!(early.deadline().unwrap() <= before + Duration::from_millis(3));
        assert!(futures::poll!(&mut early).is_pending());
        yield_now().await;
        assert!(futures::poll!(&mut early).is_ready());
    });
}

#[test]
fn it_may_be_made_outside_and_polled_inside() {
    let start = Instant::now();
    oneloop::block_on(sleep(Duration::from_millis(2)));
    assert!(start.elapsed() >= Duration::from_millis(2));
    let deadline = Instant::now() + Duration::from_millis(2);
    Runtime::new().unwrap().block_on(sleep_until(deadline));
    assert!(Instant::now() >= deadline);
}

#[test]
fn a_deadline_that_is_past_gives_the_others_a_turn_and_is_ready() {
    finish(async {
        for past in [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(3600)] {
            let Some(deadline) = Instant::now().checked_sub(past) else { continue };
            let ran = Rc::new(Cell::new(false));
            let theirs = ran.clone();
            drop(spawn(async move { theirs.set(true) }));
            sleep_until(deadline).await;
            assert!(ran.get());
        }
        sleep(Duration::ZERO).await;
    });
}

#[test]
fn a_duration_that_overflows_means_never_and_disturbs_no_other_timer() {
    finish(async {
        let far = [
            Duration::MAX,
            Duration::from_secs(u64::MAX),
            Duration::from_secs(u64::MAX / 2),
            Duration::from_secs(1 << 40),   // beyond the wheel's 584 years
            Duration::from_nanos(u64::MAX), // just about there
            Duration::from_secs(60 * 60 * 24 * 365 * 300),
            Duration::from_millis(1 << 31), // where milliseconds in 32 bits end
            Duration::from_millis((1 << 32) + 1),
            Duration::from_secs(60 * 60 * 24 * 30),
        ];
        let tasks: Vec<_> = far.into_iter().map(|duration| spawn(sleep(duration))).collect();
        for millis in 0..4 {
            let start = Instant::now();
            sleep(Duration::from_millis(millis)).await;
            assert!(start.elapsed() >= Duration::from_millis(millis));
        }
        assert!(tasks.iter().all(|task| !task.is_finished()));
    });
    assert_eq!(sleep(Duration::MAX).deadline(), None);
    assert!(!sleep(Duration::MAX).is_elapsed());
}

/// Starts a task for each deadline; the list of those that woke grows in the order of their waking.
fn log_order(deadlines: impl Iterator<Item = Instant>) -> Rc<RefCell<Vec<Instant>>> {
    let log = Rc::new(RefCell::new(Vec::new()));
    for deadline in deadlines {
        let log = log.clone();
        drop(spawn(async move {
            sleep_until(deadline).await;
            log.borrow_mut().push(deadline);
        }));
    }
    log
}

/// The numbers below 199 in an order that looks random.
fn shuffled() -> impl Iterator<Item = u32> {
    (1..=199).map(|n| n * 83 % 199)
}

#[test]
fn overdue_timers_fire_in_the_order_of_their_deadlines() {
    // The last of them spans more than the lowest level of the wheel, 67 ms.
    for step in [Duration::from_nanos(1), Duration::from_micros(37), Duration::from_micros(400)] {
        finish(async {
            let start = Instant::now();
            let log = log_order(shuffled().map(|n| start + step * n));
            settle().await;
            nap(1 + (step * 200).as_millis() as u64); // now all of them are late
            until(|| log.borrow().len() == 199).await;
            assert!(log.borrow().is_sorted());
        });
    }
}

#[test]
fn timers_that_were_overdue_when_they_were_made_fire_in_the_order_of_their_deadlines() {
    finish(async {
        nap(3);
        let now = Instant::now();
        let log = log_order(shuffled().map(|n| now - Duration::from_micros(10) * n));
        until(|| log.borrow().len() == 199).await;
        assert!(log.borrow().is_sorted());
    });
}

#[test]
fn timers_that_are_older_than_their_runtime_fire_in_the_order_of_their_deadlines() {
    let now = Instant::now();
    let deadlines: Vec<_> = shuffled().map(|n| now + Duration::from_micros(10) * n).collect();
    nap(3); // all of them are overdue before there is a loop
    finish(async {
        let log = log_order(deadlines.into_iter());
        until(|| log.borrow().len() == 199).await;
        assert!(log.borrow().is_sorted());
    });
}

#[test]
fn overdue_timers_inside_a_combinator_fire_in_the_order_of_their_deadlines() {
    finish(async {
        let start = Instant::now();
        let mut all: FuturesUnordered<_> = shuffled()
            .filter(|&n| n < 100) // few enough for one budget
            .map(|n| async move {
                sleep_until(start + Duration::from_micros(10) * n).await;
                n
            })
            .collect();
        assert!(all.next().now_or_never().is_none(), "all of them are in the wheel");
        nap(4);
        let order: Vec<u32> = all.collect().await;
        assert!(order.is_sorted(), "{order:?}");
    });
}

#[test]
fn a_hundred_thousand_timers_all_fire_and_none_early() {
    finish(async {
        let late = Rc::new(Cell::new(0));
        for n in 0..100_000_u64 {
            let late = late.clone();
            let deadline = Instant::now() + Duration::from_micros(n * 7919 % 50_000);
            drop(spawn(async move {
                sleep_until(deadline).await;
                assert!(Instant::now() >= deadline);
                late.set(late.get() + 1);
            }));
        }
        while late.get() < 100_000 {
            sleep(Duration::from_millis(5)).await;
        }
    });
}

#[test]
fn a_hundred_thousand_timers_may_be_dropped_in_any_order_and_the_rest_fire() {
    finish(async {
        let start = Instant::now();
        let mut timers: Vec<_> = (0..100_000_u64)
            .map(|n| Some(sleep_until(start + Duration::from_micros(n * 7919 % 40_000))))
            .collect();
        for timer in timers.iter_mut().flatten() {
            assert!(futures::poll!(timer).is_pending());
        }
        for n in 0..timers.len() {
            if n % 10 != 0 {
                timers[n * 7919 % 100_000] = None;
            }
        }
        assert_eq!(timers.iter().flatten().count(), 10_000);
        for timer in timers.into_iter().flatten() {
            let deadline = timer.deadline().unwrap();
            timer.await;
            assert!(Instant::now() >= deadline);
        }
    });
}

#[test]
fn a_timer_dropped_in_the_middle_leaves_the_others_alone() {
    finish(async {
        let start = Instant::now();
        let (mut first, mut second, mut third) = (
            sleep_until(start + Duration::from_millis(2)),
            sleep_until(start + Duration::from_millis(2)),
            sleep_until(start + Duration::from_millis(3)),
        );
        for timer in [&mut first, &mut second, &mut third] {
            assert!(futures::poll!(timer).is_pending());
        }
        drop(second);
        first.await;
        assert!(start.elapsed() >= Duration::from_millis(2));
        third.await;
        assert!(start.elapsed() >= Duration::from_millis(3));
    });
}

#[test]
fn a_cancelled_timer_that_was_the_next_one_does_not_hold_the_others_back() {
    finish(async {
        for _ in 0..20 {
            let mut soon = sleep(Duration::from_micros(300));
            assert!(futures::poll!(&mut soon).is_pending());
            let later = sleep(Duration::from_millis(1));
            drop(soon);
            later.await;
        }
    });
}

/// A sleep that several tasks can get at.
type Shared = Rc<RefCell<Sleep>>;

fn waiting_for(shared: &Shared) -> impl Future<Output = ()> + 'static {
    let shared = shared.clone();
    poll_fn(move |cx| Pin::new(&mut *shared.borrow_mut()).poll(cx))
}

#[test]
fn moved_from_one_task_to_another_it_wakes_the_one_that_polled_last() {
    finish(async {
        let shared = Rc::new(RefCell::new(sleep(Duration::from_millis(3))));
        let first = spawn(waiting_for(&shared));
        settle().await;
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        spawn(waiting_for(&shared)).await.unwrap();
        assert!(shared.borrow().is_elapsed());
    });
}

#[test]
fn of_several_wakers_the_last_one_is_woken() {
    finish(async {
        let mut timer = sleep(Duration::from_millis(1));
        let (first, one) = Wakes::new();
        let (last, other) = Wakes::new();
        assert!(poll_with(&mut timer, &one).is_pending());
        assert!(poll_with(&mut timer, &other).is_pending());
        until(|| last.count() > 0).await;
        assert_eq!((first.count(), last.count()), (0, 1));
        assert!(poll_with(&mut timer, &one).is_ready());
    });
}

#[test]
fn once_ready_it_stays_ready() {
    finish(async {
        let mut timer = sleep(Duration::from_micros(1));
        (&mut timer).await;
        assert!((&mut timer).now_or_never().is_some());
        (&mut timer).await;
    });
}

#[test]
fn a_reset_moves_the_deadline_both_ways() {
    finish(async {
        let start = Instant::now();
        let mut timer = sleep(Duration::from_secs(3600));
        assert!(futures::poll!(&mut timer).is_pending());
        timer.reset(start + Duration::from_millis(2)); // sooner
        (&mut timer).await;
        assert!(start.elapsed() >= Duration::from_millis(2));

        timer.reset(start + Duration::from_millis(4)); // after it has fired
        assert_eq!(timer.deadline(), Some(start + Duration::from_millis(4)));
        assert!(futures::poll!(&mut timer).is_pending());
        timer.reset(start + Duration::from_millis(6)); // later
        (&mut timer).await;
        assert!(start.elapsed() >= Duration::from_millis(6));

        let mut never = sleep(Duration::MAX);
        never.reset(start);
        never.await;
    });
}

#[test]
fn carried_to_another_runtime_it_goes_on_there() {
    let (one, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let start = Instant::now();
    let mut timer = sleep(Duration::from_millis(3));
    one.block_on(async { assert!(futures::poll!(&mut timer).is_pending()) });
    finish_on(&other, &mut timer);
    assert!(start.elapsed() >= Duration::from_millis(3));
    // And back, with a new deadline.
    let deadline = Instant::now() + Duration::from_millis(1);
    timer.reset(deadline);
    finish_on(&one, &mut timer);
    assert!(Instant::now() >= deadline);
}

#[test]
fn a_timer_that_fired_on_one_runtime_is_ready_on_another() {
    let (one, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let mut timer = sleep(Duration::from_micros(1));
    finish_on(&one, &mut timer);
    finish_on(&other, &mut timer);
}

#[test]
fn it_outlives_its_runtime_and_goes_on_in_the_next() {
    let runtime = Runtime::new().unwrap();
    let start = Instant::now();
    let (mut long, mut short) = (sleep(Duration::from_millis(3)), sleep(Duration::ZERO));
    runtime.block_on(async {
        assert!(futures::poll!(&mut long).is_pending());
        (&mut short).await;
    });
    drop(runtime);
    finish(async {
        long.await;
        assert!(start.elapsed() >= Duration::from_millis(3));
        short.await;
    });
}

#[test]
fn a_task_elsewhere_that_waits_for_a_timer_of_a_runtime_that_ends_goes_on_with_its_own() {
    let (one, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let start = Instant::now();
    let shared = Rc::new(RefCell::new(sleep(Duration::from_millis(3))));
    let task = other.spawn(waiting_for(&shared));
    other.block_on(settle());
    assert!(one.block_on(async { waiting_for(&shared).now_or_never() }).is_none());
    drop(one);
    drop(task);
    finish_on(&other, waiting_for(&shared));
    assert!(start.elapsed() >= Duration::from_millis(3));
}

#[test]
fn a_loop_that_was_away_for_long_catches_up() {
    let runtime = Runtime::new().unwrap();
    let log = runtime.block_on(async {
        let start = Instant::now();
        let log = log_order((0..100).rev().map(|n| start + Duration::from_micros(n * 50)));
        settle().await;
        log
    });
    nap(8); // the loop does not run
    finish_on(&runtime, until(|| log.borrow().len() == 100));
    assert!(log.borrow().is_sorted());
}

#[test]
fn a_foreign_waker_in_the_wheel_may_use_the_runtime_when_it_is_woken() {
    struct Spawns(Drops);
    impl std::task::Wake for Spawns {
        fn wake(self: std::sync::Arc<Self>) {
            let token = self.0.token();
            drop(spawn(async move {
                sleep(Duration::ZERO).await;
                drop(token);
            }));
        }
    }
    finish(async {
        let drops = Drops::new();
        let waker = std::task::Waker::from(std::sync::Arc::new(Spawns(drops.clone())));
        let mut timers = [sleep(Duration::ZERO), sleep(Duration::from_micros(100))];
        for timer in &mut timers {
            assert_eq!(Pin::new(timer).poll(&mut Context::from_waker(&waker)), Poll::Pending);
        }
        until(|| drops.count() == 2).await;
    });
}
