//! Options of TCP and UDP sockets, and of TCP sockets before they connect or listen.

use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};
use socket2::SockRef;

#[cfg(target_os = "linux")]
use common::sockets;
use common::sockets::{Outcome, has_ipv6, on_wine, refusing, run, tcp_from_std, tcp_pair, within};

const ANY_PORT: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

fn any_port() -> SocketAddr {
    ANY_PORT.into()
}

#[test]
fn options_of_a_stream_are_set_and_read() -> Outcome {
    run(async {
        let (_client, server) = tcp_from_std().await?;
        let options = SockRef::from(&server);
        server.set_ttl(7)?;
        assert_eq!((server.ttl()?, options.ttl_v4()?), (7, 7));
        server.set_keepalive(true)?;
        assert!(server.keepalive()? && options.keepalive()?);
        server.set_keepalive(false)?;
        assert!(!server.keepalive()?);
        server.set_linger(Some(Duration::from_secs(3)))?;
        assert_eq!(server.linger()?, Some(Duration::from_secs(3)));
        server.set_linger(None)?;
        assert_eq!(server.linger()?, None);
        for size in [20_000, 100_000] {
            server.set_send_buffer_size(size)?;
            server.set_recv_buffer_size(size)?;
            assert!(server.send_buffer_size()? >= size && server.recv_buffer_size()? >= size);
        }
        #[cfg(unix)] // Windows may ignore it
        {
            server.set_tos_v4(0x10)?;
            assert_eq!((server.tos_v4()?, options.tos_v4()?), (0x10, 0x10));
        }
        Ok(())
    })
}

#[test]
fn the_times_of_keepalive_are_set_in_seconds() -> Outcome {
    run(async {
        let (_client, server) = tcp_from_std().await?;
        match server.set_keepalive_times(Duration::from_millis(61_900), Duration::from_secs(11), 3) {
            Err(_) if on_wine() => return Ok(()), // it knows no number of probes
            set => set?,
        }
        assert!(server.keepalive()?);
        #[cfg(unix)] // Windows doesn't say
        {
            let options = SockRef::from(&server);
            assert_eq!(options.tcp_keepalive_time()?, Duration::from_secs(61));
            assert_eq!(options.tcp_keepalive_interval()?, Duration::from_secs(11));
            assert_eq!(options.tcp_keepalive_retries()?, 3);
        }
        Ok(())
    })
}

#[test]
fn a_listener_passes_its_ttl_on() -> Outcome {
    run(async {
        let listener = TcpListener::bind(ANY_PORT).await?;
        listener.set_ttl(9)?;
        assert_eq!(listener.ttl()?, 9);
        let _client = TcpStream::connect(listener.local_addr()?).await?;
        let (server, _) = listener.accept().await?;
        #[cfg(target_os = "linux")] // elsewhere it need not
        assert_eq!(server.ttl()?, 9);
        drop(server);
        Ok(())
    })
}

#[test]
fn a_socket_connects_from_the_address_that_it_was_bound_to() -> Outcome {
    run(async {
        let listener = TcpListener::bind(ANY_PORT).await?;
        let socket = TcpSocket::new_v4()?;
        socket.bind(any_port())?;
        let addr = socket.local_addr()?;
        assert_ne!(addr.port(), 0);
        assert!(socket.take_error()?.is_none());
        let mut client = socket.connect(listener.local_addr()?).await?;
        let (mut server, peer) = listener.accept().await?;
        assert_eq!((peer, client.local_addr()?), (addr, addr));
        client.write_all(b"ping").await?;
        server.read_exact(&mut [0; 4]).await?;
        server.write_all(b"pong").await?;
        client.read_exact(&mut [0; 4]).await?;
        Ok(())
    })
}

#[test]
fn a_socket_listens_with_a_backlog_of_its_own() -> Outcome {
    run(async {
        for backlog in [1, 1024, u32::MAX] {
            let socket = TcpSocket::new_v4()?;
            socket.bind(any_port())?;
            let listener = socket.listen(backlog)?;
            for _ in 0..3 {
                let mut client = std::net::TcpStream::connect(listener.local_addr()?)?;
                client.write_all(b"x")?;
                let (mut server, _) = within(listener.accept()).await?;
                server.read_exact(&mut [0]).await?;
            }
        }
        Ok(())
    })
}

/// The system does not answer clients beyond it.
#[cfg(target_os = "linux")]
#[test]
fn a_short_backlog_keeps_clients_waiting() -> Outcome {
    run(async {
        let socket = TcpSocket::new_v4()?;
        socket.bind(any_port())?;
        let listener = socket.listen(0)?;
        let mut connected = Vec::new();
        let connect =
            || TcpStream::connect_timeout(listener.local_addr().unwrap(), Duration::from_millis(50));
        while let Ok(stream) = connect().await {
            connected.push(stream);
            assert!(connected.len() < 10, "there is no end to the backlog");
        }
        for _ in &connected {
            within(listener.accept()).await?;
        }
        Ok(())
    })
}

