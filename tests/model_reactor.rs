//! Sockets lose no byte and no wake-up, whatever program uses them: see `models/reactor/mod.rs`.

#[path = "models/check.rs"]
mod check;
#[path = "models/reactor/mod.rs"]
mod reactor;
#[path = "models/steps.rs"]
mod steps;

#[test]
fn every_byte_arrives_and_nobody_waits_for_ever_whatever_the_program_does() {
    let failures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/models/failures/reactor.txt");
    check::Model { run: reactor::run, explain: reactor::explain, failures, cases: 200, steps_max: 150 }
        .check();
}
