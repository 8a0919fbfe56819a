//! Ctrl+C on Windows, the one signal there is. It goes to every program of a console, so each test is a process of its own
//! with a console of its own.
#![cfg(all(windows, feature = "event-loop", feature = "signal"))]

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use oneloop::event_loop::{Event, EventLoop};
use oneloop::signal::ctrl_c;
use windows_sys::Win32::System::Console::{
    AllocConsole, CTRL_C_EVENT, FreeConsole, GenerateConsoleCtrlEvent,
};

use common::events;
use common::sockets::{in_child, run, within};

/// Leaves the console of the parent, which must not receive the keys that are pressed here.
fn with_a_console_of_its_own(test: &str, body: impl FnOnce()) {
    in_child(test, || {
        // SAFETY: a call without arguments, which fails where there is no console, as it may.
        unsafe { FreeConsole() };
        // SAFETY: a call without arguments.
        let made = unsafe { AllocConsole() };
        assert_ne!(made, 0, "{}", std::io::Error::last_os_error());
        body();
    });
}

fn press_ctrl_c() {
    // SAFETY: a call without pointers; it reaches this console's programs alone, which is this one.
    let sent = unsafe { GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0) };
    assert_ne!(sent, 0, "{}", std::io::Error::last_os_error());
}

#[test]
fn ctrl_c_is_received_by_every_listener_each_time() {
    with_a_console_of_its_own("ctrl_c_is_received_by_every_listener_each_time", || {
        run(async {
            for _ in 0..3 {
                let (mut first, mut second) = (Box::pin(ctrl_c()), Box::pin(ctrl_c()));
                assert!(futures::poll!(&mut first).is_pending());
                assert!(futures::poll!(&mut second).is_pending());
                press_ctrl_c();
                within(first).await.unwrap();
                within(second).await.unwrap();
            }
        });
    });
}

#[test]
fn ctrl_c_wakes_a_loop_that_sleeps_and_no_dropped_listener() {
    with_a_console_of_its_own("ctrl_c_wakes_a_loop_that_sleeps_and_no_dropped_listener", || {
        run(async {
            let mut gone = Box::pin(ctrl_c());
            assert!(futures::poll!(&mut gone).is_pending());
            drop(gone);
            let mut pressed = Box::pin(ctrl_c());
            assert!(futures::poll!(&mut pressed).is_pending());
            let pressing = std::thread::spawn(press_ctrl_c);
            within(pressed).await.unwrap();
            pressing.join().unwrap();
        });
    });
}

struct Bad;

impl Wake for Bad {
    fn wake(self: Arc<Self>) {
        panic!("a bad waker");
    }
}

#[test]
fn a_waker_that_panics_takes_no_other_listeners_wake() {
    with_a_console_of_its_own("a_waker_that_panics_takes_no_other_listeners_wake", || {
        run(async {
            let bad = Waker::from(Arc::new(Bad));
            let mut bads: Vec<_> = (0..10).map(|_| Box::pin(ctrl_c())).collect();
            for listener in &mut bads {
                assert!(listener.as_mut().poll(&mut Context::from_waker(&bad)).is_pending());
            }
            let good: Vec<_> = (0..10)
                .map(|_| {
                    oneloop::spawn(async {
                        within(ctrl_c()).await.unwrap();
                    })
                })
                .collect();
            oneloop::yield_now().await; // they listen
            press_ctrl_c();
            for listener in good {
                listener.await.unwrap();
            }
        });
    });
}

#[test]
fn ctrl_c_is_an_event_and_the_handler_decides() {
    with_a_console_of_its_own("ctrl_c_is_an_event_and_the_handler_decides", || {
        let mut events = events::new_loop();
        let ctrl_c = events.ctrl_c().unwrap();
        events.post(()).unwrap();
        let mut presses = 0;
        let handler = |events: &mut EventLoop<()>, event| {
            match event {
                Event::Message(()) => press_ctrl_c(),
                Event::Signal(id) if id == ctrl_c && presses == 2 => events.stop(),
                Event::Signal(id) if id == ctrl_c => {
                    presses += 1;
                    press_ctrl_c();
                }
                other => panic!("{other:?}"),
            }
            Ok::<_, ()>(())
        };
        assert_eq!(events.run(handler, events::no_failure).unwrap().handled, 4);
    });
}
