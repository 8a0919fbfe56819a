//! Drivers, each one explicitly: they serve, they can be woken, and a loop with nothing to do sleeps.

use std::cell::Cell;
use std::future::poll_fn;
use std::io::{ErrorKind, Read, Write};
#[cfg(target_os = "linux")]
use std::os::{fd::AsRawFd, unix::net::UnixStream};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{TcpListener, TcpStream, UdpSocket};
use oneloop::time::{sleep, timeout};
use oneloop::{Driver, Runtime};
#[cfg(target_os = "linux")]
use oneloop::{Interest, JoinHandle, Source};

#[cfg(target_os = "linux")]
use crate::clock;
use common::drivers::DRIVERS;
#[cfg(target_os = "linux")]
use common::drivers::POLL_FALLBACK;
use common::sockets::{self, LIMIT, Outcome, tcp_pair, within};

/// Runs a test on every driver, each with the ordinary event interval and the smallest.
fn on_each(test: impl AsyncFn() -> Outcome) -> Outcome {
    on(DRIVERS.iter().copied(), test)
}

fn on(drivers: impl Iterator<Item = Driver>, test: impl AsyncFn() -> Outcome) -> Outcome {
    for driver in drivers {
        for interval in [256, 1] {
            let runtime = Runtime::builder().driver(driver).event_interval(interval).build()?;
            let result = runtime.block_on(timeout(LIMIT, test()));
            result.unwrap_or_else(|_| panic!("{driver:?}, event interval {interval}: the test hangs"))?;
        }
    }
    Ok(())
}

/// A message for which the reader has to wait until the driver says so.
async fn ping(a: &mut TcpStream, b: &mut TcpStream) -> Outcome {
    let mut buf = [0; 4];
    let mut reading = b.read_exact(&mut buf);
    assert!(futures::poll!(&mut reading).is_pending());
    a.write_all(b"ping").await?;
    reading.await
}

#[test]
fn each_driver_echoes_tcp() -> Outcome {
    on_each(async || {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let client = std::thread::spawn(move || {
            let mut stream = std::net::TcpStream::connect(addr)?;
            for len in [1, 100, 1023, 1024, 1025, 100_000] {
                let (bytes, mut back) = (sockets::pattern(len, len as u64), vec![0; len]);
                stream.write_all(&bytes)?;
                stream.read_exact(&mut back)?;
                assert!(back == bytes);
            }
            Outcome::Ok(())
        });
        let (stream, _) = listener.accept().await?;
        oneloop::io::copy(&stream, &stream).await?;
        client.join().expect("the client")
    })
}

#[test]
fn each_driver_echoes_udp() -> Outcome {
    on_each(async || {
        let server = UdpSocket::bind("127.0.0.1:0").await?;
        let client = UdpSocket::bind("127.0.0.1:0").await?;
        client.connect(server.local_addr()?).await?;
        let mut buf = [0; 64];
        for number in 0..50 {
            client.send(&[number]).await?;
            let (n, peer) = server.recv_from(&mut buf).await?;
            server.send_to(&buf[..n], peer).await?;
            assert_eq!(client.recv(&mut buf).await?, 1);
            assert_eq!(buf[0], number);
        }
        Ok(())
    })
}

