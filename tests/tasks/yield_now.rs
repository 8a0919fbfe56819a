//! `yield_now`: every other task that is ready has a turn first, and `event_interval` says how soon timers,
//! sockets and other threads have theirs.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use futures::future::join;
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::time::{Instant, sleep_until};
use oneloop::{Runtime, spawn, yield_now};

use common::executor::*;

type Log = Rc<RefCell<Vec<(char, u32)>>>;

async fn steps(name: char, count: u32, log: Log) {
    for step in 0..count {
        log.borrow_mut().push((name, step));
        yield_now().await;
    }
}

#[test]
fn ready_tasks_take_turns_in_the_order_in_which_they_became_ready() {
    finish(async {
        let log = Log::default();
        let tasks: Vec<_> = "abc".chars().map(|name| spawn(steps(name, 4, log.clone()))).collect();
        for task in tasks {
            task.await.unwrap();
        }
        let expected = (0..4).flat_map(|step| "abc".chars().map(move |name| (name, step)));
        assert!(log.borrow().iter().copied().eq(expected));
    });
}

#[test]
fn the_order_does_not_depend_on_the_event_interval() {
    for interval in [1, 2, 3, 1000] {
        let runtime = Runtime::builder().event_interval(interval).build().unwrap();
        let log = Log::default();
        finish_on(&runtime, async {
            for name in "abcde".chars() {
                drop(spawn(steps(name, 3, log.clone())));
            }
            settle().await;
        });
        let expected = (0..3).flat_map(|step| "abcde".chars().map(move |name| (name, step)));
        assert!(log.borrow().iter().copied().eq(expected), "{:?}", log.borrow());
    }
}

#[test]
fn one_yield_gives_a_thousand_others_a_turn_each() {
    finish(async {
        let turns = Rc::new(Cell::new(0));
        for _ in 0..1000 {
            let turns = turns.clone();
            drop(spawn(async move {
                loop {
                    turns.set(turns.get() + 1);
                    yield_now().await;
                }
            }));
        }
        for round in 1..=5 {
            yield_now().await;
            assert_eq!(turns.get(), round * 1000);
        }
    });
}

#[test]
fn a_task_woken_before_the_yield_runs_first_and_one_woken_after_it_runs_later() {
    finish(async {
        let log = Log::default();
        let (first, second) = (log.clone(), log.clone());
        drop(spawn(async move {
            first.borrow_mut().push(('a', 0));
            drop(spawn(async move { second.borrow_mut().push(('b', 0)) }));
        }));
        yield_now().await;
        assert_eq!(*log.borrow(), [('a', 0)], "the task that was spawned meanwhile comes after us");
        yield_now().await;
        assert_eq!(*log.borrow(), [('a', 0), ('b', 0)]);
    });
}

#[test]
fn alone_it_returns_at_once() {
    finish(async {
        for _ in 0..1000 {
            yield_now().await;
        }
    });
}

#[test]
fn it_is_pending_once_and_then_ready() {
    finish(async {
        let mut future = pin!(yield_now());
        let (wakes, waker) = Wakes::new();
        let mut cx = std::task::Context::from_waker(&waker);
        assert!(future.as_mut().poll(&mut cx).is_pending());
        assert_eq!(wakes.count(), 1);
        assert_eq!(future.as_mut().poll(&mut cx), Poll::Ready(()));
        assert_eq!(wakes.count(), 1);
    });
}

#[test]
fn two_in_one_task_cost_one_turn() {
    finish(async {
        let log = Log::default();
        let other = spawn(steps('x', 3, log.clone()));
        join(yield_now(), yield_now()).await;
        assert_eq!(log.borrow().len(), 1);
        other.await.unwrap();
    });
}

#[test]
fn it_needs_no_runtime_of_ours() {
    futures::executor::block_on(async {
        yield_now().await;
        yield_now().await;
    });
}

#[test]
fn a_yield_that_is_dropped_leaves_nothing_but_a_spurious_wake() {
    finish(async {
        for _ in 0..10 {
            assert!(futures::poll!(pin!(yield_now())).is_pending());
        }
        assert_eq!(spawn(async { 1 }).await.unwrap(), 1);
    });
}

/// Starts tasks that are always ready; they count their turns.
fn busy_tasks(tasks: usize) -> Rc<Cell<u32>> {
    let turns = Rc::new(Cell::new(0));
    for _ in 0..tasks {
        let turns = turns.clone();
        drop(spawn(async move {
            loop {
                turns.set(turns.get() + 1);
                yield_now().await;
            }
        }));
    }
    turns
}

#[test]
fn a_due_timer_waits_for_at_most_event_interval_turns_of_busy_tasks() {
    for (interval, tasks) in [(1, 1), (1, 10), (7, 10), (64, 3), (200, 500)] {
        let runtime = Runtime::builder().event_interval(interval).build().unwrap();
        finish_on(&runtime, async {
            let turns = busy_tasks(tasks);
            settle().await;
            for _ in 0..20 {
                let before = turns.get();
                sleep_until(Instant::now()).await;
                let waited = turns.get() - before;
                // Until the wheel is looked at, and then through the queue to its own turn.
                let most = interval + tasks as u32;
                assert!(waited <= most, "{waited} turns, with an interval of {interval} and {tasks} tasks");
            }
        });
    }
}

#[test]
fn a_socket_is_served_while_busy_tasks_fill_the_queue() {
    for interval in [1, 256] {
        let runtime = Runtime::builder().event_interval(interval).build().unwrap();
        let served = finish_on(&runtime, async {
            let (mut ours, mut theirs) = tcp_pair().await?;
            busy_tasks(3);
            drop(spawn(async move {
                let mut byte = [0];
                while theirs.read(&mut byte).await? > 0 {
                    theirs.write_all(&byte).await?;
                }
                io::Result::Ok(())
            }));
            for n in 0..20 {
                let mut byte = [0];
                ours.write_all(&[n]).await?;
                ours.read_exact(&mut byte).await?;
                assert_eq!(byte, [n]);
            }
            io::Result::Ok(())
        });
        served.unwrap();
    }
}

#[test]
fn messages_from_other_threads_are_read_while_busy_tasks_fill_the_queue() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    finish_on(&runtime, async {
        busy_tasks(3);
        let helper = std::thread::spawn(move || futures::executor::block_on(handle.spawn(async { 5 })));
        until(|| helper.is_finished()).await;
        assert_eq!(helper.join().unwrap().unwrap(), 5);
    });
}
