//! Unix addresses that are no path: whatever `local_addr`, `peer_addr`, `recv_from` and `accept` return, the methods
//! that take an address take it, or say why not.
#![cfg(unix)]

use std::io::{self, ErrorKind};
use std::os::unix::net::SocketAddr;

use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{UnixDatagram, UnixListener, UnixStream};
use socket2::{Domain, SockAddr, Socket, Type};

#[cfg(target_os = "linux")]
use common::drivers::POLL_FALLBACK;
#[cfg(target_os = "linux")]
use common::sockets::{LIMIT, fill_unix_queue, settle, within};
use common::sockets::{Outcome, SocketPath, run};

fn path_addr(path: &SocketPath) -> io::Result<SocketAddr> {
    SocketAddr::from_pathname(path)
}

fn unnamed() -> io::Result<SocketAddr> {
    std::os::unix::net::UnixDatagram::unbound()?.local_addr()
}

/// The address of a datagram that came from a socket without a name.
fn unnamed_sender() -> io::Result<SocketAddr> {
    let (a, b) = std::os::unix::net::UnixDatagram::pair()?;
    a.send(b"x")?;
    Ok(b.recv_from(&mut [0; 1])?.1)
}

/// The same address. (Those of std can't be compared.)
#[track_caller]
fn assert_same(one: &SocketAddr, other: &SocketAddr) {
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
}

/// A client of std's that is bound itself, and connects to a listener.
fn connect_from(client: &SockAddr, listener: &SockAddr) -> io::Result<std::os::unix::net::UnixStream> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(client)?;
    socket.connect(listener)?;
    Ok(socket.into())
}

/// A listener at an address, and a client; each of them has the other's address.
async fn streams_meet(addr: &SocketAddr) -> Outcome {
    let listener = UnixListener::bind_addr(addr)?;
    assert_same(&listener.local_addr()?, addr);
    let mut client = UnixStream::connect_addr(&listener.local_addr()?).await?;
    assert_same(&client.peer_addr()?, addr);
    let (mut server, peer) = listener.accept().await?;
    assert_same(&server.local_addr()?, addr);
    assert!(peer.is_unnamed());
    client.write_all(b"ping").await?;
    server.read_exact(&mut [0; 4]).await?;
    // And once more, with the address that the client knows.
    UnixStream::connect_addr(&client.peer_addr()?).await.map(drop)
}

/// Datagrams between two addresses, each answered by what `recv_from` has said.
async fn datagrams_meet(client: &SocketAddr, server: &SocketAddr) -> Outcome {
    let (client, server) = (UnixDatagram::bind_addr(client)?, UnixDatagram::bind_addr(server)?);
    let mut buf = [0; 16];
    assert_eq!(client.send_to_addr(b"question", &server.local_addr()?).await?, 8);
    let (n, from) = server.recv_from(&mut buf).await?;
    assert_eq!(&buf[..n], b"question");
    assert_same(&from, &client.local_addr()?);
    assert_eq!(server.send_to_addr(b"answer", &from).await?, 6);
    let (n, from) = client.recv_from(&mut buf).await?;
    assert_eq!(&buf[..n], b"answer");
    assert_eq!(client.try_send_to_addr(b"thanks!", &from)?, 7);
    assert_eq!(server.recv(&mut buf).await?, 7);

    client.connect_addr(&from)?;
    assert_same(&client.peer_addr()?, &server.local_addr()?);
    assert_eq!(client.send(b"more").await?, 4);
    server.connect_addr(&client.local_addr()?)?;
    assert_eq!(server.recv(&mut buf).await?, 4);
    Ok(())
}

#[test]
fn sockets_meet_at_paths_that_are_given_as_addresses() -> Outcome {
    run(async {
        streams_meet(&path_addr(&SocketPath::default())?).await?;
        let (client, server) = (SocketPath::default(), SocketPath::default());
        datagrams_meet(&path_addr(&client)?, &path_addr(&server)?).await
    })
}

#[test]
fn a_client_at_a_path_is_accepted_with_it() -> Outcome {
    run(async {
        let (client_path, path) = (SocketPath::default(), SocketPath::default());
        let listener = UnixListener::bind_addr(&path_addr(&path)?)?;
        drop(connect_from(&SockAddr::unix(&client_path)?, &SockAddr::unix(&path)?)?);
        let (server, peer) = listener.accept().await?;
        assert_eq!(peer.as_pathname(), Some(client_path.as_ref()));
        assert_same(&peer, &server.peer_addr()?);
        Ok(())
    })
}

