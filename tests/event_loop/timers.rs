//! Timers of an event loop, and ids: what comes in which order, and what can be cancelled.

use std::collections::{BTreeSet, HashSet};
use std::time::{Duration, Instant};

use oneloop::event_loop::{Event, EventLoop, Id};
use oneloop::spawn;

use common::events::{assert_idle, new_loop, next};

const MS: Duration = Duration::from_millis(1);

#[track_caller]
fn next_timer<M: std::fmt::Debug>(events: &mut EventLoop<M>) -> Id {
    match next(events) {
        Event::Timer(id) => id,
        other => panic!("it should have been a timer: {other:?}"),
    }
}

#[test]
fn timers_come_in_the_order_of_their_deadlines_whatever_order_they_were_set_in() {
    let mut events = new_loop::<()>();
    let now = Instant::now();
    let timers = [7, 3, 9, 1, 5].map(|ms| (ms, events.timer_at(now + ms * MS).unwrap()));
    for expected in [1, 3, 5, 7, 9] {
        let id = next_timer(&mut events);
        assert!(Instant::now() >= now + expected * MS, "not early");
        assert_eq!(timers.iter().find(|timer| timer.1 == id).unwrap().0, expected);
    }
    assert_idle(&mut events);
}

#[test]
fn timers_that_are_overdue_come_in_the_order_of_their_deadlines() {
    let mut events = new_loop::<()>();
    let now = Instant::now();
    let ago = [20, 50, 10, 40, 30].map(|ms| (ms, events.timer_at(now - ms * MS).unwrap()));
    let soon = events.timer(MS).unwrap();
    std::thread::sleep(2 * MS);
    for expected in [50, 40, 30, 20, 10] {
        let id = next_timer(&mut events);
        assert_eq!(ago.iter().find(|timer| timer.1 == id).unwrap().0, expected);
    }
    assert_eq!(next_timer(&mut events), soon);
}

#[test]
fn timers_of_one_deadline_all_come_and_each_once() {
    let mut events = new_loop::<()>();
    let deadline = Instant::now() + MS;
    let set: HashSet<Id> = (0..500).map(|_| events.timer_at(deadline).unwrap()).collect();
    let fired: HashSet<Id> = (0..500).map(|_| next_timer(&mut events)).collect();
    assert_eq!(set, fired);
    assert_idle(&mut events);
}

#[test]
fn a_timer_without_end_never_comes_and_can_be_cancelled() {
    let mut events = new_loop::<()>();
    let never = events.timer(Duration::MAX).unwrap();
    assert!(matches!(events.take(Some(2 * MS)), Ok(Event::TimedOut)));
    assert!(events.cancel(never));
    assert!(!events.cancel(never));
}

#[test]
fn a_timer_that_is_due_but_not_taken_yet_can_be_cancelled() {
    let mut events = new_loop::<()>();
    let now = Instant::now();
    let timers = [3, 2, 1].map(|ms| events.timer_at(now - ms * MS).unwrap());
    assert_eq!(next_timer(&mut events), timers[0]); // the others are queued now
    assert!(events.cancel(timers[1]));
    assert!(!events.cancel(timers[1]), "it is cancelled already");
    assert!(!events.cancel(timers[0]), "it has come");
    let after = events.timer_at(now).unwrap(); // may use what the cancelled one has left
    assert_eq!(next_timer(&mut events), timers[2]);
    assert_eq!(next_timer(&mut events), after);
    assert_idle(&mut events);
}

#[test]
fn an_id_of_another_loop_cancels_nothing() {
    let (mut one, mut other) = (new_loop::<()>(), new_loop::<()>());
    let theirs = other.timer(MS).unwrap();
    let ours = one.timer(MS).unwrap();
    assert_ne!(ours, theirs);
    assert!(!one.cancel(theirs));
    assert_eq!(next_timer(&mut one), ours);
    assert_eq!(next_timer(&mut other), theirs);
}

#[test]
fn an_id_of_a_dropped_loop_cancels_no_timer_of_a_later_one() {
    // A new loop may get the number of a dropped one, and the old one had more sources.
    for _ in 0..20 {
        let old = new_loop::<()>();
        let ids: Vec<Id> = (0..600).map(|_| old.timer(Duration::MAX).unwrap()).collect();
        drop(old);
        let new = new_loop::<()>();
        drop(new.enter(|| spawn(async {})));
        for id in &ids {
            assert!(!new.cancel(*id));
        }
    }
}

#[test]
fn an_id_is_never_used_again() {
    let mut events = new_loop::<()>();
    let (mut hashed, mut ordered) = (HashSet::new(), BTreeSet::new());
    for n in 0..10_000 {
        let id = events.timer(Duration::ZERO).unwrap();
        assert!(hashed.insert(id) && ordered.insert(id));
        match n % 3 {
            0 => assert!(events.cancel(id)),
            _ => assert_eq!(next_timer(&mut events), id),
        }
    }
}
