//! A task that never yields. If it does I/O, timers or joins, its budget makes it give way (`tests/tasks/budget.rs`). If it only
//! computes, or blocks its thread, nothing makes it give way: the loop stands still until it ends, as the documentation of
//! `yield_now` says. The tests show that nothing which happens meanwhile is lost: connections, bytes, timers,
//! messages, tasks and wake-ups from other threads, children that end and signals are all there afterwards, and in order.

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::net::TcpStream as StdStream;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use oneloop::event_loop::Event;
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::TcpListener;
use oneloop::time::{sleep_until, timeout};
use oneloop::{Handle, spawn, yield_now};

use common::events;
use common::sockets::{self, LIMIT, Outcome, pattern, run, settle, tcp_from_std};

const MS: Duration = Duration::from_millis(1);

/// Computes until the condition holds, and 20 ms at least, without ever giving way.
fn hog(condition: impl Fn() -> bool) -> u64 {
    let (begun, mut work) = (Instant::now(), 1_u64);
    while begun.elapsed() < 20 * MS || !condition() {
        assert!(begun.elapsed() < LIMIT, "what it waits for doesn't come");
        for _ in 0..1000 {
            work = std::hint::black_box(work.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        }
    }
    work
}

#[test]
fn while_a_task_computes_no_other_task_runs_and_afterwards_all_do() -> Outcome {
    run(async {
        let turns = Rc::new(Cell::new(0));
        let counting = turns.clone();
        let other = spawn(async move {
            loop {
                counting.set(counting.get() + 1);
                yield_now().await;
            }
        });
        settle().await;
        let watching = turns.clone();
        let hogging = spawn(async move {
            let before = watching.get();
            hog(|| true);
            assert_eq!(watching.get(), before, "there is one thread only");
        });
        hogging.await.unwrap();
        let after = turns.get();
        sockets::within(async {
            while turns.get() < after + 100 {
                yield_now().await;
            }
        })
        .await;
        other.abort();
        let result: Result<(), _> = other.await;
        assert!(result.unwrap_err().is_cancelled());
        Ok(())
    })
}

#[test]
fn timers_that_come_due_meanwhile_fire_in_their_order_and_none_is_lost() -> Outcome {
    run(async {
        let (log, start) = (Rc::new(RefCell::new(Vec::new())), Instant::now());
        let timers: Vec<_> = (0..200_u32)
            .map(|n| {
                let (log, deadline) = (log.clone(), start + Duration::from_micros(100) * (n * 77 % 200));
                spawn(async move {
                    sleep_until(deadline).await;
                    assert!(Instant::now() >= deadline);
                    log.borrow_mut().push(deadline);
                })
            })
            .collect();
        let late = spawn(timeout(5 * MS, std::future::pending::<()>()));
        yield_now().await;
        hog(|| true);
        for timer in timers {
            timer.await.unwrap();
        }
        assert!(log.borrow().is_sorted());
        assert!(late.await.unwrap().is_err());
        Ok(())
    })
}

#[test]
fn clients_that_come_write_and_go_meanwhile_are_served_afterwards() -> Outcome {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        drop(spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                drop(spawn(async move {
                    let mut all = Vec::new();
                    stream.read_to_end(&mut all).await.unwrap();
                    stream.write_all(&all).await.unwrap();
                }));
            }
        }));
        let (mut connected, mut server) = tcp_from_std().await?;
        let reading = spawn(async move {
            let mut all = Vec::new();
            server.read_to_end(&mut all).await.map(|_| all)
        });
        settle().await;
        let wrote = Arc::new(AtomicUsize::new(0));
        let writing = wrote.clone();
        let clients = std::thread::spawn(move || {
            connected.write_all(&pattern(5000, 99)).unwrap();
            drop(connected);
            let streams: Vec<_> = (0..50)
                .map(|n| {
                    let mut stream = StdStream::connect(addr).unwrap();
                    stream.write_all(&pattern(1000, n)).unwrap();
                    stream.shutdown(std::net::Shutdown::Write).unwrap();
                    writing.fetch_add(1, Ordering::SeqCst);
                    stream
                })
                .collect();
            for (n, mut stream) in (0..).zip(streams) {
                let mut back = Vec::new();
                stream.read_to_end(&mut back).unwrap();
                assert!(back == pattern(1000, n), "client {n}");
            }
        });
        hog(|| wrote.load(Ordering::SeqCst) == 50); // all of them while the loop does not read
        assert!(reading.await.unwrap()? == pattern(5000, 99));
        while !clients.is_finished() {
            settle().await;
        }
        clients.join().expect("the clients are content");
        Ok(())
    })
}

