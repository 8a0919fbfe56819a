//! These tests cover channels, locks and combinators of other crates. A task that waits on one sleeps
//! until this thread or another one wakes it.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use common::sockets::{run, tcp_pair, within};
use event_listener::Event;
use futures::{SinkExt, StreamExt};
use futures_concurrency::prelude::*;
use oneloop::time::sleep;
use oneloop::yield_now;
use tokio::sync::{Barrier, Mutex, Notify, RwLock, Semaphore, broadcast, mpsc, oneshot};
use tokio_util::codec::{Framed, LengthDelimitedCodec};
use tokio_util::task::TaskTracker;

/// Runs a future that waits, in a task, and calls the function that ends its wait. It does so once on
/// this thread, and once on another thread while the loop is parked or about to park.
fn wakes<F, W>(make: impl Fn() -> (F, W))
where
    F: Future<Output = ()> + 'static,
    W: FnOnce() + Send + 'static,
{
    run(async {
        for on_another_thread in [false, true] {
            let (waits, wake) = make();
            let task = oneloop::spawn(waits);
            for _ in 0..3 {
                yield_now().await;
            }
            assert!(!task.is_finished(), "it has not waited");
            if on_another_thread {
                let waker = std::thread::spawn(|| {
                    std::thread::sleep(Duration::from_millis(10)); // Either order is correct.
                    wake();
                });
                within(task).await.unwrap();
                waker.join().unwrap();
            } else {
                wake();
                within(task).await.unwrap();
            }
        }
    });
}

#[test]
fn tokio_mpsc_wakes_its_receiver() {
    wakes(|| {
        let (sender, mut receiver) = mpsc::channel(1);
        (async move { assert_eq!(receiver.recv().await, Some(1)) }, move || sender.try_send(1).unwrap())
    });
}

#[test]
fn tokio_mpsc_wakes_a_sender_that_found_it_full() {
    wakes(|| {
        let (sender, receiver) = mpsc::channel(1);
        sender.try_send(1).unwrap();
        let receiver = Arc::new(std::sync::Mutex::new(receiver));
        let kept = receiver.clone();
        let waits = async move {
            sender.send(2).await.unwrap();
            assert_eq!(kept.lock().unwrap().try_recv(), Ok(2));
        };
        (waits, move || assert_eq!(receiver.lock().unwrap().try_recv(), Ok(1)))
    });
}

#[test]
fn tokio_oneshot_wakes_its_receiver() {
    wakes(|| {
        let (sender, receiver) = oneshot::channel();
        (async { assert_eq!(receiver.await, Ok(1)) }, || sender.send(1).unwrap())
    });
}

#[test]
fn tokio_broadcast_wakes_its_receivers() {
    wakes(|| {
        let (sender, mut first) = broadcast::channel(4);
        let mut second = sender.subscribe();
        let waits = async move {
            let received = futures::join!(first.recv(), second.recv());
            assert_eq!(received, (Ok(1), Ok(1)));
        };
        (waits, move || drop(sender.send(1)))
    });
}

#[test]
fn tokio_notify_wakes_its_waiter() {
    wakes(|| {
        let notify = Arc::new(Notify::new());
        let waits = notify.clone();
        (async move { waits.notified().await }, move || notify.notify_one())
    });
}

#[test]
fn tokio_locks_wake_their_next_owner() {
    wakes(|| {
        let mutex = Arc::new(Mutex::new(1));
        let held = mutex.clone().try_lock_owned().unwrap();
        (async move { assert_eq!(*mutex.lock().await, 1) }, || drop(held))
    });
    wakes(|| {
        let lock = Arc::new(RwLock::new(1));
        let held = lock.clone().try_write_owned().unwrap();
        (async move { assert_eq!(*lock.read().await, 1) }, || drop(held))
    });
    wakes(|| {
        let semaphore = Arc::new(Semaphore::new(1));
        let held = semaphore.clone().try_acquire_owned().unwrap();
        (async move { drop(semaphore.acquire().await.unwrap()) }, || drop(held))
    });
}

#[test]
fn tokio_barrier_lets_tasks_meet() {
    run(async {
        let barrier = Arc::new(Barrier::new(3));
        let mut set = oneloop::JoinSet::new();
        for _ in 0..3 {
            let barrier = barrier.clone();
            set.spawn(async move { barrier.wait().await.is_leader() });
        }
        let leaders = within(set.join_all()).await;
        assert_eq!(leaders.into_iter().filter(|leader| *leader).count(), 1);
    });
}

#[test]
fn tokio_select_and_join_poll_their_branches() {
    wakes(|| {
        let (sender, mut receiver) = mpsc::channel(1);
        let waits = async move {
            let (received, ()) = tokio::join!(
                async {
                    tokio::select! {
                        received = receiver.recv() => received,
                        () = sleep(Duration::MAX) => None,
                    }
                },
                sleep(Duration::from_millis(1)),
            );
            assert_eq!(received, Some(1));
        };
        (waits, move || sender.try_send(1).unwrap())
    });
}

#[test]
fn event_listener_wakes_its_listener() {
    wakes(|| {
        let event = Arc::new(Event::new());
        let listener = event.listen();
        (listener, move || assert_eq!(event.notify(1), 1))
    });
}

#[test]
fn futures_concurrency_joins_races_and_merges() {
    run(async {
        let after = async |milliseconds| {
            sleep(Duration::from_millis(milliseconds)).await;
            milliseconds
        };
        assert_eq!(within((after(3), after(1)).join()).await, (3, 1));
        assert_eq!(within([after(60_000), after(1)].race()).await, 1);
        let streams = [1, 3, 2].map(|milliseconds| futures::stream::once(after(milliseconds)).boxed_local());
        let mut merged = within(streams.merge().collect::<Vec<_>>()).await;
        merged.sort();
        assert_eq!(merged, [1, 2, 3]);
    });
}

#[test]
fn task_tracker_waits_for_tasks_of_the_runtime() {
    wakes(|| {
        let tracker = TaskTracker::new();
        let (sender, receiver) = oneshot::channel::<()>();
        let tracked = tracker.track_future(async { receiver.await.unwrap() });
        tracker.close();
        let waits = async move {
            drop(oneloop::spawn(tracked));
            tracker.wait().await;
        };
        (waits, || sender.send(()).unwrap())
    });
}

#[test]
fn tokio_util_codec_frames_a_stream_of_the_runtime() {
    const SIZE: usize = 1 << 20;
    run(async {
        let (ours, theirs) = tcp_pair().await.unwrap();
        let echo = oneloop::spawn(async move {
            let (sink, stream) = Framed::new(theirs, LengthDelimitedCodec::new()).split();
            stream.map(|frame| frame.map(|bytes| bytes.freeze())).forward(sink).await
        });
        let mut frames = Framed::new(ours, LengthDelimitedCodec::new());
        for length in [0, 1, SIZE] {
            let frame = bytes::Bytes::from(vec![b'x'; length]);
            within(frames.send(frame.clone())).await.unwrap();
            assert_eq!(within(frames.next()).await.unwrap().unwrap(), frame);
        }
        drop(frames);
        within(echo).await.unwrap().unwrap();
    });
}

#[test]
fn async_stream_yields_between_awaits() {
    run(async {
        let numbers = async_stream::stream! {
            for number in 0..3 {
                sleep(Duration::from_millis(1)).await;
                yield number;
            }
        };
        let numbers = pin!(numbers);
        assert_eq!(within(numbers.collect::<Vec<_>>()).await, [0, 1, 2]);
    });
}
