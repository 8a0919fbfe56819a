//! `JoinSet`: tasks joined as they end, each once, at a cost that doesn't grow with the others.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::channel::oneshot;
use futures::executor::block_on as foreign_block_on;
use oneloop::time::timeout;
use oneloop::{JoinSet, Runtime, spawn, yield_now};

use common::executor::*;

/// Ends after so many yields.
async fn after(yields: usize) -> usize {
    for _ in 0..yields {
        yield_now().await;
    }
    yields
}

#[test]
fn results_come_in_the_order_in_which_the_tasks_end() {
    finish(async {
        let mut set: JoinSet<usize> = [30, 10, 40, 0, 20].into_iter().map(after).collect();
        let mut ended = Vec::new();
        while let Some(result) = set.join_next().await {
            ended.push(result.unwrap());
        }
        assert_eq!(ended, [0, 10, 20, 30, 40]);
        // Also if no task waits meanwhile.
        set.extend([3, 1, 2].map(after));
        settle().await;
        assert_eq!(set.join_all().await, [1, 2, 3]);
    });
}

#[test]
fn each_of_ten_thousand_tasks_is_joined_once() {
    finish(async {
        let task = |n: usize| async move {
            after(n * 7919 % 13).await;
            n
        };
        let mut set: JoinSet<usize> = (0..5000).map(task).collect();
        let mut seen = vec![false; 10_000];
        let mut next = 5000;
        while let Some(result) = set.join_next().await {
            assert!(!std::mem::replace(&mut seen[result.unwrap()], true));
            if next < 10_000 {
                set.spawn(task(next)); // in the place of the one before
                next += 1;
            }
        }
        assert!(seen.into_iter().all(|seen| seen));
    });
}

#[test]
fn an_empty_set_has_no_next_task() {
    let mut set = JoinSet::<()>::default(); // outside of a runtime, too
    assert!(set.try_join_next().is_none());
    assert!(foreign_block_on(set.join_next()).is_none());
    finish(async {
        assert!(set.join_next().await.is_none());
        set.spawn(async {});
        set.join_next().await.unwrap().unwrap();
        assert!(set.join_next().await.is_none() && set.is_empty());
        assert!(set.join_all().await.is_empty());
    });
}

#[test]
fn it_counts_its_tasks_until_they_are_joined() {
    finish(async {
        let mut set = JoinSet::new();
        for n in 1..=3 {
            set.spawn(async {});
            assert_eq!(set.len(), n);
        }
        settle().await;
        assert_eq!(format!("{set:?}"), "JoinSet { len: 3, .. }");
        for n in (0..3).rev() {
            set.join_next().await.unwrap().unwrap();
            assert_eq!((set.len(), set.is_empty()), (n, n == 0));
        }
    });
}

#[test]
fn futures_need_be_neither_send_nor_unpin() {
    finish(async {
        let shared = Rc::new(Cell::new(0));
        let task = |n| {
            let shared = shared.clone();
            async move {
                let pinned = std::marker::PhantomPinned;
                shared.set(shared.get() + n);
                yield_now().await;
                let _still_there = &pinned;
                shared
            }
        };
        let set: JoinSet<Rc<Cell<i32>>> = (0..3).map(task).collect();
        assert!(set.join_all().await.iter().all(|theirs| Rc::ptr_eq(theirs, &shared)));
        assert_eq!(shared.get(), 3);
        let set: JoinSet<_> =
            (0..3).map(|n| Box::pin(async move { n }) as Pin<Box<dyn Future<Output = _>>>).collect();
        assert_eq!(set.join_all().await, [0, 1, 2]);
    });
}

#[test]
fn a_join_that_waits_looks_at_no_task_that_runs() {
    finish(async {
        let (sender, receiver) = oneshot::channel();
        let mut set: JoinSet<u32> = (0..9999).map(|_| pending()).collect();
        set.spawn(async { receiver.await.unwrap() });
        let (wakes, waker) = Wakes::new();
        for _ in 0..3 {
            assert!(set.poll_join_next(&mut Context::from_waker(&waker)).is_pending());
            // A handle that had been asked would have kept one of its own.
            assert_eq!(Arc::strong_count(&wakes), 3, "ours, the waker, and the set's");
        }
        settle().await;
        assert_eq!(wakes.count(), 0);
        sender.send(1).unwrap();
        settle().await;
        assert_eq!(wakes.count(), 1);
        assert!(matches!(set.poll_join_next(&mut Context::from_waker(&waker)), Poll::Ready(Some(Ok(1)))));
        assert_eq!(set.len(), 9999);
    });
}

