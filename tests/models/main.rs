//! Random programs on the real thing and on a model of a page that says what must come of it. The fuzzer (`.ci/fuzz`) drives the same
//! models.

mod check;
#[path = "../common/counting.rs"]
mod counting;
#[cfg(feature = "event-loop")]
mod event_loop;
mod executor;
mod reactor;
mod real_wheel;
#[path = "../../runtime/engine/slots.rs"]
#[allow(dead_code, reason = "the wheel uses a part of it")]
mod slots;
mod steps;
#[path = "../../runtime/engine/wheel.rs"]
#[allow(dead_code, reason = "a runtime shuts down, a wheel alone doesn't")]
mod timer;
mod timers;
mod waiters;
mod wheel;

use check::Model;
use timer::{LEVEL_BITS, LEVELS, TICK_BITS, Wheel};

/// Stands in for the library's module of this name: to the wheel, a waiter is something to keep and to hand back.
mod wait_list {
    pub(crate) struct Waiter(pub(crate) u32);
}

/// A place in `models/failures`, where a program that fails is remembered.
macro_rules! failures {
    ($model:literal) => {
        concat!(env!("CARGO_MANIFEST_DIR"), "/models/failures/", $model, ".txt")
    };
}

/// See `models/executor/mod.rs`.
#[test]
fn every_task_is_polled_dropped_and_joined_in_its_turn_whatever_the_program_does() {
    let (run, explain, failures) = (executor::run, executor::explain, failures!("executor"));
    Model { run, explain, failures, cases: 1000, steps_max: 200 }.check();
}

/// See `models/timers/mod.rs`.
#[test]
fn timers_wake_in_order_once_and_never_early_whatever_the_program_does() {
    let (run, explain, failures) = (timers::run, timers::explain, failures!("timers"));
    Model { run, explain, failures, cases: 200, steps_max: 150 }.check();
}

/// See `models/reactor/mod.rs`.
#[test]
fn every_byte_arrives_and_no_task_waits_for_ever_whatever_the_program_does() {
    let (run, explain, failures) = (reactor::run, reactor::explain, failures!("reactor"));
    Model { run, explain, failures, cases: 200, steps_max: 150 }.check();
}

/// See `models/waiters.rs`.
#[test]
fn an_event_wakes_all_that_wait_and_a_late_drop_takes_no_wake_up_from_another() {
    let (run, explain, failures) = (waiters::run, waiters::explain, failures!("waiters"));
    Model { run, explain, failures, cases: 200, steps_max: 100 }.check();
}

/// See `models/event_loop/mod.rs`.
#[cfg(feature = "event-loop")]
#[test]
fn all_that_happens_is_an_event_once_and_in_order_whatever_the_program_does() {
    let (run, explain, failures) = (event_loop::run, event_loop::explain, failures!("event_loop"));
    Model { run, explain, failures, cases: 200, steps_max: 150 }.check();
}

/// See `models/wheel.rs`.
#[test]
fn agrees_with_a_sorted_list_whatever_is_inserted_cancelled_and_fired() {
    let run = |steps: &[steps::Step]| wheel::run(&mut Wheel::new(), steps);
    let (explain, failures) = (wheel::explain, failures!("wheel"));
    Model { run, explain, failures, cases: 2000, steps_max: 300 }.check();
}

#[test]
fn deadlines_on_both_sides_of_every_level_fire_in_their_own_nanosecond() {
    for level in 0..LEVELS as u32 {
        let edge = 1u64.checked_shl(TICK_BITS + LEVEL_BITS * level).unwrap_or(u64::MAX);
        for deadline_ns in [edge - 1, edge, edge.saturating_add(1)] {
            let mut wheel = Wheel::new();
            wheel.insert(deadline_ns, wait_list::Waiter(1));
            assert_eq!(wheel::Wheel::fire(&mut wheel, deadline_ns - 1), []);
            assert_eq!(wheel::Wheel::fire(&mut wheel, deadline_ns), [(deadline_ns, 1)]);
        }
    }
}

#[test]
fn the_end_of_time_can_be_waited_for() {
    let mut wheel = Wheel::new();
    wheel.insert(u64::MAX, wait_list::Waiter(1));
    assert_eq!(wheel::Wheel::fire(&mut wheel, u64::MAX - 1), []);
    assert_eq!(wheel::Wheel::fire(&mut wheel, u64::MAX), [(u64::MAX, 1)]);
}
