//! `Callbacks`: each is called when its time has come, gets the loop, and may change what else is called.

use std::cell::{Cell, RefCell};
use std::io;
use std::io::Write;
use std::rc::Rc;
use std::time::{Duration, Instant};

use oneloop::Interest;
use oneloop::event_loop::{CallHandle, Callbacks, Event, Policy, PostError};

use common::events::{self, no_failure};
use common::executor::{Drops, Watchdog};
use common::interrupted;

const MS: Duration = Duration::from_millis(1);

/// What was called, in order.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<&'static str>>>);

impl Log {
    fn note(&self, what: &'static str) {
        self.0.borrow_mut().push(what);
    }

    fn noting(&self, what: &'static str) -> impl FnOnce(&mut Callbacks) + 'static {
        let log = self.clone();
        move |_| log.note(what)
    }

    fn noted(&self) -> Vec<&'static str> {
        self.0.take()
    }
}

#[track_caller]
fn run(calls: &mut Callbacks) {
    let _watchdog = Watchdog::start();
    calls.run(no_failure).expect("nothing fails");
}

#[test]
fn soon_means_after_all_that_is_queued_and_in_order() {
    let (mut calls, log) = (Callbacks::new().unwrap(), Log::default());
    let inner = log.clone();
    calls.call_soon(move |calls| {
        inner.note("a");
        calls.call_soon(inner.noting("d"));
        calls.call_soon(|calls| calls.stop());
        calls.call_soon(inner.noting("after the stop"));
    });
    calls.call_soon(log.noting("b"));
    calls.handle().call_soon(|calls| calls.call_soon(|_| ())).unwrap();
    calls.call_soon(log.noting("c"));
    run(&mut calls);
    assert_eq!(log.noted(), ["a", "b", "c", "d"]);
    calls.call_soon(|calls| calls.stop());
    run(&mut calls);
    assert_eq!(log.noted(), ["after the stop"], "what was left is called in the next run");
}

#[test]
fn later_means_not_before_and_in_the_order_of_deadlines() {
    let (mut calls, log) = (Callbacks::new().unwrap(), Log::default());
    let begun = Instant::now();
    let (later, soon) = (calls.timer_at(begun + 10 * MS).unwrap(), calls.timer_at(begun).unwrap());
    for (id, name) in [(later, "later"), (soon, "soon")] {
        let log = log.clone();
        calls.on(id, move |_, _| log.note(name));
    }
    let never = calls.call_later(Duration::MAX, log.noting("never")).unwrap();
    calls.call_later(100 * MS, |calls| calls.stop()).unwrap();
    run(&mut calls);
    assert!(begun.elapsed() >= 100 * MS);
    assert_eq!(log.noted(), ["soon", "later"]);
    calls.cancel(never);
}

#[test]
fn a_cancelled_function_is_not_called_and_is_dropped_at_once() {
    let (mut calls, log, drops) = (Callbacks::new().unwrap(), Log::default(), Drops::new());
    let (token, noting) = (drops.token(), log.noting("forgotten"));
    let id = calls
        .call_later(Duration::ZERO, move |calls| {
            let _token = token;
            noting(calls);
        })
        .unwrap();
    calls.cancel(id);
    assert_eq!(drops.count(), 1);
    calls.cancel(id); // nothing happens
    calls.call_later(MS, |calls| calls.stop()).unwrap();
    run(&mut calls);
    assert_eq!(log.noted(), [""; 0]);
}

#[test]
fn one_that_is_due_may_be_forgotten_by_one_that_comes_before_it() {
    let (mut calls, log) = (Callbacks::new().unwrap(), Log::default());
    let second = Rc::new(Cell::new(None));
    let first = second.clone();
    calls.call_later(Duration::ZERO, move |calls| calls.cancel(first.take().unwrap())).unwrap();
    std::thread::sleep(Duration::from_micros(10));
    second.set(Some(calls.call_later(Duration::ZERO, log.noting("forgotten")).unwrap()));
    calls.call_later(MS, |calls| calls.stop()).unwrap();
    std::thread::sleep(2 * MS); // all are due
    run(&mut calls);
    assert_eq!(log.noted(), [""; 0]);
}