#[test]
fn messages_of_other_threads_meanwhile_arrive_afterwards_in_order() -> Outcome {
    run(async {
        let (log, ready) = (Rc::new(RefCell::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let (sender, receiver) = async_channel::unbounded();
        let receiving = log.clone();
        let tasks = spawn(async move {
            while let Ok(n) = receiver.recv().await {
                receiving.borrow_mut().push(n);
            }
        });
        settle().await;
        let (handle, posted) = (Handle::current(), ready.clone());
        let thread = std::thread::spawn(move || {
            let remote: Vec<_> = (0..1000)
                .map(|n| {
                    sender.send_blocking(n).unwrap(); // wakes the task that waits
                    handle.spawn(async move { n })
                })
                .collect();
            posted.store(1, Ordering::SeqCst);
            remote.into_iter().enumerate().all(|(n, task)| oneloop::block_on(task).unwrap() == n)
        });
        hog(|| ready.load(Ordering::SeqCst) == 1);
        assert!(log.borrow().is_empty(), "there is one thread only");
        tasks.await.unwrap(); // it ends when the thread has dropped the sender
        assert!(log.borrow().iter().copied().eq(0..1000));
        while !thread.is_finished() {
            settle().await;
        }
        assert!(thread.join().unwrap());
        Ok(())
    })
}

#[cfg(all(unix, feature = "process"))]
#[test]
fn a_child_that_ends_and_a_signal_that_comes_meanwhile_are_reported_afterwards() -> Outcome {
    use oneloop::process::Command;
    use oneloop::signal::Signal;
    run(async {
        let mut listener = Signal::new(libc::SIGUSR1.into())?;
        let mut child = Command::new("true").spawn()?;
        let waiting = spawn(async move { child.wait().await });
        let signal = spawn(async move { listener.recv().await });
        settle().await;
        // SAFETY: a call without pointers; a listener for this signal is there.
        assert_eq!(unsafe { libc::raise(libc::SIGUSR1) }, 0);
        hog(|| true);
        assert!(waiting.await.unwrap()?.success());
        signal.await.unwrap()
    })
}

#[cfg(feature = "unblock")]
#[test]
fn the_same_work_on_the_pool_delays_no_other_task() -> Outcome {
    run(async {
        let turns = Rc::new(Cell::new(0));
        let counting = turns.clone();
        let ticking = spawn(async move {
            loop {
                oneloop::time::sleep(MS / 10).await;
                counting.set(counting.get() + 1);
            }
        });
        let enough = Arc::new(AtomicUsize::new(0));
        let told = enough.clone();
        let working = spawn(oneloop::unblock(move || hog(|| told.load(Ordering::SeqCst) == 1)));
        while turns.get() < 10 {
            oneloop::time::sleep(MS).await;
        }
        assert!(!working.is_finished(), "it waits for us");
        enough.store(1, Ordering::SeqCst);
        working.await.unwrap();
        ticking.abort();
        let result: Result<(), _> = ticking.await;
        assert!(result.unwrap_err().is_cancelled());
        Ok(())
    })
}

#[test]
fn a_handler_of_an_event_loop_that_computes_delays_the_other_events_and_loses_none() -> Outcome {
    let mut events = events::new_loop::<usize>();
    let (mut client, server) = events::watched_pair(&events)?;
    let now = Instant::now();
    let timers = [3, 1, 2].map(|n| (events.timer_at(now + n * MS).unwrap(), n));
    let (sender, ready) = (events.sender(), Arc::new(AtomicUsize::new(0)));
    let posted = ready.clone();
    let thread = std::thread::spawn(move || {
        client.write_all(b"hello").unwrap();
        (0..100).for_each(|n| sender.post(n).unwrap());
        posted.store(1, Ordering::SeqCst);
        client.read_exact(&mut [0; 5]).unwrap();
    });
    hog(|| ready.load(Ordering::SeqCst) == 1);
    let (mut messages, mut fired, mut read) = (0, Vec::new(), 0);
    while (messages, fired.len(), read) != (100, 3, 5) {
        match events::next(&mut events) {
            Event::Message(n) => {
                assert_eq!(n, messages);
                messages += 1;
            }
            Event::Timer(id) => fired.extend(timers.iter().find(|timer| timer.0 == id).map(|timer| timer.1)),
            Event::Readable(_) => {
                let mut buf = [0; 8];
                let n = events::read_now(&server, &mut buf).unwrap_or(0);
                assert_eq!(server.try_write(&buf[..n])?, n);
                read += n;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(fired, [1, 2, 3]);
    thread.join().expect("the other thread is content");
    Ok(())
}