#[test]
fn an_unnamed_address_can_not_be_reached_and_the_error_says_so() -> Outcome {
    run(async {
        let path = SocketPath::default();
        let listener = UnixListener::bind(&path)?;
        let _client = UnixStream::connect(&path).await?;
        let (_server, peer) = listener.accept().await?;
        let socket = UnixDatagram::unbound()?;
        for addr in [unnamed()?, unnamed_sender()?, peer] {
            for error in [
                UnixStream::connect_addr(&addr).await.unwrap_err(),
                socket.connect_addr(&addr).unwrap_err(),
                socket.send_to_addr(b"x", &addr).await.unwrap_err(),
                socket.try_send_to_addr(b"x", &addr).unwrap_err(),
            ] {
                assert_eq!(error.kind(), ErrorKind::InvalidInput);
                assert!(error.to_string().contains("unnamed Unix address"), "{error}");
            }
        }
        Ok(())
    })
}

#[cfg(not(target_os = "linux"))]
#[test]
fn an_unnamed_address_can_not_be_bound_to() -> Outcome {
    run(async {
        for addr in [unnamed()?, unnamed_sender()?] {
            for error in
                [UnixListener::bind_addr(&addr).unwrap_err(), UnixDatagram::bind_addr(&addr).unwrap_err()]
            {
                assert_eq!(error.kind(), ErrorKind::InvalidInput);
                assert!(error.to_string().contains("Linux only"), "{error}");
            }
        }
        Ok(())
    })
}

#[test]
fn an_address_in_use_is_said_so() -> Outcome {
    run(async {
        let path = SocketPath::default();
        let addr = path_addr(&path)?;
        let _listener = UnixListener::bind_addr(&addr)?;
        assert_eq!(UnixListener::bind_addr(&addr).unwrap_err().kind(), ErrorKind::AddrInUse);
        assert_eq!(UnixDatagram::bind_addr(&addr).unwrap_err().kind(), ErrorKind::AddrInUse);
        Ok(())
    })
}

#[test]
fn binding_to_an_address_outside_a_runtime_says_so_and_leaves_no_file() -> Outcome {
    let path = SocketPath::default();
    let addr = path_addr(&path)?;
    for make in [|addr| drop(UnixListener::bind_addr(addr)), |addr| drop(UnixDatagram::bind_addr(addr))] {
        let panic = std::panic::catch_unwind(|| make(&addr)).unwrap_err();
        let message = *panic.downcast::<String>().expect("a message");
        assert!(message.contains("outside a oneloop runtime"), "{message}");
        assert!(!path.as_ref().exists());
    }
    Ok(())
}

/// Waits at a full backlog, as `connect` does. (Elsewhere the system refuses.)
#[cfg(target_os = "linux")]
async fn connecting_waits(addr: &SocketAddr) -> Outcome {
    let listener = UnixListener::bind_addr(addr)?;
    socket2::SockRef::from(&listener).listen(1)?;
    let clients = [(); 8].map(|()| {
        let addr = addr.clone();
        oneloop::spawn(async move { UnixStream::connect_addr(&addr).await })
    });
    settle().await;
    assert!(clients.iter().any(|client| !client.is_finished()));
    for _ in 0..clients.len() {
        within(listener.accept()).await?;
    }
    for client in clients {
        within(client).await.unwrap()?;
    }
    Ok(())
}

/// Waits at a full queue, as `send_to` does, while the other tasks go on. (Elsewhere the system may say `ENOBUFS`.)
#[cfg(target_os = "linux")]
async fn sending_waits(addr: &SocketAddr, elsewhere: &SocketAddr) -> Outcome {
    let (receiver, other) = (UnixDatagram::bind_addr(addr)?, UnixDatagram::bind_addr(elsewhere)?);
    let sender = std::rc::Rc::new(UnixDatagram::unbound()?);
    let full = fill_unix_queue(|filler, byte| filler.send_to_addr(&[byte], addr));
    assert_eq!(sender.try_send_to_addr(b"x", addr).unwrap_err().kind(), ErrorKind::WouldBlock);
    let sending = oneloop::spawn({
        let (sender, addr) = (sender.clone(), addr.clone());
        async move { sender.send_to_addr(b"at last", &addr).await }
    });
    settle().await;
    assert!(!sending.is_finished());
    let mut buf = [0; 16];
    within(sender.send_to_addr(b"elsewhere", elsewhere)).await?;
    assert_eq!(other.recv(&mut buf).await?, 9);
    for number in 0..full {
        assert_eq!(receiver.recv(&mut buf).await?, 1);
        assert_eq!(buf[0], number as u8);
    }
    assert_eq!(within(sending).await.unwrap()?, 7);
    assert_eq!(receiver.recv(&mut buf).await?, 7);
    Ok(())
}

