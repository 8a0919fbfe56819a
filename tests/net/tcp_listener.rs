//! `TcpListener`: binding, and accepting every connection exactly once.

use std::cell::Cell;
use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use futures::StreamExt;
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{TcpListener, TcpStream, ToSocketAddrs};

use common::sockets::{self, Outcome, run, settle};

async fn listen() -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    Ok((listener, addr))
}

/// Accepts as a program does that only tries.
async fn accept_by_trying(listener: &TcpListener) -> std::io::Result<(TcpStream, SocketAddr)> {
    loop {
        listener.readable().await?;
        match listener.try_accept() {
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            accepted => return accepted,
        }
    }
}

/// Binds, and lets a client of std's in.
async fn serves_at(addr: impl ToSocketAddrs) -> Outcome {
    let listener = TcpListener::bind(addr).await?;
    let bound = listener.local_addr()?;
    assert!(bound.ip().is_loopback() && bound.port() != 0, "{bound}");
    let client = std::net::TcpStream::connect(bound)?;
    let (server, peer) = listener.accept().await?;
    assert_eq!(peer, client.local_addr()?);
    assert_eq!(server.local_addr()?, bound);
    Ok(())
}

#[test]
fn binds_to_every_form_of_address() -> Outcome {
    run(async {
        let v4 = Ipv4Addr::LOCALHOST;
        serves_at(SocketAddr::from((v4, 0))).await?;
        serves_at(&SocketAddr::from((v4, 0))).await?;
        serves_at(std::net::SocketAddrV4::new(v4, 0)).await?;
        serves_at((v4, 0)).await?;
        serves_at((std::net::IpAddr::V4(v4), 0)).await?;
        serves_at(("127.0.0.1", 0)).await?;
        serves_at(("127.0.0.1".to_string(), 0)).await?;
        serves_at("127.0.0.1:0").await?;
        serves_at("127.0.0.1:0".to_string()).await?;
        serves_at([SocketAddr::from((v4, 0))]).await?;
        serves_at(vec![SocketAddr::from((v4, 0))]).await?;
        serves_at(&[SocketAddr::from((v4, 0))][..]).await
    })
}

#[cfg(feature = "unblock")]
#[test]
fn binds_to_names() -> Outcome {
    run(async {
        serves_at(("localhost", 0)).await?;
        serves_at("localhost:0").await
    })
}

#[test]
fn binds_to_ipv6() -> Outcome {
    if !sockets::has_ipv6("binds_to_ipv6") {
        return Ok(());
    }
    run(async {
        serves_at("[::1]:0").await?;
        serves_at(("::1", 0)).await?;
        serves_at((Ipv6Addr::LOCALHOST, 0)).await
    })
}

#[test]
fn a_port_in_use_is_said_so() {
    run(async {
        let (_listener, addr) = listen().await.unwrap();
        assert_eq!(TcpListener::bind(addr).await.unwrap_err().kind(), ErrorKind::AddrInUse);
    });
}

#[test]
fn an_address_of_another_machine_is_said_so() {
    run(async {
        // TEST-NET-3 of RFC 5737: no host has this address.
        let error = TcpListener::bind("203.0.113.1:0").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    });
}

#[test]
fn an_unparsable_address_is_named_in_the_error() {
    run(async {
        for text in
            ["", "127.0.0.1", "127.0.0.1:", ":80", "127.0.0.1:65536", "127.0.0.1:-1", "::1:80", "[::1]80"]
        {
            let error = TcpListener::bind(text).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text:?}");
            assert!(error.to_string().contains(&format!("`{text}`")), "{error}");
        }
    });
}

