//! Waking a task from another thread.

use std::cell::Cell;
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use super::{Length, sample};
use crate::peers::Executor;
use crate::{stats, sys};

/// The other task of the loop is always ready, so the loop never sleeps.
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

/// The other thread waits for a moment before it wakes: the loop has then gone to sleep.
pub async fn asleep<E: Executor>(time: Duration, core: usize) -> io::Result<Vec<f64>> {
    latencies(time, core, Duration::from_micros(100)).await
}

/// The median and the 99th percentile of the times from just before `wake()` to the poll that it causes, in ns.
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

/// Counts instead of times. The other thread waits until the task has taken the last wake, and then for a moment, in
/// which the loop goes to sleep: each wake meets a loop that sleeps.
pub async fn counted<E: Executor>(length: Length) -> io::Result<Vec<f64>> {
    const WAKES: u64 = 100;
    const ASLEEP_AFTER: Duration = Duration::from_millis(3);
    let (mut answers, mut answer) = io::pipe()?;
    let (hand_over, handed_over) = mpsc::channel::<Waker>();
    // It ends with the pipe.
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

/// Tells the task when it was woken.
struct WakeClock {
    origin: Instant,
    /// `NOT_YET`, or the time of the last wake.
    woken_at_ns: AtomicU64,
}

const NOT_YET: u64 = u64::MAX;

impl WakeClock {
    fn now_ns(&self) -> u64 {
        self.origin.elapsed().as_nanos() as u64
    }
}

/// Hands a waker to the other thread and waits until it was used. Returns when that was.
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

/// The other thread. It spins, so that only the runtime's own wake-up is measured.
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
