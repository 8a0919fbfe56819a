//! The socket of the last event is looked at again when the program takes the next one: what may happen to it in between.

use std::cell::Cell;
use std::io::Write;
use std::rc::Rc;

use oneloop::event_loop::{Callbacks, Event, EventLoop, Policy, Watched};
use oneloop::net::TcpStream;
use oneloop::{Interest, Runtime};

use common::events::{
    assert_idle, new_loop, next, no_failure, read_all, source_of, tcp_pair, until, watched_pair,
};
use common::executor::Watchdog;
use common::sockets::Outcome;

/// Writes until the socket takes no more.
fn fill(socket: &TcpStream) {
    let zeros = [0; 1 << 16];
    while socket.try_write(&zeros).is_ok() {}
}

/// Takes events until the socket is readable.
#[track_caller]
fn readable<M>(events: &mut EventLoop<M>, socket: &Watched<TcpStream>) {
    until(events, |event| matches!(event, Event::Readable(id) if id == socket.id()).then_some(()));
}

#[test]
fn a_direction_that_becomes_ready_while_the_other_is_left_unread_is_an_event() -> Outcome {
    let _watchdog = Watchdog::start();
    let mut events = new_loop::<()>();
    let (mut client, socket) = watched_pair(&events)?;
    client.write_all(b"x")?;
    readable(&mut events, &socket);
    fill(&socket);
    socket.add_interest(Interest::Writable);
    let mut readable = 0;
    while readable < 10 {
        match next(&mut events) {
            Event::Readable(id) if id == socket.id() => readable += 1,
            Event::Writable(_) => fill(&socket), // the system's buffers may have grown
            other => panic!("{other:?}"),
        }
    }
    let reader = std::thread::spawn(move || std::io::copy(&mut client, &mut std::io::sink()));
    until(&mut events, |event| matches!(event, Event::Writable(_)).then_some(()));
    drop(socket);
    reader.join().expect("it reads to the end").ok();
    Ok(())
}

