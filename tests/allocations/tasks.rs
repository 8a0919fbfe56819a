//! What costs memory: one allocation for each spawn, and nothing for a poll, a wake, a yield, a timer or a
//! wait for a socket once the tables have grown to their size.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use oneloop::time::{interval, sleep, timeout};
use oneloop::{Handle, JoinHandle, JoinSet, Runtime, spawn, yield_now};

use crate::counting;
use common::executor::*;
use counting::{alive, allocated, bytes_alive};

/// Runs `work` a few times to let the tables grow, and then once more to count what it allocates.
async fn steady(mut work: impl AsyncFnMut()) -> usize {
    for _ in 0..3 {
        work().await;
    }
    let before = allocated();
    work().await;
    allocated() - before
}

#[test]
fn a_spawn_is_one_allocation_and_a_join_gives_it_back() {
    finish(async {
        let count = steady(async || {
            for n in 0..1000 {
                assert_eq!(spawn(async move { n }).await.unwrap(), n);
            }
        });
        assert_eq!(count.await, 1000);
        let before = alive();
        let task = spawn(async { [0_u64; 100] });
        assert_eq!(alive() - before, 1);
        task.await.unwrap();
        assert_eq!(alive() - before, 0);
    });
}

#[test]
fn a_burst_of_spawns_is_one_allocation_each() {
    finish(async {
        let tasks = Cell::new(Vec::with_capacity(1000));
        let count = steady(async || {
            let mut burst: Vec<JoinHandle<[u8; 5]>> = tasks.take();
            burst.extend((0..1000).map(|n| spawn(async move { [n as u8; 5] })));
            for task in burst.drain(..) {
                task.await.unwrap();
            }
            tasks.set(burst);
        });
        assert_eq!(count.await, 1000);
    });
}

#[test]
fn a_task_that_is_detached_costs_the_same_and_the_error_of_one_that_is_aborted_one_more() {
    finish(async {
        let count = steady(async || {
            for _ in 0..100 {
                drop(spawn(async {}));
                let task = spawn(pending::<()>());
                yield_now().await;
                task.abort_handle().abort();
                assert!(task.await.unwrap_err().is_cancelled());
            }
        });
        assert_eq!(count.await, 300); // the error says which task it was
        let before = alive();
        for _ in 0..100 {
            drop(spawn(async { vec![1, 2, 3] }));
        }
        settle().await;
        assert_eq!(alive() - before, 0, "the memory of a detached task is free the moment it completes");
    });
}

#[test]
fn a_task_of_a_set_is_one_allocation_and_its_join_none() {
    finish(async {
        let mut set = JoinSet::new();
        let count = steady(async || {
            set.extend((0..1000).map(|n| async move { n }));
            while set.join_next().await.is_some() {}
        });
        assert_eq!(count.await, 1000);
        // 16 bytes more than a task alone, and nothing in the set's table, which has grown.
        async fn work() -> usize {
            let state = [1_u64; 100];
            yield_now().await;
            state.len()
        }
        for places_are_known in [false, true] {
            let before = bytes_alive();
            let alone = spawn(work());
            let bytes = bytes_alive() - before;
            set.spawn(work());
            let both = bytes_alive() - before;
            assert_eq!((alone.await.unwrap(), set.join_next().await.unwrap().unwrap()), (100, 100));
            if places_are_known {
                assert_eq!((both, bytes_alive() - before), (2 * bytes + 16, 0));
            }
        }
    });
}

#[test]
fn a_yield_is_none() {
    finish(async {
        for _ in 0..20 {
            drop(spawn(async {
                loop {
                    yield_now().await;
                }
            }));
        }
        let count = steady(async || {
            for _ in 0..1000 {
                yield_now().await;
            }
        });
        assert_eq!(count.await, 0);
    });
}

#[test]
fn a_waker_is_cloned_and_dropped_for_nothing() {
    finish(async {
        let waker = own_waker().await;
        let before = (allocated(), alive());
        for _ in 0..1000 {
            let clone = waker.clone();
            std::mem::forget(clone.clone());
            clone.wake();
            waker.wake_by_ref();
            std::mem::forget(own_waker().await);
        }
        assert_eq!((allocated(), alive()), before, "and one that is forgotten leaks nothing");
    });
}

/// A place for one message.
#[derive(Default)]
struct Slot {
    value: Cell<Option<u32>>,
    reader: Cell<Option<Waker>>,
}