#[test]
fn a_handle_calls_from_other_threads_in_each_ones_order() {
    let _watchdog = Watchdog::start();
    fn crosses<T: Send + Sync + Clone>() {}
    crosses::<CallHandle>();
    thread_local!(static CALLED: RefCell<Vec<(i32, i32)>> = const { RefCell::new(Vec::new()) });
    let mut calls = Callbacks::new().unwrap();
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let handle = calls.handle();
            std::thread::spawn(move || {
                for n in 0..1000 {
                    let call = move |calls: &mut Callbacks| {
                        CALLED.with_borrow_mut(|called| called.push((thread, n)));
                        if CALLED.with_borrow(Vec::len) == 4000 {
                            calls.stop();
                        }
                    };
                    handle.call_soon(call).unwrap();
                }
            })
        })
        .collect();
    run(&mut calls);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let called = CALLED.take();
    for thread in 0..4 {
        let order = called.iter().filter(|called| called.0 == thread).map(|called| called.1);
        assert!(order.eq(0..1000));
    }
}

#[test]
fn a_handle_of_a_dropped_loop_drops_the_function_without_a_call() {
    let (calls, drops) = (Callbacks::new().unwrap(), Drops::new());
    let (handle, queued, late) = (calls.handle(), drops.token(), drops.token());
    handle.call_soon(move |_| drop(queued)).unwrap();
    drop(calls);
    assert_eq!(drops.count(), 1);
    assert!(matches!(handle.call_soon(move |_| drop(late)), Err(PostError::Closed(()))));
    assert_eq!(drops.count(), 2);
}

#[test]
fn all_that_is_left_is_dropped_with_the_loop() -> io::Result<()> {
    let (mut calls, drops) = (Callbacks::new()?, Drops::new());
    let tokens = [(); 3].map(|()| drops.token());
    let [soon, later, each] = tokens;
    calls.call_soon(move |_| drop(soon));
    calls.call_later(MS, move |_| drop(later))?;
    let (_client, socket) = events::watched_pair(&calls)?;
    let id = socket.id();
    calls.on(id, move |_, _| {
        let _kept = (&socket, &each);
    });
    drop(calls);
    assert_eq!(drops.count(), 3);
    Ok(())
}

#[test]
fn a_callback_that_owns_its_socket_closes_it_by_cancelling_itself() -> io::Result<()> {
    let mut calls = Callbacks::new()?;
    let (mut client, socket) = events::watched_pair(&calls)?;
    let (id, text, heard) = (socket.id(), Rc::new(RefCell::new(Vec::new())), Rc::new(Cell::new(0)));
    let (got, count) = (text.clone(), heard.clone());
    calls.on(id, move |calls, event| {
        assert!(matches!(event, Event::Readable(from) if from == id));
        count.set(count.get() + 1);
        if events::read_all(&socket, &mut got.borrow_mut()).is_none() {
            calls.cancel(id);
            calls.stop();
        }
    });
    client.write_all(b"all of it")?;
    client.shutdown(std::net::Shutdown::Write)?;
    run(&mut calls);
    assert_eq!(*text.borrow(), b"all of it");
    assert_eq!(interrupted::uninterrupted(|| io::Read::read(&mut client, &mut [0; 1]))?, 0, "it is closed");
    assert!(heard.get() >= 1);
    Ok(())
}

#[test]
fn a_callback_may_put_another_in_its_place() -> io::Result<()> {
    let (mut calls, log, drops) = (Callbacks::new()?, Log::default(), Drops::new());
    let (_client, socket) = events::tcp_pair(&calls)?;
    let socket = calls.watch(socket, Interest::Writable)?; // as it always is
    let (id, first, token) = (socket.id(), log.clone(), drops.token());
    calls.on(id, move |calls, _| {
        let _token = &token;
        first.note("first");
        let second = first.clone();
        calls.on(id, move |calls, _| {
            second.note("second");
            calls.stop();
        });
    });
    run(&mut calls);
    assert_eq!(log.noted(), ["first", "second"]);
    assert_eq!(drops.count(), 1);
    Ok(())
}

/// Stops the loop a little after the second note, so that a third would come, too.
fn stop_at_two(calls: &mut Callbacks, log: &Log) {
    if log.0.borrow().len() == 2 {
        calls.call_later(5 * MS, |calls| calls.stop()).unwrap();
    }
}

#[test]
fn listening_connecting_and_accepting_are_called_with_what_has_come() -> io::Result<()> {
    let (mut calls, log) = (Callbacks::new()?, Log::default());
    let listener = calls.listen("127.0.0.1:0")?;
    let (on_accept, on_connect) = (log.clone(), log.clone());
    calls.on(listener.id(), move |calls, event| {
        assert!(matches!(event, Event::Accepted(_, Ok(_))));
        on_accept.note("accepted");
        stop_at_two(calls, &on_accept);
    });
    let id = calls.connect(listener.local_addr())?;
    calls.on(id, move |calls, event| {
        assert!(matches!(event, Event::Connected(_, Ok(_))));
        on_connect.note("connected");
        stop_at_two(calls, &on_connect);
    });
    run(&mut calls);
    let mut noted = log.noted();
    noted.sort_unstable();
    assert_eq!(noted, ["accepted", "connected"]);
    Ok(())
}

