//! Timers do what a list of deadlines says, whatever program sets them: see `models/timers/mod.rs`. (The wheel under them has
//! a model of its own, in `runtime/timer/tests.rs`.)

#[path = "models/check.rs"]
mod check;
#[path = "common/counting.rs"]
mod counting;
#[path = "models/steps.rs"]
mod steps;
#[path = "models/timers/mod.rs"]
mod timers;

#[test]
fn timers_wake_in_order_once_and_never_early_whatever_the_program_does() {
    let failures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/models/failures/timers.txt");
    check::Model { run: timers::run, explain: timers::explain, failures, cases: 200, steps_max: 150 }.check();
}
