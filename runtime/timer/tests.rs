//! The wheel against a sorted list. The model is in a file of its own, because the fuzzer drives it, too.

#[path = "../../tests/models/check.rs"]
mod check;
#[path = "../../tests/models/wheel.rs"]
mod model;
#[path = "../../tests/models/steps.rs"]
mod steps;

use super::*;
use crate::task::Ticket;

fn waiter(n: u32) -> Waiter {
    Waiter::Task(Ticket::first(1).name(0, n))
}

fn number(waiter: &Waiter) -> u32 {
    match waiter {
        Waiter::Task(ticket) => ticket.key(),
        Waiter::Foreign(_) => unreachable!("the tests only use tickets"),
    }
}

impl model::Wheel for Wheel {
    fn insert(&mut self, deadline_ns: u64, n: u32) -> u32 {
        Wheel::insert(self, deadline_ns, waiter(n))
    }

    fn set_waiter(&mut self, key: u32, n: u32) -> Option<u32> {
        Wheel::set_waiter(self, key, waiter(n)).as_ref().map(number)
    }

    fn remove(&mut self, key: u32) -> Option<u32> {
        Wheel::remove(self, key).as_ref().map(number)
    }

    fn has_fired(&self, key: u32) -> bool {
        Wheel::has_fired(self, key)
    }

    fn next_ns(&self) -> Option<u64> {
        Wheel::next_ns(self)
    }

    fn fire(&mut self, now_ns: u64) -> Vec<(u64, u32)> {
        let mut due = Vec::new();
        Wheel::fire(self, now_ns, &mut due);
        due.iter().map(|(deadline_ns, waiter)| (*deadline_ns, number(waiter))).collect()
    }
}

#[test]
fn agrees_with_a_sorted_list_whatever_is_inserted_cancelled_and_fired() {
    let failures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/models/failures/wheel.txt");
    let run = |steps: &[steps::Step]| model::run(&mut Wheel::new(), steps);
    check::Model { run, explain: model::explain, failures, cases: 2000, steps_max: 300 }.check();
}

#[test]
fn deadlines_on_both_sides_of_every_level_fire_in_their_own_nanosecond() {
    for level in 0..LEVELS as u32 {
        let edge = 1u64.checked_shl(TICK_BITS + LEVEL_BITS * level).unwrap_or(u64::MAX);
        for deadline_ns in [edge - 1, edge, edge.saturating_add(1)] {
            let mut wheel = Wheel::new();
            wheel.insert(deadline_ns, waiter(1));
            assert_eq!(model::Wheel::fire(&mut wheel, deadline_ns - 1), []);
            assert_eq!(model::Wheel::fire(&mut wheel, deadline_ns), [(deadline_ns, 1)]);
        }
    }
}

#[test]
fn the_end_of_time_can_be_waited_for() {
    let mut wheel = Wheel::new();
    wheel.insert(u64::MAX, waiter(1));
    assert_eq!(model::Wheel::fire(&mut wheel, u64::MAX - 1), []);
    assert_eq!(model::Wheel::fire(&mut wheel, u64::MAX), [(u64::MAX, 1)]);
}
