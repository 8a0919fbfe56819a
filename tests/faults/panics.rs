//! Panics at unexpected places: in foreign wakers at every place where a task can wait, when the loop calls, clones and
//! drops them; in closures of `unblock`; in tasks and in their drops, many at once. The loop and all other tasks
//! continue, and nothing is lost.

use std::cell::Cell;
use std::future::Future;
use std::io::Write;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use futures::channel::oneshot;
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{TcpListener, TcpStream, UdpSocket};
use oneloop::spawn;
use oneloop::time::sleep;

use common::executor::*;

/// What these panics carry. It is on the heap, so that a leak detector tells if it is forgotten somewhere.
struct Nothing(#[expect(dead_code, reason = "only its place matters")] u64);

/// A waker that panics, without a message on the screen, when it is woken, and (unless that is what made it panic) when the
/// last of its clones is dropped.
struct Bad {
    woken: Arc<AtomicUsize>,
}

impl Wake for Bad {
    fn wake(self: Arc<Self>) {
        self.woken.fetch_add(1, Ordering::SeqCst);
        std::panic::resume_unwind(Box::new(Nothing(0)));
    }
}

impl Drop for Bad {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            std::panic::resume_unwind(Box::new(Nothing(0)));
        }
    }
}

/// Polls a future with a bad waker, which is left wherever the future waits. Returns the count of its wakes.
fn leave_bad_waker<F: Future>(future: Pin<&mut F>) -> Arc<AtomicUsize> {
    let woken = Arc::new(AtomicUsize::new(0));
    let waker = Waker::from(Arc::new(Bad { woken: woken.clone() }));
    assert!(future.poll(&mut Context::from_waker(&waker)).is_pending());
    // Somebody has kept a clone, or it panics right here.
    drop(waker);
    woken
}

/// Leaves a bad waker where `future` waits, and goes on waiting there while `happens` makes it ready. (The bad one is
/// called, or replaced and dropped.)
async fn beside_bad_waker<F: Future>(future: F, happens: impl AsyncFnOnce()) -> F::Output {
    let mut future = pin!(future);
    let _woken = leave_bad_waker(future.as_mut());
    let mut happens = pin!(happens());
    futures::future::poll_fn(|cx| happens.as_mut().poll(cx)).await;
    future.await
}

/// Reads what there is, so that the stream no longer counts as readable.
fn drain(stream: &TcpStream) {
    while stream.try_read(&mut [0; 64]).is_ok() {}
}

/// Everything works on: tasks, timers, sockets.
async fn assert_serves() {
    let (mut a, mut b) = tcp_pair().await.unwrap();
    let echo = spawn(async move {
        let mut buf = [0; 4];
        b.read_exact(&mut buf).await.unwrap();
        b.write_all(&buf).await.unwrap();
    });
    sleep(Duration::from_micros(10)).await;
    a.write_all(b"ping").await.unwrap();
    a.read_exact(&mut [0; 4]).await.unwrap();
    echo.await.unwrap();
}

#[test]
fn a_waker_that_panics_may_wait_for_a_socket() {
    finish(async {
        for _ in 0..10 {
            // For bytes, beside a task of the loop's that waits for the same ones.
            let (mut a, b) = tcp_pair().await.unwrap();
            drain(&b);
            let b = Rc::new(b);
            let mut wait = pin!(b.readable());
            let woken = leave_bad_waker(wait.as_mut());
            let other = spawn({
                let b = b.clone();
                async move { b.readable().await }
            });
            settle().await;
            a.write_all(b"x").await.unwrap();
            other.await.unwrap().unwrap();
            until(|| woken.load(Ordering::SeqCst) == 1).await;
            let mut buf = [0; 8];
            assert_eq!((&*b).read(&mut buf).await.unwrap(), 1);
            // Replaced by a good one before anything happens, at the same future.
            let n = beside_bad_waker((&*b).read(&mut buf), async || a.write_all(b"yz").await.unwrap()).await;
            assert_eq!(n.unwrap(), 2);
            // Dropped with the socket.
            drain(&b);
            leave_bad_waker(pin!((&*b).read(&mut buf)));
        }
        assert_serves().await;
    });
}

#[test]
fn a_waker_that_panics_may_wait_for_a_connection_and_a_datagram() {
    finish(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        for _ in 0..10 {
            let accepted = beside_bad_waker(listener.accept(), async || {
                drop(TcpStream::connect(addr).await.unwrap());
            });
            accepted.await.unwrap();
            let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let to = udp.local_addr().unwrap();
            let mut buf = [0; 8];
            let received = beside_bad_waker(udp.recv_from(&mut buf), async || {
                udp.send_to(b"x", to).await.unwrap();
            });
            assert_eq!(received.await.unwrap(), (1, to));
        }
        assert_serves().await;
    });
}

#[test]
fn a_waker_that_panics_may_wait_for_time() {
    finish(async {
        let begun = std::time::Instant::now();
        let mut sleeps: Vec<_> = (1..=20).map(|n| Box::pin(sleep(Duration::from_micros(100 * n)))).collect();
        let woken: Vec<_> = sleeps.iter_mut().map(|sleep| leave_bad_waker(sleep.as_mut())).collect();
        let good = (1..=20).map(|n| spawn(sleep(Duration::from_micros(100 * n))));
        for good in good.collect::<Vec<_>>() {
            good.await.unwrap();
        }
        until(|| woken.iter().all(|woken| woken.load(Ordering::SeqCst) == 1)).await;
        assert!(begun.elapsed() >= Duration::from_millis(2));
        for sleep in sleeps {
            sleep.await;
        }
        leave_bad_waker(pin!(sleep(Duration::from_secs(1000)))); // dropped out of the wheel
        assert_serves().await;
    });
}

