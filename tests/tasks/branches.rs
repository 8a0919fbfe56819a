//! A task of several branches: the budget that one branch has used up denies no other for ever.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{join, join_all, select};
use futures::stream::FuturesUnordered;
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{TcpListener, TcpStream, UdpSocket};
use oneloop::time::{interval, sleep};
use oneloop::{spawn, yield_now};

use common::executor::*;

type Branch = Pin<Box<dyn Future<Output = ()>>>;

/// Set by the branch that must not be denied for ever; ends the busy ones.
type Done = Rc<Cell<bool>>;

/// Always finds its socket ready.
async fn busy(done: Done) {
    let (stream, _peer) = tcp_pair().await.unwrap();
    while !done.get() {
        stream.writable().await.unwrap();
    }
}

/// Uses the whole budget of a poll, and then waits without having been denied.
async fn busy_in_batches(operations: u32, done: Done) {
    let (stream, _peer) = tcp_pair().await.unwrap();
    yield_now().await;
    while !done.get() {
        for _ in 0..operations {
            stream.writable().await.unwrap();
        }
        yield_now().await;
    }
}

/// What the other branch waits for, by name. Each is ready soon, while the first one is busy.
fn others() -> Vec<(&'static str, Branch)> {
    fn branch(name: &'static str, wait: impl Future<Output = ()> + 'static) -> (&'static str, Branch) {
        (name, Box::pin(wait))
    }
    vec![
        branch("a timer", sleep(Duration::from_millis(5))),
        branch("an interval", async {
            let mut ticks = interval(Duration::from_millis(2));
            for _ in 0..3 {
                ticks.tick().await;
            }
        }),
        branch("a join", async { spawn(async {}).await.unwrap() }),
        branch("a remote join", async {
            oneloop::Handle::current().spawn(async {}).await.unwrap();
        }),
        branch("an accept", async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (_stream, peer) = listener.accept().await.unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
        }),
        branch("a stream", async {
            let (mut a, mut b) = tcp_pair().await.unwrap();
            for _ in 0..300 {
                a.write_all(b"x").await.unwrap();
                b.read_exact(&mut [0]).await.unwrap();
            }
        }),
        branch("a datagram", async {
            let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            socket.send_to(b"x", socket.local_addr().unwrap()).await.unwrap();
            socket.recv(&mut [0]).await.unwrap();
        }),
    ]
}

type Combine = fn(Branch, Branch) -> Branch;

/// Each polls the first branch before the second.
const COMBINATORS: &[(&str, Combine)] = &[
    ("or", |a, b| Box::pin(oneloop::future::or(a, b))),
    ("zip", |a, b| Box::pin(async { _ = oneloop::future::zip(a, b).await })),
    ("select", |a, b| Box::pin(async { drop(select(a, b).await) })),
    ("select!", |a, b| {
        Box::pin(async {
            let (mut a, mut b) = (futures::FutureExt::fuse(a), futures::FutureExt::fuse(b));
            futures::select_biased! { () = a => {}, () = b => {} }
        })
    }),
    ("join", |a, b| Box::pin(async { _ = join(a, b).await })),
    ("FuturesUnordered", |a, b| {
        Box::pin(async {
            let mut both: FuturesUnordered<Branch> = [a, b].into_iter().collect();
            while both.next().await.is_some() {}
        })
    }),
];

/// Runs each combinator with each second branch beside a busy first one.
fn every_second_branch_ends_beside(busy: fn(Done) -> Branch) {
    for (combinator, combine) in COMBINATORS {
        for number in 0..finish(async { others().len() }) {
            finish(async {
                let (name, wait) = others().swap_remove(number);
                let done = Done::default();
                let ends = done.clone();
                let second = Box::pin(async move {
                    wait.await;
                    ends.set(true);
                });
                // In a task of its own, with others beside it that use the budget up, too.
                let neighbour = spawn(busy(done.clone()));
                spawn(combine(busy(done.clone()), second)).await.unwrap();
                assert!(done.get(), "{combinator} has ended with {name} still waiting");
                neighbour.await.unwrap();
            });
        }
    }
}

#[test]
fn a_second_branch_goes_on_beside_one_that_is_always_ready() {
    every_second_branch_ends_beside(|done| Box::pin(busy(done)));
}

#[test]
fn a_second_branch_goes_on_beside_one_that_uses_the_budget_up_and_waits() {
    every_second_branch_ends_beside(|done| Box::pin(busy_in_batches(128, done)));
    every_second_branch_ends_beside(|done| Box::pin(busy_in_batches(64, done)));
}

#[test]
fn the_last_of_thirty_branches_goes_on_beside_those_that_are_always_ready() {
    finish(async {
        let done = Done::default();
        let mut branches: Vec<Branch> = (0..29).map(|_| Box::pin(busy(done.clone())) as Branch).collect();
        branches.push(Box::pin(async move {
            sleep(Duration::from_millis(5)).await;
            done.set(true);
        }));
        join_all(branches).await;
    });
}

#[test]
fn a_poll_of_many_branches_that_are_always_ready_is_bounded() {
    need_descriptors(2_100);
    finish(async {
        let done = Done::default();
        let branches: Vec<Branch> = (0..1000).map(|_| Box::pin(busy(done.clone())) as Branch).collect();
        let all = spawn(async { _ = branches.into_iter().collect::<FuturesUnordered<_>>().count().await });
        // Another task of the loop is polled in between, again and again.
        for _ in 0..100 {
            sleep(Duration::from_micros(100)).await;
        }
        done.set(true);
        all.await.unwrap();
    });
}
