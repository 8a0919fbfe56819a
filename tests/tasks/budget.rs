//! The cooperative budget: a task that finds everything ready gives way after at most 128 operations, and
//! nothing is ever denied for good.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures::future::{FutureExt, join};
use futures::stream::{FuturesUnordered, StreamExt};
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::UdpSocket;
use oneloop::time::{sleep_until, timeout};
use oneloop::{Runtime, spawn, yield_now};

use common::executor::*;

/// What a task of one branch may do in one poll.
const MOST: u32 = 128;

/// What one of many branches may do: 128, 64, … 1, and 1 for each further one up to the 128th.
const MOST_OF_MANY: u32 = 255 + 120;

/// Watches how many operations a task does in a row while another task is always ready, too.
#[derive(Clone, Default)]
struct Watch {
    most: u32,
    turns: Rc<Cell<u32>>,
    seen: Rc<Cell<u32>>,
    in_a_row: Rc<Cell<u32>>,
}

impl Watch {
    /// Starts the other task.
    fn start() -> Watch {
        Watch::start_with(MOST)
    }

    fn start_with(most: u32) -> Watch {
        let watch = Watch { most, ..Watch::default() };
        let turns = watch.turns.clone();
        drop(spawn(async move {
            loop {
                turns.set(turns.get() + 1);
                yield_now().await;
            }
        }));
        watch
    }

    /// After each operation.
    fn operation(&self) {
        if self.seen.replace(self.turns.get()) != self.turns.get() {
            self.in_a_row.set(0);
        }
        self.in_a_row.set(self.in_a_row.get() + 1);
        assert!(self.in_a_row.get() <= self.most, "{} operations in a row", self.in_a_row.get());
    }

    /// After `operations` of them: the other one had its share of turns.
    fn end(&self, operations: u32) {
        let least = operations / (self.most + 1);
        assert!(self.turns.get() >= least, "the other task had only {} turns", self.turns.get());
    }
}

const BYTES: usize = 4000;

/// A stream with `BYTES` bytes to read.
async fn full_stream() -> io::Result<(oneloop::net::TcpStream, oneloop::net::TcpStream)> {
    let (mut ours, theirs) = tcp_pair().await?;
    ours.write_all(&[1; BYTES]).await?;
    let mut all = [0; BYTES];
    while theirs.peek(&mut all).await? < BYTES {
        yield_now().await;
    }
    Ok((ours, theirs))
}

#[test]
fn a_task_whose_socket_is_always_readable_gives_way() {
    finish(async {
        let (_ours, mut theirs) = full_stream().await.unwrap();
        let watch = Watch::start();
        let reading = watch.clone();
        let task = spawn(async move {
            for _ in 0..BYTES {
                theirs.read_exact(&mut [0]).await.unwrap();
                reading.operation();
            }
        });
        task.await.unwrap();
        watch.end(BYTES as u32);
    });
}

#[test]
fn block_ons_own_future_gives_way_as_well() {
    finish(async {
        let (_ours, mut theirs) = full_stream().await.unwrap();
        let watch = Watch::start();
        for _ in 0..BYTES {
            theirs.read_exact(&mut [0]).await.unwrap();
            watch.operation();
        }
        watch.end(BYTES as u32);
    });
}

#[test]
fn a_task_whose_socket_is_always_writable_gives_way() {
    finish(async {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let sink = UdpSocket::bind("127.0.0.1:0").await.unwrap(); // it keeps its port from other tests
        let to = sink.local_addr().unwrap();
        let watch = Watch::start();
        for _ in 0..1000 {
            // No task reads. A system that reports a full buffer does not disturb the count.
            let _ = socket.send_to(&[0], to).await;
            watch.operation();
        }
        watch.end(1000);
    });
}

