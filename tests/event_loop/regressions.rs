//! Defects of the event loop that were found by reading it, each pinned down.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io::ErrorKind;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use oneloop::event_loop::{Callbacks, Event, EventLoop, Policy};
use oneloop::net::UdpSocket;
use oneloop::{Interest, Runtime};

use common::executor::Watchdog;

#[test]
fn a_timer_that_is_due_before_the_time_out_comes_before_it() {
    for _ in 0..20 {
        let mut events = EventLoop::<()>::new().unwrap();
        events.timer(Duration::from_micros(1200)).unwrap();
        let first = events.take(Some(Duration::from_micros(1500))).unwrap();
        assert!(matches!(first, Event::Timer(_)), "{first:?}");
    }
}

#[test]
fn the_mark_of_an_earlier_takes_end_is_not_taken_for_this_ones() {
    let runtime = Runtime::builder().event_interval(1).build().unwrap();
    let mut events = EventLoop::<()>::on(runtime, None).unwrap();
    for _ in 0..3 {
        events.enter(|| {
            drop(oneloop::spawn(async {
                loop {
                    oneloop::yield_now().await;
                }
            }))
        });
    }
    for _ in 0..500 {
        events.timer_at(Instant::now() - Duration::from_secs(1)).unwrap();
        let first = events.take(Some(Duration::ZERO)).unwrap();
        assert!(matches!(first, Event::Timer(_)), "{first:?}");
    }
}

/// Polls a task gets that always finds its socket ready, until an event that is due comes out.
#[test]
fn a_tasks_operations_are_counted_before_the_driver_and_the_timers_are_asked_again() {
    let _watchdog = Watchdog::start();
    let polls = Rc::new(Cell::new(0));
    let theirs = polls.clone();
    let greedy = async move {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        socket.connect(socket.local_addr()?).await?;
        let mut work = Box::pin(async {
            loop {
                socket.send(b"x").await?;
                socket.recv(&mut [0; 1]).await?;
            }
        });
        poll_fn(|cx| {
            theirs.set(theirs.get() + 1);
            Poll::map(work.as_mut().poll(cx), |outcome: std::io::Result<()>| outcome)
        })
        .await
    };
    let mut events = EventLoop::<()>::new().unwrap();
    events.enter(|| drop(oneloop::spawn(greedy)));
    events.take(Some(Duration::ZERO)).unwrap();
    polls.set(0);
    events.timer_at(Instant::now()).unwrap();
    assert!(matches!(events.take(None).unwrap(), Event::Timer(_)));
    assert!(polls.get() <= 16, "{} polls of 128 operations", polls.get());
}

#[test]
fn a_watched_socket_without_a_callback_doesnt_keep_the_loop_busy_and_makes_events_once_it_has_one() {
    let _watchdog = Watchdog::start();
    let mut calls = Callbacks::new().unwrap();
    let socket = calls.enter(|| UdpSocket::try_from(std::net::UdpSocket::bind("127.0.0.1:0").unwrap()));
    let socket = Rc::new(calls.watch(socket.unwrap(), Interest::Readable).unwrap());
    let (id, addr) = (socket.id(), socket.local_addr().unwrap());
    socket.try_send_to(b"x", addr).unwrap();
    calls.call_later(Duration::from_millis(20), |calls| calls.stop()).unwrap();
    let ended = calls.run(|_| Policy::Stop).unwrap();
    assert!(ended.handled < 10, "{ended:?}");

    let theirs = socket.clone();
    calls.on(id, move |calls, _| {
        if theirs.try_recv_from(&mut [0; 8]).is_ok() {
            calls.cancel(id); // the socket lives on
            theirs.try_send_to(b"y", addr).unwrap();
            calls.call_later(Duration::from_millis(20), |calls| calls.stop()).unwrap();
        }
    });
    let ended = calls.run(|_| Policy::Stop).unwrap();
    assert!(ended.handled < 10, "{ended:?}");
    let left = socket.try_recv_from(&mut [0; 8]);
    assert!(left.is_ok() || left.unwrap_err().kind() == ErrorKind::WouldBlock);
}

