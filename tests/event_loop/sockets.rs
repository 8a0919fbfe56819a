//! `EventLoop::watch`: what is announced of a socket and for how long, and that all sources are served.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::rc::Rc;
use std::time::Duration;

use oneloop::event_loop::{Event, EventLoop, Id, Watch, Watched};
use oneloop::net::{TcpStream, UdpSocket};
use oneloop::{Interest, Ready, spawn};

use common::events::{self, assert_idle, new_loop, next, read_all, read_now, tcp_pair, until, watched_pair};
use common::executor::{self, Drops};
use common::sockets::{self, Outcome, pattern};

const MS: Duration = Duration::from_millis(1);

/// Waits until a socket is announced in a direction, whatever else comes.
#[track_caller]
fn ready<M, T>(events: &mut EventLoop<M>, socket: &Watched<T>, interest: Interest) {
    until(events, |event| match (event, interest) {
        (Event::Readable(id), Interest::Readable) | (Event::Writable(id), Interest::Writable) => {
            (id == socket.id()).then_some(())
        }
        _ => None,
    });
}

/// Reads a socket empty, so that only news makes it readable.
#[track_caller]
fn quiet<M: std::fmt::Debug>(events: &mut EventLoop<M>, socket: &TcpStream) {
    assert!(read_all(socket, &mut Vec::new()).is_some());
    assert_idle(events);
}

#[test]
fn bytes_that_a_handler_leaves_unread_make_another_event() -> Outcome {
    let mut events = new_loop::<()>();
    let (mut client, socket) = watched_pair(&events)?;
    let sent = pattern(1000, 1);
    client.write_all(&sent)?;
    let mut got = Vec::new();
    while got.len() < sent.len() {
        ready(&mut events, &socket, Interest::Readable);
        let mut buf = [0; 7];
        if let Some(n) = read_now(&socket, &mut buf) {
            got.extend_from_slice(&buf[..n]);
        }
    }
    assert!(got == sent);
    quiet(&mut events, &socket);
    Ok(())
}

#[test]
fn a_socket_that_is_not_read_at_all_is_announced_as_long_as_it_is_ready() -> Outcome {
    let mut events = new_loop::<()>();
    let (mut client, socket) = watched_pair(&events)?;
    client.write_all(b"x")?;
    for _ in 0..1000 {
        ready(&mut events, &socket, Interest::Readable);
    }
    read_all(&socket, &mut Vec::new());
    assert_idle(&mut events);
    client.write_all(b"y")?;
    ready(&mut events, &socket, Interest::Readable);
    Ok(())
}

#[test]
fn writable_comes_only_while_it_is_wanted() -> Outcome {
    let mut events = new_loop::<()>();
    let (_client, socket) = watched_pair(&events)?;
    quiet(&mut events, &socket);
    socket.add_interest(Interest::Writable);
    socket.add_interest(Interest::Writable); // says no more than once
    for _ in 0..3 {
        assert!(matches!(next(&mut events), Event::Writable(id) if id == socket.id()));
    }
    socket.remove_interest(Interest::Writable); // while the next one is queued
    assert_idle(&mut events);
    Ok(())
}

#[test]
fn without_interest_no_event_comes_and_bytes_of_that_time_make_an_event_afterwards() -> Outcome {
    let mut events = new_loop::<()>();
    let (mut client, socket) = watched_pair(&events)?;
    quiet(&mut events, &socket);
    socket.remove_interest(Interest::Readable);
    client.write_all(b"x")?;
    assert!(matches!(events.take(Some(3 * MS)), Ok(Event::TimedOut)));
    socket.add_interest(Interest::Readable);
    ready(&mut events, &socket, Interest::Readable);
    assert_eq!(read_now(&socket, &mut [0; 8]), Some(1));
    Ok(())
}

#[test]
fn a_socket_that_is_ready_in_both_directions_says_so_in_turns() -> Outcome {
    let mut events = new_loop::<()>();
    let (mut client, socket) = watched_pair(&events)?;
    socket.add_interest(Interest::Writable);
    client.write_all(b"x")?;
    ready(&mut events, &socket, Interest::Readable);
    for _ in 0..50 {
        assert!(matches!(next(&mut events), Event::Writable(_)));
        assert!(matches!(next(&mut events), Event::Readable(_)));
    }
    Ok(())
}