#[test]
fn a_task_that_waits_for_readiness_that_is_there_gives_way() {
    finish(async {
        let (_ours, theirs) = full_stream().await.unwrap();
        let watch = Watch::start();
        for _ in 0..1000 {
            theirs.readable().await.unwrap();
            watch.operation();
        }
        watch.end(1000);
    });
}

#[test]
fn a_task_whose_joins_are_always_ready_gives_way() {
    finish(async {
        let tasks: Vec<_> = (0..2000).map(|n| spawn(async move { n })).collect();
        settle().await;
        assert!(tasks.iter().all(oneloop::JoinHandle::is_finished));
        let watch = Watch::start();
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), n);
            watch.operation();
        }
        watch.end(2000);
    });
}

#[test]
fn a_task_whose_combinator_is_full_of_ready_joins_gives_way() {
    finish(async {
        let mut tasks: FuturesUnordered<_> = (0..2000).map(|n| spawn(async move { n })).collect();
        settle().await;
        let watch = Watch::start_with(MOST_OF_MANY);
        let mut joined = 0;
        while let Some(result) = tasks.next().await {
            result.unwrap();
            joined += 1;
            watch.operation();
        }
        assert_eq!(joined, 2000);
        watch.end(2000);
    });
}

#[test]
fn a_task_whose_remote_joins_are_always_ready_gives_way() {
    finish(async {
        let handle = oneloop::Handle::current();
        let tasks: Vec<_> = (0..2000).map(|n| handle.spawn(async move { n })).collect();
        let last = handle.spawn(async {});
        last.await.unwrap();
        let watch = Watch::start();
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), n);
            watch.operation();
        }
        watch.end(2000);
    });
}

#[test]
fn a_task_whose_timers_are_all_due_gives_way() {
    finish(async {
        let now = Instant::now();
        let mut sleeps: Vec<_> = (0..2000).map(|_| sleep_until(now)).collect();
        for sleep in &mut sleeps {
            assert!(sleep.now_or_never().is_none(), "the first poll enters the wheel");
        }
        sleep_until(Instant::now()).await; // a turn, in which they fire
        let watch = Watch::start();
        for sleep in sleeps {
            sleep.await;
            watch.operation();
        }
        watch.end(2000);
    });
}

#[test]
fn operations_of_different_kinds_share_one_budget() {
    finish(async {
        let (_ours, mut theirs) = full_stream().await.unwrap();
        let tasks: Vec<_> = (0..1000).map(|_| spawn(async {})).collect();
        settle().await;
        let watch = Watch::start();
        for task in tasks {
            task.await.unwrap();
            watch.operation();
            theirs.read_exact(&mut [0]).await.unwrap();
            watch.operation();
        }
        watch.end(2000);
    });
}

#[test]
fn a_task_that_gives_way_finds_a_full_budget_afterwards() {
    finish(async {
        let (_ours, mut theirs) = full_stream().await.unwrap();
        let polls = Rc::new(Cell::new(0));
        let counting = polls.clone();
        let task = spawn(async move {
            let mut reading = std::pin::pin!(async move {
                for _ in 0..10 * MOST {
                    theirs.read_exact(&mut [0]).await.unwrap();
                }
            });
            poll_fn(|cx| {
                counting.set(counting.get() + 1);
                reading.as_mut().poll(cx)
            })
            .await;
        });
        task.await.unwrap();
        let polls = polls.get();
        assert!(polls <= 11, "{polls} polls for ten budgets: it is refilled in each");
    });
}

#[test]
fn a_foreign_executor_inside_a_task_is_never_denied_for_ever() {
    finish(async {
        let (_ours, mut theirs) = full_stream().await.unwrap();
        let tasks: Vec<_> = (0..1000).map(|n| spawn(async move { n })).collect();
        settle().await;
        // While it blocks our loop nothing refills the budget from outside.
        let sum = futures::executor::block_on(async {
            for _ in 0..BYTES {
                theirs.read_exact(&mut [0]).await.unwrap();
            }
            let mut sum = 0;
            for task in tasks {
                sum += task.await.unwrap();
            }
            sum
        });
        assert_eq!(sum, 499_500);
    });
}

