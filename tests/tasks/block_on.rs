//! `block_on`, of a runtime and the free function: what it runs, what comes out, and where it refuses.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::future::FutureExt;
use oneloop::{Runtime, spawn, yield_now};

use common::executor::*;

#[test]
fn it_returns_what_the_future_returns() {
    assert_eq!(oneloop::block_on(async { "value" }), "value");
    assert_eq!(oneloop::block_on(ready(7)), 7);
    assert_eq!(Runtime::new().unwrap().block_on(async { Box::new(1) }), Box::new(1));
}

#[test]
fn the_future_may_borrow_from_the_stack() {
    let mut words = vec![String::from("one")];
    let first = {
        let words = &mut words;
        finish(async move {
            yield_now().await;
            words.push("two".into());
            &words[0]
        })
    };
    assert_eq!(first, "one");
    assert_eq!(words, ["one", "two"]);
}

#[test]
fn the_future_need_not_be_send_and_may_return_what_is_not() {
    let shared = Rc::new(Cell::new(1));
    let returned = finish(async {
        let theirs = shared.clone();
        yield_now().await;
        theirs.set(2);
        theirs
    });
    assert!(Rc::ptr_eq(&shared, &returned));
    assert_eq!(shared.get(), 2);
}

#[test]
fn the_future_is_dropped_inside_the_runtime() {
    let runtime = Runtime::new().unwrap();
    let ran = Rc::new(Cell::new(false));
    let on_drop = OnDrop(|| {
        let ran = ran.clone();
        drop(spawn(async move { ran.set(true) }));
    });
    runtime.block_on(async move {
        let _kept = on_drop;
        yield_now().await;
    });
    finish_on(&runtime, until(|| ran.get()));
}

#[test]
fn a_future_that_wakes_itself_is_polled_again() {
    let mut polls = 0;
    oneloop::block_on(poll_fn(|cx| {
        polls += 1;
        cx.waker().wake_by_ref();
        if polls == 1000 { Poll::Ready(()) } else { Poll::Pending }
    }));
    assert_eq!(polls, 1000);
}

#[test]
fn a_future_woken_from_another_thread_ends_the_sleep() {
    let runtime = Runtime::new().unwrap();
    for round in 0..50 {
        let (sender, receiver) = mpsc::channel::<Waker>();
        let done = Arc::new(AtomicBool::new(false));
        let theirs = done.clone();
        let helper = std::thread::spawn(move || {
            let waker = receiver.recv().unwrap();
            if round % 10 == 0 {
                // Gives the loop the time to fall asleep; the test holds either way.
                std::thread::sleep(Duration::from_millis(2));
            }
            theirs.store(true, Ordering::Release);
            waker.wake();
        });
        let mut sender = Some(sender);
        let woken = poll_fn(|cx| {
            if done.load(Ordering::Acquire) {
                return Poll::Ready(());
            }
            if let Some(sender) = sender.take() {
                sender.send(cx.waker().clone()).unwrap();
            }
            Poll::Pending
        });
        finish_on(&runtime, woken);
        helper.join().unwrap();
    }
}

#[test]
fn tasks_left_over_go_on_in_the_next_call() {
    let runtime = Runtime::new().unwrap();
    let steps = Rc::new(Cell::new(0));
    let theirs = steps.clone();
    let mut task = None;
    runtime.block_on(async {
        task = Some(spawn(async move {
            loop {
                theirs.set(theirs.get() + 1);
                if theirs.get() == 5 {
                    break "done";
                }
                yield_now().await;
            }
        }));
        yield_now().await;
    });
    let after_first = steps.get();
    assert!((1..5).contains(&after_first), "{after_first} steps: it runs only while block_on does");
    std::thread::sleep(Duration::from_millis(1));
    assert_eq!(steps.get(), after_first, "nothing runs between the calls");
    assert_eq!(finish_on(&runtime, task.unwrap()).unwrap(), "done");
}

#[test]
fn a_waker_of_an_earlier_call_does_not_poll_the_next_future() {
    let runtime = Runtime::new().unwrap();
    let stale = runtime.block_on(own_waker());
    let polls = Rc::new(Cell::new(0));
    let seen = polls.clone();
    runtime.block_on(async {
        let waker = own_waker().await;
        assert!(!stale.will_wake(&waker));
        drop(spawn(async move {
            stale.wake_by_ref();
            settle().await;
            stale.wake();
            settle().await;
            assert_eq!(seen.replace(10), 1);
            waker.wake();
        }));
        poll_fn(|_| {
            polls.set(polls.get() + 1);
            if polls.get() > 10 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    });
    assert_eq!(polls.get(), 11);
}

#[test]
fn a_future_that_is_ready_while_its_waker_is_queued_leaves_nothing_behind() {
    let runtime = Runtime::new().unwrap();
    for round in 0..10 {
        let value = runtime.block_on(poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::Ready(round)
        }));
        assert_eq!(value, round);
    }
    assert_eq!(finish_on(&runtime, spawn_inside()), 3);
}

async fn spawn_inside() -> i32 {
    spawn(async { 3 }).await.unwrap()
}

#[test]
fn a_panic_comes_out_and_the_runtime_can_be_used_again() {
    let runtime = Runtime::new().unwrap();
    let task = Rc::new(RefCell::new(None));
    let text = panic_of(|| {
        runtime.block_on(async {
            *task.borrow_mut() = Some(spawn(async {
                yield_now().await;
                "survived"
            }));
            yield_now().await;
            panic!("out of cheese")
        })
    });
    assert_eq!(text, "out of cheese");
    let text = panic_of(|| spawn(async {}));
    assert!(text.contains("outside"), "the thread is not inside the runtime any more: {text}");
    let task = task.take().unwrap();
    assert_eq!(finish_on(&runtime, task).unwrap(), "survived");
}