impl Slot {
    fn put(&self, value: u32) {
        self.value.set(Some(value));
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
    }

    async fn get(&self) -> u32 {
        poll_fn(|cx| match self.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                self.reader.set(Some(cx.waker().clone()));
                Poll::Pending
            }
        })
        .await
    }
}

#[test]
fn two_tasks_that_pass_messages_cost_none() {
    finish(async {
        let (there, back) = (Rc::new(Slot::default()), Rc::new(Slot::default()));
        let (from, to) = (there.clone(), back.clone());
        drop(spawn(async move {
            loop {
                to.put(from.get().await + 1);
            }
        }));
        let count = steady(async || {
            for n in 0..1000 {
                there.put(n);
                assert_eq!(back.get().await, n + 1);
            }
        });
        assert_eq!(count.await, 0);
    });
}

#[test]
fn a_wake_from_another_thread_is_none_on_either_side() {
    let asked = Arc::new(AtomicU32::new(0));
    let parks = Arc::new(AtomicU64::new(0));
    let answered = Arc::new(AtomicU32::new(0));
    finish(async {
        let (theirs, answers, waker) = (asked.clone(), answered.clone(), own_waker().await);
        let (parks_before, handle) = (parks.clone(), Handle::current());
        let helper = std::thread::spawn(move || {
            let mut before = allocated();
            for n in 1..=400 {
                while theirs.load(Ordering::Acquire) < n {
                    std::thread::park_timeout(Duration::from_millis(1));
                }
                // The first look of a loop that has nothing to do allocates, because it reads the number of CPUs from files.
                // Later the answers may all be there before the loop has nothing to do.
                while n <= 3 && handle.metrics().parks == parks_before.load(Ordering::Relaxed) {
                    std::thread::yield_now();
                }
                answers.store(n, Ordering::Release);
                waker.wake_by_ref();
                if n == 100 {
                    before = allocated();
                }
            }
            allocated() - before
        });
        let mut before = allocated();
        for n in 1..=400 {
            if n <= 3 {
                parks.store(Handle::current().metrics().parks, Ordering::Relaxed);
            }
            asked.store(n, Ordering::Release);
            helper.thread().unpark();
            let answer =
                poll_fn(
                    |_| {
                        if answered.load(Ordering::Acquire) == n { Poll::Ready(()) } else { Poll::Pending }
                    },
                );
            answer.await;
            // The answers may all have been there at the first look; then no mail has been read yet.
            oneloop::yield_now().await;
            if n == 100 {
                before = allocated();
            }
        }
        assert_eq!(allocated() - before, 0, "on the loop");
        assert_eq!(helper.join().unwrap(), 0, "on the other thread");
    });
}

#[test]
fn a_sleep_is_none() {
    finish(async {
        let count = steady(async || {
            for _ in 0..20 {
                sleep(Duration::from_micros(50)).await;
            }
        });
        assert_eq!(count.await, 0);
    });
}

#[test]
fn a_timer_that_is_armed_again_and_again_is_none() {
    finish(async {
        let mut timer = pin!(sleep(Duration::ZERO));
        timer.as_mut().await;
        let before = allocated();
        for n in 0..1000 {
            timer.reset(Instant::now() + Duration::from_secs(n));
            assert!(futures::poll!(timer.as_mut()).is_pending());
        }
        timer.reset(Instant::now());
        timer.await;
        assert_eq!(allocated() - before, 0);
    });
}

#[test]
fn time_outs_and_ticks_are_none() {
    finish(async {
        let mut ticks = interval(Duration::from_micros(100));
        let count = steady(async || {
            for _ in 0..10 {
                assert_eq!(timeout(Duration::from_secs(5), yield_now()).await, Ok(()));
                assert!(timeout(Duration::from_micros(20), pending::<()>()).await.is_err());
                ticks.tick().await;
            }
        });
        assert_eq!(count.await, 0);
    });
}

#[test]
fn many_timers_due_at_once_are_none() {
    finish(async {
        let count = steady(async || {
            let due = Instant::now();
            let one = || async move {
                let timers = std::array::from_fn::<_, 50, _>(|_| oneloop::time::sleep_until(due));
                for mut timer in pin!(timers).iter_mut() {
                    let _ = futures::poll!(&mut timer);
                }
                sleep(Duration::from_micros(10)).await;
            };
            one().await;
        });
        assert_eq!(count.await, 0);
    });
}

