//! `Runtime` and `Builder`: options, `run` and `stop`, many runtimes in one process, and where one may be
//! dropped. (What dropping does to its tasks is in `shutdown.rs`.)

use std::cell::{Cell, OnceCell, RefCell};
use std::future::pending;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::time::sleep;
use oneloop::{Driver, JoinHandle, Runtime, spawn, yield_now};

use common::drivers::DRIVERS;
use common::executor::*;

#[test]
fn an_event_interval_of_zero_is_refused() {
    let error = Runtime::builder().event_interval(0).build().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("event_interval"), "{error}");
}

#[test]
fn any_other_event_interval_works() {
    for interval in [1, 2, 1000, u32::MAX] {
        let runtime = Runtime::builder().event_interval(interval).build().unwrap();
        let sum = finish_on(&runtime, async {
            let tasks: Vec<_> = (0..10).map(|n| spawn(async move { n })).collect();
            sleep(Duration::from_millis(1)).await;
            let mut sum = 0;
            for task in tasks {
                sum += task.await.unwrap();
            }
            sum
        });
        assert_eq!(sum, 45);
    }
}

#[test]
fn each_driver_can_be_chosen() {
    for &driver in DRIVERS {
        let runtime = Runtime::builder().driver(driver).build().unwrap();
        let text = finish_on(&runtime, async {
            let (mut ours, mut theirs) = tcp_pair().await?;
            ours.write_all(b"hello").await?;
            ours.close().await?;
            let mut text = String::new();
            theirs.read_to_string(&mut text).await?;
            io::Result::Ok(text)
        });
        assert_eq!(text.unwrap(), "hello", "{driver:?}");
    }
}

#[test]
fn a_driver_of_the_environment_that_is_not_there_is_an_error_that_names_those_that_are() {
    let name = "a_driver_of_the_environment_that_is_not_there_is_an_error_that_names_those_that_are";
    in_child_with(name, &[("ONELOOP_DRIVER", "steam")], || {
        let error = Runtime::new().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        let text = error.to_string();
        for part in ["ONELOOP_DRIVER", "steam", "mio", "polling"] {
            assert!(text.contains(part), "{text}");
        }
        let text = panic_of(|| oneloop::block_on(async {}));
        assert!(text.contains("ONELOOP_DRIVER"), "{text}");
        // What is chosen by hand does not ask the environment.
        let runtime = Runtime::builder().driver(Driver::Mio).build().unwrap();
        assert_eq!(runtime.block_on(async { 1 }), 1);
    });
}

#[test]
fn an_empty_driver_in_the_environment_means_the_default() {
    in_child_with("an_empty_driver_in_the_environment_means_the_default", &[("ONELOOP_DRIVER", "")], || {
        assert_eq!(oneloop::block_on(async { 1 }), 1)
    });
}

#[test]
fn run_runs_tasks_until_one_of_them_stops_it() {
    let runtime = Runtime::new().unwrap();
    let task = runtime.spawn(async {
        yield_now().await;
        oneloop::Handle::current().stop();
        "stopped"
    });
    runtime.run();
    assert!(task.is_finished());
    assert_eq!(runtime.block_on(task).unwrap(), "stopped");
}

#[test]
fn run_is_stopped_by_another_thread_while_the_loop_sleeps() {
    let runtime = Runtime::new().unwrap();
    for _ in 0..20 {
        let handle = runtime.handle();
        let helper = std::thread::spawn(move || handle.stop());
        runtime.run();
        helper.join().unwrap();
    }
}

#[test]
fn a_stop_that_was_asked_for_before_ends_the_next_run() {
    let runtime = Runtime::new().unwrap();
    let polled = Polled::default();
    drop(runtime.spawn(polled.clone()));
    runtime.handle().stop();
    runtime.run();
    assert_eq!(polled.count(), 1, "it ran one turn");
}

#[test]
fn a_stop_leaves_block_on_alone_and_ends_the_run_after_it() {
    let runtime = Runtime::new().unwrap();
    let value = finish_on(&runtime, async {
        oneloop::Handle::current().stop();
        settle().await;
        sleep(Duration::from_millis(1)).await;
        8
    });
    assert_eq!(value, 8);
    runtime.run();
}