#[test]
fn a_panic_in_the_drop_of_a_finished_future_comes_out() {
    let runtime = Runtime::new().unwrap();
    let text = panic_of(|| {
        let mut bomb = Some(Bomb("in the drop"));
        runtime.block_on(poll_fn(move |_| {
            assert!(bomb.is_some());
            let _ = &mut bomb;
            Poll::Ready(())
        }))
    });
    assert_eq!(text, "in the drop");
    assert_eq!(runtime.block_on(async { 1 }), 1);
}

#[test]
fn a_panic_out_of_the_free_function_drops_its_tasks_even_if_they_panic_in_turn() {
    let drops = Drops::new();
    let text = panic_of(|| {
        oneloop::block_on(async {
            for text in ["first", "second"] {
                let token = drops.token();
                drop(spawn(async move {
                    let _kept = (Bomb(text), token);
                    pending::<()>().await;
                }));
            }
            yield_now().await;
            panic!("the panic that counts")
        })
    });
    assert_eq!(text, "the panic that counts");
    assert_eq!(drops.count(), 2);
}

#[track_caller]
fn assert_names_the_fix(text: &str) {
    assert!(text.contains("block_on was called inside a oneloop runtime"), "{text}");
    assert!(text.contains("`.await`") && text.contains("spawn"), "{text}");
}

#[test]
fn inside_the_same_runtime_it_panics_and_names_the_fix() {
    let runtime = Runtime::new().unwrap();
    let text = runtime.block_on(async { panic_of(|| runtime.block_on(async {})) });
    assert_names_the_fix(&text);
}

#[test]
fn inside_another_runtime_it_panics_and_names_the_fix() {
    let (outer, inner) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let text = outer.block_on(async { panic_of(|| inner.block_on(async {})) });
    assert_names_the_fix(&text);
    assert_eq!(inner.block_on(async { 1 }), 1, "it took no harm");
}

#[test]
fn the_free_function_inside_a_runtime_panics_and_names_the_fix_and_the_loop_goes_on() {
    let sum = finish(async {
        assert_names_the_fix(&panic_of(|| oneloop::block_on(async {})));
        spawn(async { 1 }).await.unwrap() + spawn(spawn_inside()).await.unwrap()
    });
    assert_eq!(sum, 4);
}

#[test]
fn inside_a_task_it_panics_as_the_task_does() {
    let error = finish(async { spawn(async { oneloop::block_on(async {}) }).await }).unwrap_err();
    assert_names_the_fix(&text_of(&*error.into_panic()));
}

#[test]
fn run_inside_a_runtime_panics_and_names_the_fix() {
    let inner = Runtime::new().unwrap();
    let text = oneloop::block_on(async { panic_of(|| inner.run()) });
    assert_names_the_fix(&text);
}

#[test]
fn a_foreign_executor_does_not_hide_that_it_is_nested() {
    let text =
        finish(async { panic_of(|| futures::executor::block_on(async { oneloop::block_on(async {}) })) });
    assert_names_the_fix(&text);
}

#[track_caller]
fn assert_names_the_way_in(text: &str, what: &str) {
    assert!(text.contains("outside a oneloop runtime"), "{text}");
    assert!(text.contains("oneloop::block_on"), "it names the fix: {text}");
    assert!(text.contains(what), "it names what was called: {text}");
}

#[test]
fn functions_outside_a_runtime_panic_and_name_the_fix() {
    assert_names_the_way_in(&panic_of(|| spawn(async {})), "oneloop::spawn");
    assert_names_the_way_in(&panic_of(oneloop::Handle::current), "oneloop::Handle::current");

    let sleep = pin!(oneloop::time::sleep(Duration::ZERO));
    let mut cx = Context::from_waker(Waker::noop());
    assert_names_the_way_in(&panic_of(|| sleep.poll(&mut cx)), "Sleep");
    let mut interval = oneloop::time::interval(Duration::from_millis(1));
    assert_names_the_way_in(&panic_of(|| interval.tick().now_or_never()), "Sleep");
}

#[test]
fn sockets_outside_a_runtime_panic_and_name_the_fix() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    assert_names_the_way_in(&panic_of(|| oneloop::net::TcpListener::try_from(listener)), "socket");
    assert_names_the_way_in(&panic_of(|| oneloop::net::TcpStream::try_from(stream)), "socket");
    assert_names_the_way_in(&panic_of(|| oneloop::net::UdpSocket::try_from(udp)), "socket");
    let connecting = panic_of(|| oneloop::net::TcpStream::connect("127.0.0.1:9").now_or_never());
    assert_names_the_way_in(&connecting, "socket");
    #[cfg(unix)]
    {
        let (one, other) = std::os::unix::net::UnixStream::pair().unwrap();
        assert_names_the_way_in(&panic_of(|| oneloop::net::UnixStream::try_from(one)), "socket");
        assert_names_the_way_in(&panic_of(|| oneloop::Source::new(other)), "Source");
    }
}

#[test]
fn a_task_refused_outside_a_runtime_is_dropped() {
    let drops = Drops::new();
    let token = drops.token();
    panic_of(|| spawn(async move { drop(token) }));
    assert_eq!(drops.count(), 1);
}

#[test]
fn each_thread_has_its_own_loop() {
    let threads: Vec<_> = (0..4)
        .map(|n| {
            std::thread::spawn(move || {
                finish(async move {
                    let tasks: Vec<_> = (0..100).map(|m| spawn(async move { n * m })).collect();
                    let mut sum = 0;
                    for task in tasks {
                        sum += task.await.unwrap();
                    }
                    sum
                })
            })
        })
        .collect();
    let sums: Vec<i32> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(sums, [0, 4950, 9900, 14850]);
}