#[test]
fn addresses_are_tried_in_turn_and_the_last_error_is_reported() -> Outcome {
    run(async {
        let (_listener, taken) = listen().await?;
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        serves_at([taken, free]).await?;

        let foreign: SocketAddr = "203.0.113.1:0".parse().unwrap();
        let last = TcpListener::bind([foreign, taken]).await.unwrap_err();
        assert_eq!(last.kind(), ErrorKind::AddrInUse);
        let none = TcpListener::bind(Vec::new()).await.unwrap_err();
        assert_eq!(none.kind(), ErrorKind::InvalidInput);
        Ok(())
    })
}

#[cfg(unix)]
#[test]
fn a_port_can_be_taken_again_at_once_after_serving() -> Outcome {
    run(async {
        // Without a listener, another program may get the port, but not five times.
        for _ in 0..5 {
            let (listener, addr) = listen().await?;
            let mut client = std::net::TcpStream::connect(addr)?;
            let (server, _) = listener.accept().await?;
            drop((server, listener)); // we close first: the connection lingers in TIME_WAIT on our side
            assert_eq!(sockets::uninterrupted(|| std::io::Read::read(&mut client, &mut [0]))?, 0);
            if TcpListener::bind(addr).await.is_ok() {
                return Ok(());
            }
        }
        panic!("the port stays taken");
    })
}

#[test]
fn several_tasks_accept_at_once_and_no_connection_is_lost() -> Outcome {
    run(async {
        let (listener, addr) = listen().await?;
        let listener = Rc::new(listener);
        let (left, sum) = (Rc::new(Cell::new(40)), Rc::new(Cell::new(0)));
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let (listener, left, sum) = (listener.clone(), left.clone(), sum.clone());
                oneloop::spawn(async move {
                    while left.get() > 0 {
                        left.set(left.get() - 1);
                        let (mut stream, _) = listener.accept().await.unwrap();
                        let mut number = [0];
                        stream.read_exact(&mut number).await.unwrap();
                        sum.set(sum.get() + u32::from(number[0]));
                    }
                })
            })
            .collect();
        let clients = std::thread::spawn(move || {
            for number in 1..=40 {
                std::net::TcpStream::connect(addr).unwrap().write_all(&[number]).unwrap();
            }
        });
        for task in tasks {
            task.await.unwrap();
        }
        clients.join().unwrap();
        assert_eq!((left.get(), sum.get()), (0, 40 * 41 / 2));
        Ok(())
    })
}

#[test]
fn an_accept_that_is_dropped_when_it_is_woken_leaves_the_connection_to_the_others() -> Outcome {
    run(async {
        let (listener, addr) = listen().await?;
        // Both orders: it may be the first that gives up, or the last.
        for giver_up in [0, 1] {
            let mut accepts = [Box::pin(listener.accept()), Box::pin(listener.accept())].map(Some);
            for accept in accepts.iter_mut().flatten() {
                assert!(futures::poll!(accept).is_pending());
            }
            let client = std::net::TcpStream::connect(addr)?;
            listener.readable().await?;
            accepts[giver_up] = None;
            let (_, peer) = accepts[1 - giver_up].take().unwrap().await?;
            assert_eq!(peer, client.local_addr()?);
        }
        Ok(())
    })
}

#[test]
fn two_tasks_that_wait_are_both_woken_by_one_connection() -> Outcome {
    run(async {
        let (listener, addr) = listen().await?;
        let listener = Rc::new(listener);
        let tasks = [(); 2].map(|()| {
            let listener = listener.clone();
            oneloop::spawn(async move {
                // What counts as readable at first is an assumption.
                assert!(futures::poll!(Box::pin(listener.accept())).is_pending());
                listener.readable().await
            })
        });
        settle().await;
        assert!(tasks.iter().all(|task| !task.is_finished()));
        let _client = std::net::TcpStream::connect(addr)?;
        for task in tasks {
            task.await.unwrap()?;
        }
        Ok(())
    })
}

