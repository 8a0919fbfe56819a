//! `UnixDatagram`: datagrams between sockets with a path, without one, and in pairs.
#![cfg(unix)]

use std::io::ErrorKind;
use std::rc::Rc;

use oneloop::net::UnixDatagram;

use common::sockets::{Outcome, SocketPath, fill_unix_queue, run, settle, within};

fn bind() -> std::io::Result<(UnixDatagram, SocketPath)> {
    let path = SocketPath::default();
    Ok((UnixDatagram::bind(&path)?, path))
}

fn fill(path: &SocketPath) -> usize {
    fill_unix_queue(|sender, byte| sender.send_to(&[byte], path))
}

#[test]
fn a_pair_talks_both_ways() -> Outcome {
    run(async {
        let (a, b) = UnixDatagram::pair()?;
        let mut buf = [0; 16];
        assert_eq!(a.send(b"ping").await?, 4);
        assert_eq!(b.recv(&mut buf).await?, 4);
        assert_eq!(b.send(b"pong!").await?, 5);
        assert_eq!(a.recv(&mut buf).await?, 5);
        assert_eq!(&buf[..5], b"pong!");
        Ok(())
    })
}

#[test]
fn datagrams_come_with_their_senders_path() -> Outcome {
    run(async {
        let ((a, a_path), (b, b_path)) = (bind()?, bind()?);
        assert_eq!(a.local_addr()?.as_pathname(), Some(a_path.as_ref()));
        a.send_to(b"hello", &b_path).await?;
        let mut buf = [0; 16];
        let (n, peer) = b.recv_from(&mut buf).await?;
        assert_eq!((&buf[..n], peer.as_pathname()), (&b"hello"[..], Some(a_path.as_ref())));
        b.send_to(b"yes?", peer.as_pathname().unwrap()).await?;
        assert_eq!(a.recv(&mut buf).await?, 4);

        let nameless = UnixDatagram::unbound()?;
        assert!(nameless.local_addr()?.is_unnamed());
        nameless.send_to(b"who?", &b_path).await?;
        assert!(b.recv_from(&mut buf).await?.1.is_unnamed());
        Ok(())
    })
}

#[test]
fn a_connected_socket_sends_to_its_peer() -> Outcome {
    run(async {
        let (receiver, path) = bind()?;
        let sender = UnixDatagram::unbound()?;
        assert_eq!(sender.send(b"to whom?").await.unwrap_err().kind(), ErrorKind::NotConnected);
        assert!(sender.peer_addr().is_err());
        sender.connect(&path)?;
        assert_eq!(sender.peer_addr()?.as_pathname(), Some(path.as_ref()));
        sender.send(b"hello").await?;
        assert_eq!(receiver.recv(&mut [0; 16]).await?, 5);
        Ok(())
    })
}