#[test]
fn both_directions_can_be_waited_for_at_once() -> Outcome {
    on_each(async || {
        let (a, mut b) = tcp_pair().await?;
        while a.try_write(&[0; 65536]).is_ok() {}
        while futures::poll!(a.writable()).is_ready() {
            let _ = a.try_write(&[0; 65536]);
        }
        assert_eq!(a.try_read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let (mut readable, mut writable) = (a.readable(), a.writable());
        assert!(futures::poll!(&mut readable).is_pending());
        assert!(futures::poll!(&mut writable).is_pending());
        // The event of one must not end the wait for the other.
        b.write_all(b"x").await?;
        within(readable).await?;
        let drain = oneloop::spawn(async move {
            while b.read(&mut [0; 65536]).await? > 0 {}
            Outcome::Ok(())
        });
        within(writable).await?;
        assert_eq!(a.try_read(&mut [0; 8])?, 1);
        drop(a);
        drain.await.unwrap()
    })
}

#[test]
fn a_notify_from_another_thread_ends_the_sleep() -> Outcome {
    on_each(async || {
        for parked in [false, true] {
            let flag = Arc::new(AtomicBool::new(false));
            let mut thread = None;
            poll_fn(|cx| {
                if flag.load(Ordering::SeqCst) {
                    return Poll::Ready(());
                }
                let (flag, waker) = (flag.clone(), cx.waker().clone());
                thread.get_or_insert_with(|| {
                    std::thread::spawn(move || {
                        if parked {
                            std::thread::sleep(Duration::from_millis(20));
                        }
                        flag.store(true, Ordering::SeqCst);
                        waker.wake();
                    })
                });
                Poll::Pending
            })
            .await;
            thread.expect("it was started").join().expect("the waking thread");
        }
        Ok(())
    })
}

/// Waits until another thread wakes it, and says how to.
async fn woken(send_waker: impl FnOnce(Waker)) {
    let mut send_waker = Some(send_waker);
    poll_fn(|cx| match send_waker.take() {
        Some(send) => {
            send(cx.waker().clone());
            Poll::Pending
        }
        None => Poll::Ready(()),
    })
    .await;
}

#[test]
fn each_of_many_notifies_ends_a_sleep() -> Outcome {
    on_each(async || {
        let (send, receive) = std::sync::mpsc::channel::<Waker>();
        let waking = std::thread::spawn(move || receive.into_iter().for_each(Waker::wake));
        for _ in 0..2000 {
            woken(|waker| send.send(waker).unwrap()).await;
        }
        drop(send);
        waking.join().expect("the waking thread");
        Ok(())
    })
}

#[test]
fn a_flood_of_wakes_from_other_threads_does_not_starve_sockets() -> Outcome {
    on_each(async || {
        let (mut a, mut b) = tcp_pair().await?;
        let stop = Arc::new(AtomicBool::new(false));
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let threads = [(); 3].map(|()| {
            let (stop, waker) = (stop.clone(), waker.clone());
            std::thread::spawn(move || {
                let start = Instant::now();
                while !stop.load(Ordering::Relaxed) && start.elapsed() < LIMIT {
                    waker.wake_by_ref();
                }
            })
        });
        let served = async {
            for _ in 0..100 {
                ping(&mut a, &mut b).await?;
            }
            Outcome::Ok(())
        };
        let served = timeout(LIMIT / 2, served).await;
        stop.store(true, Ordering::Relaxed);
        threads.into_iter().for_each(|thread| thread.join().expect("a waking thread"));
        served.expect("the loop never asked the driver")
    })
}

/// The mailbox is never empty when the loop would go to sleep, and yet no task is ready.
#[test]
fn a_task_that_starts_itself_through_a_handle_does_not_starve_sockets() -> Outcome {
    fn again(stop: Arc<AtomicBool>) {
        let next = stop.clone();
        if !stop.load(Ordering::Relaxed) {
            drop(oneloop::Handle::current().spawn(async move { again(next) }));
        }
    }
    on_each(async || {
        let (mut a, mut b) = tcp_pair().await?;
        let stop = Arc::new(AtomicBool::new(false));
        again(stop.clone());
        let served = timeout(LIMIT / 2, async {
            for _ in 0..100 {
                ping(&mut a, &mut b).await?;
            }
            Outcome::Ok(())
        });
        let served = served.await;
        stop.store(true, Ordering::Relaxed);
        served.expect("the loop never asked the driver")
    })
}

#[test]
fn a_task_that_is_always_ready_does_not_starve_sockets_and_timers() -> Outcome {
    on_each(async || {
        let busy = oneloop::spawn(async {
            loop {
                oneloop::yield_now().await;
            }
        });
        let (mut a, mut b) = tcp_pair().await?;
        for _ in 0..100 {
            ping(&mut a, &mut b).await?;
        }
        sleep(Duration::from_millis(2)).await;
        busy.abort();
        Ok(())
    })
}

#[test]
fn a_task_whose_socket_is_always_ready_gives_way() -> Outcome {
    on_each(async || {
        let (mut client, mut server) = sockets::tcp_from_std().await?;
        let stop = Rc::new(Cell::new(false));
        let bytes = sockets::pattern(100_000, 1);
        client.write_all(&bytes)?;
        let others_turn = oneloop::spawn({
            let stop = stop.clone();
            async move { stop.set(true) }
        });
        let mut read = 0;
        while !stop.get() {
            assert!(read < 10_000, "the other task never got its turn");
            read += server.read(&mut [0]).await?;
        }
        others_turn.await.unwrap();
        let mut rest = vec![0; bytes.len() - read];
        server.read_exact(&mut rest).await?;
        assert!(rest == bytes[read..]);
        Ok(())
    })
}

/// The loop sleeps while it has nothing to do.
#[cfg(target_os = "linux")]
async fn assert_idle(what: &str) {
    sockets::settle().await;
    let waiting = clock::Waiting::begin();
    sleep(Duration::from_millis(80)).await;
    waiting.assert_slept(what);
}

#[cfg(target_os = "linux")]
#[test]
fn an_idle_loop_sleeps_whatever_state_its_sockets_are_in() -> Outcome {
    on_each(async || {
        let (untouched, _peer) = tcp_pair().await?;
        let (mut waiting, _peer_2) = tcp_pair().await?;
        let waiting = oneloop::spawn(async move { waiting.read(&mut [0; 8]).await });
        let (unread, mut peer_3) = tcp_pair().await?;
        peer_3.write_all(b"never read").await?;
        let (half_closed, peer_4) = tcp_pair().await?;
        peer_4.shutdown(std::net::Shutdown::Write)?;
        let (closed, peer_5) = tcp_pair().await?;
        drop(peer_5);
        let (reset, peer_6) = tcp_pair().await?;
        peer_6.set_linger(Some(Duration::ZERO))?;
        drop(peer_6);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let _not_accepted = TcpStream::connect(listener.local_addr()?).await?;
        assert_idle("sockets in every state").await;
        waiting.abort();
        drop((untouched, unread, half_closed, closed, reset));
        Ok(())
    })
}

/// However the reactor keeps those who wait few: who does wait must not be woken again and again.
#[cfg(target_os = "linux")]
#[test]
fn an_idle_loop_sleeps_however_many_wait_for_one_socket() -> Outcome {
    on_each(async || {
        for count in [63, 64, 65, 100, 1000] {
            let (mut a, b) = tcp_pair().await?;
            while b.try_read(&mut [0; 8]).is_ok() {}
            let b = Rc::new(b);
            let wait = || {
                let b = b.clone();
                async move { b.readable().await }
            };
            // As many more give up.
            let mut tasks: Vec<_> = (0..2 * count).map(|_| oneloop::spawn(wait())).collect();
            sockets::settle().await;
            for given_up in tasks.split_off(count) {
                given_up.abort();
            }
            // As many again with wakers that aren't the loop's.
            let combined: futures::stream::FuturesUnordered<_> = (0..count).map(|_| wait()).collect();
            let combined = oneloop::spawn(futures::TryStreamExt::try_collect::<Vec<()>>(combined));
            assert_idle(&format!("{count} tasks, and {count} futures in one task, wait for a socket")).await;
            assert!(tasks.iter().all(|task| !task.is_finished()));
            a.write_all(b"x").await?;
            for task in tasks {
                task.await.unwrap()?;
            }
            assert_eq!(combined.await.unwrap()?.len(), count);
        }
        Ok(())
    })
}

/// Closing a descriptor doesn't end the registration of its duplicates' file.
#[cfg(target_os = "linux")]
#[test]
fn a_duplicate_that_outlives_its_socket_does_not_keep_the_loop_busy() -> Outcome {
    on_each(async || {
        use std::os::fd::AsFd;
        let (closed, mut peer) = tcp_pair().await?;
        let duplicate = closed.as_fd().try_clone_to_owned()?;
        drop(closed);
        assert_idle("a duplicate of a dropped socket").await;
        peer.write_all(b"never read").await?;
        assert_idle("a duplicate of a dropped socket, with data").await;
        drop(peer);
        assert_idle("a duplicate of a dropped socket, closed by the peer").await;
        drop(duplicate);
        Ok(())
    })
}

/// An interest outlives the task that waited. A level-triggered system reports a hang-up as long as
/// it lasts.
#[cfg(target_os = "linux")]
#[test]
fn an_idle_loop_sleeps_after_sockets_hang_up_whose_waiters_gave_up() -> Outcome {
    on_each(async || {
        let (reader, peer) = tcp_pair().await?;
        while reader.try_read(&mut [0; 8]).is_ok() {}
        assert!(futures::poll!(reader.readable()).is_pending());
        let (writer, peer_2) = tcp_pair().await?;
        while writer.try_write(&[0; 65536]).is_ok() {}
        while futures::poll!(writer.writable()).is_ready() {
            let _ = writer.try_write(&[0; 65536]);
        }
        peer_2.set_linger(Some(Duration::ZERO))?;
        drop((peer, peer_2));
        assert_idle("sockets that hung up after their waiters gave up").await;
        assert_eq!((&reader).read(&mut [0; 8]).await?, 0);
        assert!((&writer).write(b"x").await.is_err());
        assert_idle("sockets that hung up, after an operation on each").await;
        Ok(())
    })
}

/// The source of a stream, a task that waits to read from it, and two more descriptors: a duplicate of
/// the stream's, and the peer.
#[cfg(target_os = "linux")]
type Watched = (Rc<Source<UnixStream>>, JoinHandle<std::io::Result<usize>>, [UnixStream; 2]);

#[cfg(target_os = "linux")]
async fn watched_stream() -> std::io::Result<Watched> {
    let (peer, ours) = UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let duplicate = ours.try_clone()?;
    let source = Rc::new(Source::new(ours)?);
    let shared = source.clone();
    let reading = oneloop::spawn(async move {
        shared.async_io(Interest::Readable, |mut stream| stream.read(&mut [0; 8])).await
    });
    sockets::settle().await;
    Ok((source, reading, [duplicate, peer]))
}

/// Makes a source's number another object's, behind the loop's back.
#[cfg(target_os = "linux")]
fn replace(source: &Source<UnixStream>, by: &impl AsRawFd) {
    // SAFETY: both numbers are open descriptors; the source goes on to own the copy.
    assert!(unsafe { libc::dup2(by.as_raw_fd(), source.get_ref().as_raw_fd()) } >= 0);
}

/// The system's own entry for such a stream lasts as long as the duplicate, and no number names it.
#[cfg(target_os = "linux")]
#[test]
fn a_stream_whose_number_was_replaced_without_the_loop_does_not_keep_it_busy() -> Outcome {
    // poll(2) watches numbers, whatever they stand for.
    let drivers = DRIVERS.iter().copied().filter(|driver| !(POLL_FALLBACK && *driver == Driver::Mio));
    on(drivers, async || {
        for watched_anew in [false, true] {
            let (source, reading, [_duplicate, mut peer]) = watched_stream().await?;
            let (_bystander, bystander_reads, [_, mut bystanders_peer]) = watched_stream().await?;
            let (_other_peer, other) = UnixStream::pair()?;
            other.set_nonblocking(true)?;
            replace(&source, &other);
            if watched_anew {
                let _ = futures::poll!(source.readable()); // `polling` reports an error
            }
            peer.write_all(b"x")?;
            assert_idle("a duplicate of a stream whose number was replaced").await;
            bystanders_peer.write_all(b"hello")?;
            assert_eq!(within(bystander_reads).await.unwrap()?, 5);
            reading.abort();
        }
        Ok(())
    })
}

/// The driver makes a new set at the first one's event, and can't add the second one.
#[cfg(oneloop_driver_epoll)]
#[test]
fn of_two_streams_whose_numbers_were_replaced_the_second_is_reported_with_the_first() -> Outcome {
    Runtime::builder().driver(Driver::Epoll).build()?.block_on(async {
        let (first, first_reads, [_duplicate, mut peer]) = watched_stream().await?;
        let (second, second_reads, [_duplicate_2, _peer_2]) = watched_stream().await?;
        let null = std::fs::File::open("/dev/null")?;
        replace(&first, &null);
        replace(&second, &null);
        peer.write_all(b"x")?;
        // Each has tried to receive from an object that is no socket.
        within(first_reads).await.unwrap().unwrap_err();
        within(second_reads).await.unwrap().unwrap_err();
        Ok(())
    })
}

#[cfg(target_os = "linux")]
#[test]
fn an_idle_loop_is_not_scheduled_at_all() -> Outcome {
    on_each(async || {
        let (_a, _b) = tcp_pair().await?;
        sockets::settle().await;
        // One sleep, and some for the scheduler's own reasons and a tool's locks. A loop that looks every millisecond has 100
        // each time.
        let mut slept = Vec::new();
        for _ in 0..5 {
            let before = sockets::thread_sleeps();
            sleep(Duration::from_millis(100)).await;
            slept.push(sockets::thread_sleeps() - before);
            if slept.last() <= Some(&10) {
                return Ok(());
            }
        }
        panic!("the loop went to sleep {slept:?} times in 100 ms each");
    })
}

#[test]
fn an_event_interval_of_zero_is_refused() {
    let error = Runtime::builder().event_interval(0).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("event_interval"), "{error}");
}
