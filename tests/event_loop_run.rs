//! `run`: a handler for each event, what happens when it fails, and why it ends. Signals are for the whole process,
//! so every test that raises one does so in a process of its own.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use oneloop::event_loop::{Ended, Event, EventLoop, Failure, Policy, Reason};

#[path = "common/events.rs"]
mod events;
#[path = "common/executor.rs"]
mod executor;
#[cfg(all(unix, feature = "signal"))]
#[path = "common/sockets.rs"]
mod sockets;

use events::{assert_idle, new_loop, next_message, no_failure};
use executor::{Bomb, Drops, Watchdog, panic_of, text_of};

type Handled = Result<(), String>;

fn posted(numbers: impl IntoIterator<Item = i32>) -> EventLoop<i32> {
    let events = new_loop();
    numbers.into_iter().for_each(|n| events.post(n).unwrap());
    events
}

/// A handler that notes messages, stops at 0, fails at negative ones and panics at those above 99.
fn judge(seen: &RefCell<Vec<i32>>) -> impl FnMut(&mut EventLoop<i32>, Event<i32>) -> Handled {
    |events, event| {
        let Event::Message(n) = event else { return Err(format!("not expected: {event:?}")) };
        seen.borrow_mut().push(n);
        match n {
            0 => events.stop(),
            100.. => panic!("{n} is too much"),
            ..0 => return Err(format!("{n} is negative")),
            _ => {}
        }
        Ok(())
    }
}

#[test]
fn every_event_is_handled_in_order_until_the_loop_is_stopped() {
    let _watchdog = Watchdog::start();
    let mut events = posted([1, 2, 0, 3, 4]);
    let seen = RefCell::default();
    let ended = events.run(judge(&seen), no_failure).unwrap();
    assert_eq!(ended, Ended { reason: Reason::Stopped, handled: 3, failed: 0, messages_left: 2 });
    assert_eq!(seen.take(), [1, 2, 0]);
    events.post(0).unwrap();
    let ended = events.run(judge(&seen), no_failure).unwrap();
    assert_eq!((ended.handled, ended.messages_left), (3, 0));
    assert_eq!(seen.take(), [3, 4, 0], "what was left comes first");
}

