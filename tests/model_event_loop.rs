//! The queue-based event loop says all that happens and nothing else, whatever program uses it: see
//! `models/event_loop/mod.rs`.

#[path = "models/check.rs"]
mod check;
#[path = "models/event_loop/mod.rs"]
mod event_loop;
#[path = "models/steps.rs"]
mod steps;

#[test]
fn all_that_happens_is_an_event_once_and_in_order_whatever_the_program_does() {
    let failures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/models/failures/event_loop.txt");
    let (run, explain) = (event_loop::run as fn(&[_]) -> _, event_loop::explain);
    check::Model { run, explain, failures, cases: 200, steps_max: 150 }.check();
}