#[test]
fn connections_that_came_in_one_event_are_all_accepted() -> Outcome {
    run(async {
        let (listener, addr) = listen().await?;
        assert!(futures::poll!(Box::pin(listener.accept())).is_pending());
        let clients: Vec<_> =
            (0..64).map(|_| std::net::TcpStream::connect(addr)).collect::<Result<_, _>>()?;
        let accepted = listener.incoming().take(clients.len()).collect::<Vec<_>>().await;
        let mut peers =
            accepted.into_iter().map(|stream| stream?.peer_addr()).collect::<Result<Vec<_>, _>>()?;
        let mut expected = clients.iter().map(|client| client.local_addr()).collect::<Result<Vec<_>, _>>()?;
        peers.sort();
        expected.sort();
        assert_eq!(peers, expected);
        Ok(())
    })
}

#[test]
fn incoming_waits_for_each_connection() -> Outcome {
    run(async {
        let (listener, addr) = listen().await?;
        let mut incoming = listener.incoming();
        for _ in 0..5 {
            assert!(futures::poll!(incoming.next()).is_pending());
            let mut client = std::net::TcpStream::connect(addr)?;
            client.write_all(b"x")?;
            let mut stream = incoming.next().await.expect("the stream never ends")?;
            stream.read_exact(&mut [0]).await?;
        }
        Ok(())
    })
}

#[test]
fn try_accept_says_would_block_and_readable_says_when_to_try_again() -> Outcome {
    run(async {
        let (listener, addr) = listen().await?;
        for _ in 0..10 {
            assert_eq!(listener.try_accept().unwrap_err().kind(), ErrorKind::WouldBlock);
            let mut readable = listener.readable();
            assert!(futures::poll!(&mut readable).is_pending());
            let mut client = std::net::TcpStream::connect(addr)?;
            readable.await?;
            let (mut stream, peer) = listener.try_accept()?;
            assert_eq!(peer, client.local_addr()?);
            client.write_all(b"hello")?;
            stream.read_exact(&mut [0; 5]).await?;
        }
        Ok(())
    })
}

