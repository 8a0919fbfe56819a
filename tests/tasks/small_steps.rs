//! A program that enters the loop again and again, each time for a poll or two: its timers and
//! sockets are seen all the same. And `Runtime::turn`, which is made for that.

#[cfg(feature = "event-loop")]
use std::cell::Cell;
use std::io::Write;
use std::rc::Rc;
use std::time::{Duration, Instant};

use oneloop::io::AsyncReadExt;
use oneloop::net::TcpStream;
use oneloop::time::sleep;
use oneloop::{JoinHandle, Runtime, yield_now};

use common::drivers::DRIVERS;
use common::executor::*;

/// Calls `step` until the task is finished.
fn until_finished<T>(what: &str, task: &JoinHandle<T>, mut step: impl FnMut()) {
    let begin = Instant::now();
    while !task.is_finished() {
        assert!(begin.elapsed() < LIMIT, "{what}: the task waits for ever");
        step();
    }
}

/// Tasks that wait for a timer, for a socket, and for another thread.
fn tasks(runtime: &Runtime) -> Vec<JoinHandle<()>> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let reading = runtime.spawn(async move {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.read_exact(&mut [0; 5]).await.unwrap();
    });
    let (sender, receiver) = async_channel::bounded::<()>(1);
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"hello").unwrap();
        sender.send_blocking(()).unwrap();
    });
    let receiving = runtime.spawn(async move { receiver.recv().await.unwrap() });
    vec![runtime.spawn(sleep(Duration::from_millis(5))), reading, receiving]
}

/// On each driver, with each way to enter the loop.
fn each_step_sees_what_happens(what: &str, step: fn(&Runtime)) {
    for &driver in DRIVERS {
        let runtime = Runtime::builder().driver(driver).build().unwrap();
        for task in tasks(&runtime) {
            until_finished(what, &task, || step(&runtime));
        }
    }
}

#[test]
fn a_block_on_that_is_ready_at_once_sees_timers_sockets_and_threads() {
    each_step_sees_what_happens("block_on(ready)", |runtime| runtime.block_on(async {}));
}

#[test]
fn a_block_on_that_polls_once_or_twice_sees_timers_sockets_and_threads() {
    each_step_sees_what_happens("block_on(yield_now)", |runtime| runtime.block_on(yield_now()));
    each_step_sees_what_happens("block_on(poll_once)", |runtime| {
        runtime.block_on(oneloop::future::poll_once(std::future::pending::<()>()));
    });
}

#[test]
fn a_run_that_was_stopped_before_sees_timers_sockets_and_threads() {
    each_step_sees_what_happens("stop, run", |runtime| {
        runtime.handle().stop();
        runtime.run();
    });
}

#[test]
fn a_turn_sees_timers_sockets_and_threads() {
    each_step_sees_what_happens("turn", |runtime| _ = runtime.turn());
}

#[test]
fn a_frame_of_a_game_sees_a_timer_in_the_frame_after_it_is_due() {
    let runtime = Runtime::new().unwrap();
    let task = runtime.spawn(sleep(Duration::from_millis(10)));
    let begin = Instant::now();
    let mut frames_after = 0;
    while !task.is_finished() {
        frames_after += u32::from(begin.elapsed() >= Duration::from_millis(10));
        runtime.block_on(yield_now());
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(frames_after <= 3, "{frames_after} frames");
}

#[cfg(feature = "event-loop")]
#[test]
fn an_event_loop_that_is_stopped_before_each_run_sees_timers_and_sockets() {
    use oneloop::event_loop::{EventLoop, Policy};
    for &driver in DRIVERS {
        let runtime = Runtime::builder().driver(driver).build().unwrap();
        let tasks = tasks(&runtime);
        let mut events = EventLoop::<()>::on(runtime, None).unwrap();
        for task in tasks {
            until_finished("stop, EventLoop::run", &task, || {
                events.stop();
                let ended = events.run(|_, event| Err(event), |_| Policy::Stop).unwrap();
                assert_eq!(ended.handled, 0, "it was stopped before the first event");
            });
        }
    }
}

#[cfg(feature = "event-loop")]
#[test]
fn callbacks_that_stop_their_loop_at_once_see_their_timer() {
    use oneloop::event_loop::{Callbacks, Policy};
    let mut calls = Callbacks::new().unwrap();
    let fired = Rc::new(Cell::new(false));
    let fires = fired.clone();
    calls.call_later(Duration::from_millis(5), move |_| fires.set(true)).unwrap();
    let begin = Instant::now();
    while !fired.get() {
        assert!(begin.elapsed() < LIMIT);
        calls.call_soon(|calls| calls.stop());
        calls.run(|_| Policy::Stop).unwrap();
    }
}

#[test]
fn a_turn_says_how_long_the_program_may_wait() {
    let runtime = Runtime::new().unwrap();
    assert_eq!(runtime.turn(), None, "there is nothing");
    let minute = Duration::from_secs(60);
    let waiting = runtime.spawn(sleep(minute));
    let wait = runtime.turn().expect("there is a timer");
    assert!(wait <= minute && wait > minute / 2, "{wait:?}");
    let busy = runtime.spawn(async {
        loop {
            yield_now().await;
        }
    });
    assert_eq!(runtime.turn(), Some(Duration::ZERO), "a task is ready");
    busy.abort();
    waiting.abort();
    assert_eq!(runtime.turn(), None);
    // And the loop can be entered in the other ways again.
    runtime.block_on(sleep(Duration::from_millis(1)));
}

#[test]
fn a_turn_inside_a_runtime_is_refused() {
    let runtime = Rc::new(Runtime::new().unwrap());
    let inside = runtime.clone();
    let message = panic_message(move || runtime.block_on(async { _ = inside.turn() }));
    assert!(message.contains("Runtime::turn was called inside"), "{message}");
}

#[cfg(unix)]
#[test]
fn the_descriptor_is_readable_when_another_thread_or_a_socket_wakes_a_task() {
    use std::os::fd::AsRawFd;
    for &driver in DRIVERS {
        let runtime = Runtime::builder().driver(driver).build().unwrap();
        let descriptor = match runtime.descriptor() {
            Ok(descriptor) => descriptor,
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::Unsupported);
                continue;
            }
        };
        let mut program = mio::Poll::new().unwrap();
        let raw = descriptor.as_raw_fd();
        let mut source = mio::unix::SourceFd(&raw);
        program.registry().register(&mut source, mio::Token(0), mio::Interest::READABLE).unwrap();
        let mut events = mio::Events::with_capacity(4);
        for task in tasks(&runtime) {
            until_finished("turn and descriptor", &task, || {
                let wait = runtime.turn();
                if !task.is_finished() {
                    let wait = wait.unwrap_or(LIMIT);
                    let begin = Instant::now();
                    match program.poll(&mut events, Some(wait)) {
                        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                        polled => polled.unwrap(),
                    }
                    assert!(begin.elapsed() < LIMIT, "nothing made the descriptor readable");
                }
            });
        }
    }
}

/// What a closure panics with.
fn panic_message(call: impl FnOnce()) -> String {
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).unwrap_err();
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast_ref::<&str>().unwrap().to_string(),
    }
}