#[cfg(target_os = "linux")]
#[test]
fn connecting_and_sending_to_an_address_wait_while_the_other_side_is_full() -> Outcome {
    run(async {
        connecting_waits(&path_addr(&SocketPath::default())?).await?;
        let (path, elsewhere) = (SocketPath::default(), SocketPath::default());
        sending_waits(&path_addr(&path)?, &path_addr(&elsewhere)?).await?;
        connecting_waits(&abstract_addr(b"full")?).await?;
        sending_waits(&abstract_addr(b"full")?, &abstract_addr(b"elsewhere")?).await
    })
}

// Abstract names, which only Linux has.

/// An address whose name nothing else uses: it ends with `end`.
#[cfg(target_os = "linux")]
fn abstract_addr(end: &[u8]) -> io::Result<SocketAddr> {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let begin = format!("oneloop-test-{}-{number}-", std::process::id());
    from_abstract_name(&[begin.as_bytes(), end].concat())
}

#[cfg(target_os = "linux")]
fn from_abstract_name(name: &[u8]) -> io::Result<SocketAddr> {
    <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name)
}

#[cfg(target_os = "linux")]
fn name_of(addr: &SocketAddr) -> Option<&[u8]> {
    std::os::linux::net::SocketAddrExt::as_abstract_name(addr)
}

/// The same with other bytes in front, or cut to as many as there can be.
#[cfg(target_os = "linux")]
fn renamed(addr: &SocketAddr, change: impl FnOnce(&mut Vec<u8>)) -> io::Result<SocketAddr> {
    let mut name = name_of(addr).expect("an abstract name").to_vec();
    change(&mut name);
    from_abstract_name(&name)
}

#[cfg(target_os = "linux")]
#[test]
fn sockets_meet_at_abstract_names_of_any_bytes() -> Outcome {
    run(async {
        for round in 0..7 {
            let addr = || {
                let addr = abstract_addr(match round {
                    0 => b"plain",
                    1 => b"not UTF-8: \xff\xfe",
                    2 => b"a zero: \0 inside",
                    3 => b"a zero at the end: \0",
                    _ => b"",
                })?;
                match round {
                    4 => renamed(&addr, |name| name.resize(107, b'x')),
                    5 => renamed(&addr, |name| name.insert(0, 0)),
                    6 => renamed(&addr, |name| drop(name.splice(0..0, *b"\0\0/a/path"))),
                    _ => Ok(addr),
                }
            };
            streams_meet(&addr()?).await?;
            datagrams_meet(&addr()?, &addr()?).await?;
        }
        Ok(())
    })
}

/// The one name that every program has in common.
#[cfg(target_os = "linux")]
#[test]
fn sockets_meet_at_the_abstract_name_of_no_bytes() -> Outcome {
    run(async {
        let addr = from_abstract_name(b"")?;
        let since = std::time::Instant::now();
        loop {
            match streams_meet(&addr).await {
                Err(e) if e.kind() == ErrorKind::AddrInUse && since.elapsed() < LIMIT => settle().await,
                met => return met,
            }
        }
    })
}

#[cfg(target_os = "linux")]
#[test]
fn a_client_with_an_abstract_name_is_accepted_with_it() -> Outcome {
    if POLL_FALLBACK {
        return Ok(()); // mio's own accept says that it has none
    }
    run(async {
        let (client_addr, addr) = (abstract_addr(b"client\xff\0")?, abstract_addr(b"server")?);
        let listener = UnixListener::bind_addr(&addr)?;
        let as_socket2 = |addr| {
            use std::os::unix::ffi::OsStrExt;
            SockAddr::unix(std::ffi::OsStr::from_bytes(&[&[0], name_of(addr).unwrap()].concat()))
        };
        let _client = connect_from(&as_socket2(&client_addr)?, &as_socket2(&addr)?)?;
        let (server, peer) = listener.accept().await?;
        assert_same(&peer, &client_addr);
        assert_same(&server.peer_addr()?, &client_addr);
        Ok(())
    })
}

