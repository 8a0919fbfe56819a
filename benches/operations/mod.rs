//! The operations of a runtime between system calls.
//!
//! `cases.rs` lists the cases. Each case is one generic function, so that every runtime runs the same
//! code, inside a task. The figures are processor times and not wall times. On a busy machine, processor
//! time varies less than wall time, and it includes the helper threads of a runtime.

mod cases;
mod harness;
mod length;
mod memory;
mod messages;
mod pending;
mod remote;
mod slot;
mod spawning;
mod timers;
mod waking;
mod yielding;

use std::time::Duration;

pub use cases::CASES;
pub use length::Length;

use crate::case;
use crate::peers::Executor;
use crate::sys::CpuClock;

/// One kind of operation.
pub type Case = case::Case<Kind>;

/// The measured operation. A number is the number of tasks or timers.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    SpawnJoin,
    SpawnBatch(usize),
    YieldAlone,
    YieldAmong(usize),
    WakeLocal,
    WakeAgain,
    WakeRemote,
    SpawnJoinBoxed,
    Channel,
    PingPong,
    Ring,
    TimerDrop,
    PendingDrop(usize),
    PendingFire(usize),
    TimersFire,
    TimersLate(usize),
    WakeBusy,
    WakeAsleep,
    WakeAnswer,
    Memory,
}

impl Case {
    /// Returns the number of tasks or timers that the case creates before or during the measurement.
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

    /// Returns the number of rounds. It is smaller for cases whose measurement takes longer than the
    /// usual tenth of a second.
    pub fn rounds(&self, quick: bool) -> usize {
        match (self.kind, quick) {
            (Kind::TimersFire | Kind::TimersLate(_), true) => 1,
            (_, true) => 3,
            (Kind::TimersFire | Kind::TimersLate(_), false) => 5,
            (_, false) if self.size() > 100_000 => 5,
            (_, false) => 15,
        }
    }

    /// Returns the approximate time of one measurement.
    pub fn estimate(&self, time: Duration) -> Duration {
        let start = Duration::from_millis(10);
        // The creation of a task or a timer takes about 300 ns in the mean of all runtimes, including
        // new pages from the kernel.
        let once = Duration::from_nanos(300) * self.size() as u32;
        start
            + match self.kind {
                Kind::TimersFire => timers::FIRE_TIME + once,
                Kind::TimersLate(_) => Duration::from_millis(1_200),
                Kind::Memory => once,
                // The three batches are the first one, the warm-up, and the batch that is running when
                // the time is over.
                Kind::SpawnBatch(_) => time + once * 3,
                _ => time + once * 2,
            }
    }
}

/// The setting of a measurement.
pub struct Setting {
    pub length: Length,
    /// The core of the runtime.
    pub core: usize,
    /// The core of the thread that wakes a task, if the machine has a second core.
    pub other_core: Option<usize>,
}

impl Setting {
    /// Returns the setting as words of a child's command line.
    pub fn words(&self) -> Vec<String> {
        let mut words = vec![self.length.word(), self.core.to_string()];
        words.extend(self.other_core.map(|core| core.to_string()));
        words
    }

    pub fn from_words(words: &[&str]) -> Option<Setting> {
        let (length, core, other_core) = match words {
            [length, core] => (length, core, None),
            [length, core, other_core] => (length, core, Some(other_core.parse().ok()?)),
            _ => return None,
        };
        Some(Setting { length: Length::from_word(length)?, core: core.parse().ok()?, other_core })
    }
}

