//! `run`: a handler for each event, what happens when it fails, and how it ends. (Ctrl+C during a run is
//! in `signals/event_loop.rs`.)

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use oneloop::event_loop::{Ended, Event, EventLoop, Failure, Policy};

use common::events::{assert_idle, judge, new_loop, next_message, no_failure, posted};
use common::executor::{Bomb, Drops, Watchdog, panic_of, text_of};

#[test]
fn every_event_is_handled_in_order_until_the_loop_is_stopped() {
    let _watchdog = Watchdog::start();
    let mut events = posted([1, 2, 0, 3, 4]);
    let seen = RefCell::default();
    let ended = events.run(judge(&seen), no_failure).unwrap();
    assert_eq!(ended, Ended { handled: 3, failed: 0, messages_left: 2 });
    assert_eq!(seen.take(), [1, 2, 0]);
    events.post(0).unwrap();
    let ended = events.run(judge(&seen), no_failure).unwrap();
    assert_eq!((ended.handled, ended.messages_left), (3, 0));
    assert_eq!(seen.take(), [3, 4, 0], "what was left comes first");
}

#[test]
fn messages_that_a_run_leaves_come_first_for_take_and_drain() {
    let mut events = posted([0, 1, 2, 3]);
    let seen = RefCell::default();
    assert_eq!(events.run(judge(&seen), no_failure).unwrap().messages_left, 3);
    events.post(4).unwrap();
    assert_eq!(next_message(&mut events), 1);
    assert_eq!(events.drain(), [2, 3, 4]);
    assert_idle(&mut events);
}

#[test]
fn a_handler_that_fails_or_panics_does_not_end_the_loop_by_itself() {
    let _watchdog = Watchdog::start();
    let mut events = posted([1, -1, 100, 2, -2, 0]);
    let (seen, mut failures) = (RefCell::default(), Vec::new());
    let ended = events.run(judge(&seen), |failure| {
        failures.push((failure.to_string(), format!("{failure:?}")));
        Policy::Continue
    });
    let ended = ended.unwrap();
    assert_eq!((ended.handled, ended.failed), (6, 3));
    assert_eq!(seen.take(), [1, -1, 100, 2, -2, 0]);
    let expected = [
        ("the handler failed: -1 is negative", "Error(\"-1 is negative\")"),
        ("the handler panicked: 100 is too much", "Panic(Panic(\"100 is too much\"))"),
        ("the handler failed: -2 is negative", "Error(\"-2 is negative\")"),
    ];
    assert!(failures.iter().map(|(a, b)| (&a[..], &b[..])).eq(expected), "{failures:?}");
}

#[test]
fn stop_as_a_policy_returns_the_failure_and_the_loop_can_be_run_again() {
    let mut events = posted([-5, 1, 100, 0]);
    let seen = RefCell::default();
    match events.run(judge(&seen), |_| Policy::Stop) {
        Err(Failure::Error(error)) => assert_eq!(error, "-5 is negative"),
        other => panic!("{other:?}"),
    }
    match events.run(judge(&seen), |_| Policy::Stop) {
        Err(Failure::Panic(panic)) => assert_eq!(text_of(&*panic.into_inner()), "100 is too much"),
        other => panic!("{other:?}"),
    }
    assert_eq!(events.run(judge(&seen), no_failure).unwrap().handled, 1);
    assert_eq!(seen.take(), [-5, 1, 100, 0]);
}

#[test]
fn a_failure_is_an_error_like_any_other() {
    fn run() -> Result<Ended, Box<dyn Error>> {
        let mut events = posted([1]);
        Ok(events.run(|_, _| "x".parse::<i32>().map(drop), |_| Policy::Stop)?)
    }
    assert_eq!(run().unwrap_err().to_string(), "the handler failed: invalid digit found in string");
    let failure = Failure::<String>::Loop(io::Error::other("no queue"));
    assert_eq!(failure.to_string(), "the event loop failed: no queue");
    let mut events = posted([1]);
    let wordless = |_: &mut EventLoop<i32>, _| -> Result<(), String> { std::panic::panic_any(7) };
    let failure = events.run(wordless, |_| Policy::Stop).unwrap_err();
    assert_eq!(failure.to_string(), "the handler panicked");
    assert_eq!(format!("{failure:?}"), "Panic(Panic(..))");
}

#[test]
fn the_event_of_a_handler_that_panics_is_dropped() {
    let (mut events, drops) = (new_loop(), Drops::new());
    for _ in 0..3 {
        events.post(drops.token()).map_err(|_| "no room").unwrap();
    }
    let calls = Cell::new(0);
    let handler = |events: &mut EventLoop<_>, _| {
        calls.set(calls.get() + 1);
        if calls.get() == 3 {
            events.stop();
        }
        panic!("with the message in hand");
        #[allow(unreachable_code, reason = "it says what the handler returns")]
        Ok::<(), ()>(())
    };
    let ended = events.run(handler, |_| Policy::Continue).unwrap();
    assert_eq!((ended.failed, drops.count()), (3, 3));
}

