//! `interval`: at once, then on a grid; what was missed is skipped and the grid is kept.

use futures::future::FutureExt;
use futures::stream::StreamExt;
use oneloop::time::{Duration, Instant, Interval, interval, timeout};
use oneloop::{Runtime, spawn};

use common::executor::*;

const PERIOD: Duration = Duration::from_millis(2);

/// Whether two ticks stand on one grid.
fn on_grid(one: Instant, other: Instant, period: Duration) -> bool {
    one.max(other).duration_since(one.min(other)).as_nanos().is_multiple_of(period.as_nanos())
}

#[test]
fn the_first_tick_comes_at_once() {
    finish(async {
        let before = Instant::now();
        let mut slow = interval(Duration::from_secs(3600));
        let after = Instant::now();
        let first = slow.tick().await;
        assert!(before <= first && first <= after);
        assert!(timeout(PERIOD, slow.tick()).await.is_err(), "and the second does not");
    });
}

#[test]
fn ticks_are_never_early_and_stand_on_the_grid() {
    finish(async {
        let mut ticks = interval(PERIOD);
        let first = ticks.tick().await;
        let mut last = first;
        for _ in 0..10 {
            let tick = ticks.tick().await;
            assert!(tick <= Instant::now());
            assert!(tick > last && on_grid(tick, first, PERIOD));
            last = tick;
        }
    });
}

#[test]
fn ticks_that_were_missed_are_skipped_and_the_grid_is_kept() {
    finish(async {
        let mut ticks = interval(PERIOD);
        let first = ticks.tick().await;
        let before = Instant::now();
        std::thread::sleep(PERIOD * 4 + PERIOD / 2);
        let after = Instant::now();
        let late = ticks.tick().await;
        assert!(late <= before + PERIOD, "it was due long ago, and says so: {:?}", late - first);
        let next = ticks.tick().await;
        assert!(next > after, "no burst to catch up: {:?}", next - first);
        assert!(on_grid(late, first, PERIOD) && on_grid(next, first, PERIOD));
    });
}

#[test]
fn the_tick_after_a_late_one_is_the_first_point_of_the_grid_that_is_still_to_come() {
    finish(async {
        for period in [Duration::from_nanos(1), Duration::from_micros(7), Duration::from_millis(1)] {
            let mut ticks = interval(period);
            ticks.tick().await;
            std::thread::sleep(Duration::from_millis(2));
            let before = Instant::now();
            let late = ticks.tick().await;
            let after = Instant::now();
            let next = ticks.tick().await;
            assert!(before < next && next <= after + period, "{period:?}");
            assert!(on_grid(late, next, period));
        }
    });
}

#[test]
#[should_panic(expected = "period of zero")]
fn a_period_of_zero_panics_with_a_message() {
    let _ = interval(Duration::ZERO);
}

#[test]
fn a_period_that_overflows_ticks_once() {
    finish(async {
        for period in [Duration::MAX, Duration::from_secs(u64::MAX / 2)] {
            let mut once = interval(period);
            assert_eq!(once.period(), period);
            once.tick().await;
            for _ in 0..2 {
                assert!(timeout(Duration::from_millis(1), once.tick()).await.is_err());
            }
        }
    });
}

#[test]
fn a_tick_that_is_broken_off_is_not_lost() {
    finish(async {
        let mut ticks = interval(PERIOD);
        let first = ticks.tick().await;
        let mut tries = 0;
        let second = loop {
            tries += 1;
            if let Ok(tick) = timeout(PERIOD / 10, ticks.tick()).await {
                break tick;
            }
        };
        assert!(tries >= 1);
        assert!(second > first && on_grid(second, first, PERIOD));
        // Due, polled once by a waker without effect, and still due.
        std::thread::sleep(PERIOD);
        let mut due = ticks.tick().now_or_never();
        while due.is_none() {
            oneloop::yield_now().await;
            due = ticks.tick().now_or_never();
        }
        let third = due.unwrap();
        assert!(third > second && on_grid(third, second, PERIOD));
    });
}

#[test]
fn it_is_a_stream_of_the_same_instants_without_end() {
    finish(async {
        let ticks: Vec<_> = interval(PERIOD).take(4).collect().await;
        assert_eq!(ticks.len(), 4);
        assert!(ticks.is_sorted() && ticks.iter().all(|&tick| on_grid(tick, ticks[0], PERIOD)));
    });
}

#[test]
fn a_reset_begins_a_new_grid_one_period_from_now() {
    finish(async {
        let mut ticks = interval(PERIOD);
        ticks.tick().await;
        std::thread::sleep(PERIOD / 3);
        let before = Instant::now();
        ticks.reset();
        let after = Instant::now();
        let tick = ticks.tick().await;
        assert!(before + PERIOD <= tick && tick <= after + PERIOD);
    });
}

#[test]
fn it_may_be_made_outside_and_carried_from_one_runtime_to_another() {
    let mut ticks: Interval = interval(PERIOD);
    let first = oneloop::block_on(ticks.tick());
    let runtime = Runtime::new().unwrap();
    assert!(runtime.block_on(async { ticks.tick().now_or_never() }).is_none_or(|tick| tick > first));
    drop(runtime);
    let tick = finish(ticks.tick());
    assert!(tick > first && on_grid(tick, first, PERIOD));
}

#[test]
fn many_of_them_tick_side_by_side() {
    finish(async {
        let tasks: Vec<_> = (1..=50)
            .map(|n| {
                spawn(async move {
                    let period = Duration::from_micros(n * 100);
                    let mut ticks = interval(period);
                    let first = ticks.tick().await;
                    for _ in 0..3 {
                        assert!(on_grid(ticks.tick().await, first, period));
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}
