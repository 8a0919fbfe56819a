//! What the tests of the event loop share.

use std::cell::RefCell;
use std::fmt::Debug;
use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use oneloop::Interest;
use oneloop::event_loop::{Event, EventLoop, Failure, Id, Policy, Watched};
use oneloop::net::TcpStream;

/// Far more than any test needs, also on a machine that is busy with something else: what takes longer hangs.
pub const LIMIT: Duration = Duration::from_secs(90);

pub fn new_loop<M>() -> EventLoop<M> {
    EventLoop::new().expect("an event loop can be made")
}

/// A loop of numbers, with some queued.
pub fn posted(numbers: impl IntoIterator<Item = i32>) -> EventLoop<i32> {
    let events = new_loop();
    numbers.into_iter().for_each(|n| events.post(n).unwrap());
    events
}

/// A handler that notes messages, stops at 0, fails at negative ones and panics at those above 99.
pub fn judge(seen: &RefCell<Vec<i32>>) -> impl FnMut(&mut EventLoop<i32>, Event<i32>) -> Result<(), String> {
    |events, event| {
        let Event::Message(n) = event else { return Err(format!("not expected: {event:?}")) };
        seen.borrow_mut().push(n);
        match n {
            0 => events.stop(),
            100.. => panic!("{n} is too much"),
            ..0 => return Err(format!("{n} is negative")),
            _ => {}
        }
        Ok(())
    }
}

/// The next event; one must come.
#[track_caller]
pub fn next<M>(events: &mut EventLoop<M>) -> Event<M> {
    match events.take(Some(LIMIT)).expect("the loop works") {
        Event::TimedOut => panic!("nothing happens any more: the test has waited for {LIMIT:?}"),
        event => event,
    }
}

/// The next event; it must be a message.
#[track_caller]
pub fn next_message<M: Debug>(events: &mut EventLoop<M>) -> M {
    match next(events) {
        Event::Message(message) => message,
        other => panic!("it should have been a message: {other:?}"),
    }
}

/// Takes events until one is what the test waits for.
#[track_caller]
pub fn until<M, T>(events: &mut EventLoop<M>, mut pick: impl FnMut(Event<M>) -> Option<T>) -> T {
    loop {
        if let Some(found) = pick(next(events)) {
            return found;
        }
    }
}

/// Nothing is queued, and nothing has happened that the loop could find out.
#[track_caller]
pub fn assert_idle<M: Debug>(events: &mut EventLoop<M>) {
    // Twice, because the first look may do no more than take in what the operating system knows.
    for _ in 0..2 {
        match events.take(Some(Duration::ZERO)).expect("the loop works") {
            Event::TimedOut => {}
            other => panic!("nothing should have happened: {other:?}"),
        }
    }
}

/// For a `run` whose handler must not fail.
#[track_caller]
pub fn no_failure<E: Debug>(failure: &Failure<E>) -> Policy {
    panic!("the handler should not fail: {failure:?}")
}

/// A connection from a blocking socket of std's to one of the loop's. It needs no thread: the system completes it
/// before any accept.
pub fn tcp_pair<M>(events: &EventLoop<M>) -> io::Result<(std::net::TcpStream, TcpStream)> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let client = std::net::TcpStream::connect(listener.local_addr()?)?;
    client.set_read_timeout(Some(LIMIT))?;
    client.set_write_timeout(Some(LIMIT))?;
    client.set_nodelay(true)?;
    let (server, _) = listener.accept()?;
    server.set_nonblocking(true)?;
    let server = events.enter(|| TcpStream::try_from(server))?;
    Ok((client, server))
}

/// A connection whose end on the loop is watched for reading.
pub fn watched_pair<M>(events: &EventLoop<M>) -> io::Result<(std::net::TcpStream, Watched<TcpStream>)> {
    let (client, server) = tcp_pair(events)?;
    Ok((client, events.watch(server, Interest::Readable)?))
}

/// Reads what a socket has now.
#[track_caller]
pub fn read_now(stream: &TcpStream, buf: &mut [u8]) -> Option<usize> {
    match stream.try_read(buf) {
        Ok(n) => Some(n),
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => None,
        Err(e) => panic!("it can be read: {e}"),
    }
}

/// Reads until nothing is left, so that the socket no longer counts as ready. `None` at its end.
#[track_caller]
pub fn read_all(stream: &TcpStream, text: &mut Vec<u8>) -> Option<()> {
    let mut buf = [0; 4096];
    loop {
        match read_now(stream, &mut buf) {
            Some(0) => return None,
            Some(n) => text.extend_from_slice(&buf[..n]),
            None => return Some(()),
        }
    }
}

/// Which source an event comes from.
pub fn source_of<M>(event: &Event<M>) -> Option<Id> {
    match event {
        Event::Message(_) | Event::TimedOut => None,
        Event::Readable(id) | Event::Writable(id) | Event::Timer(id) | Event::Signal(id) => Some(*id),
        Event::Accepted(id, _) | Event::Connected(id, _) => Some(*id),
    }
}
