//! These tests compare the model with records of known content.

use oneloop::trace::format::{Cause, EventKind, Kind, NONE, State, Unit};
use oneloop_watch::model::{Outcome, TimerEnd};
use oneloop_watch::{Model, Record};

use crate::common::queue;
use crate::common::words::{Words, cause, id};
use crate::hostile_server;

const TASK: u64 = id(1, 4);
const OTHER: u64 = id(2, 0);

fn model(words: &Words) -> Model {
    let record = Record::parse(&words.record()).unwrap();
    assert!(*record.flaws() == Default::default(), "{}", record.flaws());
    Model::of(&record)
}

fn spawn(words: &mut Words, unit: u64, name: &str) {
    words.with_text(Kind::Spawned, unit, &[3 | (Unit::Task as u64) << 40, cause(Cause::Outside, 0)], name);
}

#[test]
fn a_poll_has_the_wake_that_caused_it_and_its_wait() {
    let mut words = Words::default();
    words.entry(Kind::Turn, 0, &[100, 1]);
    words.entry(Kind::PollBegins, OTHER, &[200]);
    words.entry(Kind::Woken, TASK, &[cause(Cause::Unit, OTHER)]);
    words.entry(Kind::PollPending, OTHER, &[700]);
    words.entry(Kind::PollBegins, TASK, &[710]);
    words.entry(Kind::PollReady, TASK, &[750]);
    let model = model(&words);
    let poll = &model.polls[1];
    let wake = &model.wakes[poll.wake.unwrap()];
    assert_eq!((wake.cause, wake.cause_id, wake.during), (Cause::Unit, OTHER, Some(0)));
    assert_eq!((model.wait_ns(poll), poll.time_ns(), poll.outcome), (Some(510), 40, Outcome::Ready));
    assert_eq!(model.longest_poll_during_wait(poll), Some(&model.polls[0]));
    assert_eq!(model.polls[0].wake, None);
    assert_eq!(model.units[poll.unit].ended_ns, Some(750));
    assert_eq!(model.longest_queue(), 1);
}

#[test]
fn a_spawn_queues_a_task_once_and_a_source_not_at_all() {
    let mut words = Words::default();
    words.entry(Kind::Turn, 0, &[100, 1]);
    spawn(&mut words, TASK, "a");
    words.entry(Kind::Woken, TASK, &[cause(Cause::Thread, 0)]);
    words.with_text(Kind::Spawned, OTHER, &[(Unit::Listener as u64) << 40, cause(Cause::Outside, 0)], "b");
    words.entry(Kind::PollBegins, TASK, &[150]);
    let model = model(&words);
    assert_eq!((model.wakes.len(), model.longest_queue()), (1, 1));
    assert_eq!((model.wakes[0].cause, model.wait_ns(&model.polls[0])), (Cause::Outside, Some(50)));
}

#[test]
fn a_time_out_has_no_source_and_its_handling_counts() {
    let mut words = Words::default();
    words.with_text(
        Kind::Spawned,
        OTHER,
        &[(Unit::Messages as u64) << 40, cause(Cause::Outside, 0)],
        "queue",
    );
    words.entry(Kind::Woken, OTHER, &[cause(Cause::Outside, 0)]);
    for (begin, event) in [(10, EventKind::TimedOut), (30, EventKind::Message)] {
        words.entry(Kind::EventTaken, NONE, &[begin, event as u64]);
        words.entry(Kind::EventHandled, 0, &[begin + 7]);
    }
    let model = model(&words);
    let polls: Vec<_> =
        model.polls.iter().map(|poll| (model.title(&model.units[poll.unit]), poll.time_ns())).collect();
    assert_eq!(polls, [("no source".into(), 7), ("messages 2.0 queue".into(), 7)]);
}

#[test]
fn a_wake_during_its_own_poll_belongs_to_the_next_one() {
    let mut words = Words::default();
    words.entry(Kind::Woken, TASK, &[cause(Cause::Thread, 0)]);
    words.entry(Kind::PollBegins, TASK, &[10]);
    words.entry(Kind::Woken, TASK, &[cause(Cause::Unit, TASK)]);
    words.entry(Kind::PollPending, TASK, &[20]);
    words.entry(Kind::PollBegins, TASK, &[30]);
    words.entry(Kind::PollPending, TASK, &[40]);
    let model = model(&words);
    assert_eq!([model.polls[0].wake, model.polls[1].wake], [Some(0), Some(1)]);
    assert_eq!(model.wait_ns(&model.polls[1]), Some(20));
}

