//! Measures wakes of a task from another thread.

use std::cell::Cell;
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::{Length, sample};
use crate::peers::Executor;
use crate::{stats, sys};

/// Measures wakes of a busy loop. A second task of the loop is always ready, so that the loop never
/// sleeps.
pub async fn busy<E: Executor>(time: Duration, core: usize) -> io::Result<Vec<f64>> {
    let stop = Rc::new(Cell::new(false));
    let stopped = Rc::clone(&stop);
    let other = E::spawn(async move {
        while !stopped.get() {
            E::yield_now().await;
        }
    });
    let figures = latencies(time, core, Duration::ZERO).await;
    stop.set(true);
    other.await;
    figures
}

/// Measures wakes of a sleeping loop. The other thread waits for a moment before it wakes the task, so
/// that the loop sleeps by then.
pub async fn asleep<E: Executor>(time: Duration, core: usize) -> io::Result<Vec<f64>> {
    latencies(time, core, Duration::from_micros(100)).await
}

/// Measures a task and another thread that answer each other at once, through an atomic number and a
/// waker. The loop is idle until the answer arrives. Returns the median and the 99th percentile of a
/// round trip, in ns.
pub async fn answers<E: Executor>(time: Duration, core: usize) -> io::Result<Vec<f64>> {
    let waker = poll_fn(|context| Poll::Ready(context.waker().clone())).await;
    let number = Arc::new(AtomicU64::new(0));
    let thread = std::thread::spawn({
        let number = Arc::clone(&number);
        move || answer(core, &number, &waker)
    });
    let start = Instant::now();
    let mut round_trips_ns = Vec::new();
    for question in (1..).step_by(2) {
        let asked = Instant::now();
        number.store(question, Ordering::Release);
        let answered = |_: &mut Context<'_>| {
            if number.load(Ordering::Acquire) > question { Poll::Ready(()) } else { Poll::Pending }
        };
        poll_fn(answered).await;
        round_trips_ns.push(asked.elapsed().as_nanos() as f64);
        if start.elapsed() >= time {
            break;
        }
    }
    number.store(NO_MORE, Ordering::Release);
    thread.join().map_err(|_| io::Error::other("the waking thread panicked"))??;
    round_trips_ns.sort_by(f64::total_cmp);
    Ok(vec![stats::percentile(&round_trips_ns, 50.0), stats::percentile(&round_trips_ns, 99.0)])
}

const NO_MORE: u64 = u64::MAX;

/// Runs the other thread of `answers`. An odd number is a question, and the next even number is its
/// answer.
fn answer(core: usize, number: &AtomicU64, waker: &Waker) -> io::Result<()> {
    sys::pin_to(core)?;
    loop {
        match number.load(Ordering::Acquire) {
            NO_MORE => return Ok(()),
            question if question % 2 == 1 => {
                number.store(question + 1, Ordering::Release);
                waker.wake_by_ref();
            }
            _ => std::hint::spin_loop(),
        }
    }
}

/// Returns the median and the 99th percentile of the times from the call of `wake()` to the poll that it
/// causes, in ns.
async fn latencies(time: Duration, core: usize, delay: Duration) -> io::Result<Vec<f64>> {
    let clock = Arc::new(WakeClock { origin: Instant::now(), woken_at_ns: AtomicU64::new(NOT_YET) });
    let (ask, asked) = mpsc::channel();
    let thread = std::thread::spawn({
        let clock = Arc::clone(&clock);
        move || wake_on_demand(core, delay, &asked, &clock)
    });
    let mut latencies_ns = Vec::new();
    while clock.origin.elapsed() < time {
        let woken_at_ns = one_wake(&ask, &clock).await?;
        latencies_ns.push((clock.now_ns() - woken_at_ns) as f64);
    }
    drop(ask);
    thread.join().map_err(|_| io::Error::other("the waking thread panicked"))??;
    latencies_ns.sort_by(f64::total_cmp);
    Ok(vec![stats::percentile(&latencies_ns, 50.0), stats::percentile(&latencies_ns, 99.0)])
}

/// Repeats a fixed number of wakes, for counts. The other thread waits until the task has received the
/// last wake, and then for another 3 ms. The loop sleeps by then, so that each wake reaches a sleeping
/// loop.
pub async fn counted<E: Executor>(length: Length) -> io::Result<Vec<f64>> {
    const WAKES: u64 = 100;
    const ASLEEP_AFTER: Duration = Duration::from_millis(3);
    let (mut answers, mut answer) = io::pipe()?;
    let (hand_over, handed_over) = mpsc::channel::<Waker>();
    // The thread ends when the pipe is closed.
    std::thread::spawn(move || {
        let Ok(waker) = handed_over.recv() else { return };
        while answers.read_exact(&mut [0]).is_ok() {
            std::thread::sleep(ASLEEP_AFTER);
            waker.wake_by_ref();
        }
    });
    let waker = poll_fn(|context| Poll::Ready(context.waker().clone())).await;
    hand_over.send(waker).map_err(io::Error::other)?;
    let wakes = sample(length, WAKES, async || {
        for _ in 0..WAKES {
            let mut woken = false;
            let asked = answer.write_all(&[0]);
            asked.expect("the waking thread reads while the pipe is open");
            poll_fn(|_| if std::mem::replace(&mut woken, true) { Poll::Ready(()) } else { Poll::Pending })
                .await;
        }
    });
    Ok(vec![wakes.await])
}

/// The clock that passes the time of a wake to the task.
struct WakeClock {
    origin: Instant,
    /// The time of the last wake, or `NOT_YET`.
    woken_at_ns: AtomicU64,
}

const NOT_YET: u64 = u64::MAX;

impl WakeClock {
    fn now_ns(&self) -> u64 {
        self.origin.elapsed().as_nanos() as u64
    }
}

/// Sends a waker to the other thread and waits until that thread has called it. Returns the time of the
/// call, in ns.
async fn one_wake(ask: &Sender<Waker>, clock: &WakeClock) -> io::Result<u64> {
    let mut handed_over = false;
    poll_fn(|context| {
        let woken_at_ns = clock.woken_at_ns.swap(NOT_YET, Ordering::Acquire);
        if woken_at_ns != NOT_YET {
            return Poll::Ready(Ok(woken_at_ns));
        }
        if !handed_over {
            handed_over = true;
            if ask.send(context.waker().clone()).is_err() {
                return Poll::Ready(Err(io::Error::other("the waking thread has ended")));
            }
        }
        Poll::Pending
    })
    .await
}

/// Runs the other thread. The thread spins, so that the figure includes only the wake-up of the runtime.
fn wake_on_demand(
    core: usize,
    delay: Duration,
    asked: &Receiver<Waker>,
    clock: &WakeClock,
) -> io::Result<()> {
    sys::pin_to(core)?;
    loop {
        let waker = match asked.try_recv() {
            Ok(waker) => waker,
            Err(TryRecvError::Empty) => {
                std::hint::spin_loop();
                continue;
            }
            Err(TryRecvError::Disconnected) => return Ok(()),
        };
        let ready_at = Instant::now() + delay;
        while Instant::now() < ready_at {
            std::hint::spin_loop();
        }
        clock.woken_at_ns.store(clock.now_ns(), Ordering::Release);
        waker.wake();
    }
}
