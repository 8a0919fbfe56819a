//! `EventLoop::listen` and `connect`: each connection is an event, other sources are served meanwhile, and what goes wrong
//! is said.

use std::io::{self, ErrorKind, Read};

use oneloop::event_loop::{Event, EventLoop, Id};
use oneloop::net::TcpStream;

use common::events::{self, assert_idle, new_loop, until};
use common::sockets::{self, Outcome};

/// The next connection that is accepted.
#[track_caller]
fn accepted<M: std::fmt::Debug>(events: &mut EventLoop<M>) -> (Id, TcpStream) {
    until(events, |event| match event {
        Event::Accepted(id, result) => Some((id, result.unwrap().0)),
        _ => None,
    })
}

/// How an attempt to connect ends.
#[track_caller]
fn connected<M>(events: &mut EventLoop<M>, attempt: Id) -> io::Result<TcpStream> {
    until(events, |event| match event {
        Event::Connected(id, result) => {
            assert_eq!(id, attempt);
            Some(result)
        }
        _ => None,
    })
}

#[test]
fn connecting_says_how_it_ended_and_once() -> Outcome {
    let mut events = new_loop::<()>();
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let attempt = events.connect(listener.local_addr()?)?;
    let stream = connected(&mut events, attempt)?;
    assert_eq!(stream.peer_addr()?, listener.local_addr()?);
    assert!(!events.cancel(attempt), "it is over");
    assert_idle(&mut events);

    // Bound, so that no other program listens there, and not listening.
    let bound = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    bound.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    match events.connect(bound.local_addr()?.as_socket().expect("it is bound to one")) {
        Ok(attempt) => {
            let error = connected(&mut events, attempt).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        }
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionRefused), // at once: that may be, too
    }
    assert_idle(&mut events);
    Ok(())
}

#[test]
fn an_attempt_to_connect_that_is_cancelled_never_ends() -> Outcome {
    let mut events = new_loop::<()>();
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let before = events.connect(listener.local_addr()?)?;
    assert!(events.cancel(before), "before its first turn");
    assert!(!events.cancel(before));
    assert_idle(&mut events);
    let (mut server, _) = listener.accept()?;
    assert_eq!(sockets::uninterrupted(|| server.read(&mut [0; 1]))?, 0, "it is broken off");
    Ok(())
}

#[test]
fn listening_at_no_address_names_it_in_the_error() {
    let events = new_loop::<()>();
    let taken = events.listen("127.0.0.1:0").unwrap();
    let error = events.listen(taken.local_addr()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    assert!(error.to_string().contains(&taken.local_addr().to_string()), "{error}");
    let error = events.listen(&[][..]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_dropped_listener_closes_and_its_queued_connection_does_not_come() -> Outcome {
    let mut events = new_loop::<()>();
    let listener = events.listen("127.0.0.1:0")?;
    let addr = listener.local_addr();
    let mut clients = [std::net::TcpStream::connect(addr)?, std::net::TcpStream::connect(addr)?];
    let _first = accepted(&mut events); // the second one's event is queued now
    drop(listener);
    assert_idle(&mut events);
    clients[1].set_read_timeout(Some(events::LIMIT))?;
    sockets::assert_reset(sockets::uninterrupted(|| clients[1].read(&mut [0; 1])));
    Ok(())
}

#[cfg(unix)]
mod on_unix {
    use super::*;
    use std::io::Write;

    use oneloop::net::{UnixDatagram, UnixListener};
    use sockets::SocketPath;

    /// What an operation has to say now; nothing if it would have to wait.
    fn now<T>(tried: io::Result<T>) -> io::Result<Option<T>> {
        match tried {
            Err(e) if e.kind() == ErrorKind::WouldBlock => Ok(None),
            result => result.map(Some),
        }
    }

    #[test]
    fn unix_listeners_and_datagrams_are_served_by_trying_alone() -> Outcome {
        let (mut events, paths) = (new_loop::<()>(), [(); 3].map(|()| SocketPath::default()));
        let listener = events.enter(|| UnixListener::bind(&paths[0]))?;
        let listener = events.watch(listener, oneloop::Interest::Readable)?;
        let datagrams = events.enter(|| UnixDatagram::bind(&paths[1]))?;
        let datagrams = events.watch(datagrams, oneloop::Interest::Readable)?;
        let sender = std::os::unix::net::UnixDatagram::bind(&paths[2])?;
        let mut clients = Vec::new();
        for number in 0..5_u8 {
            let mut client = std::os::unix::net::UnixStream::connect(&paths[0])?;
            client.write_all(&[number])?;
            clients.push(client);
            sender.send_to(&[number], &paths[1])?;
        }
        let (mut servers, mut answered, mut buf) = (std::collections::HashMap::new(), (0, 0), [0; 8]);
        while answered != (5, 5) {
            let Event::Readable(id) = events::next(&mut events) else { panic!("nothing else can come") };
            if id == listener.id() {
                if let Some((stream, _)) = now(listener.try_accept())? {
                    let server = events.watch(stream, oneloop::Interest::Readable)?; // it belongs to the listener's loop
                    servers.insert(server.id(), server);
                }
            } else if id == datagrams.id() {
                if let Some((n, from)) = now(datagrams.try_recv_from(&mut buf))? {
                    let path = from.as_pathname().expect("the sender has one");
                    assert_eq!(datagrams.try_send_to(&buf[..n], path)?, n);
                    answered.0 += 1;
                }
            } else if let Some(n) = now(servers[&id].try_read(&mut buf))? {
                assert_eq!(servers.remove(&id).expect("it is there").try_write(&buf[..n])?, n);
                answered.1 += 1;
            }
        }
        assert!(now(listener.try_accept())?.is_none() && now(datagrams.try_recv(&mut buf))?.is_none());
        assert_idle(&mut events);
        for (number, mut client) in (0..).zip(clients) {
            let mut text = Vec::new();
            client.read_to_end(&mut text)?;
            assert_eq!(text, [number]);
            assert_eq!((sockets::uninterrupted(|| sender.recv(&mut buf))?, buf[0]), (1, number));
        }
        Ok(())
    }

    #[test]
    fn a_full_queue_of_datagrams_is_waited_out_in_writable_events() -> Outcome {
        let mut events = new_loop::<()>();
        let (sender, receiver) = events.enter(UnixDatagram::pair)?;
        let sender = events.watch(sender, oneloop::Interest::Writable)?;
        for _ in 0..3 {
            let mut sent = 0;
            while now(sender.try_send(b"x"))?.is_some() {
                sent += 1;
            }
            assert!(sent > 0);
            assert_idle(&mut events);
            for _ in 0..sent {
                assert_eq!(receiver.try_recv(&mut [0; 8])?, 1);
            }
            until(&mut events, |event| matches!(event, Event::Writable(_)).then_some(()));
        }
        Ok(())
    }
}