#[test]
fn the_end_of_a_task_is_the_poll_that_wakes_its_joiner() {
    let mut words = Words::default();
    words.entry(Kind::PollBegins, TASK, &[10]);
    words.entry(Kind::Woken, OTHER, &[cause(Cause::Task, TASK)]);
    words.entry(Kind::PollReady, TASK, &[20]);
    assert_eq!(model(&words).wakes[0].during, Some(0));
}

#[test]
fn an_event_of_the_driver_has_the_time_of_the_end_of_the_park() {
    let mut words = Words::default();
    words.entry(Kind::Parks, 0, &[10, u64::MAX]);
    words.entry(Kind::Woken, TASK, &[cause(Cause::Socket, OTHER)]);
    words.entry(Kind::Unparks, 0, &[500, 1]);
    words.entry(Kind::PollBegins, TASK, &[510]);
    let model = model(&words);
    assert_eq!((model.wakes[0].at_ns, model.wait_ns(&model.polls[0])), (500, Some(10)));
}

#[test]
fn units_that_the_loop_has_passed_over_leave_the_ready_queue() {
    let mut words = Words::default();
    for unit in [id(5, 0), TASK, OTHER] {
        words.entry(Kind::Woken, unit, &[cause(Cause::Thread, 0)]);
    }
    words.entry(Kind::PollBegins, TASK, &[10]);
    words.entry(Kind::Aborted, OTHER, &[15]);
    let lengths: Vec<_> = model(&words).ready_queue.iter().map(|queue| queue.length).collect();
    assert_eq!(lengths, [1, 2, 3, 1, 0]);
}

