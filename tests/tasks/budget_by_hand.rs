//! `consume_budget` and `unconstrained`: a task that charges its budget itself, and a future that is charged nothing.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures::future::{FutureExt, join, join3};
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::time::{sleep, timeout};
use oneloop::{consume_budget, spawn, unconstrained, yield_now};

use common::executor::*;

/// The budget of a poll.
const FULL: u32 = 128;

/// Counts the turns of another task, which is always ready.
fn turns_of_another() -> Rc<Cell<u32>> {
    let turns = Rc::new(Cell::new(0));
    let counting = turns.clone();
    drop(spawn(async move {
        loop {
            counting.set(counting.get() + 1);
            yield_now().await;
        }
    }));
    turns
}

/// What is left of the budget of this poll; uses it up.
async fn left() -> u32 {
    let mut left = 0;
    while futures::poll!(consume_budget()).is_ready() {
        left += 1;
        assert!(left < 10 * FULL, "nothing is denied");
    }
    left
}

/// Runs a test in a task's first poll, whose budget is full.
fn in_one_poll<F: Future<Output = ()> + 'static>(test: impl FnOnce() -> F) {
    finish(async { spawn(test()).await.unwrap() });
}

async fn consume(operations: u32) {
    for _ in 0..operations {
        consume_budget().await;
    }
}

#[test]
fn a_task_that_always_finds_a_message_gives_way() {
    finish(async {
        let (sender, receiver) = async_channel::unbounded();
        (0..100_000).for_each(|n| sender.try_send(n).unwrap());
        let turns = turns_of_another();
        let receiving = spawn(async move {
            for n in 0..100_000 {
                assert_eq!(receiver.recv().await.unwrap(), n);
                consume_budget().await;
            }
        });
        receiving.await.unwrap();
        assert!(turns.get() >= 100_000 / (FULL + 1), "the other task had {} turns", turns.get());
    });
}

#[test]
fn consume_budget_is_charged_to_the_budget_that_sockets_have() {
    in_one_poll(|| async {
        consume(28).await;
        assert_eq!(left().await, FULL - 28);
        yield_now().await;
        let (mut ours, mut theirs) = tcp_pair().await.unwrap();
        ours.write_all(&[0; 50]).await.unwrap();
        while theirs.peek(&mut [0; 50]).await.unwrap() < 50 {
            yield_now().await;
        }
        yield_now().await; // a budget that is full, by one at most
        for _ in 0..50 {
            theirs.read_exact(&mut [0]).await.unwrap();
        }
        assert!((FULL - 51..=FULL - 50).contains(&left().await));
    });
}

#[test]
fn outside_of_a_runtime_consume_budget_is_always_ready() {
    for _ in 0..10 * FULL {
        assert!(consume_budget().now_or_never().is_some());
    }
    futures::executor::block_on(consume(10 * FULL));
}

#[test]
fn branches_that_consume_do_not_starve_each_other() {
    finish(async {
        let done = Cell::new(false);
        let busy = || async {
            while !done.get() {
                consume_budget().await;
            }
        };
        let last = async {
            sleep(Duration::from_millis(5)).await;
            done.set(true);
        };
        join3(busy(), busy(), last).await;
    });
}

#[test]
fn nothing_in_an_unconstrained_future_is_denied() {
    finish(async {
        let tasks: Vec<_> = (0..10_000).map(|n| spawn(async move { n })).collect();
        let turns = turns_of_another();
        yield_now().await;
        let before = turns.get();
        unconstrained(async {
            for (n, task) in tasks.into_iter().enumerate() {
                assert_eq!(task.await.unwrap(), n);
                consume_budget().await;
            }
        })
        .await;
        assert_eq!(turns.get(), before);
    });
}

#[test]
fn operations_before_and_after_an_unconstrained_future_are_charged() {
    in_one_poll(|| async {
        consume(100).await;
        unconstrained(consume(1000)).await;
        assert_eq!(left().await, FULL - 100);
    });
    // Also if nothing is left.
    in_one_poll(|| async {
        consume(FULL).await;
        unconstrained(consume(1000)).await;
        assert_eq!(left().await, 0);
    });
}

#[test]
fn a_branch_beside_an_unconstrained_one_is_charged() {
    finish(async {
        let (turns, charged) = (turns_of_another(), Cell::new(0));
        let unconstrained = unconstrained(async {
            consume(1000).await;
            yield_now().await;
            consume(1000).await;
        });
        let charged = async {
            let mut before = (turns.get(), 0);
            for _ in 0..10 * FULL {
                consume_budget().await;
                charged.set(charged.get() + 1);
                if turns.get() != before.0 {
                    before = (turns.get(), charged.get());
                }
                assert!(charged.get() - before.1 <= FULL);
            }
        };
        join(unconstrained, charged).await;
    });
}

#[test]
fn unconstrained_futures_nest() {
    in_one_poll(|| async {
        consume(3).await;
        unconstrained(async {
            consume(1000).await;
            unconstrained(consume(1000)).await;
            consume(1000).await;
        })
        .await;
        assert_eq!(left().await, FULL - 3);
    });
}

#[test]
fn an_unconstrained_future_that_panics_leaves_the_budget_as_it_was() {
    in_one_poll(|| async {
        consume(28).await;
        let panics = unconstrained(async {
            consume(1000).await;
            panic!("as the test wants");
        });
        assert!(AssertUnwindSafe(panics).catch_unwind().await.is_err());
        assert_eq!(left().await, FULL - 28);
    });
}

#[test]
fn an_unconstrained_future_waits_as_any_other() {
    finish(async {
        let mut polls = 0;
        unconstrained(poll_fn(|cx| {
            polls += 1;
            cx.waker().wake_by_ref();
            if polls < 5 { Poll::Pending } else { Poll::Ready(()) }
        }))
        .await;
        assert_eq!(polls, 5);
        let sleeping = unconstrained(sleep(Duration::from_secs(60)));
        assert!(timeout(Duration::from_millis(1), sleeping).await.is_err());
        // The next poll has a budget of its own.
        assert!((FULL - 1..=FULL).contains(&spawn(left()).await.unwrap()));
    });
}

#[test]
fn outside_of_a_runtime_unconstrained_changes_nothing() {
    assert_eq!(futures::executor::block_on(unconstrained(async { 1 })), 1);
}

/// At the 256th denial the grants begin anew, with 128; the poll's first grant may have been 127.
#[test]
fn any_number_of_denials_in_one_poll_leaves_the_loop_whole() {
    finish(async {
        for denials_max in (250..262).chain(510..516) {
            for _ in 0..4 {
                let task = spawn(poll_fn(move |cx| {
                    let mut denials = 0;
                    while denials < denials_max {
                        denials += usize::from(pin!(oneloop::consume_budget()).poll(cx).is_pending());
                    }
                    Poll::Ready(())
                }));
                task.await.unwrap();
            }
        }
    });
}
