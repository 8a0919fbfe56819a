//! An event loop at the limit of descriptors, with thousands of them, and at its end.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use oneloop::Interest;
use oneloop::event_loop::Event;

use common::events::{assert_idle, new_loop, next, read_now};
use common::sockets::{self, Outcome, pattern};

/// How many connections may wait for a listener: what Linux says, or elsewhere the default of macOS.
fn longest_backlog() -> usize {
    let set = std::fs::read_to_string("/proc/sys/net/core/somaxconn");
    set.map_or(128, |text| text.trim().parse().expect("a number"))
}

#[test]
fn a_listener_with_many_connections_waiting_gives_way_to_messages_and_timers() -> Outcome {
    sockets::in_child("a_listener_with_many_connections_waiting_gives_way_to_messages_and_timers", || {
        sockets::need_descriptors(2_100);
        let mut events = new_loop();
        let listener = events.listen("127.0.0.1:0").unwrap();
        let connect = |_| std::net::TcpStream::connect(listener.local_addr()).unwrap();
        let waiting = usize::min(1000, longest_backlog());
        let clients: Vec<_> = (0..waiting).map(connect).collect();
        for n in 0..1000 {
            events.post(n).unwrap();
        }
        let timer = events.timer(Duration::ZERO).unwrap();
        let (mut servers, mut peers, mut messages, mut since, mut timer_after) = (vec![], vec![], 0, 0, None);
        while servers.len() < waiting {
            match next(&mut events) {
                Event::Accepted(id, Ok((server, peer))) => {
                    assert_eq!(id, listener.id());
                    servers.push(server);
                    peers.push(peer);
                    since = 0;
                }
                Event::Message(n) => {
                    assert_eq!(n, messages);
                    messages += 1;
                    since += 1;
                    assert!(servers.is_empty() || since <= 64, "the listener waits for its turn only");
                }
                Event::Timer(id) if id == timer => timer_after = Some(servers.len() + messages),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(messages, 1000, "they have not waited for all connections");
        // As it is fired after 256 events and the rest of a turn, and then waits for its own.
        assert!(timer_after.unwrap() <= 256 + 2 * 64 + 2, "{timer_after:?}");
        let ours: HashSet<_> = clients.iter().map(|c| c.local_addr().unwrap()).collect();
        assert_eq!(ours, peers.into_iter().collect());
        assert_idle(&mut events);
    });
    Ok(())
}

/// Echoes until all clients, each on the same loop, have had their bytes back.
fn echo_for(count: usize) -> Outcome {
    let mut events = new_loop::<()>();
    let listener = events.listen("127.0.0.1:0")?;
    let mut servers = HashMap::new();
    let mut clients = HashMap::new();
    for _ in 0..count {
        events.connect(listener.local_addr())?;
    }
    let mut done = 0;
    while done < count {
        match next(&mut events) {
            Event::Accepted(_, stream) => {
                let socket = events.watch(stream?.0, Interest::Readable)?;
                servers.insert(socket.id(), socket);
            }
            Event::Connected(_, stream) => {
                let socket = events.watch(stream?, Interest::Readable)?;
                let sent = pattern(100, clients.len() as u64);
                assert_eq!(socket.try_write(&sent)?, 100);
                clients.insert(socket.id(), (socket, sent, Vec::new()));
            }
            Event::Readable(id) => {
                let mut buf = [0; 64];
                if let Some(server) = servers.get(&id) {
                    match read_now(server, &mut buf) {
                        Some(0) => drop(servers.remove(&id)),
                        Some(n) => assert_eq!(server.try_write(&buf[..n])?, n),
                        None => {}
                    }
                } else if let Some((client, sent, got)) = clients.get_mut(&id) {
                    let n = read_now(client, &mut buf).unwrap_or(0);
                    got.extend_from_slice(&buf[..n]);
                    if got.len() == sent.len() {
                        assert!(got == sent, "other bytes came back");
                        clients.remove(&id);
                        done += 1;
                    }
                }
            }
            other => panic!("{other:?}"),
        }
    }
    Ok(())
}

#[test]
fn a_thousand_clients_and_their_servers_share_one_loop() -> Outcome {
    sockets::in_child("a_thousand_clients_and_their_servers_share_one_loop", || {
        sockets::need_descriptors(2_100);
        echo_for(1000).unwrap();
    });
    Ok(())
}