#[test]
fn a_peer_that_reads_nothing_holds_writing_up_until_it_reads() -> Outcome {
    let mut events = new_loop::<()>();
    let (client, server) = tcp_pair(&events)?;
    let socket = events.watch(server, Interest::Writable)?;
    let sent = pattern(8 << 20, 2); // more than the two buffers hold
    let (reader, wait_full) = std::sync::mpsc::channel::<()>();
    let expected = sent.len();
    let helper = std::thread::spawn(move || {
        wait_full.recv().unwrap();
        let mut got = Vec::new();
        let mut client = client;
        client.read_to_end(&mut got).map(|_| got)
    });
    let (mut written, mut was_full) = (0, false);
    while written < expected {
        ready(&mut events, &socket, Interest::Writable);
        match socket.try_write(&sent[written..]) {
            Ok(n) => written += n,
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            Err(e) => return Err(e),
        }
        if !was_full && matches!(events.take(Some(MS)), Ok(Event::TimedOut)) {
            was_full = true;
            reader.send(()).unwrap();
        }
    }
    assert!(was_full, "it was told to wait");
    drop(socket);
    assert!(helper.join().unwrap()? == sent);
    Ok(())
}

#[test]
fn the_end_is_announced_after_the_data_of_a_peer_that_writes_and_closes_at_once() -> Outcome {
    let mut events = new_loop::<()>();
    for round in 0..200 {
        let (mut client, socket) = watched_pair(&events)?;
        if round % 2 == 0 {
            quiet(&mut events, &socket);
        }
        client.write_all(b"last words")?;
        drop(client);
        let mut got = Vec::new();
        loop {
            ready(&mut events, &socket, Interest::Readable);
            let mut buf = [0; 64]; // so that the first read is a short one
            match read_now(&socket, &mut buf) {
                Some(0) => break,
                Some(n) => got.extend_from_slice(&buf[..n]),
                None => {}
            }
        }
        assert_eq!(got, b"last words");
        ready(&mut events, &socket, Interest::Readable); // the end stays
    }
    Ok(())
}

#[test]
fn a_peer_that_shuts_writing_down_can_still_be_written_to() -> Outcome {
    let mut events = new_loop::<()>();
    let (mut client, socket) = watched_pair(&events)?;
    client.shutdown(Shutdown::Write)?;
    loop {
        ready(&mut events, &socket, Interest::Readable);
        if read_all(&socket, &mut Vec::new()).is_none() {
            break;
        }
    }
    socket.remove_interest(Interest::Readable); // the end would be announced for ever
    assert_idle(&mut events);
    socket.add_interest(Interest::Writable);
    ready(&mut events, &socket, Interest::Writable);
    assert_eq!(socket.try_write(b"good bye")?, 8);
    drop(socket);
    let mut text = String::new();
    client.read_to_string(&mut text)?;
    assert_eq!(text, "good bye");
    Ok(())
}

#[test]
fn a_reset_connection_is_announced_and_the_read_says_so() -> Outcome {
    let mut events = new_loop::<()>();
    let (client, socket) = watched_pair(&events)?;
    quiet(&mut events, &socket);
    socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO))?;
    drop(client);
    loop {
        ready(&mut events, &socket, Interest::Readable);
        match socket.try_read(&mut [0; 8]) {
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            result => break sockets::assert_reset(result),
        }
    }
    Ok(())
}

#[test]
fn a_busy_socket_does_not_keep_the_others_waiting() -> Outcome {
    let mut events = new_loop::<()>();
    let mut pairs = Vec::new();
    for _ in 0..10 {
        let (mut client, socket) = watched_pair(&events)?;
        client.write_all(&[7; 100])?;
        pairs.push((client, socket, 0));
    }
    for _ in 0..5000 {
        let Event::Readable(id) = next(&mut events) else { panic!("nothing else can come") };
        let turns = pairs.iter_mut().find(|pair| pair.1.id() == id).unwrap();
        turns.2 += 1;
    }
    for (_, socket, turns) in &pairs {
        assert!((400..=600).contains(turns), "{socket:?} had {turns} turns of 5000");
    }
    Ok(())
}

#[test]
fn a_dropped_socket_with_a_queued_event_makes_no_event_and_is_not_mistaken_for_the_next_one() -> Outcome {
    let mut events = new_loop::<()>();
    for _ in 0..100 {
        let (mut client, socket) = watched_pair(&events)?;
        client.write_all(b"x")?;
        ready(&mut events, &socket, Interest::Readable); // and queued again
        let old = socket.id();
        drop(socket); // its place may be used again by the next one
        let (_next_client, next_socket) = watched_pair(&events)?;
        quiet_but_not(&mut events, &next_socket, old);
        assert_eq!(
            sockets::uninterrupted(|| client.read(&mut [0; 1])).map_err(|e| e.kind()).unwrap_or(0),
            0,
            "the socket is closed"
        );
    }
    Ok(())
}