#[test]
fn the_definitions_of_the_start_and_of_the_end_are_one_unit_and_two_timers() {
    let mut words = Words::default();
    let what = |state| 9 | (state as u64) << 32 | (Unit::Task as u64) << 40;
    let by = cause(Cause::Unit, TASK);
    for (state, deadline) in [(State::Ready, 40), (State::Waiting, 900)] {
        words.with_text(Kind::UnitAlive, TASK, &[what(state), 0, 0], "a");
        words.entry(Kind::TimerAlive, 3, &[deadline, by]);
    }
    words.with_text(Kind::UnitAlive, OTHER, &[what(State::Ready), 0, 0], "ends");
    words.entry(Kind::Turn, 0, &[20, 1]);
    words.entry(Kind::PollBegins, TASK, &[21]);
    words.entry(Kind::PollPending, TASK, &[22]);
    words.entry(Kind::PollBegins, OTHER, &[23]);
    words.entry(Kind::PollReady, OTHER, &[24]);
    words.entry(Kind::Turn, 0, &[41, 2]);
    words.entry(Kind::TimerFired, 3, &[40]);
    words.entry(Kind::TimerSet, 3, &[900, by]);
    let model = model(&words);
    let units: Vec<_> =
        model.units.iter().map(|unit| (unit.name.as_str(), unit.ended_ns, unit.state)).collect();
    assert_eq!(units, [("a", None, Some(State::Waiting)), ("ends", Some(24), None)]);
    let timers: Vec<_> = model.timers.iter().map(|timer| (timer.set_ns, timer.end)).collect();
    assert_eq!(timers, [(None, TimerEnd::Fired(41)), (Some(41), TimerEnd::Set)]);
    assert_eq!(model.ready_queue.iter().map(|queue| queue.length).collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn a_key_that_is_used_again_is_another_task() {
    let mut words = Words::default();
    for (begin, generation) in [(10, 0), (30, 1)] {
        let unit = id(7, generation);
        spawn(&mut words, unit, &format!("task {generation}"));
        words.entry(Kind::PollBegins, unit, &[begin]);
        words.entry(Kind::PollReady, unit, &[begin + 5]);
    }
    let model = model(&words);
    let ended: Vec<_> = model.units.iter().map(|unit| (unit.name.as_str(), unit.ended_ns)).collect();
    assert_eq!(ended, [("task 0", Some(15)), ("task 1", Some(35))]);
}

#[test]
fn a_record_that_begins_within_a_poll_and_ends_within_another_has_both() {
    let mut words = Words::default();
    words.with_text(
        Kind::UnitAlive,
        OTHER,
        &[9 | (State::Running as u64) << 32 | (Unit::Task as u64) << 40, 5, 6],
        "b",
    );
    words.entry(Kind::Turn, 0, &[100, 8]);
    words.entry(Kind::PollPending, TASK, &[150]);
    words.entry(Kind::PollBegins, OTHER, &[160]);
    words.entry(Kind::Turn, 0, &[190, 9]);
    let model = model(&words);
    let polls: Vec<_> = model.polls.iter().map(|poll| (poll.begin_ns, poll.end_ns, poll.outcome)).collect();
    assert_eq!(polls, [(100, 150, Outcome::Pending), (160, 190, Outcome::Open)]);
    assert_eq!(model.title(&model.units[0]), "task 1.4");
    let other = &model.units[1];
    assert_eq!((other.name.as_str(), other.place, other.state), ("b", 9, Some(State::Running)));
}

#[test]
fn a_timer_ends_as_the_record_says() {
    let mut words = Words::default();
    let by = cause(Cause::Unit, TASK);
    words.entry(Kind::TimerAlive, 3, &[900, by]);
    words.entry(Kind::TimerAlive, 4, &[950, by]);
    words.entry(Kind::Turn, 0, &[10, 1]);
    words.entry(Kind::TimerSet, 1, &[20, by]);
    words.entry(Kind::TimerSet, 2, &[30, by]);
    words.entry(Kind::TimerSet, 3, &[900, by]);
    words.entry(Kind::Turn, 0, &[25, 2]);
    words.entry(Kind::TimerFired, 1, &[20]);
    words.entry(Kind::TimerDropped, 2, &[]);
    let mut timers = model(&words).timers;
    timers.sort_by_key(|timer| timer.id);
    let ends: Vec<_> = timers.iter().map(|timer| (timer.set_ns, timer.end)).collect();
    let set = |at| (at, TimerEnd::Set);
    assert_eq!(
        ends,
        [(Some(10), TimerEnd::Fired(25)), (Some(10), TimerEnd::Dropped(25)), set(Some(10)), set(None)]
    );
}

#[test]
fn the_time_that_the_program_takes_for_an_event_counts_for_its_source() {
    let model = model(&queue::record(200));
    let slowest = model.slowest_polls(4);
    assert!(slowest.iter().all(|poll| poll.time_ns() == 12_000_000), "{slowest:?}");
    assert!(slowest.iter().all(|poll| matches!(poll.outcome, Outcome::Handled(_))));
    assert!(model.count(Outcome::Handled(EventKind::Signal)) > 0);
}

#[test]
fn the_task_that_misbehaves_leads_every_table() {
    let model = model(&hostile_server(50_000));
    let name = |unit: usize| model.units[unit].name.as_str();
    assert_eq!(name(model.slowest_polls(1)[0].unit), "report");
    assert_eq!(name(model.busiest_units(1)[0].unit), "report");
    let place = &model.places[&model.busiest_places(1)[0].place];
    assert_eq!(place.to_string(), "src/metrics/report.rs:104:9");
    let behind = model.longest_poll_during_wait(model.longest_waits(1)[0]).unwrap();
    assert_eq!(name(behind.unit), "report");
}

#[test]
fn the_parts_of_the_time_are_the_whole() {
    for words in [hostile_server(20_000), queue::record(1_000)] {
        let total = model(&words).total();
        assert_eq!(total.polled_ns + total.parked_ns + total.own_ns, total.time_ns);
        assert!(total.own_ns * 50 < total.time_ns, "the simulation gives the loop little time: {total:?}");
    }
}

#[test]
fn polls_never_overlap_whatever_ends_a_record_lacks() {
    let mut words = Words::default();
    words.entry(Kind::EventTaken, TASK, &[10, EventKind::Readable as u64]);
    words.entry(Kind::PollPending, TASK, &[20]);
    words.entry(Kind::PollBegins, TASK, &[30]);
    words.entry(Kind::EventTaken, TASK, &[40, EventKind::Readable as u64]);
    words.entry(Kind::PollBegins, OTHER, &[50]);
    words.entry(Kind::PollBegins, TASK, &[60]);
    words.entry(Kind::PollReady, TASK, &[70]);
    let polls: Vec<_> = model(&words).polls.iter().map(|poll| (poll.begin_ns, poll.end_ns)).collect();
    assert_eq!(polls, [(10, 30), (30, 40), (40, 50), (50, 60), (60, 70)]);
}