#[test]
fn trying_accepts_all_connections_that_came_in_one_event() -> Outcome {
    run(async {
        let (listener, addr) = listen().await?;
        assert_eq!(listener.try_accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        let clients: Vec<_> =
            (0..64).map(|_| std::net::TcpStream::connect(addr)).collect::<Result<_, _>>()?;
        let mut peers = Vec::new();
        for _ in 0..clients.len() {
            peers.push(accept_by_trying(&listener).await?.1);
        }
        assert_eq!(listener.try_accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        let mut expected = clients.iter().map(|client| client.local_addr()).collect::<Result<Vec<_>, _>>()?;
        peers.sort();
        expected.sort();
        assert_eq!(peers, expected);
        Ok(())
    })
}

#[test]
fn an_accept_that_is_cancelled_loses_no_connection() -> Outcome {
    run(async {
        let (listener, addr) = listen().await?;
        for round in 0..20 {
            let mut accept = Box::pin(listener.accept());
            assert!(futures::poll!(&mut accept).is_pending());
            let client = std::net::TcpStream::connect(addr)?;
            if round % 2 == 0 {
                settle().await; // woken, and dropped before it is polled
            }
            drop(accept);
            assert_eq!(listener.accept().await?.1, client.local_addr()?);
        }
        Ok(())
    })
}

#[test]
fn a_connection_that_was_reset_before_it_was_accepted_does_not_end_accepting() -> Outcome {
    run(async {
        let (listener, addr) = listen().await?;
        for round in 0..20 {
            let broken = socket2::Socket::from(std::net::TcpStream::connect(addr)?);
            broken.set_linger(Some(Duration::ZERO))?;
            drop(broken);
            let mut client = std::net::TcpStream::connect(addr)?;
            client.write_all(b"hello")?;
            // Some systems pass the broken one over, others hand it out.
            loop {
                let (mut stream, peer) = match round % 2 {
                    0 => listener.accept().await?,
                    _ => accept_by_trying(&listener).await?,
                };
                if peer == client.local_addr()? {
                    let mut text = [0; 5];
                    stream.read_exact(&mut text).await?;
                    assert_eq!(&text, b"hello");
                    break;
                }
                sockets::assert_reset(stream.read(&mut [0]).await);
            }
        }
        Ok(())
    })
}

#[test]
fn dropping_a_listener_ends_the_connections_that_were_not_accepted() -> Outcome {
    run(async {
        let (listener, addr) = listen().await?;
        let mut waiting = TcpStream::connect(addr).await?;
        drop(listener);
        let end = waiting.read(&mut [0]).await;
        assert!(
            end.as_ref().is_err_and(|e| e.kind() == ErrorKind::ConnectionReset) || end.is_ok_and(|n| n == 0)
        );
        Ok(())
    })
}

#[test]
fn a_listener_of_std_is_taken_over_and_made_non_blocking() -> Outcome {
    run(async {
        let theirs = std::net::TcpListener::bind("127.0.0.1:0")?;
        let addr = theirs.local_addr()?;
        let listener = TcpListener::try_from(theirs)?;
        assert!(futures::poll!(Box::pin(listener.accept())).is_pending(), "a blocking accept never returns");
        let mut client = TcpStream::connect(addr).await?;
        let (mut server, _) = listener.accept().await?;
        server.write_all(b"hello").await?;
        client.read_exact(&mut [0; 5]).await?;
        assert!(listener.take_error()?.is_none());
        Ok(())
    })
}

#[cfg(unix)]
#[test]
fn options_are_reached_through_the_descriptor() -> Outcome {
    run(async {
        let (listener, addr) = listen().await?;
        let options = socket2::SockRef::from(&listener);
        assert!(options.reuse_address()?);
        assert!(options.nonblocking()?);
        assert_eq!(options.local_addr()?.as_socket(), Some(addr));
        let text = format!("{listener:?}");
        assert!(text.contains(&addr.port().to_string()), "{text}");
        Ok(())
    })
}

#[test]
#[should_panic(expected = "outside a oneloop runtime")]
fn binding_outside_a_runtime_says_so() {
    let _ = futures::executor::block_on(TcpListener::bind("127.0.0.1:0"));
}

#[test]
fn a_listener_and_its_clones_accept_each_connection_once() -> Outcome {
    const CLIENTS: usize = 60;
    run(async {
        let (listener, addr) = listen().await?;
        let clone = listener.try_clone()?;
        assert_eq!(clone.local_addr()?, addr);
        let elsewhere = listener.try_clone()?.into_std()?;
        let (sender, receiver) = async_channel::unbounded();

        // Two listeners on this loop, and one on another, which ends with its thread.
        let accept = |listener: TcpListener, sender: async_channel::Sender<SocketAddr>| async move {
            while let Ok((_stream, peer)) = listener.accept().await {
                if sender.send(peer).await.is_err() {
                    break;
                }
            }
        };
        let tasks = [listener, clone].map(|listener| oneloop::spawn(accept(listener, sender.clone())));
        let (end, ended) = async_channel::bounded::<()>(1);
        let thread = std::thread::spawn(move || {
            oneloop::block_on(async {
                let _task = oneloop::spawn(accept(TcpListener::try_from(elsewhere)?, sender));
                let _ = ended.recv().await;
                Outcome::Ok(())
            })
        });

        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            clients.push(TcpStream::connect(addr).await?);
        }
        let mut left: Vec<_> = clients.iter().map(|client| client.local_addr().unwrap()).collect();
        while !left.is_empty() {
            let peer = sockets::within(receiver.recv()).await.expect("the listeners are there");
            let place = left.iter().position(|addr| *addr == peer).expect("each is accepted once");
            left.swap_remove(place);
        }
        drop(end);
        thread.join().expect("it does not panic")?;
        tasks.iter().for_each(|task| task.abort());
        assert!(receiver.try_recv().is_err());
        Ok(())
    })
}