/// Measures `case` on the runtime `E`. The error is a message, if the runtime lacks a part that the case
/// needs.
pub fn measure<E: Executor>(case: &Case, setting: &Setting) -> Result<Vec<f64>, String> {
    lacks::<E>(case.kind).map_or(Ok(()), |reason| Err(reason.to_owned()))?;
    let length = setting.length;
    Ok(match case.kind {
        Kind::SpawnJoin => in_task::<E, _>(spawning::join::<E>(length)),
        Kind::SpawnBatch(tasks) => in_task::<E, _>(spawning::batch::<E>(tasks, length)),
        Kind::YieldAlone => in_task::<E, _>(yielding::alone::<E>(length)),
        Kind::YieldAmong(tasks) => in_task::<E, _>(yielding::among::<E>(tasks, length)),
        Kind::WakeLocal => in_task::<E, _>(waking::local::<E>(length)),
        Kind::WakeRemote => in_task::<E, _>(waking::remote::<E>(length)),
        Kind::WakeAgain => in_task::<E, _>(waking::again::<E>(length)),
        Kind::SpawnJoinBoxed => in_task::<E, _>(harness::spawn_join_boxed::<E>(length)),
        Kind::Channel => in_task::<E, _>(harness::channel::<E>(length)),
        Kind::PingPong => in_task::<E, _>(messages::ping_pong::<E>(length)),
        Kind::Ring => in_task::<E, _>(messages::ring::<E>(length)),
        Kind::TimerDrop => in_task::<E, _>(timers::create_and_drop::<E>(length)),
        Kind::PendingDrop(others) => in_task::<E, _>(pending::create_and_drop::<E>(others, length)),
        Kind::PendingFire(others) => in_task::<E, _>(pending::fire::<E>(others, length)),
        Kind::TimersFire => match length {
            Length::Time(_) => in_task::<E, _>(timers::fire::<E>()),
            Length::Samples(_) => in_task::<E, _>(timers::fire_together::<E>(length)),
        },
        Kind::TimersLate(tasks) => in_task::<E, _>(timers::late::<E>(tasks)),
        Kind::WakeBusy | Kind::WakeAsleep | Kind::WakeAnswer => return wake::<E>(case.kind, setting),
        Kind::Memory => in_task::<E, _>(memory::per_task::<E>()),
    })
}

/// Returns the part that a runtime lacks for a kind of operation.
fn lacks<E: Executor>(kind: Kind) -> Option<&'static str> {
    let timers = matches!(
        kind,
        Kind::TimerDrop
            | Kind::PendingDrop(_)
            | Kind::PendingFire(_)
            | Kind::TimersFire
            | Kind::TimersLate(_)
    );
    let yields = matches!(kind, Kind::YieldAlone | Kind::YieldAmong(_));
    let remote_wakes =
        matches!(kind, Kind::WakeBusy | Kind::WakeAsleep | Kind::WakeAnswer | Kind::WakeRemote);
    if timers && !E::TIMERS {
        Some("has no timers")
    } else if yields && !E::YIELDS {
        Some("has no yield, because a task that wakes itself runs again before all others")
    } else if remote_wakes && !E::REMOTE_WAKES {
        Some("cannot be woken from another thread in this configuration")
    } else {
        None
    }
}

/// Measures the wake of a task from another thread.
fn wake<E: Executor>(kind: Kind, setting: &Setting) -> Result<Vec<f64>, String> {
    let figures = match setting.length {
        Length::Samples(_) => in_task::<E, _>(remote::counted::<E>(setting.length)),
        Length::Time(time) => {
            let core = setting.other_core.ok_or("needs a second core")?;
            match kind {
                Kind::WakeBusy => in_task::<E, _>(remote::busy::<E>(time, core)),
                Kind::WakeAnswer => in_task::<E, _>(remote::answers::<E>(time, core)),
                _ => in_task::<E, _>(remote::asleep::<E>(time, core)),
            }
        }
    };
    figures.map_err(|error| error.to_string())
}

/// Runs `body` in a task of a new runtime.
fn in_task<E: Executor, T: 'static>(body: impl Future<Output = T> + 'static) -> T {
    E::block_on(async { E::spawn(body).await })
}

/// Waits until the ready tasks have run. This works also on runtimes without a fair `yield_now`.
async fn other_tasks_run<E: Executor>() {
    E::spawn(async {}).await;
}

/// Runs `body` once as a warm-up, and then repeatedly. Each run of `body` makes `operations` operations.
async fn sample(length: Length, operations: u64, mut body: impl AsyncFnMut()) -> f64 {
    body().await;
    let mut samples = length.start();
    while samples.more() {
        samples.enter(operations, once(&mut body).await);
    }
    samples.figure()
}

/// Returns the processor time of one run of `body`, in nanoseconds.
async fn once(mut body: impl AsyncFnMut()) -> f64 {
    let start = cpu_now();
    body().await;
    (cpu_now() - start).as_nanos() as f64
}

fn cpu_now() -> Duration {
    CpuClock::OWN.now().expect("every process may read its own clock")
}

/// A fixed sequence of fractions (xorshift), so that every runtime has the same deadlines.
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
