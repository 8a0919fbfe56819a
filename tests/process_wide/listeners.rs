//! Listeners of an event loop when there are no descriptors, and what a loop gives back at its end.
#![cfg(target_os = "linux")]

use std::io::Read;
use std::time::Duration;

use oneloop::event_loop::Event;

use crate::clock::Waiting;
use common::events::{new_loop, next, until, watched_pair};
use common::sockets;

const MS: Duration = Duration::from_millis(1);

/// Without descriptors a listener says so, rests, and serves on when there are some again.
#[test]
fn a_listener_without_descriptors_says_so_rests_and_serves_on() {
    sockets::in_child("a_listener_without_descriptors_says_so_rests_and_serves_on", || {
        let mut events = new_loop();
        let listener = events.listen("127.0.0.1:0").unwrap();
        let mut client = std::net::TcpStream::connect(listener.local_addr()).unwrap();
        let hog: Vec<_> = {
            let (_, hard) = rlimit::getrlimit(rlimit::Resource::NOFILE).unwrap();
            rlimit::setrlimit(rlimit::Resource::NOFILE, 100, hard).unwrap();
            std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect()
        };
        let begun = std::time::Instant::now();
        let waiting = Waiting::begin();
        for failures in 1..=3 {
            match next(&mut events) {
                Event::Accepted(id, Err(error)) => {
                    assert_eq!(id, listener.id());
                    assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
                }
                other => panic!("{other:?}"),
            }
            assert!(begun.elapsed() >= 100 * MS * (failures - 1), "it rests in between");
            events.post("everybody else is served").unwrap();
            assert!(matches!(next(&mut events), Event::Message(_)));
        }
        waiting.assert_slept("a listener without descriptors");
        drop(hog);
        let server = until(&mut events, |event| match event {
            Event::Accepted(_, accepted) => Some(accepted.unwrap().0),
            _ => None,
        });
        assert_eq!(server.try_write(b"served").unwrap(), 6);
        drop(server);
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        assert_eq!(text, "served");
    });
}

#[test]
fn a_listener_that_pauses_can_be_dropped_and_so_can_its_loop() {
    sockets::in_child("a_listener_that_pauses_can_be_dropped_and_so_can_its_loop", || {
        for loop_first in [false, true] {
            let mut events = new_loop::<()>();
            let listener = events.listen("127.0.0.1:0").unwrap();
            let _client = std::net::TcpStream::connect(listener.local_addr()).unwrap();
            let (soft, hard) = rlimit::getrlimit(rlimit::Resource::NOFILE).unwrap();
            rlimit::setrlimit(rlimit::Resource::NOFILE, 0, hard).unwrap();
            let failed = next(&mut events);
            rlimit::setrlimit(rlimit::Resource::NOFILE, soft, hard).unwrap();
            assert!(matches!(failed, Event::Accepted(_, Err(_))), "{failed:?}");
            if loop_first {
                drop(events);
                drop(listener);
            } else {
                drop(listener);
                assert!(matches!(events.take(Some(120 * MS)), Ok(Event::TimedOut)));
            }
        }
    });
}

#[test]
fn a_loop_gives_its_descriptors_back_with_all_that_was_going_on() {
    sockets::in_child("a_loop_gives_its_descriptors_back_with_all_that_was_going_on", || {
        let before = sockets::open_descriptors();
        for _ in 0..20 {
            let mut events = new_loop::<()>();
            let listener = events.listen("127.0.0.1:0").unwrap();
            events.connect(listener.local_addr()).unwrap();
            events.connect(listener.local_addr()).unwrap();
            let (client, socket) = watched_pair(&events).unwrap();
            drop(next(&mut events));
            drop(events);
            drop((client, socket, listener));
        }
        assert_eq!(sockets::open_descriptors(), before);
    });
}
