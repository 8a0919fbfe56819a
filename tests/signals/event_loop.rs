//! Signals as events, and Ctrl+C as the end of a `run`. Signals are for the whole process, so every test that raises one
//! does so in a process of its own.

#![cfg(all(unix, feature = "signal"))]

use std::cell::RefCell;
use std::io;
use std::time::Duration;

use oneloop::event_loop::{Callbacks, Event, EventLoop, Reason};
use oneloop::signal::SignalKind;

use common::events::{self, assert_idle, judge, new_loop, no_failure, posted};
use common::executor::{Watchdog, panic_of};
use common::sockets::in_child;

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
    in_child("ctrl_c_ends_a_run_and_what_is_queued_stays", || {
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
    in_child("ctrl_c_ends_a_run_that_sleeps_and_again_the_next_one", || {
        let _watchdog = Watchdog::start();
        let mut events = new_loop::<()>();
        for _ in 0..3 {
            events.timer(Duration::from_millis(1)).unwrap();
            let begun = std::sync::Arc::new(std::sync::Barrier::new(2));
            let theirs = begun.clone();
            let presser = std::thread::spawn(move || {
                theirs.wait();
                press_ctrl_c(); // `run` listens already, and the handler runs here: the loop itself is not interrupted
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
    in_child("ctrl_c_ends_a_run_whose_handler_takes_events_itself", || {
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
    in_child("a_program_that_hears_ctrl_c_itself_decides_itself_whether_to_end_its_run", || {
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

/// The run had heard the same Ctrl+C, and found at its turn that nobody else did any more.
#[test]
fn one_ctrl_c_is_not_both_an_event_and_the_end_of_the_run() {
    in_child("one_ctrl_c_is_not_both_an_event_and_the_end_of_the_run", || {
        let _watchdog = Watchdog::start();
        let mut events = posted([1]);
        let own = events.ctrl_c().unwrap();
        let mut handled = Vec::new();
        let handler = |events: &mut EventLoop<i32>, event| {
            match event {
                Event::Message(1) => press_ctrl_c(),
                // An orderly end begins: another Ctrl+C would be the program's end.
                Event::Signal(id) if id == own => {
                    assert!(events.cancel(own));
                    events.timer(Duration::from_millis(5)).unwrap();
                }
                Event::Timer(_) => press_ctrl_c(),
                ref other => panic!("{other:?}"),
            }
            handled.push(std::mem::discriminant(&event));
            Ok::<(), ()>(())
        };
        let ended = events.run(handler, no_failure).unwrap();
        assert_eq!((ended.reason, ended.handled), (Reason::CtrlC, 3), "{handled:?}");
    });
}

/// The run had heard it, and found at its turn that it was somebody else's; who had not heard it.
#[test]
fn ctrl_c_pressed_before_the_program_hears_of_it_itself_ends_the_run() {
    in_child("ctrl_c_pressed_before_the_program_hears_of_it_itself_ends_the_run", || {
        let _watchdog = Watchdog::start();
        let mut events = posted([1, 2]);
        let handler = |events: &mut EventLoop<i32>, event| {
            assert!(matches!(event, Event::Message(1)), "{event:?}");
            press_ctrl_c();
            events.ctrl_c().unwrap();
            Ok::<(), ()>(())
        };
        let ended = events.run(handler, no_failure).unwrap();
        assert_eq!((ended.reason, ended.handled, ended.messages_left), (Reason::CtrlC, 1, 1));
    });
}

#[test]
fn ctrl_c_pressed_after_a_run_is_no_event_of_its_loop() {
    in_child("ctrl_c_pressed_after_a_run_is_no_event_of_its_loop", || {
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
    let name = "a_loop_that_takes_hears_ctrl_c_as_an_event_each_time_until_it_is_cancelled";
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
    in_child("two_loops_in_two_threads_both_end_at_one_ctrl_c", || {
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
    in_child("callbacks_hear_signals_and_end_at_ctrl_c", || {
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
    in_child("a_run_gives_its_descriptors_back_however_it_ends", || {
        let mut events = posted([0]);
        events.run(judge(&RefCell::default()), no_failure).unwrap();
        let before = common::sockets::open_descriptors();
        for _ in 0..20 {
            for n in [0, -1, -1] {
                events.post(n).unwrap();
            }
            events.run(judge(&RefCell::default()), no_failure).unwrap();
            events.run(judge(&RefCell::default()), |_| oneloop::event_loop::Policy::Stop).unwrap_err();
            panic_of(|| events.run(judge(&RefCell::default()), |_| panic!("out of ideas")));
        }
        assert_eq!(common::sockets::open_descriptors(), before);
    });
}