#[test]
fn a_path_that_exists_is_in_use_and_one_that_is_missing_is_not_found() -> Outcome {
    run(async {
        let (socket, path) = bind()?;
        assert_eq!(UnixDatagram::bind(&path).unwrap_err().kind(), ErrorKind::AddrInUse);
        let missing = SocketPath::default();
        assert_eq!(socket.connect(&missing).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(socket.send_to(b"x", &missing).await.unwrap_err().kind(), ErrorKind::NotFound);
        Ok(())
    })
}

#[test]
fn a_closed_peer_refuses() -> Outcome {
    run(async {
        let (receiver, path) = bind()?;
        let sender = UnixDatagram::unbound()?;
        sender.connect(&path)?;
        drop(receiver);
        assert_eq!(sender.send(b"x").await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert_eq!(sender.send_to(b"x", &path).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        Ok(())
    })
}

#[test]
fn bytes_that_do_not_fit_are_lost_and_the_next_datagram_is_whole() -> Outcome {
    run(async {
        let (a, b) = UnixDatagram::pair()?;
        for datagram in [&b"a long datagram"[..], b"", b"next"] {
            a.send(datagram).await?;
        }
        let mut buf = [0; 6];
        assert_eq!(b.recv(&mut buf).await?, 6);
        assert_eq!(b.recv(&mut buf).await?, 0, "an empty datagram is one, too");
        assert_eq!(b.recv(&mut buf).await?, 4);
        assert_eq!(&buf[..4], b"next");
        Ok(())
    })
}

#[test]
fn sending_waits_while_the_connected_peers_queue_is_full() -> Outcome {
    run(async {
        let (receiver, path) = bind()?;
        let full = fill(&path);
        let sender = UnixDatagram::unbound()?;
        sender.connect(&path)?;
        let sending = oneloop::spawn(async move { sender.send(b"at last").await });
        settle().await;
        assert!(!sending.is_finished());
        let mut buf = [0; 16];
        for number in 0..full {
            assert_eq!(receiver.recv(&mut buf).await?, 1);
            assert_eq!(buf[0], number as u8);
        }
        assert_eq!(within(sending).await.unwrap()?, 7);
        assert_eq!(receiver.recv(&mut buf).await?, 7);
        Ok(())
    })
}

#[test]
fn sending_to_a_path_waits_while_its_queue_is_full_and_delays_no_other_task() -> Outcome {
    run(async {
        let ((receiver, path), (other, other_path)) = (bind()?, bind()?);
        let full = fill(&path);
        let sender = Rc::new(UnixDatagram::unbound()?);
        let sending = oneloop::spawn({
            let (sender, path) = (sender.clone(), path.as_ref().to_owned());
            async move { sender.send_to(b"at last", path).await }
        });
        settle().await;
        assert!(!sending.is_finished());
        within(sender.send_to(b"elsewhere", &other_path)).await?;
        let mut buf = [0; 16];
        assert_eq!(other.recv(&mut buf).await?, 9);
        for _ in 0..full {
            assert_eq!(receiver.recv(&mut buf).await?, 1);
        }
        assert_eq!(within(sending).await.unwrap()?, 7);
        assert_eq!(receiver.recv(&mut buf).await?, 7);
        Ok(())
    })
}

/// A full queue is the receiver's: it says nothing about other receivers.
#[test]
fn a_full_peer_does_not_hold_up_what_is_sent_elsewhere() -> Outcome {
    run(async {
        let ((_receiver, path), (other, other_path)) = (bind()?, bind()?);
        fill(&path);
        let sender = Rc::new(UnixDatagram::unbound()?);
        sender.connect(&path)?;
        let sending = oneloop::spawn({
            let sender = sender.clone();
            async move { sender.send(b"not yet").await }
        });
        settle().await;
        assert!(!sending.is_finished());
        within(sender.send_to(b"elsewhere", &other_path)).await?;
        assert_eq!(other.recv(&mut [0; 16]).await?, 9);
        Ok(())
    })
}

#[test]
fn every_datagram_of_a_sender_that_is_faster_arrives() -> Outcome {
    run(async {
        let (a, b) = UnixDatagram::pair()?;
        let sending = oneloop::spawn(async move {
            for number in 0..5000u32 {
                a.send(&number.to_ne_bytes()).await?;
            }
            Outcome::Ok(())
        });
        let mut buf = [0; 4];
        for number in 0..5000u32 {
            assert_eq!(b.recv(&mut buf).await?, 4);
            assert_eq!(u32::from_ne_bytes(buf), number);
        }
        sending.await.unwrap()
    })
}

#[test]
fn several_tasks_receive_and_each_datagram_goes_to_one() -> Outcome {
    run(async {
        let (a, b) = UnixDatagram::pair()?;
        let b = Rc::new(b);
        let tasks = [(); 3].map(|()| {
            let b = b.clone();
            oneloop::spawn(async move {
                let mut buf = [0; 4];
                b.recv_from(&mut buf).await.map(|_| buf[0])
            })
        });
        settle().await;
        for number in 1..=3 {
            a.send(&[number]).await?;
        }
        let mut sum = 0;
        for task in tasks {
            sum += within(task).await.unwrap()?;
        }
        assert_eq!(sum, 6);
        Ok(())
    })
}

#[test]
fn readable_and_writable_wait() -> Outcome {
    run(async {
        let (a, b) = UnixDatagram::pair()?;
        a.writable().await?;
        assert!(futures::poll!(Box::pin(b.recv(&mut [0; 4]))).is_pending());
        let mut readable = b.readable();
        assert!(futures::poll!(&mut readable).is_pending());
        a.send(b"x").await?;
        readable.await?;
        assert_eq!(b.recv(&mut [0; 4]).await?, 1);
        Ok(())
    })
}

#[test]
fn trying_says_would_block_and_readable_says_when_to_try_again() -> Outcome {
    run(async {
        let ((a, a_path), (b, b_path)) = (bind()?, bind()?);
        a.connect(&b_path)?;
        let mut buf = [0; 16];
        for _ in 0..10 {
            assert_eq!(b.try_recv(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
            assert_eq!(b.try_recv_from(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
            let mut readable = b.readable();
            assert!(futures::poll!(&mut readable).is_pending());
            assert_eq!(a.try_send(b"ping")?, 4);
            assert_eq!(a.try_send_to(b"pong!", &b_path)?, 5);
            readable.await?;
            assert_eq!(b.try_recv(&mut buf)?, 4); // a short one, and yet there is more
            let (n, peer) = b.try_recv_from(&mut buf)?;
            assert_eq!((&buf[..n], peer.as_pathname()), (&b"pong!"[..], Some(a_path.as_ref())));
        }
        Ok(())
    })
}

#[test]
fn try_send_says_would_block_while_the_peers_queue_is_full_and_writable_says_when_to_try_again() -> Outcome {
    run(async {
        let (receiver, path) = bind()?;
        let sender = UnixDatagram::unbound()?;
        assert_eq!(sender.try_send(b"to whom?").unwrap_err().kind(), ErrorKind::NotConnected);
        sender.connect(&path)?;
        for _ in 0..3 {
            let full = fill(&path);
            assert_eq!(sender.try_send(b"x").unwrap_err().kind(), ErrorKind::WouldBlock);
            let mut writable = sender.writable();
            assert!(futures::poll!(&mut writable).is_pending());
            let mut buf = [0; 16];
            for _ in 0..full {
                assert_eq!(receiver.recv(&mut buf).await?, 1);
            }
            within(writable).await?;
            while let Err(e) = sender.try_send(b"at last") {
                assert_eq!(e.kind(), ErrorKind::WouldBlock);
                within(sender.writable()).await?; // a spurious one is allowed
            }
            assert_eq!(receiver.recv(&mut buf).await?, 7);
        }
        Ok(())
    })
}

/// The socket's readiness is that of its peer's queue.
#[test]
fn trying_to_send_to_a_full_queue_says_nothing_about_the_peers_and_the_other_way_round() -> Outcome {
    run(async {
        let ((_receiver, full_path), (other, other_path)) = (bind()?, bind()?);
        fill(&full_path);
        let sender = UnixDatagram::unbound()?;
        let would_block = |sent: std::io::Result<usize>| sent.unwrap_err().kind() == ErrorKind::WouldBlock;

        sender.connect(&other_path)?;
        assert!(would_block(sender.try_send_to(b"not yet", &full_path)));
        assert_eq!(sender.try_send(b"to the peer")?, 11);
        sender.connect(&full_path)?;
        assert!(would_block(sender.try_send(b"not yet")));
        assert_eq!(sender.try_send_to(b"elsewhere", &other_path)?, 9);
        for length in [11, 9] {
            assert_eq!(other.recv(&mut [0; 16]).await?, length);
        }
        Ok(())
    })
}

#[test]
fn a_socket_of_std_is_taken_over_and_made_non_blocking() -> Outcome {
    run(async {
        let (theirs, ours) = std::os::unix::net::UnixDatagram::pair()?;
        let ours = UnixDatagram::try_from(ours)?;
        assert!(
            futures::poll!(Box::pin(ours.recv(&mut [0; 4]))).is_pending(),
            "a blocking receive never returns"
        );
        theirs.send(b"x")?;
        assert_eq!(ours.recv(&mut [0; 4]).await?, 1);
        assert!(socket2::SockRef::from(&ours).nonblocking()?);
        assert!(format!("{ours:?}").contains("fd"));
        Ok(())
    })
}

#[test]
fn operations_of_the_programs_own_send_and_receive() -> Outcome {
    use oneloop::Interest;
    use std::io::Read;
    run(async {
        let (a, b) = UnixDatagram::pair()?;
        let mut buf = [0; 16];
        for _ in 0..10 {
            let mut receive = || (&*socket2::SockRef::from(&b)).read(&mut buf);
            let nothing = b.try_io(Interest::Readable, &mut receive);
            assert_eq!(nothing.unwrap_err().kind(), ErrorKind::WouldBlock);
            let mut receiving = Box::pin(b.async_io(Interest::Readable, receive));
            assert!(futures::poll!(&mut receiving).is_pending());
            std::future::poll_fn(|cx| a.poll_ready(cx, Interest::Writable)).await?;
            assert_eq!(a.try_io(Interest::Writable, || socket2::SockRef::from(&a).send(b"hello"))?, 5);
            assert_eq!(within(receiving).await?, 5);
        }
        Ok(())
    })
}
