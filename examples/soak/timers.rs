//! Timers of every kind. None may fire early, and none may be lost.

use std::rc::Rc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use futures::future::try_join_all;
use oneloop::future::poll_once;
use oneloop::time::{interval, sleep, sleep_until};

use crate::work::{Done, Soak};

const WORKERS: usize = 4;
const TIMERS_MAX: usize = 32;
const MILLISECONDS_MAX: u64 = 60;

pub fn start(soak: &Rc<Soak>) {
    let tally = soak.kind("timers");
    for _ in 0..WORKERS {
        soak.worker(&tally, async |rng| {
            let count = rng.usize(1..=TIMERS_MAX);
            try_join_all((0..count).map(|_| timer(rng.fork()))).await?;
            Done::operations(count)
        });
    }
}

async fn timer(mut rng: Rng) -> Result<(), String> {
    let duration = Duration::from_micros(rng.u64(..MILLISECONDS_MAX * 1000));
    let began = Instant::now();
    let due = began + duration;
    match rng.u8(..5) {
        0 => sleep(duration).await,
        1 => sleep_until(due).await,
        // The timer is polled, and then reset to a later or an earlier time.
        2 => {
            let mut timer = sleep(Duration::from_millis(rng.u64(..2 * MILLISECONDS_MAX)));
            let _ = poll_once(&mut timer).await;
            timer.reset(due);
            timer.await;
        }
        // Another timer is polled and dropped first.
        3 => {
            let _ = poll_once(sleep(Duration::from_secs(3600))).await;
            sleep_until(due).await;
        }
        _ => return ticks(began, duration.max(Duration::from_millis(1)) / 3).await,
    }
    on_time(due)
}

async fn ticks(began: Instant, period: Duration) -> Result<(), String> {
    let mut ticks = interval(period);
    for number in 0..4 {
        ticks.tick().await;
        on_time(began + period * number)?;
    }
    Ok(())
}

fn on_time(due: Instant) -> Result<(), String> {
    match due.checked_duration_since(Instant::now()) {
        Some(early) if !early.is_zero() => Err(format!("a timer fired {early:?} early")),
        _ => Ok(()),
    }
}