#[test]
fn options_that_are_set_before_are_those_of_the_connection() -> Outcome {
    run(async {
        let listening = TcpSocket::new_v4()?;
        listening.bind(any_port())?;
        listening.set_nodelay(true)?;
        listening.set_keepalive(true)?;
        assert!(listening.nodelay()? && listening.keepalive()?);
        let listener = listening.listen(16)?;

        let socket = TcpSocket::new_v4()?;
        socket.set_nodelay(true)?;
        socket.set_keepalive(true)?;
        socket.set_linger(Some(Duration::from_secs(2)))?;
        socket.set_send_buffer_size(30_000)?;
        socket.set_recv_buffer_size(20_000)?;
        let sizes = (socket.send_buffer_size()?, socket.recv_buffer_size()?);
        assert!(sizes.0 >= 30_000 && sizes.1 >= 20_000);
        assert!(socket.nodelay()? && socket.keepalive()?);
        assert_eq!(socket.linger()?, Some(Duration::from_secs(2)));
        #[cfg(unix)]
        {
            socket.set_tos_v4(0x08)?;
            assert_eq!(socket.tos_v4()?, 0x08);
        }
        let client = socket.connect(listener.local_addr()?).await?;
        assert!(client.nodelay()? && client.keepalive()?);
        assert_eq!(client.linger()?, Some(Duration::from_secs(2)));
        client.set_linger(None)?;
        #[cfg(target_os = "linux")]
        assert_eq!((client.send_buffer_size()?, client.recv_buffer_size()?), sizes);
        #[cfg(unix)]
        assert_eq!(client.tos_v4()?, 0x08);
        let (server, _) = listener.accept().await?;
        #[cfg(target_os = "linux")]
        assert!(server.nodelay()? && server.keepalive()?);
        drop(server);
        Ok(())
    })
}

#[test]
fn a_socket_that_is_refused_says_so() -> Outcome {
    run(async {
        let (_taken, addr) = refusing()?;
        let error = TcpSocket::new_v4()?.connect(addr).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let socket = TcpSocket::new_v4()?;
        assert_eq!(socket.bind(addr).unwrap_err().kind(), ErrorKind::AddrInUse);
        // The wrong family.
        let error = socket.bind("[::1]:0".parse().expect("an address")).unwrap_err();
        assert_ne!(error.kind(), ErrorKind::AddrInUse);
        Ok(())
    })
}

#[cfg(target_os = "linux")]
#[test]
fn an_attempt_of_a_socket_waits_and_is_broken_off_by_its_drop() -> Outcome {
    run(async {
        let (_socket, addr, _connected) = sockets::full().await?;
        let socket = TcpSocket::new_v4()?;
        // No other test uses this address, so that its port stays free.
        socket.bind(SocketAddr::from(([127, 19, 82, 2], 0)))?;
        let local = socket.local_addr()?;
        let mut connecting = Box::pin(socket.connect(addr));
        assert!(futures::poll!(&mut connecting).is_pending());
        sockets::settle().await;
        assert!(futures::poll!(&mut connecting).is_pending());
        drop(connecting);
        let again = TcpSocket::new_v4()?;
        again.bind(local)
    })
}

#[test]
fn a_socket_of_std_keeps_its_options() -> Outcome {
    run(async {
        let listener = TcpListener::bind(ANY_PORT).await?;
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
        socket.set_keepalive(true)?;
        let socket = TcpSocket::from(std::net::TcpStream::from(socket));
        assert!(socket.keepalive()?);
        assert!(format!("{socket:?}").contains("TcpSocket"));
        SockRef::from(&socket).set_out_of_band_inline(true)?;
        let client = socket.connect(listener.local_addr()?).await?;
        assert!(client.keepalive()? && SockRef::from(&client).out_of_band_inline()?);
        Ok(())
    })
}

#[test]
fn a_socket_is_made_on_any_thread_and_connects_on_the_loop_that_polls_it() -> Outcome {
    #[cfg(unix)]
    use std::os::fd::OwnedFd as Owned;
    #[cfg(windows)]
    use std::os::windows::io::OwnedSocket as Owned;
    let socket = std::thread::spawn(|| {
        let socket = TcpSocket::new_v4()?;
        socket.set_nodelay(true)?;
        std::io::Result::Ok(TcpSocket::from(Owned::from(socket)))
    });
    let socket = socket.join().expect("it does not panic")?;
    run(async {
        let listener = TcpListener::bind(ANY_PORT).await?;
        let client = socket.connect(listener.local_addr()?).await?;
        assert!(client.nodelay()?);
        Ok(())
    })
}