#[test]
fn a_loop_that_is_dropped_frees_a_sender_that_a_task_of_its_waits_for() {
    struct Join(Option<std::thread::JoinHandle<()>>);
    impl Drop for Join {
        fn drop(&mut self) {
            self.0.take().unwrap().join().unwrap();
        }
    }
    let _watchdog = Watchdog::start();
    let mut events = EventLoop::bounded(1).unwrap();
    let sender = events.sender();
    let helper = Join(Some(std::thread::spawn(move || while sender.post(1).is_ok() {})));
    events.enter(|| {
        drop(oneloop::spawn(async move {
            let _helper = helper;
            std::future::pending::<()>().await;
        }))
    });
    assert!(matches!(events.take(None).unwrap(), Event::Message(1)));
    drop(events);
}

#[test]
fn the_id_of_a_dropped_loop_cancels_nothing_of_the_next() {
    let gone = EventLoop::<()>::new().unwrap();
    let old = gone.timer(Duration::from_secs(100)).unwrap();
    drop(gone);
    let mut events = EventLoop::<()>::new().unwrap();
    let new = events.timer(Duration::from_millis(1)).unwrap();
    assert_ne!(old, new);
    assert!(!events.cancel(old));
    assert!(matches!(events.take(None).unwrap(), Event::Timer(id) if id == new));
}

#[test]
fn a_panic_whose_payload_panics_when_it_is_dropped_doesnt_end_a_run_that_continues() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("bomb");
            }
        }
    }
    let mut events = EventLoop::new().unwrap();
    events.post(1).unwrap();
    events.post(2).unwrap();
    let handler = |events: &mut EventLoop<i32>, event| {
        if matches!(event, Event::Message(1)) {
            std::panic::panic_any(Bomb);
        }
        events.stop();
        Ok::<(), ()>(())
    };
    assert_eq!(events.run(handler, |_| Policy::Continue).unwrap().handled, 2);
}

/// On the one-shot drivers: something else has taken the socket's number, so that interest can't be
/// declared again.
#[cfg(unix)]
#[test]
fn a_socket_that_the_driver_cant_watch_any_more_returns_an_error_at_its_next_operation() {
    use std::os::fd::AsRawFd;

    fn told(driver: oneloop::Driver) -> bool {
        let runtime = Runtime::builder().driver(driver).build().unwrap();
        let mut events = EventLoop::<()>::on(runtime, None).unwrap();
        let (ours, _theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let ours = events.enter(|| oneloop::net::UnixStream::try_from(ours)).unwrap();
        let ours = events.watch(ours, Interest::Readable).unwrap();
        assert!(ours.try_read(&mut [0; 8]).is_err()); // so that the next has to wait
        let file = std::fs::File::open("/dev/null").unwrap();
        // SAFETY: both numbers are open descriptors; the second one's owner goes on to own the copy.
        assert!(unsafe { libc::dup2(file.as_raw_fd(), ours.as_raw_fd()) } >= 0);
        (0..100).any(|_| match events.take(Some(Duration::from_millis(50))).unwrap() {
            Event::Readable(_) => {
                let read = ours.try_read(&mut [0; 8]);
                !read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
            }
            other => panic!("{other:?}"),
        })
    }

    let _watchdog = Watchdog::start();
    for driver in common::drivers::one_shot() {
        assert!(told(driver), "{driver:?}: it is announced again and again and never tried");
    }
}

#[cfg(unix)]
#[test]
fn a_take_with_a_time_out_of_zero_returns_a_socket_that_waits_again_since_its_first_poll() {
    use std::io::Write;

    // The driver is asked after each turn: also before the one in which the socket, on a one-shot driver, is watched again.
    // Which turn that is depends on what is queued beside it.
    for (first, more, taken) in (0..64).map(|n| (n / 16, n / 4 % 4, n % 4)) {
        let runtime = Runtime::builder().event_interval(1).build().unwrap();
        let mut events = EventLoop::on(runtime, None).unwrap();
        let post = |events: &EventLoop<()>, count| (0..count).for_each(|_| events.post(()).unwrap());
        let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let ours = events.enter(|| oneloop::net::UnixStream::try_from(ours)).unwrap();
        post(&events, first);
        let watched = events.watch(ours, Interest::Readable).unwrap();
        post(&events, more);

        let mut messages = 0;
        let mut take = |events: &mut EventLoop<()>| match events.take(Some(Duration::ZERO)).unwrap() {
            Event::Message(()) => {
                messages += 1;
                Some(0)
            }
            Event::Readable(_) => Some(watched.try_read(&mut [0; 8]).unwrap_or(0)),
            _ => None,
        };
        for _ in 0..taken {
            take(&mut events);
        }
        theirs.write_all(&[1]).unwrap();
        let read: usize = std::iter::from_fn(|| take(&mut events)).sum();
        assert_eq!(
            (read, messages),
            (1, first + more),
            "{first} messages, {more} behind it, {taken} events before"
        );
    }
}

/// macOS calls a sleep of more than three years an error; a loop that had nothing but such a timer to wait for ended. (What the
/// seam to the system asserts is what fails elsewhere.)
#[test]
fn a_timer_that_never_comes_is_no_error_of_the_loop_that_has_nothing_else() {
    let mut events = EventLoop::new().unwrap();
    events.timer(Duration::MAX).unwrap();
    events.timer(Duration::from_secs(10 * 365 * 24 * 3600)).unwrap();
    let sender = events.sender();
    let helper = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(5));
        sender.post("hello")
    });
    assert!(matches!(events.take(None), Ok(Event::Message("hello"))));
    helper.join().unwrap().unwrap();
}