#[test]
fn a_waker_that_panics_may_wait_for_a_task_here_and_from_another_thread() {
    finish(async {
        for _ in 0..10 {
            let (sender, receiver) = oneshot::channel();
            let task = spawn(async { receiver.await.unwrap() });
            assert_eq!(beside_bad_waker(task, async || sender.send(5).unwrap()).await.unwrap(), 5);

            let (sender, receiver) = oneshot::channel();
            let remote = oneloop::Handle::current().spawn(async { receiver.await.unwrap() });
            let mut remote = Box::pin(remote);
            let woken = leave_bad_waker(remote.as_mut());
            sender.send(6).unwrap();
            until(|| woken.load(Ordering::SeqCst) == 1).await;
            assert_eq!(remote.await.unwrap(), 6);
        }
        assert_serves().await;
    });
}

#[test]
fn a_task_whose_result_a_panicking_waker_awaits_elsewhere_ends_as_any_other() {
    let drops = Drops::new();
    finish(async {
        let (sender, receiver) = oneshot::channel::<()>();
        let (token, output) = (drops.token(), drops.token());
        let mut remote = Box::pin(oneloop::Handle::current().spawn(async move {
            let _token = token;
            receiver.await.unwrap();
            output
        }));
        let woken = leave_bad_waker(remote.as_mut());
        sender.send(()).unwrap();
        until(|| woken.load(Ordering::SeqCst) == 1).await;
        settle().await;
        assert_eq!(drops.count(), 1, "the task was dropped, its output was not");
        drop(remote.await.unwrap());
        assert_eq!(drops.count(), 2);
    });
}

#[cfg(feature = "unblock")]
#[test]
fn closures_that_panic_on_other_threads_affect_no_other_task() {
    finish(async {
        let tasks: Vec<_> = (0..200)
            .map(|n| {
                spawn(oneloop::unblock(move || {
                    if n % 2 == 0 {
                        std::panic::resume_unwind(Box::new(n));
                    }
                    n
                }))
            })
            .collect();
        for (n, task) in tasks.into_iter().enumerate() {
            match task.await {
                Ok(value) => assert_eq!((value, n % 2), (n, 1)),
                Err(error) => assert_eq!((error.into_panic().downcast_ref(), n % 2), (Some(&n), 0)),
            }
        }
        // The captures of such a closure, and a result that is not taken, may panic in their drop.
        for _ in 0..20 {
            let kept = Quiet;
            drop(oneloop::unblock(move || drop(kept)));
            assert_eq!(oneloop::unblock(|| 7).await, 7);
        }
        assert_serves().await;
    });
}

/// Panics when it is dropped, without a message on the screen.
#[derive(Debug)]
struct Quiet;

impl Drop for Quiet {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            std::panic::resume_unwind(Box::new(Nothing(0)));
        }
    }
}

#[test]
fn of_ten_thousand_tasks_that_panic_in_every_way_none_takes_another_with_it() {
    const TASKS: usize = 10_000;
    finish(async {
        let (drops, sum) = (Drops::new(), Rc::new(Cell::new(0)));
        let tasks: Vec<_> = (0..TASKS)
            .map(|n| {
                let (token, sum) = (drops.token(), sum.clone());
                let task = spawn(async move {
                    let _token = token;
                    let _bad = (n % 4 == 1).then(|| Quiet); // in the drop of a future that is done
                    oneloop::yield_now().await;
                    match n % 4 {
                        0 => std::panic::resume_unwind(Box::new("in a task")),
                        2 => std::future::pending().await, // until it is aborted
                        _ => sum.set(sum.get() + n),
                    }
                    (n % 4 == 3).then(|| Quiet) // in an output that is not taken
                });
                (n % 4 != 3).then_some((n, task))
            })
            .collect();
        settle().await;
        let mut panics = 0;
        for (n, task) in tasks.into_iter().flatten() {
            match n % 4 {
                2 => {
                    task.abort();
                    let error = task.await.unwrap_err();
                    assert!(error.is_cancelled(), "{n}: {error:?}");
                }
                _ => panics += usize::from(task.await.unwrap_err().is_panic()),
            }
        }
        assert_eq!(panics, TASKS / 2);
        assert_eq!(drops.count(), TASKS, "what each task held is dropped once");
        assert_eq!(sum.get(), (0..TASKS).filter(|n| n % 2 == 1).sum::<usize>());
        assert_serves().await;
    });
}

#[test]
fn a_client_whose_task_panics_is_hung_up_on_and_the_others_are_served() {
    finish(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        drop(spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                drop(spawn(async move {
                    let mut byte = [0];
                    while stream.read(&mut byte).await.unwrap() == 1 {
                        if byte == [0] {
                            let _in_the_drop_as_well = Quiet;
                            std::panic::resume_unwind(Box::new("what a client"));
                        }
                        stream.write_all(&byte).await.unwrap();
                    }
                }));
            }
        }));
        let mut healthy = TcpStream::connect(addr).await.unwrap();
        for n in 1..=100 {
            let mut deadly = std::net::TcpStream::connect(addr).unwrap();
            deadly.write_all(&[0]).unwrap();
            let mut deadly = TcpStream::try_from(deadly).unwrap();
            assert_eq!(deadly.read(&mut [0]).await.unwrap(), 0);
            let mut back = [0];
            healthy.write_all(&[n]).await.unwrap();
            healthy.read_exact(&mut back).await.unwrap();
            assert_eq!(back, [n]);
        }
    });
}