#[test]
fn what_is_left_by_a_run_comes_first_for_take_and_drain() {
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
    assert_eq!((ended.reason, ended.handled, ended.failed), (Reason::Stopped, 6, 3));
    assert_eq!(seen.take(), [1, -1, 100, 2, -2, 0]);
    let expected = [
        ("the handler failed: -1 is negative", "Failure::Error(\"-1 is negative\")"),
        ("the handler panicked: 100 is too much", "Failure::Panic(\"100 is too much\")"),
        ("the handler failed: -2 is negative", "Failure::Error(\"-2 is negative\")"),
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
    assert_eq!(format!("{failure:?}"), "Failure::Panic(..)");
}

#[test]
fn what_the_handler_was_called_with_is_dropped_though_it_panics() {
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
        "Failure::Panic(\"an event loop's `run` was called in one of its handlers: it runs already\")"
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
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Failure<std::io::Error>>();
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
fn an_error_whose_drop_panics_doesnt_end_a_run_that_is_to_go_on() {
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

#[cfg(all(unix, feature = "signal"))]
mod signals {
    use super::*;
    use oneloop::event_loop::Callbacks;
    use oneloop::signal::SignalKind;

    use super::sockets::{self, in_child};

    /// Delivers a signal to this thread; its handler has run when this returns.
    fn raise(number: i32) {
        // SAFETY: a call without pointers. The signal has a handler: each test listens before it raises.
        assert_eq!(unsafe { libc::raise(number) }, 0);
    }

    fn press_ctrl_c() {
        raise(libc::SIGINT);
    }

    #[test]
    fn ctrl_c_ends_a_run_and_what_is_queued_stays() {
        in_child("signals::ctrl_c_ends_a_run_and_what_is_queued_stays", || {
            let _watchdog = Watchdog::start();
            let mut events = posted(0..1000);
            let handler = |_: &mut EventLoop<i32>, event| {
                if matches!(event, Event::Message(10)) {
                    press_ctrl_c();
                }
                Ok::<(), ()>(())
            };
            let ended = events.run(handler, no_failure).unwrap();
            assert_eq!(ended.reason, Reason::CtrlC);
            assert!(ended.handled <= 256 + 64, "{ended:?}");
            assert_eq!(ended.handled as usize + ended.messages_left, 1000);
            assert_idle_but_for_messages(&mut events);
        });
    }

    fn assert_idle_but_for_messages(events: &mut EventLoop<i32>) {
        events.drain();
        assert_idle(events);
    }

    #[test]
    fn ctrl_c_ends_a_run_that_sleeps_and_again_the_next_one() {
        in_child("signals::ctrl_c_ends_a_run_that_sleeps_and_again_the_next_one", || {
            let _watchdog = Watchdog::start();
            let mut events = new_loop::<()>();
            for _ in 0..3 {
                events.timer(Duration::from_millis(1)).unwrap();
                let begun = std::sync::Arc::new(std::sync::Barrier::new(2));
                let theirs = begun.clone();
                let presser = std::thread::spawn(move || {
                    theirs.wait();
                    let this_process = std::process::id() as libc::pid_t;
                    // SAFETY: a call without pointers; `run` listens already.
                    assert_eq!(unsafe { libc::kill(this_process, libc::SIGINT) }, 0);
                });
                let handler = |_: &mut EventLoop<()>, _| {
                    begun.wait();
                    Ok::<(), ()>(())
                };
                let ended = events.run(handler, no_failure).unwrap();
                assert_eq!((ended.reason, ended.handled), (Reason::CtrlC, 1));
                presser.join().unwrap();
            }
        });
    }

    #[test]
    fn ctrl_c_ends_a_run_whose_handler_takes_events_itself() {
        in_child("signals::ctrl_c_ends_a_run_whose_handler_takes_events_itself", || {
            let _watchdog = Watchdog::start();
            let mut events = posted([1]);
            let handler = |events: &mut EventLoop<i32>, _| {
                press_ctrl_c();
                // The signal is heard in here, and is nobody's event.
                let taken = events.take(Some(Duration::from_millis(20))).unwrap();
                assert!(matches!(taken, Event::TimedOut), "{taken:?}");
                Ok::<(), ()>(())
            };
            let ended = events.run(handler, no_failure).unwrap();
            assert_eq!((ended.reason, ended.handled), (Reason::CtrlC, 1));
        });
    }

    #[test]
    fn a_program_that_hears_ctrl_c_itself_decides_itself_whether_to_end_its_run() {
        in_child("signals::a_program_that_hears_ctrl_c_itself_decides_itself_whether_to_end_its_run", || {
            let _watchdog = Watchdog::start();
            let mut events = posted([1]);
            let own = events.ctrl_c().unwrap();
            let mut heard = 0;
            let handler = |events: &mut EventLoop<i32>, event| {
                match event {
                    Event::Signal(id) if id == own && heard == 2 => events.stop(),
                    Event::Signal(id) if id == own => {
                        heard += 1;
                        press_ctrl_c();
                    }
                    _ => press_ctrl_c(),
                }
                Ok::<(), ()>(())
            };
            let ended = events.run(handler, no_failure).unwrap();
            assert_eq!((ended.reason, ended.handled), (Reason::Stopped, 4));

            // Once it hears no more, a run does.
            assert!(events.cancel(own));
            events.post(1).unwrap();
            let handler = |_: &mut EventLoop<i32>, _| {
                press_ctrl_c();
                Ok::<(), ()>(())
            };
            assert_eq!(events.run(handler, no_failure).unwrap().reason, Reason::CtrlC);
        });
    }

    #[test]
    fn ctrl_c_pressed_after_a_run_is_no_event_of_its_loop() {
        in_child("signals::ctrl_c_pressed_after_a_run_is_no_event_of_its_loop", || {
            let mut events = posted([0]);
            events.run(judge(&RefCell::default()), no_failure).unwrap();
            press_ctrl_c(); // its default action is gone for good
            assert_idle(&mut events);
            events.post(-1).unwrap();
            panic_of(|| events.run(judge(&RefCell::default()), |_| panic!("out of ideas")));
            press_ctrl_c();
            assert_idle(&mut events);
            events.post(0).unwrap();
            let ended = events.run(judge(&RefCell::default()), no_failure).unwrap();
            assert_eq!(ended.reason, Reason::Stopped, "that was before its time");
        });
    }

    #[test]
    fn a_loop_that_takes_hears_ctrl_c_as_an_event_each_time_until_it_is_cancelled() {
        let name = "signals::a_loop_that_takes_hears_ctrl_c_as_an_event_each_time_until_it_is_cancelled";
        in_child(name, || {
            let mut events = new_loop::<()>();
            let (ctrl_c, hang_up) = (events.ctrl_c().unwrap(), events.signal(SignalKind::HANGUP).unwrap());
            for _ in 0..3 {
                press_ctrl_c();
                assert!(matches!(events::next(&mut events), Event::Signal(id) if id == ctrl_c));
                assert_idle(&mut events);
                raise(libc::SIGHUP);
                assert!(matches!(events::next(&mut events), Event::Signal(id) if id == hang_up));
            }
            press_ctrl_c();
            press_ctrl_c();
            assert!(matches!(events::next(&mut events), Event::Signal(id) if id == ctrl_c));
            press_ctrl_c();
            assert!(events.cancel(ctrl_c), "also if it was queued already");
            assert!(!events.cancel(ctrl_c));
            assert_idle(&mut events);
            press_ctrl_c();
            assert_idle(&mut events);
        });
    }

    #[test]
    fn two_loops_in_two_threads_both_end_at_one_ctrl_c() {
        in_child("signals::two_loops_in_two_threads_both_end_at_one_ctrl_c", || {
            let (ready, wait_ready) = std::sync::mpsc::channel();
            let loops = [(); 2].map(|()| {
                let ready = ready.clone();
                std::thread::spawn(move || {
                    let _watchdog = Watchdog::start();
                    let mut events = posted([1]);
                    let handler = |_: &mut EventLoop<i32>, _| {
                        ready.send(()).unwrap(); // it listens
                        Ok::<(), ()>(())
                    };
                    events.run(handler, no_failure).unwrap().reason
                })
            });
            wait_ready.recv().unwrap();
            wait_ready.recv().unwrap();
            press_ctrl_c();
            for one in loops {
                assert_eq!(one.join().unwrap(), Reason::CtrlC);
            }
        });
    }

    #[test]
    fn callbacks_hear_signals_and_end_at_ctrl_c() {
        in_child("signals::callbacks_hear_signals_and_end_at_ctrl_c", || {
            let _watchdog = Watchdog::start();
            let mut calls = Callbacks::new().unwrap();
            let user1 = calls.signal(SignalKind::USER1).unwrap();
            let mut heard = 0;
            calls.on(user1, move |calls, event| {
                assert!(matches!(event, Event::Signal(id) if id == user1));
                heard += 1;
                match heard {
                    3 => calls.call_soon(|_| press_ctrl_c()),
                    _ => calls.call_soon(|_| raise(libc::SIGUSR1)),
                }
            });
            calls.call_soon(|_| raise(libc::SIGUSR1));
            let ended = calls.run(no_failure).unwrap();
            assert_eq!((ended.reason, ended.handled), (Reason::CtrlC, 7));
        });
    }

    #[test]
    fn a_signal_that_can_not_be_heard_is_an_error_and_leaves_nothing() {
        let mut events = new_loop::<()>();
        for number in [libc::SIGKILL, libc::SIGSTOP, libc::SIGSEGV, 0, 9999] {
            let error = events.signal(number.into()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
        assert_idle(&mut events);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_run_gives_its_descriptors_back_however_it_ends() {
        in_child("signals::a_run_gives_its_descriptors_back_however_it_ends", || {
            let mut events = posted([0]);
            events.run(judge(&RefCell::default()), no_failure).unwrap();
            let before = sockets::open_descriptors();
            for _ in 0..20 {
                for n in [0, -1, -1] {
                    events.post(n).unwrap();
                }
                events.run(judge(&RefCell::default()), no_failure).unwrap();
                events.run(judge(&RefCell::default()), |_| Policy::Stop).unwrap_err();
                panic_of(|| events.run(judge(&RefCell::default()), |_| panic!("out of ideas")));
            }
            assert_eq!(sockets::open_descriptors(), before);
        });
    }
}
