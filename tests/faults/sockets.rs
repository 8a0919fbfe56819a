//! What goes wrong in the life of a server: peers that vanish, limits that are reached, sockets that are
//! dropped at the worst moment, and runtimes that are dropped before their sockets.

use std::io::{ErrorKind, Write};
use std::rc::Rc;
use std::time::Duration;

use futures::FutureExt;
use oneloop::Runtime;
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{TcpListener, TcpStream, UdpSocket};

use common::sockets::{self, Outcome, run, settle, tcp_from_std, tcp_pair};

/// Closes a connection with a reset instead of an end.
fn reset(stream: std::net::TcpStream) -> Outcome {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))
}

/// Writes until it is an error.
async fn write_until_error(stream: &mut TcpStream) -> std::io::Error {
    loop {
        if let Err(error) = stream.write(&[0; 4096]).await {
            return error;
        }
        oneloop::yield_now().await;
    }
}

#[test]
fn a_reset_ends_one_connection_and_the_loop_serves_on() -> Outcome {
    run(async {
        let (mut healthy, mut ours) = tcp_pair().await?;
        for _ in 0..20 {
            let (mut client, mut server) = tcp_from_std().await?;
            client.write_all(b"half a mess")?;
            server.read_exact(&mut [0; 11]).await?;
            let mut buf = [0; 64];
            let mut reading = Box::pin(server.read(&mut buf));
            assert!(futures::poll!(&mut reading).is_pending());
            reset(client)?;
            sockets::assert_reset(reading.await);

            healthy.write_all(b"ping").await?;
            ours.read_exact(&mut [0; 4]).await?;
        }
        Ok(())
    })
}

#[test]
fn a_reset_wakes_a_writer_that_waits_for_room() -> Outcome {
    run(async {
        let (client, mut server) = tcp_from_std().await?;
        let writing = oneloop::spawn(async move { write_until_error(&mut server).await });
        settle().await;
        assert!(!writing.is_finished());
        reset(client)?;
        let error = writing.await.unwrap();
        assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
        Ok(())
    })
}

#[test]
fn a_client_that_leaves_in_the_middle_of_an_answer_is_an_error_of_that_write() -> Outcome {
    run(async {
        let (client, mut server) = tcp_from_std().await?;
        drop(client);
        let error = write_until_error(&mut server).await;
        assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
        // And stays one. (Windows gives the same reason again.)
        let again = if cfg!(windows) { error.kind() } else { ErrorKind::BrokenPipe };
        assert_eq!(server.write(b"x").await.unwrap_err().kind(), again);
        Ok(())
    })
}

#[test]
fn sockets_dropped_in_the_middle_of_reads_and_writes_leave_the_others_alone() -> Outcome {
    run(async {
        let (mut a, mut b) = tcp_pair().await?;
        for round in 0..50 {
            let (mut x, mut y) = tcp_pair().await?;
            let (mut u, mut v) = tcp_pair().await?;
            let reading = oneloop::spawn(async move { x.read(&mut [0; 8]).await });
            let writing = oneloop::spawn(async move { write_until_error(&mut u).await });
            settle().await;
            if round % 2 == 0 {
                y.write_all(b"pending").await?; // its event comes after the reader was dropped
            }
            reading.abort();
            writing.abort();
            v.read_exact(&mut [0; 100]).await?;
            assert!(reading.await.unwrap_err().is_cancelled());
            assert!(writing.await.unwrap_err().is_cancelled());
            a.write_all(&[round]).await?;
            let mut got = [0];
            b.read_exact(&mut got).await?;
            assert_eq!(got, [round]);
        }
        Ok(())
    })
}

