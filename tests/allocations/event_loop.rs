//! What an event loop costs in memory: nothing for an event once its tables have grown, and nothing is left of what
//! was cancelled or watched no more.

use std::io;
use std::time::Duration;

use oneloop::Interest;
use oneloop::event_loop::{Callbacks, Event, EventLoop};
use oneloop::net::UdpSocket;

use crate::counting;
use common::events::{self, assert_idle, new_loop, next, watched_pair};
use counting::{alive, allocated};

/// Does `work` a few times to let the tables grow, then asserts that another time allocates nothing.
#[track_caller]
fn assert_none(what: &str, mut work: impl FnMut()) {
    for _ in 0..3 {
        work();
    }
    let before = allocated();
    work();
    assert_eq!(allocated() - before, 0, "{what}");
}

#[test]
fn events_cost_none() -> io::Result<()> {
    let mut events = EventLoop::bounded(100)?;
    let sender = events.sender();
    assert_none("messages of a bounded queue", || {
        for n in 0..1000 {
            events.post(n).unwrap();
            assert!(matches!(events.take(None), Ok(Event::Message(got)) if got == n));
            sender.post(n).unwrap();
            assert!(matches!(events.take(None), Ok(Event::Message(got)) if got == n));
        }
    });
    assert_none("timers", || {
        let timers = [(); 100].map(|()| events.timer(Duration::ZERO).unwrap());
        for _ in timers {
            assert!(matches!(events.take(None), Ok(Event::Timer(_))));
        }
    });
    assert_none("time-outs", || assert_idle(&mut events));
    let socket = events.enter(|| UdpSocket::try_from(std::net::UdpSocket::bind("127.0.0.1:0")?))?;
    let socket = events.watch(socket, Interest::Readable)?;
    assert_none("sockets", || {
        for _ in 0..100 {
            socket.try_send_to(b"x", socket.local_addr().unwrap()).unwrap();
            loop {
                assert!(matches!(events.take(None), Ok(Event::Readable(_))));
                if socket.try_recv_from(&mut [0; 8]).is_ok() {
                    break;
                }
            }
        }
    });
    Ok(())
}

#[test]
fn a_million_timers_cancelled_leave_nothing() {
    let events = new_loop::<()>();
    let work = || {
        for _ in 0..100 {
            let ids = [(); 100].map(|()| events.timer(Duration::from_secs(60)).unwrap());
            assert!(ids.into_iter().all(|id| events.cancel(id)));
        }
    };
    work();
    let before = alive();
    (0..100).for_each(|_| work());
    assert_eq!(alive(), before);
}

#[test]
fn timers_that_are_queued_and_cancelled_leave_nothing() {
    let mut events = new_loop::<()>();
    let mut work = || {
        let mut ids: Vec<_> = (0..100).map(|_| events.timer(Duration::ZERO).unwrap()).collect();
        let Event::Timer(first) = next(&mut events) else { panic!("nothing else can come") };
        ids.retain(|id| *id != first);
        assert!(ids.into_iter().all(|id| events.cancel(id)));
        assert_idle(&mut events);
    };
    work();
    let before = alive();
    (0..100).for_each(|_| work());
    assert_eq!(alive(), before);
}

#[test]
fn a_million_watches_that_have_ended_leave_nothing() -> io::Result<()> {
    let mut events = new_loop::<()>();
    let (_client, socket) = watched_pair(&events)?;
    let mut socket = Some(socket.into_inner());
    let mut work = || {
        for n in 0..100 {
            let watched = events.watch(socket.take().unwrap(), Interest::Writable).unwrap();
            if n % 2 == 0 {
                drop(next(&mut events)); // queued again, when it ends
            }
            socket = Some(watched.into_inner());
        }
        assert_idle(&mut events);
    };
    (0..10).for_each(|_| work());
    let before = alive();
    (0..if cfg!(debug_assertions) { 1000 } else { 10_000 }).for_each(|_| work());
    assert_eq!(alive(), before);
    Ok(())
}

#[test]
fn callbacks_that_were_forgotten_or_called_leave_nothing() {
    let mut calls = Callbacks::new().unwrap();
    let work = |calls: &mut Callbacks| {
        let data = vec![0_u8; 10];
        let id = calls.call_later(Duration::from_secs(60), move |_| drop(data)).unwrap();
        calls.on(id, |_, _| ());
        calls.cancel(id);
        calls.call_later(Duration::ZERO, |calls| calls.call_soon(|calls| calls.stop())).unwrap();
        calls.handle().call_soon(|_| ()).unwrap();
        calls.run(events::no_failure).unwrap();
    };
    (0..100).for_each(|_| work(&mut calls));
    let before = alive();
    (0..1000).for_each(|_| work(&mut calls));
    // The unbounded channel holds a block of 31 messages, at times two.
    assert!((alive() - before).abs() <= 1, "{before} became {}", alive());
}
