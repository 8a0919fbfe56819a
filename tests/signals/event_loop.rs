//! Signals as events. A run listens for Ctrl+C only if the program has asked for it. Signals are for the
//! whole process, so every test that raises one does so in a process of its own.

#![cfg(all(unix, feature = "event-loop", feature = "signal"))]

use std::io;
use std::sync::mpsc;
use std::time::Duration;

use oneloop::event_loop::{Callbacks, Event, EventLoop};
use oneloop::signal::SignalKind;

use common::events::{self, assert_idle, new_loop, no_failure, posted};
use common::executor::Watchdog;
use common::runner::in_child_ended_by;
use common::sockets::in_child;

/// Delivers a signal to this thread; its handler has run when this returns.
fn raise(number: i32) {
    // SAFETY: a call without pointers.
    assert_eq!(unsafe { libc::raise(number) }, 0);
}

fn press_ctrl_c() {
    raise(libc::SIGINT);
}

/// Shells start programs in the background with SIGINT ignored.
fn reset_ctrl_c() {
    // SAFETY: a call without pointers to memory; it sets no handler.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_DFL) };
}

#[test]
fn ctrl_c_ends_the_process_in_a_run_that_has_not_asked_for_it() {
    let name = "ctrl_c_ends_the_process_in_a_run_that_has_not_asked_for_it";
    in_child_ended_by(libc::SIGINT, name, || {
        reset_ctrl_c();
        let press = |events: &mut EventLoop<i32>, _| {
            press_ctrl_c();
            events.stop();
            Ok::<(), ()>(())
        };
        posted([1]).run(press, no_failure).unwrap();
    });
}

#[test]
fn ctrl_c_ends_the_process_after_runs_that_have_not_asked_for_it() {
    let name = "ctrl_c_ends_the_process_after_runs_that_have_not_asked_for_it";
    in_child_ended_by(libc::SIGINT, name, || {
        reset_ctrl_c();
        let stop = |events: &mut EventLoop<i32>, _| {
            events.stop();
            Ok::<(), ()>(())
        };
        posted([1]).run(stop, no_failure).unwrap();
        let mut calls = Callbacks::new().unwrap();
        calls.call_soon(|calls| calls.stop());
        calls.run(no_failure).unwrap();
        press_ctrl_c();
    });
}

#[test]
fn ctrl_c_ends_the_process_in_callbacks_that_have_not_asked_for_it() {
    let name = "ctrl_c_ends_the_process_in_callbacks_that_have_not_asked_for_it";
    in_child_ended_by(libc::SIGINT, name, || {
        reset_ctrl_c();
        let mut calls = Callbacks::new().unwrap();
        calls.call_soon(|calls| {
            press_ctrl_c();
            calls.stop();
        });
        calls.run(no_failure).unwrap();
    });
}

#[test]
fn with_ctrl_c_each_press_is_an_event_and_the_handler_decides() {
    in_child("with_ctrl_c_each_press_is_an_event_and_the_handler_decides", || {
        let _watchdog = Watchdog::start();
        let mut events = posted([1, 2]);
        let ctrl_c = events.ctrl_c().unwrap();
        let mut presses = 0;
        let handler = |events: &mut EventLoop<i32>, event| {
            match event {
                Event::Message(1) => press_ctrl_c(),
                Event::Message(2) => {} // queued behind: the press does not end the run
                Event::Signal(id) if id == ctrl_c && presses == 2 => {
                    events.post(3).unwrap();
                    events.stop();
                }
                Event::Signal(id) if id == ctrl_c => {
                    presses += 1;
                    press_ctrl_c();
                }
                other => panic!("{other:?}"),
            }
            Ok::<(), ()>(())
        };
        let ended = events.run(handler, no_failure).unwrap();
        assert_eq!((ended.handled, ended.messages_left), (5, 1));
        assert_eq!(events.drain(), [3]);
        assert_idle(&mut events);
    });
}

#[test]
fn ctrl_c_wakes_a_run_that_sleeps() {
    in_child("ctrl_c_wakes_a_run_that_sleeps", || {
        let _watchdog = Watchdog::start();
        let mut events = new_loop::<()>();
        let ctrl_c = events.ctrl_c().unwrap();
        for _ in 0..3 {
            events.timer(Duration::from_millis(1)).unwrap();
            let (press, pressed) = mpsc::channel();
            let presser = std::thread::spawn(move || {
                pressed.recv().unwrap();
                press_ctrl_c(); // the handler runs on this thread: the loop itself is not interrupted
            });
            let handler = |events: &mut EventLoop<()>, event| {
                match event {
                    Event::Timer(_) => press.send(()).unwrap(),
                    Event::Signal(id) if id == ctrl_c => events.stop(),
                    other => panic!("{other:?}"),
                }
                Ok::<(), ()>(())
            };
            assert_eq!(events.run(handler, no_failure).unwrap().handled, 2);
            presser.join().unwrap();
        }
    });
}

#[test]
fn a_press_between_two_runs_is_an_event_of_the_next() {
    in_child("a_press_between_two_runs_is_an_event_of_the_next", || {
        let _watchdog = Watchdog::start();
        let mut events = posted([1]);
        let ctrl_c = events.ctrl_c().unwrap();
        let mut seen = Vec::new();
        let mut handler = |events: &mut EventLoop<i32>, event| {
            seen.push(events::source_of(&event));
            events.stop();
            Ok::<(), ()>(())
        };
        events.run(&mut handler, no_failure).unwrap();
        press_ctrl_c();
        events.run(&mut handler, no_failure).unwrap();
        assert_eq!(seen, [None, Some(ctrl_c)]);
        assert_idle(&mut events);
    });
}

