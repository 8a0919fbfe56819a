//! `TcpStream`: its methods, and everybody who waits for it.

use std::cell::Cell;
use std::future::Future;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use futures::StreamExt;
use futures::future::{join, join_all, select};
use futures::stream::FuturesUnordered;
use oneloop::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use oneloop::net::TcpStream;

use common::sockets::{
    self, CountingWaker, Outcome, run, settle, tcp_from_std, tcp_pair, uninterrupted, within,
};

fn would_block<T>(result: std::io::Result<T>) -> bool {
    result.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

#[test]
fn peek_takes_nothing() -> Outcome {
    run(async {
        let (mut client, mut server) = tcp_from_std().await?;
        let mut buf = [0; 64];
        let mut peeking = Box::pin(server.peek(&mut buf));
        assert!(futures::poll!(&mut peeking).is_pending());
        client.write_all(b"hello")?;
        assert_eq!(peeking.await?, 5);
        for _ in 0..3 {
            assert_eq!(server.peek(&mut buf).await?, 5); // the buffer is larger: not a short read
        }
        assert_eq!(server.peek(&mut buf[..2]).await?, 2);
        assert_eq!(server.read(&mut buf).await?, 5);
        assert_eq!(&buf[..5], b"hello");
        client.shutdown(Shutdown::Write)?;
        assert_eq!(server.peek(&mut buf).await?, 0);
        assert_eq!(server.read(&mut buf).await?, 0);
        Ok(())
    })
}

#[test]
fn try_read_says_would_block_and_readable_says_when_to_try_again() -> Outcome {
    run(async {
        let (mut client, server) = tcp_from_std().await?;
        let mut buf = [0; 8];
        for round in 0..20u8 {
            assert!(would_block(server.try_read(&mut buf)));
            let mut readable = server.readable();
            assert!(futures::poll!(&mut readable).is_pending());
            client.write_all(&[round; 3])?;
            readable.await?;
            assert_eq!(server.try_read(&mut buf)?, 3);
            assert_eq!(buf[..3], [round; 3]);
        }
        drop(client);
        server.readable().await?;
        assert_eq!(server.try_read(&mut buf)?, 0);
        Ok(())
    })
}

#[test]
fn try_write_says_would_block_and_writable_says_when_to_try_again() -> Outcome {
    run(async {
        let (mut client, server) = tcp_from_std().await?;
        let mut buf = vec![0; 1 << 20];
        for _ in 0..3 {
            let mut sent = 0;
            let mut writable = server.writable();
            while futures::poll!(&mut writable).is_ready() {
                sent += server.try_write(&buf).unwrap_or(0);
                writable = server.writable();
            }
            assert!(would_block(server.try_write(&buf)));
            while sent > 0 {
                let len = sent.min(buf.len());
                sent -= uninterrupted(|| client.read(&mut buf[..len]))?;
            }
            writable.await?;
            while would_block(server.try_write(b"x")) {
                server.writable().await?; // a spurious one is allowed
            }
            client.read_exact(&mut buf[..1])?;
        }
        Ok(())
    })
}

#[test]
fn two_tasks_that_wait_for_one_direction_are_both_woken() -> Outcome {
    run(async {
        let (mut client, server) = tcp_from_std().await?;
        let server = Rc::new(server);
        for _ in 0..10 {
            assert!(would_block(server.try_read(&mut [0; 8])));
            let tasks = [(); 3].map(|()| {
                let server = server.clone();
                oneloop::spawn(async move { server.readable().await })
            });
            settle().await;
            assert!(tasks.iter().all(|task| !task.is_finished()));
            client.write_all(b"x")?;
            for task in tasks {
                within(task).await.unwrap()?;
            }
            assert_eq!(server.try_read(&mut [0; 8])?, 1);
        }
        Ok(())
    })
}

#[test]
fn two_tasks_that_read_one_stream_get_every_byte_once() -> Outcome {
    run(async {
        let (mut client, server) = tcp_from_std().await?;
        let server = Rc::new(server);
        let sum = Rc::new(Cell::new(0u64));
        let tasks = [(); 3].map(|()| {
            let (server, sum) = (server.clone(), sum.clone());
            oneloop::spawn(async move {
                let mut buf = [0; 100];
                loop {
                    match (&*server).read(&mut buf).await? {
                        0 => return Outcome::Ok(()),
                        n => sum.set(sum.get() + buf[..n].iter().map(|&b| u64::from(b)).sum::<u64>()),
                    }
                }
            })
        });
        let bytes = sockets::pattern(20_000, 1);
        for piece in bytes.chunks(333) {
            client.write_all(piece)?;
            oneloop::yield_now().await;
        }
        drop(client);
        for task in tasks {
            task.await.unwrap()?; // the end is for all of them
        }
        assert_eq!(sum.get(), bytes.iter().map(|&b| u64::from(b)).sum::<u64>());
        Ok(())
    })
}

#[test]
fn foreign_wakers_of_a_combinator_over_many_sockets_are_all_woken() -> Outcome {
    run(async {
        let mut pairs = Vec::new();
        for _ in 0..50 {
            pairs.push(tcp_from_std().await?);
        }
        for _ in 0..3 {
            assert!(pairs.iter().all(|(_, server)| would_block(server.try_read(&mut [0; 8]))));
            let mut waits: FuturesUnordered<_> = (pairs.iter().enumerate())
                .map(|(number, (_, server))| async move { server.readable().await.map(|()| number) })
                .collect();
            assert!(futures::poll!(waits.next()).is_pending());
            for number in (0..pairs.len()).rev() {
                (&pairs[number].0).write_all(b"x")?;
                // In the order of their readiness, and each woken by its own socket.
                assert_eq!(waits.next().await.expect("there are more")?, number);
                assert_eq!(pairs[number].1.try_read(&mut [0; 8])?, 1);
            }
            assert!(waits.next().await.is_none());
        }
        Ok(())
    })
}

#[test]
fn own_and_foreign_wakers_wait_for_one_socket_together() -> Outcome {
    run(async {
        let (mut client, server) = tcp_from_std().await?;
        assert!(would_block(server.try_read(&mut [0; 8])));
        let server = Rc::new(server);
        let task = oneloop::spawn({
            let server = server.clone();
            async move { server.readable().await }
        });
        let counts = [(); 3].map(|()| Arc::new(CountingWaker::default()));
        for count in &counts {
            let waker = Waker::from(count.clone());
            let mut cx = Context::from_waker(&waker);
            // Twice: the same waker is woken once.
            for _ in 0..2 {
                assert!(pin!(server.readable()).poll(&mut cx).is_pending());
            }
        }
        settle().await;
        client.write_all(b"x")?;
        task.await.unwrap()?;
        server.readable().await?;
        assert_eq!(counts.map(|count| count.count()), [1; 3]);
        Ok(())
    })
}

#[test]
fn a_waiter_that_is_dropped_takes_no_wake_up_from_the_others() -> Outcome {
    run(async {
        let (mut client, server) = tcp_from_std().await?;
        assert!(would_block(server.try_read(&mut [0; 8])));
        let server = Rc::new(server);
        let wait = || {
            let server = server.clone();
            oneloop::spawn(async move { server.readable().await })
        };
        let (first, second, third) = (wait(), wait(), wait());
        settle().await;
        first.abort();
        drop(first);
        third.abort();
        assert!(third.await.unwrap_err().is_cancelled());
        client.write_all(b"x")?;
        within(second).await.unwrap()?;
        // A later one in the place of the aborted ones.
        assert_eq!(server.try_read(&mut [0; 8])?, 1);
        let fourth = wait();
        settle().await;
        client.write_all(b"x")?;
        within(fourth).await.unwrap()
    })
}

#[test]
fn a_read_that_lost_a_select_leaves_its_bytes_to_the_next() -> Outcome {
    run(async {
        let (mut client, mut server) = tcp_from_std().await?;
        for round in 0..20u8 {
            let mut buf = [0; 8];
            let reading = server.read(&mut buf);
            let never_read = select(reading, Box::pin(settle())).await;
            assert!(matches!(never_read, futures::future::Either::Right(_)));
            client.write_all(&[round])?;
            assert_eq!(server.read(&mut buf).await?, 1);
            assert_eq!(buf[0], round);
        }
        Ok(())
    })
}

thread_local! {
    /// The socket of the test below, where its waker finds it.
    static KEPT: std::cell::RefCell<Option<TcpStream>> = const { std::cell::RefCell::new(None) };
}

/// Foreign wakers are foreign code: nothing of the loop may be borrowed while they run.
#[test]
fn a_foreign_waker_may_use_and_drop_the_socket_that_wakes_it() -> Outcome {
    struct DropSocket;
    impl std::task::Wake for DropSocket {
        fn wake(self: Arc<Self>) {
            let socket = KEPT.take().expect("woken once");
            assert_eq!(socket.try_read(&mut [0; 8]).unwrap(), 1);
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            drop((oneloop::net::TcpListener::try_from(listener).unwrap(), socket));
        }
    }
    run(async {
        let (mut client, server) = tcp_from_std().await?;
        assert!(would_block(server.try_read(&mut [0; 8])));
        let waker = Waker::from(Arc::new(DropSocket));
        assert!(pin!(server.readable()).poll(&mut Context::from_waker(&waker)).is_pending());
        KEPT.set(Some(server));
        client.write_all(b"x")?;
        while KEPT.with_borrow(Option::is_some) {
            settle().await;
        }
        assert_eq!(uninterrupted(|| client.read(&mut [0; 8]))?, 0);
        Ok(())
    })
}

/// A loop that serves an idle connection for months must not remember everybody who ever looked at it.
#[test]
fn wakers_of_those_who_gave_up_waiting_do_not_pile_up() -> Outcome {
    run(async {
        let (mut client, mut server) = tcp_from_std().await?;
        let counts: Vec<_> = (0..10_000).map(|_| Arc::new(CountingWaker::default())).collect();
        let mut buf = [0; 8];
        for (number, count) in counts.iter().enumerate() {
            let waker = Waker::from(count.clone());
            let mut server = pin!(&mut server);
            let polled = server.as_mut().poll_read(&mut Context::from_waker(&waker), &mut buf);
            assert!(polled.is_pending());
            if number % 10 == 0 {
                oneloop::yield_now().await;
            }
        }
        let kept = counts.iter().filter(|count| Arc::strong_count(count) > 1).count();
        assert!(kept < counts.len() / 10, "{kept} of {} wakers are kept", counts.len());
        // Nobody can tell who has given up, so each has been woken: earlier, or by the event.
        client.write_all(b"x")?;
        server.read_exact(&mut buf[..1]).await?;
        assert!(counts.iter().all(|count| count.count() > 0));
        Ok(())
    })
}

#[test]
fn shutting_down_wakes_our_own_reader() -> Outcome {
    run(async {
        for how in [Shutdown::Both, Shutdown::Read] {
            let (_client, server) = tcp_from_std().await?;
            let server = Rc::new(server);
            let reading = oneloop::spawn({
                let server = server.clone();
                async move { (&*server).read(&mut [0; 8]).await }
            });
            settle().await;
            assert!(!reading.is_finished());
            server.shutdown(how)?;
            assert_eq!(within(reading).await.unwrap()?, 0);
        }
        Ok(())
    })
}

#[test]
fn each_direction_is_shut_down_for_itself() -> Outcome {
    run(async {
        let (mut a, mut b) = tcp_pair().await?;
        a.shutdown(Shutdown::Read)?;
        assert_eq!(a.read(&mut [0; 8]).await?, 0);
        a.write_all(b"out").await?;
        b.read_exact(&mut [0; 3]).await?;
        a.shutdown(Shutdown::Write)?;
        assert_eq!(b.read(&mut [0; 8]).await?, 0);
        assert!(sockets::is_shut_down(&a.write(b"x").await.unwrap_err()));
        Ok(())
    })
}

#[test]
fn options_and_addresses() -> Outcome {
    run(async {
        let (client, server) = tcp_from_std().await?;
        assert_eq!(server.peer_addr()?, client.local_addr()?);
        assert_eq!(server.local_addr()?, client.peer_addr()?);
        assert!(!server.nodelay()?);
        server.set_nodelay(true)?;
        assert!(server.nodelay()?);
        server.set_linger(Some(Duration::ZERO))?;
        let options = socket2::SockRef::from(&server);
        assert_eq!(options.linger()?, Some(Duration::ZERO));
        server.set_linger(None)?;
        assert_eq!(options.linger()?, None);
        options.set_keepalive(true)?;
        assert!(options.keepalive()?);
        assert!(server.take_error()?.is_none());
        assert!(format!("{server:?}").contains(&server.local_addr()?.port().to_string()));
        Ok(())
    })
}

#[test]
fn a_stream_of_std_is_taken_over_and_made_non_blocking() -> Outcome {
    run(async {
        let (client, mut server) = tcp_from_std().await?;
        let mut client = TcpStream::try_from(client)?;
        assert!(would_block(client.try_read(&mut [0; 8])), "a blocking read never returns");
        let (mut a, mut b) = ([0; 4], [0; 4]);
        let (read, written) = join(client.read_exact(&mut a), server.write_all(b"ping")).await;
        read.and(written)?;
        let (read, written) = join(server.read_exact(&mut b), client.write_all(b"pong")).await;
        read.and(written)?;
        assert_eq!((&a, &b), (b"ping", b"pong"));
        Ok(())
    })
}

#[test]
#[should_panic(expected = "outside a oneloop runtime")]
fn taking_over_a_stream_outside_a_runtime_says_so() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let _ = TcpStream::try_from(stream);
}

#[test]
fn many_reads_that_are_ready_at_once_are_all_done() -> Outcome {
    run(async {
        let mut pairs = Vec::new();
        for number in 0..100u8 {
            let (mut client, server) = tcp_from_std().await?;
            client.write_all(&[number])?;
            pairs.push((client, server));
        }
        // More at once than the budget of one poll allows, in one task.
        let reads = pairs.iter().map(|(_, server)| async move {
            let (mut server, mut byte) = (server, [0]);
            server.read_exact(&mut byte).await?;
            server.write_all(&byte).await?;
            std::io::Result::Ok(byte[0])
        });
        let all: Result<Vec<_>, _> = join_all(reads).await.into_iter().collect();
        assert!(all?.into_iter().eq(0..100));
        Ok(())
    })
}
