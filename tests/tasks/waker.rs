//! Wakers: early, late, twice, from other threads, and after the drop of everything.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Poll, Waker};
use std::time::Duration;

use oneloop::{JoinHandle, Runtime, spawn, yield_now};

use common::executor::*;

/// A task that never ends, with its waker and a count of its polls.
async fn idle_task() -> (Waker, Polled, JoinHandle<()>) {
    let place = Rc::new(RefCell::new(None));
    let polled = Polled::default();
    let (theirs, mut counting) = (place.clone(), polled.clone());
    let task = spawn(poll_fn(move |cx| {
        *theirs.borrow_mut() = Some(cx.waker().clone());
        std::pin::Pin::new(&mut counting).poll(cx)
    }));
    settle().await;
    let waker = place.take().unwrap();
    assert_eq!(polled.count(), 1);
    (waker, polled, task)
}

fn wake_by_value(waker: Waker) {
    waker.wake();
}

#[test]
fn wakers_can_be_compared() {
    finish(async {
        let own = own_waker().await;
        assert!(own.will_wake(&own.clone()) && own.clone().will_wake(&own));
        yield_now().await;
        assert!(own_waker().await.will_wake(&own), "it is the same in every poll");
        let (other, _, _task) = idle_task().await;
        assert!(!own.will_wake(&other));
        assert!(!own.will_wake(Waker::noop()));
    });
}

#[test]
fn a_wake_during_the_tasks_own_poll_queues_it_once_more() {
    finish(async {
        let polls = Rc::new(Cell::new(0));
        let theirs = polls.clone();
        drop(spawn(poll_fn(move |cx| -> Poll<()> {
            theirs.set(theirs.get() + 1);
            if theirs.get() == 1 {
                cx.waker().wake_by_ref();
                wake_by_value(cx.waker().clone());
                cx.waker().wake_by_ref();
            }
            Poll::Pending
        })));
        settle().await;
        assert_eq!(polls.get(), 2);
    });
}

#[test]
fn two_wakes_queue_a_task_once() {
    finish(async {
        let (waker, polled, _task) = idle_task().await;
        waker.wake_by_ref();
        wake_by_value(waker.clone());
        waker.wake_by_ref();
        settle().await;
        assert_eq!(polled.count(), 2);
        waker.wake();
        settle().await;
        assert_eq!(polled.count(), 3);
    });
}

#[test]
fn tasks_run_in_the_order_in_which_they_were_woken() {
    finish(async {
        let log = Rc::new(RefCell::new(Vec::new()));
        let mut wakers = Vec::new();
        for n in 0..10 {
            let (log, place) = (log.clone(), Rc::new(RefCell::new(None)));
            let theirs = place.clone();
            drop(spawn(poll_fn(move |cx| -> Poll<()> {
                if theirs.borrow_mut().replace(cx.waker().clone()).is_some() {
                    log.borrow_mut().push(n);
                }
                Poll::Pending
            })));
            settle().await;
            wakers.push(place.take().unwrap());
            *place.borrow_mut() = wakers.last().cloned();
        }
        for n in [3, 1, 4, 1, 5, 9, 2, 6] {
            wakers[n].wake_by_ref();
        }
        settle().await;
        assert_eq!(*log.borrow(), [3, 1, 4, 5, 9, 2, 6]);
    });
}

#[test]
fn a_wake_after_completion_is_harmless_also_to_the_next_task_in_the_slot() {
    finish(async {
        let task = spawn(own_waker());
        let stale = task.await.unwrap();
        stale.wake_by_ref();
        let (_, polled, _task) = idle_task().await; // in the same slot
        stale.wake_by_ref();
        stale.wake();
        settle().await;
        assert_eq!(polled.count(), 1);
    });
}

#[test]
fn a_task_may_complete_while_its_ticket_is_still_queued() {
    finish(async {
        for n in 0..1000 {
            let polls = Rc::new(Cell::new(0));
            let theirs = polls.clone();
            let task = spawn(poll_fn(move |cx| {
                theirs.set(theirs.get() + 1);
                cx.waker().wake_by_ref();
                Poll::Ready(n)
            }));
            // Detached in half of the cases: then its slot is free, but still queued.
            let joined = if n % 2 == 0 { Some(task) } else { None };
            let successor = spawn(async move { n + 1 });
            yield_now().await;
            let third = spawn(async move { n + 2 });
            if let Some(task) = joined {
                assert_eq!(task.await.unwrap(), n);
            }
            assert_eq!(successor.await.unwrap(), n + 1);
            assert_eq!(third.await.unwrap(), n + 2);
            assert_eq!(polls.get(), 1);
        }
    });
}