#[test]
fn a_stop_of_a_dropped_runtime_does_nothing() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    drop(runtime);
    handle.stop();
}

#[test]
fn a_task_may_be_spawned_before_the_loop_runs_and_from_inside_another_runtime() {
    let (outer, inner) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let early = inner.spawn(async { 1 });
    let mut late = None;
    outer.block_on(async { late = Some(inner.spawn(async { early.await.unwrap() + 1 })) });
    assert_eq!(finish_on(&inner, late.unwrap()).unwrap(), 2);
}

#[test]
fn a_runtime_may_be_dropped_inside_another() {
    let order = Rc::new(RefCell::new(Vec::new()));
    finish(async {
        let inner = Runtime::new().unwrap();
        let log = order.clone();
        let in_its_context = OnDrop(move || {
            log.borrow_mut().push("dropped");
            let log = log.clone();
            // Goes to the runtime that is being dropped, not to the one around it.
            let late = spawn(async move { log.borrow_mut().push("never") });
            drop(late);
        });
        let task = inner.spawn(async move {
            let _kept = in_its_context;
            pending::<()>().await;
        });
        drop(inner);
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(spawn(async { 1 }).await.unwrap(), 1, "the outer one is this thread's again");
        settle().await;
    });
    assert_eq!(*order.borrow(), ["dropped"]);
}

#[test]
fn a_runtime_may_be_made_and_dropped_by_a_tasks_destructor() {
    let made = Rc::new(Cell::new(0));
    let theirs = made.clone();
    finish(async move {
        let task = spawn(async move {
            let _on_drop = OnDrop(move || {
                let inner = Runtime::new().unwrap();
                drop(inner.spawn(pending::<()>()));
                theirs.set(theirs.get() + 1);
            });
            pending::<()>().await;
        });
        yield_now().await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    });
    assert_eq!(made.get(), 1);
}

#[test]
fn a_runtime_in_a_thread_local_is_dropped_with_its_thread() {
    thread_local! {
        static RUNTIME: Runtime = Runtime::new().unwrap();
    }
    let drops = Drops::new();
    let token = drops.token();
    let thread = std::thread::spawn(move || {
        RUNTIME.with(|runtime| {
            drop(runtime.spawn(async move {
                let late = Drops::new();
                let _kept = (token, OnDrop(|| drop(spawn(async {}))), late.token());
                pending::<()>().await;
            }));
            let value = runtime.block_on(async {
                yield_now().await;
                4
            });
            assert_eq!(value, 4);
        });
    });
    thread.join().unwrap();
    assert_eq!(drops.count(), 1);
}

#[test]
fn destructors_at_thread_exit_find_no_runtime_and_get_the_ordinary_message() {
    struct AtExit(Arc<Mutex<Vec<String>>>);
    impl Drop for AtExit {
        fn drop(&mut self) {
            let mut texts = self.0.lock().unwrap();
            texts.push(panic_of(|| spawn(async {})));
            texts.push(panic_of(oneloop::Handle::current));
            // A new one can still be made, even here.
            texts.push(oneloop::block_on(async { spawn(async { "fine" }).await.unwrap() }).into());
        }
    }
    thread_local! {
        static BEFORE: OnceCell<AtExit> = const { OnceCell::new() };
        static RUNTIME: Runtime = Runtime::new().unwrap();
        static AFTER: OnceCell<AtExit> = const { OnceCell::new() };
    }
    let texts = Arc::new(Mutex::new(Vec::new()));
    let theirs = texts.clone();
    let thread = std::thread::spawn(move || {
        BEFORE.with(|cell| drop(cell.set(AtExit(theirs.clone()))));
        RUNTIME.with(|runtime| runtime.block_on(yield_now()));
        AFTER.with(|cell| drop(cell.set(AtExit(theirs))));
    });
    thread.join().unwrap();
    let texts = texts.lock().unwrap();
    assert_eq!(texts.len(), 6);
    for three in texts.chunks(3) {
        assert!(three[0].contains("outside a oneloop runtime"), "{}", three[0]);
        assert!(three[1].contains("outside a oneloop runtime"), "{}", three[1]);
        assert_eq!(three[2], "fine");
    }
}

