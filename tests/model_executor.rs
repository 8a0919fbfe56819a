//! The executor does what a simple model says, whatever program it runs: see `models/executor/mod.rs`.

#[path = "models/check.rs"]
mod check;
#[path = "common/counting.rs"]
mod counting;
#[path = "models/executor/mod.rs"]
mod executor;
#[path = "models/steps.rs"]
mod steps;

#[test]
fn every_task_is_polled_dropped_and_joined_in_its_turn_whatever_the_program_does() {
    let failures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/models/failures/executor.txt");
    check::Model { run: executor::run, explain: executor::explain, failures, cases: 1000, steps_max: 200 }
        .check();
}