#[test]
fn a_wake_outside_of_block_on_is_kept_for_the_next_one() {
    let runtime = Runtime::new().unwrap();
    let (waker, polled, _task) = runtime.block_on(idle_task());
    waker.wake_by_ref();
    waker.wake_by_ref();
    assert_eq!(polled.count(), 1);
    runtime.block_on(settle());
    assert_eq!(polled.count(), 2);
}

#[test]
fn a_wake_inside_another_runtime_reaches_its_own() {
    let (one, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let (waker, polled, _task) = one.block_on(idle_task());
    let (_, bystander, _task_too) = other.block_on(idle_task()); // with the same key
    other.block_on(async {
        waker.wake();
        settle().await;
    });
    assert_eq!((polled.count(), bystander.count()), (1, 1));
    one.block_on(settle());
    assert_eq!((polled.count(), bystander.count()), (2, 1));
}

#[test]
fn a_wake_after_the_drop_of_the_runtime_does_nothing() {
    let runtime = Runtime::new().unwrap();
    let (task, _, handle) = runtime.block_on(idle_task());
    let main = runtime.block_on(own_waker());
    drop(runtime);
    let (a, b) = (task.clone(), main.clone());
    std::thread::spawn(move || [a, b].into_iter().for_each(Waker::wake)).join().unwrap();
    oneloop::block_on(async {
        task.wake_by_ref();
        main.wake_by_ref();
    });
    for waker in [&task, &main] {
        waker.wake_by_ref();
        wake_by_value(waker.clone());
    }
    drop(handle);
    task.wake();
    main.wake();
}

#[test]
fn wakers_of_a_dead_runtime_do_no_harm_to_its_successor() {
    let mut stale = Vec::new();
    for round in 0..100 {
        let runtime = Runtime::new().unwrap(); // likely under the same number
        for waker in &stale {
            Waker::wake_by_ref(waker);
        }
        let tasks: Vec<_> = (0..10).map(|n| runtime.spawn(async move { n + round })).collect();
        let (results, wakers) = finish_on(&runtime, async {
            for waker in &stale {
                waker.wake_by_ref();
            }
            let mut wakers = vec![own_waker().await];
            for _ in 0..10 {
                wakers.push(spawn(own_waker()).await.unwrap());
            }
            let mut results = Vec::new();
            for task in tasks {
                results.push(task.await.unwrap());
            }
            (results, wakers)
        });
        assert!(results.into_iter().eq(round..round + 10));
        stale = wakers;
    }
}

#[test]
fn a_dropped_or_leaked_waker_keeps_nothing_alive() {
    let drops = Drops::new();
    finish(async {
        let token = drops.token();
        let task = spawn(async move {
            let _kept = token;
            own_waker().await
        });
        let waker = task.await.unwrap();
        assert_eq!(drops.count(), 1, "the future was dropped although its waker exists");
        std::mem::forget(waker.clone());
        drop(waker);
    });
}

#[test]
fn four_threads_that_wake_one_task_never_lose_the_last_wake() {
    const EACH: u32 = 20_000;
    finish(async {
        let sum = Arc::new(AtomicU32::new(0));
        let waker = own_waker().await;
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (sum, waker) = (sum.clone(), waker.clone());
                std::thread::spawn(move || {
                    for _ in 0..EACH {
                        sum.fetch_add(1, Ordering::SeqCst);
                        waker.wake_by_ref();
                    }
                })
            })
            .collect();
        let all =
            poll_fn(|_| if sum.load(Ordering::SeqCst) == 4 * EACH { Poll::Ready(()) } else { Poll::Pending });
        all.await;
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn four_threads_that_wake_many_tasks_never_lose_a_wake() {
    const TASKS: usize = 50;
    const ROUNDS: usize = 200;
    finish(async {
        let counts: Arc<Vec<AtomicUsize>> = Arc::new((0..TASKS).map(|_| AtomicUsize::new(0)).collect());
        let (mut tasks, mut wakers) = (Vec::new(), Vec::new());
        for n in 0..TASKS {
            let counts = counts.clone();
            let place = Rc::new(RefCell::new(None));
            let theirs = place.clone();
            tasks.push(spawn(poll_fn(move |cx| {
                theirs.borrow_mut().get_or_insert_with(|| cx.waker().clone());
                let all = counts[n].load(Ordering::SeqCst) == 4 * ROUNDS;
                if all { Poll::Ready(()) } else { Poll::Pending }
            })));
            settle().await;
            wakers.push(place.take().unwrap());
        }
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (counts, wakers) = (counts.clone(), wakers.clone());
                std::thread::spawn(move || {
                    for n in (0..ROUNDS * TASKS).map(|step| step * 7 % TASKS) {
                        counts[n].fetch_add(1, Ordering::SeqCst);
                        wakers[n].wake_by_ref();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_loop_about_to_sleep_never_misses_a_wake() {
    // Each round the loop goes to sleep just when the answer comes.
    let (question, questions) = mpsc::channel::<Waker>();
    let answered = Arc::new(AtomicBool::new(false));
    let theirs = answered.clone();
    let helper = std::thread::spawn(move || {
        for waker in questions {
            theirs.store(true, Ordering::SeqCst);
            waker.wake();
        }
    });
    finish(async {
        for _ in 0..3000 {
            question.send(own_waker().await).unwrap();
            poll_fn(|_| if answered.swap(false, Ordering::SeqCst) { Poll::Ready(()) } else { Poll::Pending })
                .await;
        }
    });
    drop(question);
    helper.join().unwrap();
}

#[test]
fn two_loops_may_wake_each_other_across_threads() {
    let (to_there, at_there) = futures::channel::mpsc::unbounded::<u32>();
    let (to_here, at_here) = futures::channel::mpsc::unbounded::<u32>();
    let answer = |mut from: futures::channel::mpsc::UnboundedReceiver<u32>,
                  to: futures::channel::mpsc::UnboundedSender<u32>| async move {
        use futures::StreamExt;
        while let Some(n) = from.next().await {
            if to.unbounded_send(n + 1).is_err() || n >= 3000 {
                return n;
            }
        }
        0
    };
    to_there.unbounded_send(0).unwrap();
    let there = std::thread::spawn(move || finish(answer(at_there, to_here)));
    let here = finish(answer(at_here, to_there));
    assert!(there.join().unwrap().max(here) >= 3000);
}

#[test]
fn wakes_from_other_threads_while_the_runtime_is_dropped_are_lost_harmlessly() {
    for _ in 0..50 {
        let runtime = Runtime::new().unwrap();
        let drops = Drops::new();
        let mut wakers = Vec::new();
        runtime.block_on(async {
            wakers.push(own_waker().await);
            for _ in 0..20 {
                let token = drops.token();
                let (waker, _, task) = idle_task().await;
                wakers.push(waker);
                drop(spawn(async move {
                    let _kept = token;
                    drop(task.await);
                }));
            }
        });
        let over = Arc::new(AtomicBool::new(false));
        let started = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (over, started, wakers) = (over.clone(), started.clone(), wakers.clone());
                std::thread::spawn(move || {
                    while !over.load(Ordering::SeqCst) {
                        wakers.iter().for_each(Waker::wake_by_ref);
                        started.fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        finish_on(&runtime, until(|| started.load(Ordering::SeqCst) > 4));
        drop(runtime);
        assert_eq!(drops.count(), 20);
        // And on into the life of a successor with the same number.
        assert_eq!(finish(async { spawn(async { 1 }).await }).unwrap(), 1);
        over.store(true, Ordering::SeqCst);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

#[test]
fn a_wake_from_another_thread_is_seen_while_the_loop_sleeps_for_a_timer() {
    finish(async {
        let far = spawn(oneloop::time::sleep(Duration::from_secs(3600)));
        let waker = own_waker().await;
        let woken = Arc::new(AtomicBool::new(false));
        let theirs = woken.clone();
        let helper = std::thread::spawn(move || {
            theirs.store(true, Ordering::SeqCst);
            waker.wake();
        });
        poll_fn(|_| if woken.load(Ordering::SeqCst) { Poll::Ready(()) } else { Poll::Pending }).await;
        helper.join().unwrap();
        assert!(!far.is_finished());
    });
}

#[test]
fn wakers_work_in_the_destructors_of_a_thread_that_ends() {
    struct Late(Arc<AtomicBool>, Waker);
    impl Drop for Late {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
            self.1.wake_by_ref();
        }
    }
    thread_local! {
        static LATE: Cell<Option<Late>> = const { Cell::new(None) };
    }
    let woken = Arc::new(AtomicBool::new(false));
    let theirs = woken.clone();
    finish(async {
        let waker = own_waker().await;
        let thread = std::thread::spawn(move || LATE.set(Some(Late(theirs, waker))));
        poll_fn(|_| if woken.load(Ordering::SeqCst) { Poll::Ready(()) } else { Poll::Pending }).await;
        thread.join().unwrap();
    });
}
