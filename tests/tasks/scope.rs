//! Jobs that borrow from the task that waits for them, with the crate `moro-local`: what the documentation of `oneloop::future` says
//! of it.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use moro_local::async_scope;
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::time::{sleep, timeout};
use oneloop::{consume_budget, yield_now};

use common::executor::*;

#[test]
fn jobs_borrow_and_wait_side_by_side() {
    finish(async {
        // The documentation's example.
        let words = vec![String::from("one"), String::from("three")];
        let total = Cell::new(0);
        async_scope!(|scope| {
            for word in &words {
                let total = &total;
                scope.spawn(async move {
                    sleep(Duration::from_millis(5)).await;
                    total.set(total.get() + word.len());
                });
            }
        })
        .await; // when all of them have ended
        assert_eq!(total.get(), 8);

        // With sockets, and with the results of jobs.
        let (mut ours, mut theirs) = tcp_pair().await.unwrap();
        let text = String::from("borrowed");
        let length = async_scope!(|scope| {
            let reading = scope.spawn(async {
                let mut text = String::new();
                theirs.read_to_string(&mut text).await.unwrap();
                text
            });
            ours.write_all(text.as_bytes()).await.unwrap();
            ours.close().await.unwrap();
            reading.await.len()
        });
        assert_eq!(length.await, text.len());
    });
}

#[test]
fn a_job_that_is_always_ready_leaves_others_their_turn() {
    finish(async {
        let done = Cell::new(false);
        async_scope!(|scope| {
            for _ in 0..3 {
                scope.spawn(async {
                    while !done.get() {
                        consume_budget().await;
                    }
                });
            }
            scope.spawn(async {
                sleep(Duration::from_millis(5)).await;
                done.set(true);
            });
        })
        .await;
    });
}

#[test]
fn a_scope_that_is_dropped_drops_its_jobs() {
    finish(async {
        let drops = Drops::new();
        let log = RefCell::new(Vec::new());
        let scope = async_scope!(|scope| {
            for n in 0..3 {
                let (token, log) = (drops.token(), &log);
                scope.spawn(async move {
                    let _kept = token;
                    log.borrow_mut().push(n);
                    std::future::pending::<()>().await;
                });
            }
        });
        assert!(timeout(Duration::from_millis(1), scope).await.is_err());
        assert_eq!(drops.count(), 3);
        assert_eq!(log.into_inner().len(), 3);
    });
}

/// When this fails the documentation has a sentence to lose.
#[test]
#[should_panic(expected = "already borrowed")]
fn a_job_can_not_spawn_another() {
    finish(async {
        async_scope!(|scope| {
            scope.spawn(async {
                yield_now().await;
                scope.spawn(async {});
            });
        })
        .await;
    });
}