#[test]
fn a_task_that_waits_is_polled_once_for_each_end() {
    finish(async {
        let mut set: JoinSet<usize> = (0..100).map(|n| after(5 * n)).collect();
        let (polls, mut joined) = (Cell::new(0), 0);
        poll_fn(|cx| {
            polls.set(polls.get() + 1);
            loop {
                match set.poll_join_next(cx) {
                    Poll::Ready(Some(_)) => joined += 1,
                    Poll::Ready(None) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
        assert_eq!(joined, 100);
        assert!(polls.get() <= 101, "{} polls", polls.get());
    });
}

#[test]
fn a_panic_is_the_error_of_its_task_alone() {
    finish(async {
        let mut set = JoinSet::new();
        set.spawn(async { panic!("in the poll") });
        set.spawn(async {
            let _bomb = Bomb("in the drop of what was left");
        });
        set.spawn(async {});
        let message = set.join_next().await.unwrap().unwrap_err().into_panic();
        assert_eq!(text_of(&*message), "in the poll");
        let message = set.join_next().await.unwrap().unwrap_err().into_panic();
        assert_eq!(text_of(&*message), "in the drop of what was left");
        set.join_next().await.unwrap().unwrap();
        assert!(set.is_empty());
    });
}

#[test]
fn a_task_that_is_aborted_through_its_handle_is_joined_as_cancelled() {
    finish(async {
        let drops = Drops::new();
        let mut set = JoinSet::new();
        let token = drops.token();
        let abort = set.spawn(async move {
            let _kept = token;
            pending().await
        });
        set.spawn(pending::<()>());
        assert!(timeout(Duration::from_millis(1), set.join_next()).await.is_err());
        abort.abort();
        assert!(set.join_next().await.unwrap().unwrap_err().is_cancelled());
        assert_eq!((drops.count(), set.len()), (1, 1));
        assert!(abort.is_finished());
        // A future that panics when it is aborted.
        let bomb = Bomb("as the test wants");
        let abort = set.spawn(async move {
            let _kept = bomb;
            pending().await
        });
        settle().await;
        abort.abort();
        assert!(set.join_next().await.unwrap().unwrap_err().is_panic());
    });
}

#[test]
fn abort_all_cancels_those_that_have_not_ended() {
    finish(async {
        let mut set = JoinSet::new();
        set.spawn(async { 1 });
        settle().await;
        (0..10).for_each(|_| drop(set.spawn(pending())));
        set.spawn(async { 2 }); // never polled
        set.abort_all();
        set.abort_all();
        assert_eq!(set.join_next().await.unwrap().unwrap(), 1);
        let mut cancelled = 0;
        while let Some(result) = set.join_next().await {
            assert!(result.unwrap_err().is_cancelled());
            cancelled += 1;
        }
        assert_eq!(cancelled, 11);
    });
}

#[test]
fn a_set_that_is_dropped_aborts_its_tasks_and_drops_their_results() {
    finish(async {
        let drops = Drops::new();
        let task = |waits: bool| {
            let token = drops.token();
            async move {
                if waits {
                    pending::<()>().await;
                }
                token
            }
        };
        let set: JoinSet<_> = [false, true, true, false].map(task).into_iter().collect();
        settle().await;
        assert_eq!(drops.count(), 0);
        drop(set);
        assert_eq!(drops.count(), 2, "the results");
        yield_now().await;
        assert_eq!(drops.count(), 4, "the futures, in the next turn");
    });
}

#[test]
fn destructors_that_panic_do_so_quietly() {
    finish(async {
        // Two panics of one drop would end the process.
        let ended = || -> JoinSet<Bomb> { (0..3).map(|_| async { Bomb("a result's") }).collect() };
        let set = ended();
        settle().await;
        drop(set);
        let mut set = ended();
        settle().await;
        set.detach_all();
        let mut set = ended();
        settle().await;
        set.shutdown().await;
        let payloads: JoinSet<()> =
            (0..3).map(|_| async { std::panic::panic_any(Bomb("a payload's")) }).collect();
        settle().await;
        drop(payloads);
        let running: JoinSet<()> = (0..3)
            .map(|_| async {
                let _kept = Bomb("a future's");
                pending().await
            })
            .collect();
        settle().await;
        drop(running);
        settle().await;
    });
}

#[test]
fn detached_tasks_run_on_and_are_nothing_to_the_set() {
    finish(async {
        let ran = Rc::new(Cell::new(0));
        let mut set = JoinSet::new();
        for n in 0..10 {
            let ran = ran.clone();
            set.spawn(async move {
                after(n).await;
                ran.set(ran.get() + 1);
                "detached"
            });
        }
        yield_now().await; // some have ended
        set.detach_all();
        assert!(set.is_empty() && set.join_next().await.is_none());
        // In the places of those that still run.
        let (sender, receiver) = oneshot::channel();
        set.spawn(pending());
        set.spawn(async { receiver.await.unwrap() });
        until(|| ran.get() == 10).await;
        assert!(set.try_join_next().is_none());
        sender.send("the set's").unwrap();
        assert_eq!(set.join_next().await.unwrap().unwrap(), "the set's");
        assert_eq!(set.len(), 1);
    });
}

#[test]
fn shutdown_returns_when_every_future_is_dropped() {
    finish(async {
        let drops = Drops::new();
        let mut set: JoinSet<()> = (0..1000)
            .map(|_| {
                let token = drops.token();
                async move {
                    let _kept = token;
                    pending().await
                }
            })
            .collect();
        settle().await;
        set.shutdown().await;
        assert_eq!(drops.count(), 1000);
        assert!(set.is_empty());
        set.shutdown().await;
    });
}

#[test]
fn join_all_passes_a_panic_on_and_aborts_the_rest() {
    let drops = Drops::new();
    let token = drops.token();
    let runtime = Runtime::new().unwrap();
    let text = panic_of(|| {
        runtime.block_on(async {
            let mut set = JoinSet::new();
            for _ in 0..2 {
                set.spawn(async { Some(Bomb("a value's, after the panic")) });
            }
            set.spawn(async { panic!("the first panic") });
            set.spawn(async move {
                let _kept = token;
                pending().await
            });
            set.join_all().await
        })
    });
    assert_eq!(text, "the first panic");
    runtime.block_on(settle());
    assert_eq!(drops.count(), 1);

    let text = panic_of(|| {
        runtime.block_on(async {
            let mut set = JoinSet::new();
            set.spawn(pending::<()>()).abort();
            set.join_all().await
        })
    });
    assert!(
        text.starts_with("oneloop::JoinSet::join_all: task ") && text.ends_with(" was cancelled"),
        "{text}"
    );
}

#[test]
fn a_join_that_a_time_out_drops_loses_nothing() {
    finish(async {
        let (sender, receiver) = oneshot::channel();
        let mut set = JoinSet::new();
        set.spawn(async { receiver.await.unwrap() });
        for _ in 0..3 {
            assert!(timeout(Duration::from_micros(100), set.join_next()).await.is_err());
        }
        sender.send(5).unwrap();
        settle().await;
        drop(set.join_next()); // not polled
        assert_eq!(set.join_next().await.unwrap().unwrap(), 5);
    });
}

#[test]
fn a_task_whose_joins_are_always_ready_gives_way_and_try_join_next_is_not_denied() {
    finish(async {
        let mut set: JoinSet<usize> = (0..2000).map(|n| async move { n }).collect();
        settle().await;
        let turns = Rc::new(Cell::new(0));
        let counting = turns.clone();
        let other = spawn(async move {
            loop {
                counting.set(counting.get() + 1);
                yield_now().await;
            }
        });
        for n in 0..2000 {
            assert_eq!(set.join_next().await.unwrap().unwrap(), n);
        }
        assert!(turns.get() >= 2000 / 129, "the other task had {} turns", turns.get());
        other.abort();

        set.extend((0..2000).map(|n| async move { n }));
        settle().await;
        let before = turns.get();
        for n in 0..2000 {
            assert_eq!(set.try_join_next().unwrap().unwrap(), n);
        }
        assert_eq!(turns.get(), before);
    });
}