#[cfg(unix)]
#[test]
fn a_round_trip_through_sockets_is_none() {
    use oneloop::io::{AsyncReadExt, AsyncWriteExt};
    finish(async {
        let (mut ours, mut theirs) = tcp_pair().await.unwrap();
        drop(spawn(async move {
            let mut buffer = [0; 64];
            loop {
                let n = theirs.read(&mut buffer).await.unwrap();
                theirs.write_all(&buffer[..n]).await.unwrap();
            }
        }));
        let count = steady(async || {
            for n in 0..200 {
                ours.write_all(&[n; 64]).await.unwrap();
                let mut buffer = [0; 64];
                ours.read_exact(&mut buffer).await.unwrap();
                assert_eq!(buffer, [n; 64]);
            }
        });
        assert_eq!(count.await, 0);
    });
}

#[cfg(unix)]
#[test]
fn a_time_out_around_a_read_is_none() {
    use oneloop::io::AsyncReadExt;
    finish(async {
        let (mut ours, _theirs) = tcp_pair().await.unwrap();
        let count = steady(async || {
            for _ in 0..10 {
                assert!(timeout(Duration::from_micros(50), ours.read(&mut [0])).await.is_err());
            }
        });
        assert_eq!(count.await, 0);
    });
}

#[test]
fn a_block_on_of_a_runtime_that_is_there_is_none() {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(yield_now());
    let before = allocated();
    for _ in 0..100 {
        runtime.block_on(yield_now());
    }
    assert_eq!(allocated() - before, 0);
}

#[test]
fn a_runtime_gives_back_everything_when_it_is_dropped() {
    // The first one makes what the process keeps: thread-locals, the table of runtimes.
    oneloop::block_on(async { sleep(Duration::from_micros(1)).await });
    let before = alive();
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        for n in 0..1000 {
            drop(spawn(async move { sleep(Duration::from_micros(n)).await }));
            drop(spawn(pending::<()>()));
        }
        let (_ours, _theirs) = tcp_pair().await.unwrap();
        sleep(Duration::from_millis(1)).await;
    });
    drop(runtime);
    assert_eq!(alive() - before, 0);
}

#[cfg(unix)]
#[test]
fn a_socket_that_is_waited_for_in_both_directions_is_none() {
    use oneloop::io::{AsyncReadExt, AsyncWriteExt};
    finish(async {
        let (ours, mut theirs) = tcp_pair().await.unwrap();
        let (mut reading, mut writing) = ours.into_split();
        // Nobody reads what it sends: before long it waits for room, and so it stays.
        let filled = Rc::new(Cell::new(false));
        let full = filled.clone();
        drop(spawn(async move {
            let block = [0; 65536];
            loop {
                if timeout(Duration::from_millis(5), writing.write(&block)).await.is_err() {
                    full.set(true);
                    writing.write_all(&block).await.unwrap();
                }
            }
        }));
        until(|| filled.get()).await;
        settle().await;
        let count = steady(async || {
            for n in 0..50 {
                let receiving = async {
                    let mut byte = [0];
                    reading.read_exact(&mut byte).await.map(|()| byte)
                };
                let (received, sent) = futures::join!(receiving, async { theirs.write_all(&[n]).await });
                sent.unwrap();
                assert_eq!(received.unwrap(), [n]);
            }
        });
        assert_eq!(count.await, 0);
    });
}

#[test]
fn a_socket_that_several_tasks_wait_for_is_none() {
    use oneloop::net::UdpSocket;
    finish(async {
        let socket = Rc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let (to, sending) = (socket.local_addr().unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let received = Rc::new(Cell::new(0));
        for _ in 0..3 {
            let (socket, received) = (socket.clone(), received.clone());
            drop(spawn(async move {
                loop {
                    socket.recv_from(&mut [0; 8]).await.unwrap();
                    received.set(received.get() + 1);
                }
            }));
        }
        let count = steady(async || {
            for _ in 0..50 {
                let before = received.get();
                sending.send_to(&[1], to).await.unwrap();
                until(|| received.get() > before).await;
            }
        });
        assert_eq!(count.await, 0);
    });
}

/// Each call entered the task once more in the list of those to be dropped.
#[test]
fn aborting_a_task_again_and_again_is_none() {
    finish(async {
        let task = spawn(std::future::pending::<()>());
        task.abort();
        let before = allocated();
        (0..10_000).for_each(|_| task.abort());
        assert_eq!(allocated() - before, 0);
        assert!(task.await.unwrap_err().is_cancelled());
    });
}
