//! `Builder::precise_timers`: the same promises as without, in less time. Where the option changes nothing, these hold, too.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use oneloop::Runtime;
use oneloop::time::{interval, sleep, timeout};

use common::sockets::{Outcome, tcp_pair};
use oneloop::io::{AsyncReadExt, AsyncWriteExt};

fn precise() -> Runtime {
    Runtime::builder().precise_timers(true).build().unwrap()
}

/// Starts a timer and drops it.
async fn start_and_drop(duration: Duration) {
    let mut timer = pin!(sleep(duration));
    poll_fn(|context| Poll::Ready(timer.as_mut().poll(context).is_ready())).await;
}

#[test]
fn precise_timers_are_never_early() {
    precise().block_on(async {
        for us in [1, 30, 40, 100, 333, 999, 1_000, 1_001, 2_500, 7_000, 20_000] {
            for _ in 0..5 {
                let (start, duration) = (Instant::now(), Duration::from_micros(us));
                sleep(duration).await;
                assert!(start.elapsed() >= duration, "{us} us");
            }
        }
        let start = Instant::now();
        let mut ticks = interval(Duration::from_micros(500));
        for number in 0..20 {
            ticks.tick().await;
            assert!(start.elapsed() >= Duration::from_micros(500) * number);
        }
    });
}

#[test]
fn timers_that_are_set_at_once_end_in_the_order_of_their_deadlines() {
    precise().block_on(async {
        let start = Instant::now();
        let deadline = move |number: u64| start + Duration::from_micros(5_000 + number * 7_919 % 3_001);
        let tasks: Vec<_> = (0..1_000)
            .map(|number| {
                oneloop::spawn(async move {
                    oneloop::time::sleep_until(deadline(number)).await;
                    assert!(Instant::now() >= deadline(number));
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

/// The driver over `polling` sleeps to the nanosecond and does wake for each.
#[cfg(target_os = "linux")]
#[test]
fn a_thousand_timers_of_a_millisecond_do_not_wake_a_thousand_times() {
    let runtime = Runtime::builder().driver(oneloop::Driver::Mio).precise_timers(true).build().unwrap();
    let parks = runtime.block_on(async {
        let start = Instant::now() + Duration::from_millis(50); // by then all of them have started
        let timer = |number| {
            let deadline = start + Duration::from_micros(number);
            oneloop::spawn(oneloop::time::sleep_until(deadline))
        };
        let timers: Vec<_> = (0..1_000).map(timer).collect();
        let parks = runtime.metrics().parks;
        for timer in timers {
            timer.await.unwrap();
        }
        runtime.metrics().parks - parks
    });
    assert!(parks <= 50, "{parks}: 1 ms has 31 steps of 33 us");
}

#[cfg(target_os = "linux")]
#[test]
fn a_timer_that_was_dropped_wakes_the_loop_once_at_most() {
    let runtime = precise();
    runtime.block_on(async {
        for duration in [Duration::from_millis(1), Duration::from_micros(200)] {
            start_and_drop(duration).await;
            let parks = runtime.metrics().parks;
            sleep(Duration::from_millis(50)).await;
            let parks = runtime.metrics().parks - parks;
            assert!(parks <= 5, "{parks}"); // what a signal or the debugger's stop may add
        }
    });
}

#[test]
fn a_deadline_that_comes_nearer_and_one_that_moves_away_are_both_met() -> Outcome {
    precise().block_on(async {
        let far = oneloop::spawn(sleep(Duration::from_secs(3600)));
        sleep(Duration::from_millis(2)).await; // nearer than what the alarm is set for
        let (mut ours, mut theirs) = tcp_pair().await?;
        for round in 0..200u8 {
            let near = Duration::from_micros(u64::from(round) * 37 % 900);
            start_and_drop(near).await;
            ours.write_all(&[round]).await?;
            let mut byte = [0];
            timeout(common::sockets::LIMIT, theirs.read_exact(&mut byte)).await??;
            assert_eq!(byte, [round]);
        }
        let start = Instant::now();
        assert!(timeout(Duration::from_millis(3), theirs.read_exact(&mut [0])).await.is_err());
        assert!(start.elapsed() >= Duration::from_millis(3));
        far.abort();
        Ok(())
    })
}

#[test]
fn a_loop_of_the_programs_own_sees_precise_timers() {
    let runtime = precise();
    let start = Instant::now();
    let task = runtime.spawn(async {
        for _ in 0..5 {
            sleep(Duration::from_micros(700)).await;
        }
    });
    runtime.block_on(sleep(Duration::from_micros(100))); // leaves the alarm set for the task's timer
    while !task.is_finished() {
        let wait = runtime.turn();
        std::thread::sleep(wait.unwrap_or_default());
    }
    assert!(start.elapsed() >= Duration::from_micros(3_500));
}

#[test]
fn a_stopped_clock_jumps_over_precise_timers_and_goes_on() {
    let hour = Duration::from_secs(3600);
    let runtime = Runtime::builder().precise_timers(true).start_paused(true).build().unwrap();
    runtime.block_on(async {
        let before = oneloop::time::now();
        sleep(hour).await;
        assert_eq!(oneloop::time::now() - before, hour);
        oneloop::time::resume();
        let start = Instant::now();
        sleep(Duration::from_micros(1_500)).await;
        assert!(start.elapsed() >= Duration::from_micros(1_500));
    });
}

#[cfg(feature = "event-loop")]
#[test]
fn an_event_loop_takes_precise_time_outs() -> Outcome {
    use oneloop::event_loop::{Event, EventLoop};

    let mut events = EventLoop::<()>::on(precise(), None)?;
    for us in [100, 900, 3_000, 20_000] {
        let (start, duration) = (Instant::now(), Duration::from_micros(us));
        assert!(matches!(events.take(Some(duration))?, Event::TimedOut));
        assert!(start.elapsed() >= duration, "{us} us");
    }
    Ok(())
}
