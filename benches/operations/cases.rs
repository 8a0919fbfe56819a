//! The list of the operation cases.

use std::sync::LazyLock;

use super::{Case, Kind};
use crate::case::{Metric, Sweep};

const OPERATION_METRICS: &[Metric] = &[Metric::compared("CPU", "ns/op")];
const BATCH_METRICS: &[Metric] =
    &[Metric::compared("CPU", "ns/task"), Metric::shown("first batch: CPU", "ns/task")];
const FIRE_METRICS: &[Metric] = &[
    Metric::compared("CPU", "ns/timer"),
    Metric::shown("late p50", "\u{b5}s"),
    Metric::shown("late p99", "\u{b5}s"),
    Metric::shown("fired early", "timers"),
];
const LATE_METRICS: &[Metric] = &[
    Metric::compared("late p50", "\u{b5}s"),
    Metric::shown("late p99", "\u{b5}s"),
    Metric::shown("late at most", "\u{b5}s"),
    Metric::shown("fired early", "timers"),
    Metric::shown("CPU", "ns/timer"),
    Metric::shown("waits", "/timer"),
];
const TIMER_METRICS: &[Metric] = &[Metric::compared("CPU", "ns/timer")];
const WAKE_METRICS: &[Metric] = &[Metric::compared("p50", "ns"), Metric::shown("p99", "ns")];
const MEMORY_METRICS: &[Metric] = &[Metric::compared("heap", "B/task"), Metric::shown("RSS", "B/task")];

const SIZES: &[usize] = &[10, 100, 1_000, 10_000, 100_000, 1_000_000];
const SIZES_QUICK: &[usize] = &[10, 1_000, 100_000];

const fn sweep(name: &'static str, parameter: &'static str, metrics: &'static [Metric]) -> Sweep {
    Sweep { name, parameter, values: SIZES, quick: SIZES_QUICK, metrics }
}

const SPAWN_BATCH: Sweep = sweep("spawn-batch", "tasks", BATCH_METRICS);
const YIELD_AMONG: Sweep = sweep("yield", "tasks", OPERATION_METRICS);
const PENDING_DROP: Sweep = sweep("pending-drop", "timers", TIMER_METRICS);
const PENDING_FIRE: Sweep = sweep("pending-fire", "timers", TIMER_METRICS);

fn operation(name: &str, about: &str, kind: Kind) -> Case {
    Case::new(name, about, OPERATION_METRICS, kind)
}

/// All operation cases.
pub static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let mut cases = vec![operation("spawn-join", "spawn a task and await it", Kind::SpawnJoin)];
    let about = "spawn a task in a box and await it";
    cases.push(operation("spawn-join-boxed", about, Kind::SpawnJoinBoxed));
    cases.extend(SPAWN_BATCH.cases("spawn # tasks, then await them all (per task)", Kind::SpawnBatch));
    cases.push(operation("yield", "yield, no other task", Kind::YieldAlone));
    cases.extend(YIELD_AMONG.cases("# tasks yield (per yield)", Kind::YieldAmong));
    cases.extend([
        operation("wake-local", "1,000 waiting tasks are woken and run (per wake)", Kind::WakeLocal),
        operation("wake-again", "a task that was woken is woken again before it runs", Kind::WakeAgain),
        operation("wake-remote", "another thread wakes 1,000 waiting tasks (per wake)", Kind::WakeRemote),
        operation("ping-pong", "two tasks pass messages (per message)", Kind::PingPong),
        operation(
            "channel",
            "two tasks pass messages through a library's channel (per message)",
            Kind::Channel,
        ),
        operation("ring-1000", "a message goes round 1,000 tasks (per hop)", Kind::Ring),
        operation("timer-drop", "a timer is created, polled once and dropped", Kind::TimerDrop),
    ]);
    let about = "a timer is created, polled once and dropped while # others wait";
    cases.extend(PENDING_DROP.cases(about, Kind::PendingDrop));
    let about = "1,000 sleeping tasks wake and are joined while # other timers wait (per task)";
    cases.extend(PENDING_FIRE.cases(about, Kind::PendingFire));
    cases.extend([
        Case::new(
            "timers-fire",
            "100,000 tasks sleep and are joined, with deadlines over 1 s",
            FIRE_METRICS,
            Kind::TimersFire,
        ),
        Case::new(
            "timers-late",
            "one task sleeps, again and again, for 0.1 to 5 ms",
            LATE_METRICS,
            Kind::TimersLate(1),
        ),
        Case::new(
            "timers-late-1000",
            "1,000 tasks sleep, again and again, for 1 ms",
            LATE_METRICS,
            Kind::TimersLate(1_000),
        ),
        Case::new(
            "wake-busy",
            "another thread wakes a task of a busy loop (from wake() to the poll)",
            WAKE_METRICS,
            Kind::WakeBusy,
        ),
        Case::new(
            "wake-asleep",
            "another thread wakes a task of a loop that sleeps (from wake() to the poll)",
            WAKE_METRICS,
            Kind::WakeAsleep,
        ),
        Case::new(
            "wake-answer",
            "a task and another thread answer each other at once (per round trip)",
            WAKE_METRICS,
            Kind::WakeAnswer,
        ),
        Case::new(
            "memory",
            "100,000 waiting tasks with 64 B of state each (per task)",
            MEMORY_METRICS,
            Kind::Memory,
        ),
    ]);
    cases
});
