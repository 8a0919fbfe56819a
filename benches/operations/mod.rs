//! What a runtime does between system calls.
//!
//! `cases.rs` lists the cases. Each is one generic function, so every runtime runs the same code, inside a task. Processor time is measured,
//! not wall time: on a busy machine it is the steadier of the two, and a runtime with helper threads pays for them.

mod cases;
mod memory;
mod messages;
mod pending;
mod remote;
mod slot;
mod spawning;
mod timers;
mod yielding;

use std::time::{Duration, Instant};

pub use cases::CASES;

use crate::case;
use crate::peers::Executor;
use crate::stats;
use crate::sys::CpuClock;

/// One kind of operation.
pub type Case = case::Case<Kind>;

/// What is measured. A number says how many tasks or timers there are.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    SpawnJoin,
    SpawnBatch(usize),
    YieldAlone,
    YieldAmong(usize),
    PingPong,
    Ring,
    TimerDrop,
    PendingDrop(usize),
    PendingFire(usize),
    TimersFire,
    WakeBusy,
    WakeAsleep,
    Memory,
}

impl Case {
    /// How many tasks or timers the case makes before or while it measures.
    fn size(&self) -> usize {
        match self.kind {
            Kind::SpawnBatch(size)
            | Kind::YieldAmong(size)
            | Kind::PendingDrop(size)
            | Kind::PendingFire(size) => size,
            Kind::Memory | Kind::TimersFire => 100_000,
            _ => 0,
        }
    }

    /// How often each runtime is measured: less where a measurement takes longer than the usual tenth of a second.
    pub fn rounds(&self, quick: bool) -> usize {
        match (self.kind, quick) {
            (Kind::TimersFire, true) => 1,
            (_, true) => 3,
            (Kind::TimersFire, false) => 5,
            (_, false) if self.size() > 100_000 => 5,
            (_, false) => 15,
        }
    }

    /// Roughly how long one measurement takes.
    pub fn estimate(&self, time: Duration) -> Duration {
        let start = Duration::from_millis(10);
        // Making a task or a timer takes some 300 ns in the mean of all runtimes, kernel's pages included.
        let once = Duration::from_nanos(300) * self.size() as u32;
        start
            + match self.kind {
                Kind::TimersFire => timers::FIRE_TIME + once,
                Kind::Memory => once,
                // The first batch, the warm-up, and what is under way when the time is over.
                Kind::SpawnBatch(_) => time + once * 3,
                _ => time + once * 2,
            }
    }
}

/// How to measure an operation.
pub struct Setting {
    pub time: Duration,
    /// The core of the runtime.
    pub core: usize,
    /// The core of the thread that wakes, if there is a second.
    pub other_core: Option<usize>,
}

impl Setting {
    /// The setting as a child's command line has it.
    pub fn words(&self) -> Vec<String> {
        let mut words = vec![self.time.as_millis().to_string(), self.core.to_string()];
        words.extend(self.other_core.map(|core| core.to_string()));
        words
    }

    pub fn from_words(words: &[&str]) -> Option<Setting> {
        let (time_ms, core, other_core) = match words {
            [time_ms, core] => (time_ms, core, None),
            [time_ms, core, other_core] => (time_ms, core, Some(other_core.parse().ok()?)),
            _ => return None,
        };
        let time = Duration::from_millis(time_ms.parse().ok()?);
        Some(Setting { time, core: core.parse().ok()?, other_core })
    }
}

/// Measures `case` on the runtime `E`.
pub fn measure<E: Executor>(case: &Case, setting: &Setting) -> Result<Vec<f64>, String> {
    let time = setting.time;
    let needs_timers =
        matches!(case.kind, Kind::TimerDrop | Kind::PendingDrop(_) | Kind::PendingFire(_) | Kind::TimersFire);
    if needs_timers && !E::TIMERS {
        return Err("has no timers".into());
    }
    if matches!(case.kind, Kind::YieldAlone | Kind::YieldAmong(_)) && !E::YIELDS {
        return Err("has no yield: a task that wakes itself runs again before all others".into());
    }
    if matches!(case.kind, Kind::WakeBusy | Kind::WakeAsleep) {
        if !E::REMOTE_WAKES {
            return Err("as configured here, cannot be woken from another thread".into());
        }
        let other_core = setting.other_core.ok_or("needs a second core")?;
        let figures = match case.kind {
            Kind::WakeBusy => in_task::<E, _>(async move { remote::busy::<E>(time, other_core).await }),
            _ => in_task::<E, _>(async move { remote::asleep::<E>(time, other_core).await }),
        };
        return figures.map_err(|error| error.to_string());
    }
    Ok(match case.kind {
        Kind::SpawnJoin => in_task::<E, _>(spawning::join::<E>(time)),
        Kind::SpawnBatch(tasks) => in_task::<E, _>(spawning::batch::<E>(tasks, time)),
        Kind::YieldAlone => in_task::<E, _>(yielding::alone::<E>(time)),
        Kind::YieldAmong(tasks) => in_task::<E, _>(yielding::among::<E>(tasks, time)),
        Kind::PingPong => in_task::<E, _>(messages::ping_pong::<E>(time)),
        Kind::Ring => in_task::<E, _>(messages::ring::<E>(time)),
        Kind::TimerDrop => in_task::<E, _>(timers::create_and_drop::<E>(time)),
        Kind::PendingDrop(others) => in_task::<E, _>(pending::create_and_drop::<E>(others, time)),
        Kind::PendingFire(others) => in_task::<E, _>(pending::fire::<E>(others, time)),
        Kind::TimersFire => in_task::<E, _>(timers::fire::<E>()),
        Kind::Memory => in_task::<E, _>(memory::per_task::<E>()),
        Kind::WakeBusy | Kind::WakeAsleep => unreachable!("measured above"),
    })
}

/// Runs `body` in a task of a new runtime.
fn in_task<E: Executor, T: 'static>(body: impl Future<Output = T> + 'static) -> T {
    E::block_on(async { E::spawn(body).await })
}

/// Lets the tasks that are ready run, on runtimes without a fair `yield_now` too.
async fn other_tasks_run<E: Executor>() {
    E::spawn(async {}).await;
}

/// Runs `body`, which does `operations` operations, once for warmth and then again and again for `time`: the median
/// of its processor times per operation, in nanoseconds.
async fn sample(time: Duration, operations: u64, mut body: impl AsyncFnMut()) -> f64 {
    body().await;
    let end = Instant::now() + time;
    let mut samples = Vec::new();
    loop {
        samples.push(once(operations, &mut body).await);
        if Instant::now() >= end {
            return stats::median(&samples);
        }
    }
}

/// The processor time of one run of `body` per operation, in nanoseconds.
async fn once(operations: u64, mut body: impl AsyncFnMut()) -> f64 {
    let start = cpu_now();
    body().await;
    (cpu_now() - start).as_nanos() as f64 / operations as f64
}

fn cpu_now() -> Duration {
    CpuClock::OWN.now().expect("every process may read its own clock")
}

/// A fixed sequence of fractions (xorshift): the same deadlines for everyone.
struct Fractions(u64);

impl Fractions {
    fn new() -> Fractions {
        Fractions(0x2545_F491_4F6C_DD1D)
    }

    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}