#[track_caller]
fn quiet_but_not(events: &mut EventLoop<()>, socket: &Watched<TcpStream>, old: Id) {
    while let event @ (Event::Readable(_) | Event::Writable(_)) = events.take(Some(Duration::ZERO)).unwrap() {
        assert_ne!(events::source_of(&event), Some(old));
        read_all(socket, &mut Vec::new());
    }
    assert_idle(events);
}

#[test]
fn a_socket_can_be_dropped_while_another_ones_event_is_handled() -> Outcome {
    let mut events = new_loop::<()>();
    let mut pairs = Vec::new();
    for _ in 0..2 {
        let (mut client, socket) = watched_pair(&events)?;
        client.write_all(b"x")?;
        pairs.push((client, socket));
    }
    for pair in &pairs {
        ready(&mut events, &pair.1, Interest::Readable); // both are queued
    }
    drop(pairs.pop());
    for _ in 0..20 {
        assert!(matches!(next(&mut events), Event::Readable(id) if id == pairs[0].1.id()));
    }
    Ok(())
}

#[test]
fn a_socket_of_another_loop_is_refused() -> Outcome {
    let (events, other) = (new_loop::<()>(), new_loop::<()>());
    let (_client, theirs) = tcp_pair(&other)?;
    let error = events.watch(theirs, Interest::Readable).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("EventLoop::enter"), "{error}");
    Ok(())
}

#[test]
fn a_socket_can_be_taken_out_and_watched_again() -> Outcome {
    let mut events = new_loop::<()>();
    let (mut client, mut socket) = watched_pair(&events)?;
    for n in 0..10 {
        client.write_all(&[n; 3])?;
        ready(&mut events, &socket, Interest::Readable);
        let mut buf = [0; 1];
        while read_now(&socket, &mut buf).is_none() {
            ready(&mut events, &socket, Interest::Readable);
        }
        let old = socket.id();
        socket = events.watch(socket.into_inner(), Interest::Readable)?; // with two bytes unread
        assert_ne!(socket.id(), old);
        let mut got = Vec::new();
        while got.len() < 2 {
            assert!(matches!(next(&mut events), Event::Readable(id) if id == socket.id()));
            read_all(&socket, &mut got);
        }
        assert_eq!(got, [n; 2]);
    }
    Ok(())
}

#[test]
fn a_shared_socket_can_be_watched_twice_and_a_task_can_wait_for_it_too() -> Outcome {
    let mut events = new_loop::<()>();
    let (mut client, server) = tcp_pair(&events)?;
    let shared = Rc::new(server);
    let one = events.watch(shared.clone(), Interest::Readable)?;
    let two = events.watch(shared.clone(), Interest::Readable)?;
    quiet(&mut events, &shared);
    let waiting = shared.clone();
    let task = events.enter(|| spawn(async move { waiting.readable().await }));
    assert_idle(&mut events);
    client.write_all(b"x")?;
    ready(&mut events, &one, Interest::Readable);
    ready(&mut events, &two, Interest::Readable);
    ready(&mut events, &two, Interest::Readable);
    assert!(task.is_finished(), "it has had its turn, too");
    drop(one);
    for _ in 0..3 {
        assert!(matches!(next(&mut events), Event::Readable(id) if id == two.id()));
    }
    drop(two);
    assert_idle(&mut events);
    assert_eq!(read_now(&shared, &mut [0; 8]), Some(1));
    Ok(())
}

/// Something of the program's own that has a socket, and notes when it is dropped.
struct Client(TcpStream, #[expect(dead_code, reason = "dropped with it")] executor::Token);

impl Watch for Client {
    fn readable(&self) -> Ready<'_> {
        self.0.readable()
    }
}

#[test]
fn whatever_has_a_socket_can_be_watched_and_is_dropped_with_its_watch() -> Outcome {
    let (mut events, drops) = (new_loop::<()>(), Drops::new());
    let (mut peer, stream) = tcp_pair(&events)?;
    let client = events.watch(Client(stream, drops.token()), Interest::Readable)?;
    peer.write_all(b"x")?;
    ready(&mut events, &client, Interest::Readable);
    let client = client.into_inner();
    assert_eq!(drops.count(), 0);
    drop(events.watch(client, Interest::Readable)?);
    assert_eq!(drops.count(), 1);
    assert_eq!(
        sockets::uninterrupted(|| peer.read(&mut [0; 1])).map_err(|e| e.kind()).unwrap_or(0),
        0,
        "the socket is closed"
    );
    assert_idle(&mut events);
    Ok(())
}