#[test]
fn a_foreign_executor_outside_the_runtime_is_never_denied_for_ever() {
    let runtime = Runtime::new().unwrap();
    let tasks: Vec<_> = (0..1000).map(|n| runtime.spawn(async move { n })).collect();
    runtime.block_on(async {
        while tasks.iter().any(|task| !task.is_finished()) {
            yield_now().await
        }
    });
    let sum = futures::executor::block_on(async {
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        sum
    });
    assert_eq!(sum, 499_500);
}

#[test]
fn a_denied_operation_loses_nothing() {
    finish(async {
        let (mut ours, mut theirs) = tcp_pair().await.unwrap();
        let sent: Vec<u8> = (0..BYTES).map(|n| (n % 251) as u8).collect();
        ours.write_all(&sent).await.unwrap();
        let received = spawn(async move {
            let mut received = Vec::new();
            while received.len() < BYTES {
                let mut byte = [0];
                // Broken off in the middle of a denial, and tried again.
                match timeout(Duration::ZERO, theirs.read(&mut byte)).await {
                    Ok(read) => received.extend_from_slice(&byte[..read.unwrap()]),
                    Err(_) => continue,
                }
            }
            received
        });
        assert_eq!(received.await.unwrap(), sent);
    });
}

#[test]
fn two_futures_in_one_task_both_go_on_after_a_denial() {
    finish(async {
        let (_a, mut one) = full_stream().await.unwrap();
        let (_b, mut two) = full_stream().await.unwrap();
        let watch = Watch::start();
        join(
            async {
                for _ in 0..BYTES {
                    one.read_exact(&mut [0]).await.unwrap();
                    watch.operation();
                }
            },
            async {
                for _ in 0..BYTES {
                    two.read_exact(&mut [0]).await.unwrap();
                }
            },
        )
        .await;
        watch.end(BYTES as u32);
    });
}

#[test]
fn timers_and_sockets_of_others_are_served_while_a_task_is_always_ready() {
    // A low interval, because each of its turns is a whole budget of the busy task's system calls.
    let runtime = Runtime::builder().event_interval(4).build().unwrap();
    finish_on(&runtime, async {
        let (mut ours, mut theirs) = tcp_pair().await.unwrap();
        let pump = spawn(async move {
            // A task that talks to itself as fast as it can.
            loop {
                ours.write_all(&[0; 64]).await.unwrap();
                theirs.read_exact(&mut [0; 64]).await.unwrap();
            }
        });
        let (mut asking, mut answering) = tcp_pair().await.unwrap();
        drop(spawn(async move {
            let mut byte = [0];
            while answering.read(&mut byte).await.is_ok_and(|n| n > 0) {
                answering.write_all(&byte).await.unwrap();
            }
        }));
        for n in 0..10 {
            sleep_until(Instant::now() + Duration::from_micros(200)).await;
            let mut byte = [0];
            asking.write_all(&[n]).await.unwrap();
            asking.read_exact(&mut byte).await.unwrap();
            assert_eq!(byte, [n]);
        }
        pump.abort();
        let result: Result<(), _> = pump.await;
        assert!(result.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_poll_that_is_denied_wakes_its_task() {
    finish(async {
        let (_ours, theirs) = full_stream().await.unwrap();
        let (wakes, waker) = Wakes::new();
        let mut denied = 0;
        for _ in 0..=2 * MOST {
            let mut ready = theirs.readable();
            match Pin::new(&mut ready).poll(&mut std::task::Context::from_waker(&waker)) {
                Poll::Ready(result) => result.unwrap(),
                Poll::Pending => denied += 1,
            }
        }
        assert!(denied >= 1, "so many in one turn are too many");
        assert_eq!(wakes.count(), denied);
    });
}