#[test]
fn a_direction_that_is_added_and_removed_in_the_handler_of_the_other_starves_neither() -> Outcome {
    let _watchdog = Watchdog::start();
    let mut events = new_loop::<()>();
    let (mut client, socket) = watched_pair(&events)?;
    client.write_all(b"x")?; // never read
    let (mut reads, mut writes) = (0, 0);
    for _ in 0..100 {
        match next(&mut events) {
            Event::Readable(_) => {
                reads += 1;
                socket.add_interest(Interest::Writable);
            }
            Event::Writable(_) => {
                writes += 1;
                socket.remove_interest(Interest::Writable);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(reads >= 30 && writes >= 30, "{reads} reads, {writes} writes");
    Ok(())
}

#[test]
fn a_key_that_is_used_again_before_the_next_take_is_the_new_sockets() -> Outcome {
    let _watchdog = Watchdog::start();
    let mut events = new_loop::<()>();
    for both in [false, true] {
        for _ in 0..20 {
            let (mut client, old) = watched_pair(&events)?;
            if both {
                old.add_interest(Interest::Writable);
            }
            client.write_all(b"x")?;
            readable(&mut events, &old);
            let gone = old.id();
            drop(old);
            let (mut client, server) = tcp_pair(&events)?;
            let new = events.watch(server, Interest::Readable)?;
            client.write_all(b"y")?;
            for _ in 0..3 {
                let event = next(&mut events);
                assert!(source_of(&event) == Some(new.id()) && new.id() != gone, "{event:?}");
            }
            read_all(&new, &mut Vec::new());
            assert_idle(&mut events);
            client.write_all(b"z")?;
            readable(&mut events, &new);
        }
    }
    Ok(())
}

#[test]
fn a_timer_that_gets_the_key_of_the_last_events_socket_is_a_timer() -> Outcome {
    let _watchdog = Watchdog::start();
    let mut events = new_loop::<()>();
    let (mut client, socket) = watched_pair(&events)?;
    socket.add_interest(Interest::Writable);
    client.write_all(b"x")?;
    next(&mut events);
    let socket = socket.into_inner();
    let timer = events.timer(std::time::Duration::from_millis(1))?;
    assert!(matches!(next(&mut events), Event::Timer(id) if id == timer));
    assert_idle(&mut events);
    let socket = events.watch(socket, Interest::Readable)?;
    readable(&mut events, &socket);
    Ok(())
}

#[test]
fn bytes_that_a_stopped_run_left_unread_are_the_next_takes_event() -> Outcome {
    let _watchdog = Watchdog::start();
    let mut events = new_loop::<()>();
    let (mut client, socket) = watched_pair(&events)?;
    for reads in [false, true, false] {
        client.write_all(b"x")?;
        let handler = |events: &mut EventLoop<()>, event| {
            assert!(matches!(event, Event::Readable(_)));
            if reads {
                read_all(&socket, &mut Vec::new());
            }
            events.stop();
            Ok::<(), ()>(())
        };
        events.run(handler, no_failure).unwrap();
        if reads {
            assert_idle(&mut events);
            client.write_all(b"y")?;
        }
        for _ in 0..3 {
            readable(&mut events, &socket);
        }
        read_all(&socket, &mut Vec::new());
        assert_idle(&mut events);
    }
    Ok(())
}

#[test]
fn a_callback_that_cancels_itself_and_is_set_again_goes_on() -> Outcome {
    let _watchdog = Watchdog::start();
    let mut calls = Callbacks::new()?;
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let mut client = std::net::TcpStream::connect(listener.local_addr()?)?;
    let server = listener.accept()?.0;
    let server = calls.enter(|| TcpStream::try_from(server))?;
    let socket = calls.watch(server, Interest::Readable)?;
    let id = socket.id();
    client.write_all(b"x")?;
    let count = Rc::new(Cell::new(0));
    fn set(calls: &mut Callbacks, id: oneloop::event_loop::Id, count: Rc<Cell<u32>>) {
        calls.on(id, move |calls, _| {
            calls.cancel(id);
            count.set(count.get() + 1);
            match count.get() {
                10 => calls.stop(),
                _ => set(calls, id, count.clone()),
            }
        });
    }
    set(&mut calls, id, count.clone());
    calls.run(|_| Policy::Stop).unwrap();
    assert_eq!(count.get(), 10);
    Ok(())
}

#[test]
fn with_the_shortest_and_the_longest_turn_every_socket_and_timer_comes() -> Outcome {
    let _watchdog = Watchdog::start();
    for interval in [1, 2, u32::MAX] {
        let runtime = Runtime::builder().event_interval(interval).build()?;
        let mut events = EventLoop::<u32>::on(runtime, None)?;
        let (mut clients, sockets): (Vec<_>, Vec<_>) =
            (0..10).map(|_| watched_pair(&events)).collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        let listener = events.listen("127.0.0.1:0")?;
        for round in 0..20 {
            (0..200).for_each(|n| events.post(n).unwrap());
            clients.iter_mut().for_each(|client| client.write_all(b"x").unwrap());
            let _client = std::net::TcpStream::connect(listener.local_addr())?;
            let timer = events.timer(std::time::Duration::ZERO)?;
            let (mut messages, mut timers, mut accepted, mut read) = (0, 0, 0, 0);
            while messages < 200 || timers < 1 || accepted < 1 || read < 10 {
                match next(&mut events) {
                    Event::Message(n) => {
                        assert_eq!(n, messages);
                        messages += 1;
                    }
                    Event::Timer(id) if id == timer => timers += 1,
                    Event::Accepted(..) => accepted += 1,
                    Event::Readable(id) => {
                        let socket = sockets.iter().find(|socket| socket.id() == id).unwrap();
                        let mut text = Vec::new();
                        read_all(socket, &mut text);
                        read += text.len();
                    }
                    other => panic!("{round}: {other:?}"),
                }
            }
            assert_idle(&mut events);
        }
    }
    Ok(())
}

#[test]
fn a_socket_that_a_task_and_the_loop_wait_for_wakes_both_after_each_event() -> Outcome {
    let _watchdog = Watchdog::start();
    let mut events = new_loop::<()>();
    let (mut client, server) = tcp_pair(&events)?;
    let socket = Rc::new(server);
    let watched = events.watch(socket.clone(), Interest::Readable)?;
    watched.add_interest(Interest::Writable);
    let woken = Rc::new(Cell::new(0));
    let count = woken.clone();
    events.enter(|| {
        drop(oneloop::spawn(async move {
            loop {
                socket.readable().await.unwrap();
                count.set(count.get() + 1);
                // It takes what there is: the source of the loop finds nothing then, and waits again.
                read_all(&socket, &mut Vec::new());
            }
        }))
    });
    fill(&watched);
    assert!(read_all(&watched, &mut Vec::new()).is_some());
    for round in 1..=300 {
        let before = woken.get();
        client.write_all(b"x")?;
        while woken.get() == before {
            assert!(!matches!(events.take(Some(std::time::Duration::from_millis(1)))?, Event::Message(())));
        }
        assert!(woken.get() >= round);
    }
    Ok(())
}

/// An operation of a task counts as half a poll. An event counts as one poll, also if its source has accepted a connection.
#[test]
fn each_kind_of_event_counts_as_one_before_the_timers_are_asked_again() -> Outcome {
    let _watchdog = Watchdog::start();
    let runtime = Runtime::builder().event_interval(12).build()?;
    let mut events = EventLoop::<()>::on(runtime, None)?;
    let listener = events.listen("127.0.0.1:0")?;
    let clients: Vec<_> =
        (0..40).map(|_| std::net::TcpStream::connect(listener.local_addr())).collect::<Result<_, _>>()?;
    until(&mut events, |event| matches!(event, Event::Accepted(..)).then_some(()));
    for _ in 0..2 {
        // From one timer's event to the next is a turn: both fire where the driver is polled.
        events.timer_at(std::time::Instant::now())?;
        until(&mut events, |event| matches!(event, Event::Timer(_)).then_some(()));
    }
    events.timer_at(std::time::Instant::now())?;
    let mut accepted = 0;
    until(&mut events, |event| {
        accepted += u32::from(matches!(event, Event::Accepted(..)));
        matches!(event, Event::Timer(_)).then_some(())
    });
    assert!((10..=12).contains(&accepted), "{accepted} connections in a turn of 12");
    drop(clients);
    Ok(())
}

#[test]
fn a_message_that_is_posted_at_a_sockets_event_comes_before_its_next_one() -> Outcome {
    let _watchdog = Watchdog::start();
    let mut events = new_loop::<u32>();
    let (mut client, socket) = watched_pair(&events)?;
    client.write_all(b"x")?; // never read
    for round in 0..10 {
        assert!(matches!(next(&mut events), Event::Readable(id) if id == socket.id()));
        events.post(round).unwrap();
        assert!(matches!(next(&mut events), Event::Message(n) if n == round));
    }
    Ok(())
}
