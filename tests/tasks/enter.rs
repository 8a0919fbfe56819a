//! `Runtime::enter`, `Handle::block_on` and `Handle::try_current`; and what may be caught in a panic.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::mpsc;

use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{TcpListener, TcpStream};
use oneloop::time::{Duration, sleep};
use oneloop::{Handle, Runtime, spawn, yield_now};

use common::executor::*;

fn number(handle: &Handle) -> String {
    format!("{handle:?}")
}

fn current() -> String {
    number(&Handle::current())
}

#[test]
fn under_a_guard_things_are_made_outside_of_block_on() {
    let runtime = Runtime::new().unwrap();
    let (task, listener, pause) = {
        let _guard = runtime.enter();
        assert_eq!(current(), number(&runtime.handle()));
        let listener = TcpListener::try_from(std::net::TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
        (spawn(async { 42 }), listener, sleep(Duration::from_millis(1)))
    };
    assert!(Handle::try_current().is_err());
    finish_on(&runtime, async {
        assert_eq!(task.await.unwrap(), 42);
        pause.await;
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        client.write_all(b"x").await.unwrap();
        server.read_exact(&mut [0]).await.unwrap();
    });
}

#[test]
fn guards_nest_and_are_dropped_in_any_order() {
    let runtimes: Vec<Runtime> = (0..4).map(|_| Runtime::new().unwrap()).collect();
    let names: Vec<String> = runtimes.iter().map(|runtime| number(&runtime.handle())).collect();
    // Each order in which four guards can be dropped.
    for order in 0..24 {
        let mut guards: Vec<_> = runtimes.iter().map(|runtime| Some(runtime.enter())).collect();
        let (mut left, mut code) = ((0..4).collect::<Vec<usize>>(), order);
        while !left.is_empty() {
            assert_eq!(current(), names[*left.last().unwrap()]);
            let dropped = left.remove(code % left.len());
            code /= left.len() + 1;
            guards[dropped] = None;
        }
        assert!(Handle::try_current().is_err());
    }
}

#[test]
fn block_on_works_under_a_guard_of_any_runtime_and_counts_inside() {
    let (one, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let _guard = one.enter();
    finish_on(&one, async { assert_eq!(current(), number(&one.handle())) });
    let inner = other.block_on(async {
        assert_eq!(current(), number(&other.handle()));
        let inner = one.enter();
        assert_eq!(current(), number(&one.handle()));
        inner
    });
    // Dropped after the loop that it was made in.
    assert_eq!(current(), number(&one.handle()));
    drop(inner);
    assert_eq!(current(), number(&one.handle()));
    assert_eq!(oneloop::block_on(async { spawn(async { 1 }).await.unwrap() }), 1);
}

#[test]
fn a_guard_that_is_dropped_inside_a_loop_leaves_the_loop_entered() {
    let (one, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let guard = one.enter();
    finish_on(&other, async move {
        drop(guard);
        assert_eq!(current(), number(&Handle::current()));
        assert_eq!(spawn(async { 3 }).await.unwrap(), 3);
    });
    assert!(Handle::try_current().is_err());
}

#[test]
fn a_guard_that_is_forgotten_only_leaks() {
    let (sender, receiver) = mpsc::channel();
    // A thread that stays: what was leaked is still reached from its list, so that a leak detector counts none.
    std::thread::spawn(move || {
        let runtime = Box::new(Runtime::new().unwrap());
        let name = number(&runtime.handle());
        std::mem::forget(runtime.enter());
        let moved = *runtime;
        assert_eq!(current(), name);
        drop(moved);
        let _other_memory: Vec<_> = (0..1000).map(|_| Box::new([0x41u8; 8])).collect();
        assert_eq!(current(), name, "what it entered is there still, without a loop");
        // Others are not disturbed, also one that gets its number.
        for _ in 0..3 {
            assert_eq!(
                oneloop::block_on(async { spawn(async { yield_now().await }).await.map(|()| 1) }).unwrap(),
                1
            );
        }
        sender.send(()).unwrap();
        loop {
            std::thread::park();
        }
    });
    receiver.recv().expect("the thread panicked");
}

#[test]
fn tasks_of_other_threads_run_on_their_runtime_also_under_a_guard_of_another() {
    let (runtime, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let handle = runtime.handle();
    finish_on(&runtime, async {
        let _guard = other.enter();
        let id = handle.spawn(async { oneloop::task::id() }).await.unwrap();
        assert_eq!(id.to_string().split('.').next(), number(&handle).split(&[' ', '}']).nth(3));
    });
}

#[test]
fn a_sleep_that_is_dropped_under_a_guard_of_another_runtime_is_cancelled() {
    let (runtime, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    runtime.block_on(async {
        let mut pause = sleep(Duration::from_secs(60));
        assert!(futures::poll!(&mut pause).is_pending());
        let _guard = other.enter();
        drop(pause);
    });
    assert_eq!(runtime.turn(), None);
}

/// A program with a loop of its own keeps a guard, and a callback of it wakes a task.
#[cfg(all(unix, not(mio_unsupported_force_poll_poll)))]
#[test]
fn a_wake_under_a_guard_makes_the_descriptor_readable() {
    use std::os::fd::AsRawFd;
    let runtime = Runtime::new().unwrap();
    let (sender, receiver) = async_channel::bounded(1);
    let task = runtime.spawn(async move { receiver.recv().await.unwrap() });
    let descriptor = runtime.descriptor().unwrap();
    let _guard = runtime.enter();
    while runtime.turn().is_some() {}
    sender.try_send(5).unwrap();
    let mut poll = libc::pollfd { fd: descriptor.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let ready = loop {
        // SAFETY: one `pollfd`, which lives as long as the call.
        match unsafe { libc::poll(&raw mut poll, 1, 10_000) } {
            -1 => assert_eq!(std::io::Error::last_os_error().kind(), std::io::ErrorKind::Interrupted),
            ready => break ready,
        }
    };
    assert_eq!(ready, 1, "the program would sleep for ever");
    while !task.is_finished() {
        runtime.turn();
    }
}

#[test]
fn block_on_inside_block_on_panics_also_under_a_guard() {
    let (one, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    one.block_on(async {
        let _guard = other.enter();
        assert!(
            panic_of(|| other.block_on(async {})).starts_with("block_on was called inside a oneloop runtime")
        );
    });
}

#[test]
fn handle_block_on_returns_what_the_task_gives_on_another_thread() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let thread = std::thread::spawn(move || {
        let (sender, receiver) = mpsc::channel();
        let loops = handle
            .block_on(async move {
                sleep(Duration::from_millis(5)).await;
                sender.send(std::thread::current().id()).unwrap();
                7
            })
            .unwrap();
        assert_ne!(receiver.recv().unwrap(), std::thread::current().id());
        let error = handle.block_on(async { panic!("in the task") }).unwrap_err();
        assert_eq!(text_of(&*error.into_panic()), "in the task");
        handle.stop();
        (loops, handle)
    });
    let _watchdog = Watchdog::start();
    runtime.run();
    let (value, handle) = thread.join().unwrap();
    assert_eq!(value, 7);
    drop(runtime);
    std::thread::spawn(move || assert!(handle.block_on(async {}).unwrap_err().is_cancelled()))
        .join()
        .unwrap();
}

#[test]
fn handle_block_on_is_cancelled_with_its_runtime_and_waits_for_one_that_begins_later() {
    let runtime = Runtime::new().unwrap();
    let (handle, stopping) = (runtime.handle(), runtime.handle());
    let waits = std::thread::spawn(move || handle.block_on(std::future::pending::<()>()));
    let early = std::thread::spawn(move || {
        let value = stopping.block_on(async { 5 }); // perhaps before anything drives it
        stopping.stop();
        value
    });
    let _watchdog = Watchdog::start();
    std::thread::sleep(Duration::from_millis(10));
    runtime.run();
    assert_eq!(early.join().unwrap().unwrap(), 5);
    drop(runtime);
    assert!(waits.join().unwrap().unwrap_err().is_cancelled());
}

#[test]
fn handle_block_on_panics_where_it_would_wait_for_itself_or_stop_a_loop() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let own = "Handle::block_on was called on the thread of its oneloop runtime";
    assert!(panic_of(|| handle.block_on(async {}).unwrap()).starts_with(own));
    runtime.block_on(async { assert!(panic_of(|| handle.block_on(async {}).unwrap()).starts_with(own)) });
    std::thread::spawn(move || {
        finish(async {
            let text = panic_of(|| handle.block_on(async {}).unwrap());
            assert!(text.starts_with("Handle::block_on was called inside a oneloop runtime"), "{text}");
        });
    })
    .join()
    .unwrap();
}

#[test]
fn objects_that_outlive_a_panic_are_unwind_safe() {
    fn is_unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}
    is_unwind_safe::<Runtime>();
    is_unwind_safe::<Handle>();
    is_unwind_safe::<oneloop::JoinHandle<u8>>();
    is_unwind_safe::<oneloop::AbortHandle>();
    is_unwind_safe::<oneloop::JoinError>();
    is_unwind_safe::<TcpListener>();
    is_unwind_safe::<TcpStream>();
    is_unwind_safe::<oneloop::net::UdpSocket>();
    is_unwind_safe::<oneloop::time::Sleep>();
    is_unwind_safe::<oneloop::time::Interval>();
}