/// On a one-shot driver a source is watched from the moment on in which it has said that it waits. A take said "nothing
/// happened" when that moment was in the last pass over the queue, and the driver was not asked again.
#[cfg(unix)]
#[test]
fn a_source_that_says_only_in_the_last_pass_that_it_waits_is_looked_at_once_more() {
    use oneloop::net::UnixStream;
    use std::io::Write;
    for interval in [1, 2, 3, 4, 256] {
        let runtime = Runtime::builder().event_interval(interval).build().unwrap();
        let mut events = EventLoop::<u8>::on(runtime, None).unwrap();
        let (mut peer, ours) = std::os::unix::net::UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let ours = events.enter(|| UnixStream::try_from(ours)).unwrap();
        let socket = events.watch(ours, Interest::Readable).unwrap();
        for round in 0..5 {
            let sender = events.sender();
            std::thread::spawn(move || sender.post(round).unwrap()).join().unwrap();
            peer.write_all(&[round]).unwrap();
            let (mut message, mut byte) = (None, None);
            while message.is_none() || byte.is_none() {
                match events.take(Some(Duration::ZERO)).unwrap() {
                    Event::Message(number) => message = Some(number),
                    Event::Readable(_) => byte = socket.try_read(&mut [0]).ok().or(byte),
                    other => {
                        panic!("interval {interval}, round {round}: {other:?} with {message:?}, {byte:?}")
                    }
                }
            }
            assert!(socket.try_read(&mut [0]).is_err(), "it counts as not readable now");
        }
    }
}

/// What ended the sleep was only in the inbox when the take looked whether its time was over.
#[test]
fn a_message_that_was_posted_before_the_time_out_is_an_event_before_it() {
    use common::executor::poll_with;
    use oneloop::time::sleep;
    use std::sync::Arc;
    use std::task::{Wake, Waker};
    struct PostThenBlock(oneloop::event_loop::Sender<u8>);
    impl Wake for PostThenBlock {
        fn wake(self: Arc<Self>) {
            let sender = self.0.clone();
            std::thread::spawn(move || sender.post(9).unwrap()).join().unwrap();
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    let mut events = EventLoop::new().unwrap();
    let waker = Waker::from(Arc::new(PostThenBlock(events.sender())));
    let mut sleeping = Box::pin(sleep(Duration::from_millis(1)));
    assert!(events.enter(|| poll_with(&mut sleeping, &waker)).is_pending());
    let event = events.take(Some(Duration::from_millis(5))).unwrap();
    assert!(matches!(event, Event::Message(9)), "{event:?}");
}

/// A stop that came in the middle of a turn let one more event through.
#[test]
fn a_stop_from_a_task_ends_the_run_before_the_next_event() {
    let mut events = EventLoop::<u8>::new().unwrap();
    let handle = events.enter(oneloop::Handle::current);
    events.enter(|| {
        drop(oneloop::spawn(async move {
            oneloop::yield_now().await;
            handle.stop();
            oneloop::yield_now().await; // the message with the stop is read before this
        }))
    });
    let sockets: Vec<_> = (0..3)
        .map(|_| {
            let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_nonblocking(true).unwrap();
            let socket = events.enter(|| UdpSocket::try_from(socket)).unwrap();
            events.watch(socket, Interest::Writable).unwrap()
        })
        .collect();
    let ended = events.run(|_, _| Ok::<(), ()>(()), |_| Policy::Stop).unwrap();
    let handled_before = sockets.len() as u64; // those that were asked before the task ran again
    assert!(ended.handled <= handled_before, "{ended:?}");
}