#[test]
fn objects_in_a_thread_local_may_outlive_their_runtime() {
    struct Kept {
        task: Option<JoinHandle<Token>>,
        abort: oneloop::AbortHandle,
        waker: std::task::Waker,
        handle: oneloop::Handle,
    }
    impl Drop for Kept {
        fn drop(&mut self) {
            self.waker.wake_by_ref();
            self.abort.abort();
            self.handle.stop();
            drop(self.task.take());
        }
    }
    thread_local! {
        // Dropped at thread exit, long after the drop of the runtime.
        static KEPT: OnceCell<Kept> = const { OnceCell::new() };
    }
    let drops = Drops::new();
    let token = drops.token();
    let thread = std::thread::spawn(move || {
        oneloop::block_on(async move {
            let task = spawn(async move { token });
            let (abort, waker, handle) = (task.abort_handle(), own_waker().await, oneloop::Handle::current());
            settle().await;
            let kept = Kept { task: Some(task), abort, waker, handle };
            KEPT.with(|cell| assert!(cell.set(kept).is_ok()));
        });
    });
    thread.join().unwrap();
    assert_eq!(drops.count(), 1);
}

#[test]
fn two_hundred_runtimes_may_be_alive_at_once() {
    need_descriptors(2_048);
    let runtimes: Vec<_> = (0..200).map(|_| Runtime::new().unwrap()).collect();
    // Each task is woken by the next one's, through 200 loops on one thread.
    let mut wakers = Vec::new();
    let mut tasks = Vec::new();
    for runtime in &runtimes {
        let (waker, task) = runtime.block_on(async {
            let (sender, receiver) = futures::channel::oneshot::channel::<usize>();
            let task = spawn(async move { receiver.await.unwrap() });
            yield_now().await;
            (sender, task)
        });
        wakers.push(waker);
        tasks.push(task);
    }
    for (n, sender) in wakers.into_iter().enumerate() {
        let next = &runtimes[(n + 1) % runtimes.len()];
        next.block_on(async move { sender.send(n).unwrap() });
    }
    for (n, (runtime, task)) in runtimes.iter().zip(tasks).enumerate() {
        assert_eq!(finish_on(runtime, task).unwrap(), n);
    }
}

/// The lowest number that is free now, which a leak drives up.
#[cfg(unix)]
fn lowest_descriptor() -> i32 {
    use std::os::fd::AsRawFd;
    std::net::UdpSocket::bind("127.0.0.1:0").unwrap().as_raw_fd()
}

#[cfg(unix)]
#[test]
fn ten_thousand_runtimes_one_after_the_other_leak_no_descriptors() {
    for n in 0..10_000 {
        let runtime = Runtime::new().unwrap();
        if n % 100 == 0 {
            let task = runtime.spawn(async move { n });
            assert_eq!(runtime.block_on(task).unwrap(), n);
        }
    }
    let lowest = lowest_descriptor();
    assert!(lowest < 5_000, "descriptor {lowest}: the runtimes left theirs open");
}

#[cfg(unix)]
#[test]
fn tasks_that_hold_each_others_handles_do_not_keep_the_runtimes_descriptors() {
    for _ in 0..3_000 {
        let runtime = Runtime::new().unwrap();
        let other = Rc::new(RefCell::new(None::<JoinHandle<()>>));
        let theirs = other.clone();
        let one = runtime.spawn(async move {
            let _kept = theirs;
            pending::<()>().await;
        });
        *other.borrow_mut() = Some(runtime.spawn(async move { drop(one.await) }));
        runtime.block_on(yield_now());
    }
    let lowest = lowest_descriptor();
    assert!(lowest < 3_000, "descriptor {lowest}: the runtimes left theirs open");
}

#[test]
fn debug_output_can_be_made_anywhere() {
    let runtime = Rc::new(Runtime::new().unwrap());
    let theirs = runtime.clone();
    let text = runtime.block_on(async move { spawn(async move { format!("{theirs:?}") }).await.unwrap() });
    assert!(text.starts_with("Runtime"), "{text}");
    assert!(format!("{:?}", runtime.handle()).starts_with("Handle"));
    assert!(format!("{:?}", Runtime::builder()).starts_with("Builder"));
}