#[test]
fn a_panic_of_on_failure_comes_out_and_the_loop_works_on() {
    let mut events = posted([-1, 7]);
    let seen = RefCell::default();
    let said = panic_of(|| events.run(judge(&seen), |_| panic!("out of ideas")));
    assert_eq!(said, "out of ideas");
    assert_eq!(next_message(&mut events), 7);
    assert_idle(&mut events);
}

#[test]
fn run_inside_a_runtime_panics_and_says_what_to_do() {
    let mut events = posted([0]);
    let seen = RefCell::default();
    let said = panic_of(|| oneloop::block_on(async { events.run(judge(&seen), no_failure) }));
    assert!(said.contains("`run`") && said.contains("a thread of its own"), "{said}");
    assert_eq!(seen.take(), []);
}

#[test]
fn a_handler_may_use_block_on_and_other_loops() {
    let mut events = posted([1]);
    let handler = |events: &mut EventLoop<i32>, _| {
        assert_eq!(oneloop::block_on(async { oneloop::spawn(async { 5 }).await.unwrap() }), 5);
        let mut other = posted([0]);
        other.run(judge(&RefCell::default()), no_failure).unwrap();
        events.stop();
        Ok::<(), ()>(())
    };
    assert_eq!(events.run(handler, no_failure).unwrap().handled, 1);
}

#[test]
fn a_handler_may_take_from_and_drain_the_loop_itself() {
    let mut events = posted([1, 2, 3, 4]);
    let handler = |events: &mut EventLoop<i32>, event| {
        assert!(matches!(event, Event::Message(1)));
        assert_eq!(next_message(events), 2);
        assert_eq!(events.drain(), [3, 4]);
        events.stop();
        Ok::<(), ()>(())
    };
    let ended = events.run(handler, no_failure).unwrap();
    assert_eq!((ended.handled, ended.messages_left), (1, 0));
}

#[test]
fn a_handler_that_runs_its_own_loop_panics_with_a_message_and_the_loop_can_be_run_again() {
    let mut events = posted([1, 2]);
    let handler = |events: &mut EventLoop<i32>, _| {
        events.run(|_, _| Ok::<(), ()>(()), no_failure).unwrap();
        Ok::<(), ()>(())
    };
    let failure = events.run(handler, |_| Policy::Stop).unwrap_err();
    assert_eq!(
        format!("{failure:?}"),
        "Panic(Panic(\"an event loop's `run` was called in one of its handlers: it runs already\"))"
    );
    events.post(0).unwrap();
    assert_eq!(events.run(judge(&RefCell::default()), no_failure).unwrap().handled, 2);
}

#[test]
fn a_stop_in_a_run_that_fails_is_not_left_for_the_next() {
    let mut events = posted([1]);
    let handler = |events: &mut EventLoop<i32>, _| {
        events.stop();
        events.sender().stop();
        Err(())
    };
    assert!(matches!(events.run(handler, |_| Policy::Stop), Err(Failure::Error(()))));
    events.post(2).unwrap();
    events.post(0).unwrap();
    assert_eq!(events.run(judge(&RefCell::default()), no_failure).unwrap().handled, 2);
}

#[test]
fn a_failure_crosses_threads() {
    let failure = Failure::<io::Error>::Loop(io::Error::other("no queue"));
    let as_others_take_it: Box<dyn Error + Send + Sync> = failure.into();
    assert_eq!(as_others_take_it.to_string(), "the event loop failed: no queue");
}

#[test]
fn timers_tasks_and_messages_of_tasks_come_in_a_run() {
    let _watchdog = Watchdog::start();
    let mut events = new_loop();
    let sender = events.sender();
    drop(events.enter(|| {
        oneloop::spawn(async move {
            oneloop::time::sleep(Duration::from_millis(1)).await;
            sender.post("from a task").unwrap();
        })
    }));
    let timer = events.timer(Duration::ZERO).unwrap();
    let mut seen = Vec::new();
    let handler = |events: &mut EventLoop<&'static str>, event| {
        match event {
            Event::Timer(id) => seen.push(if id == timer { "timer" } else { "another" }),
            Event::Message(text) => {
                seen.push(text);
                events.stop();
            }
            other => panic!("{other:?}"),
        }
        Ok::<(), ()>(())
    };
    events.run(handler, no_failure).unwrap();
    assert_eq!(seen, ["timer", "from a task"]);
}

#[test]
fn an_error_whose_drop_panics_doesnt_end_a_run_that_continues() {
    let mut events = posted([1, 2]);
    let handler = |events: &mut EventLoop<i32>, event| {
        if matches!(event, Event::Message(2)) {
            events.stop();
        }
        Err(Bomb("an error's drop"))
    };
    let ended = events.run(handler, |_| Policy::Continue).ok().expect("the policy is to go on");
    assert_eq!((ended.handled, ended.failed), (2, 2));
    assert_idle(&mut events);
}

#[test]
fn the_handler_and_what_it_holds_are_dropped_when_run_returns() {
    let mut events = posted([0]);
    let held = Rc::new(());
    let kept = held.clone();
    let handler = move |events: &mut EventLoop<i32>, _| {
        let _kept = &kept;
        events.stop();
        Ok::<(), ()>(())
    };
    events.run(handler, no_failure).unwrap();
    assert_eq!(Rc::strong_count(&held), 1);
}