#[test]
fn listening_outside_a_runtime_says_so() -> Outcome {
    let socket = TcpSocket::new_v4()?;
    socket.bind(any_port())?;
    let panic = std::panic::catch_unwind(|| drop(socket.listen(1))).unwrap_err();
    let message = *panic.downcast::<String>().expect("a message");
    assert!(message.contains("outside a oneloop runtime"), "{message}");
    Ok(())
}

/// One for each loop; the system divides the connections.
#[cfg(target_os = "linux")]
#[test]
fn listeners_with_one_port_share_its_connections() -> Outcome {
    const CLIENTS: usize = 64;
    fn listen(addr: SocketAddr) -> std::io::Result<TcpListener> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseport(true)?;
        assert!(socket.reuseport()?);
        socket.bind(addr)?;
        socket.listen(1024)
    }
    run(async {
        let first = listen(any_port())?;
        let second = listen(first.local_addr()?)?;
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            clients.push(TcpStream::connect(first.local_addr()?).await?);
        }
        let mut accepted = [const { Vec::new() }; 2];
        while accepted.iter().map(Vec::len).sum::<usize>() < CLIENTS {
            for (listener, accepted) in [&first, &second].into_iter().zip(&mut accepted) {
                while let Ok((stream, _)) = listener.try_accept() {
                    accepted.push(stream);
                }
            }
            sockets::settle().await;
        }
        assert!(accepted.iter().all(|streams| !streams.is_empty()), "all went to one listener");
        let unwilling = TcpSocket::new_v4()?;
        assert_eq!(unwilling.bind(first.local_addr()?).unwrap_err().kind(), ErrorKind::AddrInUse);
        Ok(())
    })
}

#[cfg(unix)]
#[test]
fn an_address_is_bound_to_again_while_an_earlier_connection_is_remembered() -> Outcome {
    run(async {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?; // Linux asks that both do
        socket.bind(any_port())?;
        let listener = socket.listen(16)?;
        let addr = listener.local_addr()?;
        let mut client = TcpStream::connect(addr).await?;
        let (server, _) = listener.accept().await?;
        drop((server, listener)); // the side that closes first remembers
        assert_eq!(client.read(&mut [0; 8]).await?, 0);
        drop(client);

        let again = TcpSocket::new_v4()?;
        again.set_reuseaddr(false)?;
        assert!(!again.reuseaddr()?);
        // Linux keeps no connection in TIME_WAIT beyond `tcp_max_tw_buckets`. The address is then free at once.
        #[cfg(target_os = "linux")]
        match again.bind(addr) {
            Ok(()) => return Ok(()),
            Err(error) => assert_eq!(error.kind(), ErrorKind::AddrInUse),
        }
        again.set_reuseaddr(true)?;
        assert!(again.reuseaddr()?);
        again.bind(addr)?;
        again.listen(16).map(drop)
    })
}

#[test]
fn an_ipv6_socket_leaves_ipv4_alone_if_the_option_says_so() -> Outcome {
    if !has_ipv6("an_ipv6_socket_leaves_ipv4_alone_if_the_option_says_so") {
        return Ok(());
    }
    run(async {
        let socket = TcpSocket::new_v6()?;
        socket.set_only_v6(true)?;
        assert!(socket.only_v6()?);
        socket.bind("[::]:0".parse().expect("an address"))?;
        let listener = socket.listen(16)?;
        let port = listener.local_addr()?.port();
        let client = TcpSocket::new_v6()?.connect(SocketAddr::new("::1".parse().unwrap(), port)).await?;
        assert_eq!(listener.accept().await?.1, client.local_addr()?);
        let v4 = TcpSocket::new_v4()?;
        #[cfg(unix)]
        v4.set_reuseaddr(true)?;
        // The port is free for IPv4, unless another program has it.
        match v4.bind((Ipv4Addr::UNSPECIFIED, port).into()) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            bound => bound?,
        }
        Ok(())
    })
}