#[cfg(target_os = "linux")]
#[test]
fn an_abstract_name_is_free_again_when_its_socket_is_closed() -> Outcome {
    run(async {
        let addr = abstract_addr(b"")?;
        for _ in 0..3 {
            let refused = UnixStream::connect_addr(&addr).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
            let _listener = UnixListener::bind_addr(&addr)?;
            assert_eq!(UnixListener::bind_addr(&addr).unwrap_err().kind(), ErrorKind::AddrInUse);
        }
        for _ in 0..3 {
            let refused = UnixDatagram::unbound()?.send_to_addr(b"x", &addr).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
            let _socket = UnixDatagram::bind_addr(&addr)?;
            assert_eq!(UnixDatagram::bind_addr(&addr).unwrap_err().kind(), ErrorKind::AddrInUse);
        }
        Ok(())
    })
}

#[cfg(target_os = "linux")]
#[test]
fn binding_to_an_unnamed_address_lets_the_system_choose_an_abstract_name() -> Outcome {
    run(async {
        for addr in [unnamed()?, unnamed_sender()?, SocketAddr::from_pathname("")?] {
            let listener = UnixListener::bind_addr(&addr)?;
            let chosen = listener.local_addr()?;
            assert_eq!(name_of(&chosen).expect("an abstract name").len(), 5, "{chosen:?}");
            let _client = UnixStream::connect_addr(&chosen).await?;
            listener.accept().await?;

            let (client, server) = (UnixDatagram::bind_addr(&addr)?, UnixDatagram::bind_addr(&addr)?);
            client.send_to_addr(b"question", &server.local_addr()?).await?;
            let (_, from) = server.recv_from(&mut [0; 16]).await?;
            server.send_to_addr(b"answer", &from).await?;
            assert_eq!(client.recv(&mut [0; 16]).await?, 6);
        }
        Ok(())
    })
}

/// A path that leaves no room for the zero byte at its end. std binds to none of these, but a client in another language
/// can.
#[cfg(target_os = "linux")]
#[test]
fn a_client_whose_path_fills_its_address_is_accepted() -> Outcome {
    use std::os::fd::AsRawFd;
    use std::os::unix::ffi::OsStrExt;
    if POLL_FALLBACK {
        return Ok(()); // mio's own accept panics
    }
    run(async {
        let path = SocketPath::default();
        let listener = UnixListener::bind(&path)?;
        let long = SocketPath::of_length(108);
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // SAFETY: all-zero bytes are a valid `sockaddr_un`.
        let mut addr: libc::sockaddr_un = unsafe { std::mem::zeroed() };
        addr.sun_family = libc::AF_UNIX as _;
        for (to, from) in addr.sun_path.iter_mut().zip(long.as_ref().as_os_str().as_bytes()) {
            *to = *from as _;
        }
        // SAFETY: the pointer is to a `sockaddr_un` of this size, which lives during the call.
        let bound =
            unsafe { libc::bind(socket.as_raw_fd(), (&raw const addr).cast(), size_of_val(&addr) as _) };
        assert_eq!(bound, 0, "{}", io::Error::last_os_error());
        socket.connect(&SockAddr::unix(&path)?)?;
        let (server, peer) = listener.accept().await?;
        assert_eq!(peer.as_pathname(), Some(long.as_ref()));
        assert_same(&server.peer_addr()?, &peer);
        // Nor can it be sent to: the address is longer than an address may be.
        let error = UnixDatagram::unbound()?.send_to_addr(b"x", &peer).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        Ok(())
    })
}

#[cfg(target_os = "linux")]
#[test]
fn the_longest_path_has_107_bytes() -> Outcome {
    run(async {
        let longest = SocketPath::of_length(107);
        streams_meet(&path_addr(&longest)?).await?;
        let (longest, other) = (SocketPath::of_length(107), SocketPath::of_length(106));
        datagrams_meet(&path_addr(&longest)?, &path_addr(&other)?).await?;
        for error in [
            UnixListener::bind(SocketPath::of_length(108)).unwrap_err(),
            UnixStream::connect(SocketPath::of_length(108)).await.unwrap_err(),
            UnixDatagram::unbound()?.connect(SocketPath::of_length(108)).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
        Ok(())
    })
}
