//! What a runtime does between system calls.
//!
//! Each case is one generic function, so every runtime runs the same code, inside a task. Processor time is measured,
//! not wall time: on a busy machine it is the steadier of the two, and a runtime with helper threads pays for them.

mod memory;
mod messages;
mod remote;
mod slot;
mod spawning;
mod timers;
mod yielding;

use std::time::{Duration, Instant};

use crate::peers::Executor;
use crate::report::Metric;
use crate::stats;
use crate::sys::CpuClock;

/// One kind of operation.
pub struct Case {
    pub name: &'static str,
    pub about: &'static str,
    pub metrics: &'static [Metric],
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    SpawnJoin,
    SpawnBatch,
    YieldAlone,
    YieldAmongThousand,
    PingPong,
    Ring,
    TimerDrop,
    TimersFire,
    WakeBusy,
    WakeAsleep,
    Memory,
}

const NS_PER_OPERATION: &[Metric] = &[Metric::compared("CPU ns/op")];
const BATCH_METRICS: &[Metric] =
    &[Metric::compared("CPU ns/task"), Metric::shown("first batch: CPU ns/task")];
const FIRE_METRICS: &[Metric] = &[
    Metric::compared("CPU ns/timer"),
    Metric::shown("late p50 \u{b5}s"),
    Metric::shown("late p99 \u{b5}s"),
    Metric::shown("fired early"),
];
const WAKE_METRICS: &[Metric] = &[Metric::compared("p50 ns"), Metric::shown("p99 ns")];
const MEMORY_METRICS: &[Metric] = &[Metric::compared("heap B/task"), Metric::shown("RSS B/task")];

pub const CASES: &[Case] = &[
    Case {
        name: "spawn-join",
        about: "spawn a task and await it",
        metrics: NS_PER_OPERATION,
        kind: Kind::SpawnJoin,
    },
    Case {
        name: "spawn-batch",
        about: "spawn 100,000 tasks, then await them all; per task",
        metrics: BATCH_METRICS,
        kind: Kind::SpawnBatch,
    },
    Case { name: "yield", about: "yield, no other task", metrics: NS_PER_OPERATION, kind: Kind::YieldAlone },
    Case {
        name: "yield-1000",
        about: "1,000 tasks yield; per yield",
        metrics: NS_PER_OPERATION,
        kind: Kind::YieldAmongThousand,
    },
    Case {
        name: "ping-pong",
        about: "two tasks pass messages; per message",
        metrics: NS_PER_OPERATION,
        kind: Kind::PingPong,
    },
    Case {
        name: "ring-1000",
        about: "a message goes round 1,000 tasks; per hop",
        metrics: NS_PER_OPERATION,
        kind: Kind::Ring,
    },
    Case {
        name: "timer-drop",
        about: "a timer is created, polled once and dropped",
        metrics: NS_PER_OPERATION,
        kind: Kind::TimerDrop,
    },
    Case {
        name: "timers-fire",
        about: "100,000 tasks sleep and are joined; deadlines spread over 1 s",
        metrics: FIRE_METRICS,
        kind: Kind::TimersFire,
    },
    Case {
        name: "wake-busy",
        about: "another thread wakes a task of a busy loop; from wake() to the poll",
        metrics: WAKE_METRICS,
        kind: Kind::WakeBusy,
    },
    Case {
        name: "wake-asleep",
        about: "another thread wakes a task of a loop that sleeps; from wake() to the poll",
        metrics: WAKE_METRICS,
        kind: Kind::WakeAsleep,
    },
    Case {
        name: "memory",
        about: "100,000 waiting tasks with 64 B of state each; per task",
        metrics: MEMORY_METRICS,
        kind: Kind::Memory,
    },
];

impl Case {
    /// One measurement takes more than a second.
    pub fn is_long(&self) -> bool {
        self.kind == Kind::TimersFire
    }

    /// Roughly how long one measurement takes.
    pub fn estimate(&self, time: Duration) -> Duration {
        let extra_ms = match self.kind {
            Kind::TimersFire => return timers::FIRE_TIME + Duration::from_millis(100),
            Kind::Memory => return Duration::from_millis(80),
            Kind::SpawnBatch | Kind::YieldAmongThousand => 60,
            _ => 20,
        };
        time + Duration::from_millis(extra_ms)
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
    if matches!(case.kind, Kind::TimerDrop | Kind::TimersFire) && !E::TIMERS {
        return Err("has no timers".into());
    }
    if matches!(case.kind, Kind::YieldAlone | Kind::YieldAmongThousand) && !E::YIELDS {
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
        Kind::SpawnBatch => in_task::<E, _>(spawning::batch::<E>(time)),
        Kind::YieldAlone => in_task::<E, _>(yielding::alone::<E>(time)),
        Kind::YieldAmongThousand => in_task::<E, _>(yielding::among_thousand::<E>(time)),
        Kind::PingPong => in_task::<E, _>(messages::ping_pong::<E>(time)),
        Kind::Ring => in_task::<E, _>(messages::ring::<E>(time)),
        Kind::TimerDrop => in_task::<E, _>(timers::create_and_drop::<E>(time)),
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