#[test]
fn options_of_a_udp_socket_are_set_and_read() -> Outcome {
    run(async {
        let socket = UdpSocket::bind(ANY_PORT).await?;
        let options = SockRef::from(&socket);
        for on in [true, false] {
            socket.set_broadcast(on)?;
            assert_eq!((socket.broadcast()?, options.broadcast()?), (on, on));
            socket.set_multicast_loop_v4(on)?;
            assert_eq!((socket.multicast_loop_v4()?, options.multicast_loop_v4()?), (on, on));
        }
        socket.set_ttl(7)?;
        assert_eq!(socket.ttl()?, 7);
        socket.set_multicast_ttl_v4(5)?;
        assert_eq!((socket.multicast_ttl_v4()?, socket.ttl()?), (5, 7));
        for size in [20_000, 100_000] {
            socket.set_send_buffer_size(size)?;
            socket.set_recv_buffer_size(size)?;
            assert!(socket.send_buffer_size()? >= size && socket.recv_buffer_size()? >= size);
        }
        #[cfg(unix)]
        {
            socket.set_tos_v4(0x10)?;
            assert_eq!(socket.tos_v4()?, 0x10);
        }
        Ok(())
    })
}

#[test]
fn a_udp_socket_of_ipv6_has_its_own_options() -> Outcome {
    if !has_ipv6("a_udp_socket_of_ipv6_has_its_own_options") {
        return Ok(());
    }
    run(async {
        let socket = UdpSocket::bind("[::1]:0").await?;
        for on in [true, false] {
            socket.set_multicast_loop_v6(on)?;
            assert_eq!(socket.multicast_loop_v6()?, on);
        }
        // On the loopback interface, which has index 1 nearly everywhere. What is no group is refused.
        let group = "ff02::fb".parse().expect("an address");
        if socket.join_multicast_v6(&group, 1).is_ok() {
            socket.leave_multicast_v6(&group, 1)?;
            socket.leave_multicast_v6(&group, 1).unwrap_err();
        }
        socket.join_multicast_v6(&std::net::Ipv6Addr::LOCALHOST, 0).unwrap_err();
        Ok(())
    })
}

#[test]
fn a_member_of_a_group_receives_what_is_sent_to_it() -> Outcome {
    run(async {
        let group = Ipv4Addr::new(239, 255, 77, 1); // of those for use within one site (RFC 2365)
        let member = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
        let to = SocketAddr::from((group, member.local_addr()?.port()));
        let sender = UdpSocket::bind(ANY_PORT).await?;
        SockRef::from(&sender).set_multicast_if_v4(&Ipv4Addr::LOCALHOST)?;
        sender.set_multicast_loop_v4(true)?;
        let mut buf = [0; 16];
        for round in 0..3u8 {
            member.join_multicast_v4(group, Ipv4Addr::LOCALHOST)?;
            member.join_multicast_v4(group, Ipv4Addr::LOCALHOST).unwrap_err(); // it is one already
            sender.send_to(&[round; 3], to).await?;
            let (n, from) = within(member.recv_from(&mut buf)).await?;
            assert_eq!((&buf[..n], from), (&[round; 3][..], sender.local_addr()?));
            member.leave_multicast_v4(group, Ipv4Addr::LOCALHOST)?;
            member.leave_multicast_v4(group, Ipv4Addr::LOCALHOST).unwrap_err();
        }
        member.join_multicast_v4(Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST).unwrap_err(); // no group
        Ok(())
    })
}

#[test]
fn a_broadcast_has_to_be_allowed() -> Outcome {
    run(async {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
        assert!(!socket.broadcast()?);
        let to = (Ipv4Addr::BROADCAST, 9); // of the service that discards
        let error = socket.send_to(b"x", to).await.unwrap_err();
        #[cfg(target_os = "linux")]
        assert!(
            matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::NetworkUnreachable),
            "{error}"
        );
        drop(error);
        socket.set_broadcast(true)?;
        assert!(socket.broadcast()?);
        Ok(())
    })
}

/// What they have no method for is set through socket2.
#[test]
fn every_socket_is_taken_by_socket2() -> Outcome {
    run(async {
        let (stream, _peer) = tcp_pair().await?;
        SockRef::from(&stream).set_out_of_band_inline(true)?;
        assert!(SockRef::from(&stream).out_of_band_inline()?);
        let listener = TcpListener::bind(ANY_PORT).await?;
        SockRef::from(&listener).set_recv_buffer_size(50_000)?;
        assert!(SockRef::from(&listener).recv_buffer_size()? >= 50_000);
        let udp = UdpSocket::bind(ANY_PORT).await?;
        SockRef::from(&udp).set_recv_buffer_size(50_000)?;
        #[cfg(unix)]
        {
            let (stream, _peer) = oneloop::net::UnixStream::pair()?;
            SockRef::from(&stream).set_send_buffer_size(50_000)?;
            assert!(SockRef::from(&stream).send_buffer_size()? >= 50_000);
            let (socket, _peer) = oneloop::net::UnixDatagram::pair()?;
            SockRef::from(&socket).set_send_buffer_size(50_000)?;
        }
        Ok(())
    })
}