#[test]
fn a_take_in_a_handler_returns_the_press() {
    in_child("a_take_in_a_handler_returns_the_press", || {
        let _watchdog = Watchdog::start();
        let mut events = posted([1]);
        let ctrl_c = events.ctrl_c().unwrap();
        let handler = |events: &mut EventLoop<i32>, _| {
            press_ctrl_c();
            assert!(matches!(events::next(events), Event::Signal(id) if id == ctrl_c));
            assert_idle(events);
            events.stop();
            Ok::<(), ()>(())
        };
        assert_eq!(events.run(handler, no_failure).unwrap().handled, 1);
    });
}

/// An orderly end begins at the first press, and the program does not want to know of another.
#[test]
fn ctrl_c_that_is_cancelled_in_its_own_event_is_no_event_any_more() {
    in_child("ctrl_c_that_is_cancelled_in_its_own_event_is_no_event_any_more", || {
        let _watchdog = Watchdog::start();
        let mut events = posted([1]);
        let ctrl_c = events.ctrl_c().unwrap();
        let handler = |events: &mut EventLoop<i32>, event| {
            match event {
                Event::Message(1) => press_ctrl_c(),
                Event::Signal(id) if id == ctrl_c => {
                    assert!(events.cancel(ctrl_c));
                    press_ctrl_c(); // a handler is set: the process goes on
                    events.timer(Duration::from_millis(5)).unwrap();
                }
                Event::Timer(_) => events.stop(),
                ref other => panic!("{other:?}"),
            }
            Ok::<(), ()>(())
        };
        assert_eq!(events.run(handler, no_failure).unwrap().handled, 3);
    });
}

#[test]
fn take_returns_each_press_of_ctrl_c_until_it_is_cancelled() {
    let name = "take_returns_each_press_of_ctrl_c_until_it_is_cancelled";
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
fn two_loops_in_two_threads_both_receive_one_press() {
    in_child("two_loops_in_two_threads_both_receive_one_press", || {
        let (ready, wait_ready) = mpsc::channel();
        let loops = [(); 2].map(|()| {
            let ready = ready.clone();
            std::thread::spawn(move || {
                let _watchdog = Watchdog::start();
                let mut events = posted([1]);
                let ctrl_c = events.ctrl_c().unwrap();
                let handler = |events: &mut EventLoop<i32>, event| {
                    match event {
                        Event::Message(_) => ready.send(()).unwrap(),
                        Event::Signal(id) if id == ctrl_c => events.stop(),
                        other => panic!("{other:?}"),
                    }
                    Ok::<(), ()>(())
                };
                events.run(handler, no_failure).unwrap().handled
            })
        });
        wait_ready.recv().unwrap();
        wait_ready.recv().unwrap();
        press_ctrl_c();
        for one in loops {
            assert_eq!(one.join().unwrap(), 2);
        }
    });
}

#[test]
fn callbacks_of_signals_are_called_at_each_delivery_until_they_are_cancelled() {
    let name = "callbacks_of_signals_are_called_at_each_delivery_until_they_are_cancelled";
    in_child(name, || {
        let _watchdog = Watchdog::start();
        let mut calls = Callbacks::new().unwrap();
        let user1 = calls.signal(SignalKind::USER1).unwrap();
        let ctrl_c = calls.ctrl_c().unwrap();
        calls.on(user1, move |calls, event| {
            assert!(matches!(event, Event::Signal(id) if id == user1));
            calls.call_soon(|_| press_ctrl_c());
        });
        let mut presses = 0;
        calls.on(ctrl_c, move |calls, event| {
            assert!(matches!(event, Event::Signal(id) if id == ctrl_c));
            presses += 1;
            if presses < 3 {
                return calls.call_soon(|_| raise(libc::SIGUSR1));
            }
            calls.cancel(ctrl_c);
            press_ctrl_c(); // calls nothing
            calls.call_later(Duration::from_millis(5), |calls| calls.stop()).unwrap();
        });
        calls.call_soon(|_| raise(libc::SIGUSR1));
        // Three times two signals with what raises each, and the timer.
        assert_eq!(calls.run(no_failure).unwrap().handled, 13);
    });
}

#[test]
fn a_signal_that_can_not_be_listened_for_is_an_error_and_leaves_nothing() {
    let mut events = new_loop::<()>();
    for number in [libc::SIGKILL, libc::SIGSTOP, libc::SIGSEGV, 0, 9999] {
        let error = events.signal(number.into()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
    assert_idle(&mut events);
}

#[cfg(target_os = "linux")]
#[test]
fn neither_a_run_nor_a_cancelled_ctrl_c_keeps_a_descriptor() {
    in_child("neither_a_run_nor_a_cancelled_ctrl_c_keeps_a_descriptor", || {
        let mut events = new_loop::<()>();
        let before = common::sockets::open_descriptors();
        for _ in 0..20 {
            events.post(()).unwrap();
            let handler = |events: &mut EventLoop<()>, _| {
                assert_eq!(common::sockets::open_descriptors(), before, "a run needs none");
                let ctrl_c = events.ctrl_c().unwrap();
                assert!(events.cancel(ctrl_c));
                events.stop();
                Ok::<(), ()>(())
            };
            events.run(handler, no_failure).unwrap();
            assert_eq!(common::sockets::open_descriptors(), before);
        }
    });
}