#[test]
fn a_socket_in_the_place_of_a_closed_one_sees_none_of_its_events() -> Outcome {
    run(async {
        for round in 0..50 {
            let (mut client, server) = tcp_from_std().await?;
            let (other_client, other) = tcp_from_std().await?;
            assert_eq!(other.try_read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
            assert_eq!(server.try_read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
            client.write_all(b"an event for the one that is closed")?;
            if round % 2 == 0 {
                server.readable().await?; // the event is in; otherwise it is still the system's
            }
            drop(server);
            let mut next = TcpStream::try_from(other_client)?;
            assert_eq!(next.try_read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
            let mut buf = [0; 8];
            let mut reading = Box::pin(next.read(&mut buf));
            assert!(futures::poll!(&mut reading).is_pending());
            drop(client);
            settle().await;
            assert!(futures::poll!(&mut reading).is_pending());
            drop(reading);
            // It has events of its own.
            (&other).write_all(b"mine").await?;
            next.read_exact(&mut [0; 4]).await?;
        }
        Ok(())
    })
}

#[test]
fn a_socket_of_a_dropped_runtime_returns_an_error_and_never_waits() -> Outcome {
    let runtime = Runtime::new()?;
    let (mut stream, _peer, listener, udp, connecting, _full) = runtime.block_on(async {
        let (stream, peer) = tcp_pair().await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let udp = UdpSocket::bind("127.0.0.1:0").await?;
        let full = std::net::TcpListener::bind("127.0.0.1:0")?;
        let connecting = Box::pin(TcpStream::connect(full.local_addr()?));
        std::io::Result::Ok((stream, peer, listener, udp, connecting, full))
    })?;
    drop(runtime);

    let mut buf = [0; 8];
    // Neither without a runtime nor inside another one.
    assert!(stream.read(&mut buf).now_or_never().expect("no waiting").is_err());
    assert!(stream.readable().now_or_never().expect("no waiting").is_err());
    assert!(listener.accept().now_or_never().expect("no waiting").is_err());
    assert!(udp.recv_from(&mut buf).now_or_never().expect("no waiting").is_err());
    run(async {
        let error = stream.read(&mut buf).await.unwrap_err();
        assert!(error.to_string().contains("runtime"), "{error}");
        assert!(stream.peek(&mut buf).await.is_err());
        assert!(listener.accept().await.is_err());
        assert!(udp.recv_from(&mut buf).await.is_err());
        write_until_error(&mut stream).await;
        assert!(stream.writable().await.is_err());
        drop(connecting); // it was never polled
    });
    Ok(())
}

#[test]
fn a_wait_for_a_socket_of_another_runtime_ends_when_that_runtime_is_dropped() -> Outcome {
    let theirs = Runtime::new()?;
    let (mut stream, _peer) = theirs.block_on(tcp_pair())?;
    run(async move {
        let reading = oneloop::spawn(async move { stream.read(&mut [0; 8]).await });
        settle().await;
        assert!(!reading.is_finished());
        drop(theirs);
        assert!(reading.await.unwrap().is_err());
    });
    Ok(())
}

#[test]
fn sockets_may_be_dropped_long_after_their_runtime() -> Outcome {
    let runtime = Runtime::new()?;
    let (a, b) = runtime.block_on(tcp_pair())?;
    let (mut client, server) = runtime.block_on(tcp_from_std())?;
    drop(runtime);
    let (read, write) = a.into_split();
    drop((b, write, read));
    drop(server);
    assert_eq!(sockets::uninterrupted(|| std::io::Read::read(&mut client, &mut [0]))?, 0);
    Ok(())
}

#[test]
fn tasks_may_use_sockets_while_they_are_dropped_with_their_runtime() -> Outcome {
    /// Its drop writes to the peer, and makes new sockets and tasks that no loop will serve.
    struct SayGoodBye(TcpStream, Rc<TcpListener>);
    impl Drop for SayGoodBye {
        fn drop(&mut self) {
            assert_eq!(self.0.try_write(b"good bye").unwrap(), 8);
            assert!(self.1.accept().now_or_never().expect("no waiting").is_err());
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let listener = TcpListener::try_from(listener).unwrap();
            drop(oneloop::spawn(async move { listener.accept().await }));
        }
    }
    let runtime = Runtime::new()?;
    let mut clients = Vec::new();
    for _ in 0..5 {
        let (client, server) = runtime.block_on(tcp_from_std())?;
        let listener = Rc::new(runtime.block_on(TcpListener::bind("127.0.0.1:0"))?);
        clients.push(client);
        let guard = SayGoodBye(server, listener);
        runtime.spawn(async move { guard.0.readable().await.and(guard.1.accept().await.map(drop)) });
    }
    runtime.block_on(settle());
    drop(runtime);
    for mut client in clients {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut client, &mut text)?;
        assert_eq!(text, "good bye");
    }
    Ok(())
}

#[test]
fn a_task_that_panics_closes_its_socket_and_the_loop_serves_on() -> Outcome {
    run(async {
        let (mut client, mut server) = tcp_from_std().await?;
        let task = oneloop::spawn(async move {
            server.read_exact(&mut [0; 1]).await.unwrap();
            std::panic::resume_unwind(Box::new("a panic without a message")); // keeps the output clean
        });
        client.write_all(b"x")?;
        assert!(task.await.is_err_and(|error: oneloop::JoinError| error.is_panic()));
        assert_eq!(sockets::uninterrupted(|| std::io::Read::read(&mut client, &mut [0; 8]))?, 0);
        let (mut a, mut b) = tcp_pair().await?;
        a.write_all(b"x").await?;
        b.read_exact(&mut [0; 1]).await
    })
}

#[test]
fn sockets_and_their_runtime_may_end_with_their_thread() {
    thread_local! {
        static KEPT: std::cell::RefCell<Vec<Box<dyn std::any::Any>>> = const { std::cell::RefCell::new(Vec::new()) };
    }
    for socket_first in [true, false] {
        let thread = std::thread::spawn(move || {
            let runtime = Runtime::new().unwrap();
            let (a, b) = runtime.block_on(tcp_pair()).unwrap();
            runtime.spawn(async move { (&b).read(&mut [0; 8]).await });
            runtime.block_on(settle());
            let mut kept: Vec<Box<dyn std::any::Any>> = vec![Box::new(a), Box::new(runtime)];
            if !socket_first {
                kept.reverse();
            }
            KEPT.set(kept);
        });
        thread.join().expect("a clean end");
    }
}