#[test]
fn datagrams_are_announced_one_after_the_other() -> Outcome {
    let mut events = new_loop::<()>();
    let socket = events.enter(|| UdpSocket::try_from(std::net::UdpSocket::bind("127.0.0.1:0")?))?;
    let socket = events.watch(socket, Interest::Readable)?;
    let client = std::net::UdpSocket::bind("127.0.0.1:0")?;
    for n in 0..20_u8 {
        client.send_to(&[n], socket.local_addr()?)?;
    }
    let mut got = Vec::new();
    while got.len() < 20 {
        ready(&mut events, &socket, Interest::Readable);
        let mut buf = [0; 8];
        match socket.try_recv_from(&mut buf) {
            Ok((1, from)) if from == client.local_addr()? => got.push(buf[0]),
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(got.into_iter().eq(0..20));
    Ok(())
}

#[cfg(unix)]
mod on_unix {
    use super::*;
    use std::io;

    use oneloop::Source;
    use oneloop::net::{UnixListener, UnixStream};

    #[test]
    fn unix_sockets_are_watched_as_tcp_ones_are() -> Outcome {
        let mut events = new_loop::<()>();
        let path = sockets::SocketPath::default();
        let (one, two) = events.enter(UnixStream::pair)?;
        let one = events.watch(one, Interest::Readable)?;
        assert_eq!(two.try_write(b"hello")?, 5);
        ready(&mut events, &one, Interest::Readable);
        let mut buf = [0; 8];
        while !matches!(one.try_read(&mut buf), Ok(5)) {
            ready(&mut events, &one, Interest::Readable);
        }
        let listener = events.enter(|| UnixListener::bind(&path))?;
        let listener = events.watch(listener, Interest::Readable)?;
        let _client = std::os::unix::net::UnixStream::connect(&path)?;
        ready(&mut events, &listener, Interest::Readable);
        Ok(())
    }

    #[test]
    fn a_pipe_of_ones_own_is_watched_until_its_end() -> Outcome {
        let mut events = new_loop::<()>();
        let (reader, mut writer) = io::pipe()?;
        // A pipe of std's has no switch for this; a socket's does the same for any descriptor.
        socket2::SockRef::from(&reader).set_nonblocking(true)?;
        let reader = events.watch(events.enter(|| Source::new(reader))?, Interest::Readable)?;
        assert_idle(&mut events);
        writer.write_all(b"through the pipe")?;
        let read = |events: &mut EventLoop<()>, buf: &mut [u8]| {
            loop {
                ready(events, &reader, Interest::Readable);
                match reader.try_io(Interest::Readable, |mut pipe| pipe.read(buf)) {
                    Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                    result => break result,
                }
            }
        };
        assert_eq!(read(&mut events, &mut [0; 7])?, 7);
        assert_eq!(read(&mut events, &mut [0; 64])?, 9, "what was left is announced again");
        drop(writer);
        assert_eq!(read(&mut events, &mut [0; 7])?, 0);
        Ok(())
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_loop_that_waits_sleeps_whatever_it_watches() -> Outcome {
        let mut events = new_loop::<()>();
        let (_client, socket) = watched_pair(&events)?;
        let _listener = events.listen("127.0.0.1:0")?;
        events.timer(Duration::from_secs(3600))?;
        events.timer(Duration::MAX)?;
        quiet(&mut events, &socket);
        let waiting = crate::clock::Waiting::begin();
        assert!(matches!(events.take(Some(300 * MS)), Ok(Event::TimedOut)));
        waiting.assert_slept("sockets and timers that have nothing to say");
        Ok(())
    }
}

#[test]
fn a_socket_moves_from_one_event_loop_to_another() -> Outcome {
    let (mut first, mut second) = (new_loop::<()>(), new_loop::<()>());
    let (mut client, socket) = watched_pair(&first)?;
    client.write_all(b"x")?;
    ready(&mut first, &socket, Interest::Readable);
    let error = second.watch(socket.into_inner(), Interest::Readable).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("into_std"), "{error}");

    let (mut client, socket) = watched_pair(&first)?;
    let socket = socket.into_inner().into_std()?;
    let socket = second.enter(|| TcpStream::try_from(socket))?;
    let socket = second.watch(socket, Interest::Readable)?;
    quiet(&mut second, &socket);
    client.write_all(b"y")?;
    ready(&mut second, &socket, Interest::Readable);
    assert_eq!(read_now(&socket, &mut [0; 8]), Some(1));
    assert_idle(&mut first);
    Ok(())
}