#[test]
fn a_timer_can_have_its_callback_put_on_afterwards() -> io::Result<()> {
    let mut calls = Callbacks::new()?;
    let id = calls.timer(MS)?;
    calls.on(id, move |calls, event| {
        assert!(matches!(event, Event::Timer(from) if from == id));
        calls.stop();
    });
    run(&mut calls);
    Ok(())
}

#[test]
fn a_call_for_later_can_be_replaced_and_is_dropped_at_once() -> io::Result<()> {
    let (mut calls, log, drops) = (Callbacks::new()?, Log::default(), Drops::new());
    let (token, noting) = (drops.token(), log.noting("replaced"));
    let id = calls.call_later(MS, move |calls| {
        let _token = token;
        noting(calls);
    })?;
    let noting = log.clone();
    calls.on(id, move |calls, event| {
        assert!(matches!(event, Event::Timer(from) if from == id));
        noting.note("in its place");
        calls.stop();
    });
    assert_eq!(drops.count(), 1);
    run(&mut calls);
    assert_eq!(log.noted(), ["in its place"]);
    Ok(())
}

#[test]
fn a_callback_that_cancels_itself_is_dropped_after_its_call() -> io::Result<()> {
    let (mut calls, log, drops) = (Callbacks::new()?, Log::default(), Drops::new());
    let (token, noting) = (drops.token(), log.clone());
    let id = calls.timer(MS)?;
    let count = drops.clone();
    calls.on(id, move |calls, _| {
        let _token = &token;
        calls.cancel(id);
        assert_eq!(count.count(), 0, "it still runs");
        noting.note("called");
        calls.stop();
    });
    run(&mut calls);
    assert_eq!((log.noted(), drops.count()), (vec!["called"], 1));
    Ok(())
}

#[test]
fn an_event_without_a_callback_is_passed_over() -> io::Result<()> {
    let mut calls = Callbacks::new()?;
    let (mut client, _socket) = events::watched_pair(&calls)?;
    client.write_all(b"never read")?;
    calls.timer(Duration::ZERO)?;
    calls.call_later(3 * MS, |calls| calls.stop())?;
    run(&mut calls);
    Ok(())
}

#[test]
fn a_panic_is_caught_and_the_rest_is_called() {
    let (mut calls, log) = (Callbacks::new().unwrap(), Log::default());
    calls.call_soon(|_| panic!("soon"));
    calls.call_soon(log.noting("goes on"));
    calls.call_later(Duration::ZERO, |_| panic!("later")).unwrap();
    calls.call_later(MS, |calls| calls.stop()).unwrap();
    let mut said = Vec::new();
    let ended = calls.run(|failure| {
        said.push(failure.to_string());
        Policy::Continue
    });
    let ended = ended.unwrap();
    assert_eq!((ended.handled, ended.failed), (4, 2));
    assert_eq!(said, ["the handler panicked: soon", "the handler panicked: later"]);
    assert_eq!(log.noted(), ["goes on"]);

    calls.call_soon(|_| panic!("the end"));
    calls.call_soon(log.noting("left"));
    let failure = calls.run(|_| Policy::Stop).unwrap_err();
    assert_eq!(failure.to_string(), "the handler panicked: the end");
    calls.call_soon(|calls| calls.stop());
    run(&mut calls);
    assert_eq!(log.noted(), ["left"]);
}

#[test]
fn a_callback_that_panics_is_called_with_the_next_event() -> io::Result<()> {
    let _watchdog = Watchdog::start();
    let mut calls = Callbacks::new()?;
    let (_client, socket) = events::tcp_pair(&calls)?;
    let socket = calls.watch(socket, Interest::Writable)?; // as it always is
    let mut count = 0;
    calls.on(socket.id(), move |calls, _| {
        let _owned = &socket;
        count += 1;
        match count {
            3 => calls.stop(),
            _ => panic!("not yet"),
        }
    });
    let ended = calls.run(|_| Policy::Continue).unwrap();
    assert_eq!((ended.handled, ended.failed), (3, 2));
    Ok(())
}
