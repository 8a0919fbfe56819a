//! `EventLoop`: what comes out of the queue and when; tasks beside it; what is dropped with it.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use oneloop::event_loop::{Event, EventLoop, Sender};
use oneloop::time::sleep;
use oneloop::{Interest, Runtime, spawn, yield_now};

use common::events::{self, assert_idle, new_loop, next, next_message};
use common::executor::{self, Drops, Token, Watchdog, panic_of};
use common::sockets;

const MS: Duration = Duration::from_millis(1);

#[test]
fn messages_come_in_the_order_in_which_they_were_posted() {
    let mut events = new_loop();
    for n in 0..1000 {
        events.post(n).unwrap();
    }
    for n in 0..1000 {
        assert_eq!(next_message(&mut events), n);
    }
    assert_idle(&mut events);
}

#[test]
fn a_message_posted_while_one_is_handled_comes_after_those_that_are_queued() {
    let mut events = new_loop();
    for n in 0..3 {
        events.post(n).unwrap();
    }
    let mut order = Vec::new();
    while order.len() < 6 {
        let n = next_message(&mut events);
        order.push(n);
        if n < 3 {
            events.post(n + 10).unwrap();
        }
    }
    assert_eq!(order, [0, 1, 2, 10, 11, 12]);
}

#[test]
fn a_message_need_not_be_send() {
    let mut events = new_loop();
    let shared = Rc::new(Cell::new(1));
    events.post(shared.clone()).unwrap();
    let local: Sender<Rc<Cell<i32>>> = events.sender();
    local.post(shared.clone()).unwrap();
    for _ in 0..2 {
        let taken = next_message(&mut events);
        taken.set(taken.get() + 1);
    }
    assert_eq!((shared.get(), Rc::strong_count(&shared)), (3, 1));
}

#[test]
fn a_timeout_of_zero_only_looks() {
    let mut events = new_loop();
    assert_idle::<u8>(&mut events);
    events.post(1).unwrap();
    assert!(matches!(events.take(Some(Duration::ZERO)), Ok(Event::Message(1))));
    let begun = Instant::now();
    let far = events.timer(Duration::from_secs(3600)).unwrap();
    assert_idle(&mut events);
    assert!(begun.elapsed() < Duration::from_secs(600), "no take waits for the timer");
    assert!(events.cancel(far));
}

#[test]
fn a_timeout_is_not_early() {
    let mut events = new_loop::<()>();
    for timeout in [1, 100, 999_999, 1_000_001, 2_500_000, 7_000_000].map(Duration::from_nanos) {
        let begun = Instant::now();
        assert!(matches!(events.take(Some(timeout)), Ok(Event::TimedOut)));
        assert!(begun.elapsed() >= timeout, "{timeout:?}: {:?}", begun.elapsed());
    }
}

#[test]
fn a_timeout_that_overflows_means_never() {
    let mut events = new_loop();
    let sender = events.sender();
    let helper = std::thread::spawn(move || {
        std::thread::sleep(5 * MS);
        sender.post(1)
    });
    assert!(matches!(events.take(Some(Duration::MAX)), Ok(Event::Message(1))));
    helper.join().unwrap().unwrap();
}

#[test]
fn queued_events_come_before_a_timeout_however_many_they_are() {
    let mut events = new_loop();
    for n in 0..5000 {
        events.post(n).unwrap();
    }
    for n in 0..5000 {
        assert!(matches!(events.take(Some(Duration::ZERO)), Ok(Event::Message(got)) if got == n));
    }
    assert_idle(&mut events);
}

#[test]
fn a_message_behind_many_tasks_is_found_by_a_timeout_of_zero() {
    let mut events = new_loop();
    for _ in 0..2000 {
        drop(events.enter(|| spawn(async {})));
    }
    events.post("behind").unwrap();
    assert!(matches!(events.take(Some(Duration::ZERO)), Ok(Event::Message("behind"))));
}

#[test]
fn a_task_that_never_rests_does_not_hold_up_a_timeout() {
    let _watchdog = Watchdog::start();
    let mut events = new_loop::<()>();
    let restless = async {
        loop {
            yield_now().await;
        }
    };
    drop(events.enter(|| spawn(restless)));
    for timeout in [Duration::ZERO, 3 * MS] {
        let begun = Instant::now();
        assert!(matches!(events.take(Some(timeout)), Ok(Event::TimedOut)));
        assert!(begun.elapsed() >= timeout);
    }
}

#[test]
fn a_message_that_comes_while_it_sleeps_ends_the_sleep() {
    let mut events = new_loop();
    let (sender, answers) = (events.sender(), std::sync::mpsc::channel());
    let helper = std::thread::spawn(move || {
        for n in 0..200 {
            sender.post(n).unwrap();
            answers.1.recv().unwrap();
        }
    });
    for n in 0..200 {
        assert_eq!(next_message(&mut events), n);
        answers.0.send(()).unwrap();
    }
    helper.join().unwrap();
}

#[test]
fn a_flood_of_messages_delays_a_socket_by_64_of_them_at_most() -> io::Result<()> {
    let mut events = new_loop();
    let (_client, server) = events::tcp_pair(&events)?;
    let socket = events.watch(server, Interest::Writable)?; // as it always is
    for n in 0..1000 {
        events.post(n).unwrap();
    }
    let (mut messages, mut between) = (0, 0);
    while messages < 1000 {
        match next(&mut events) {
            Event::Message(n) => {
                assert_eq!(n, messages);
                messages += 1;
                between += 1;
                assert!(between <= 64);
            }
            Event::Writable(id) => {
                assert_eq!(id, socket.id());
                between = 0;
            }
            other => panic!("{other:?}"),
        }
    }
    Ok(())
}

#[test]
fn in_a_flood_of_messages_a_due_timer_and_a_peers_bytes_are_events() -> io::Result<()> {
    let mut events = new_loop();
    let (client, socket) = events::watched_pair(&events)?;
    events::read_all(&socket, &mut Vec::new()); // so that only news makes it readable
    assert_idle(&mut events);
    io::Write::write_all(&mut &client, b"news")?;
    events.timer_at(Instant::now())?;
    for n in 0..1000 {
        events.post(n).unwrap();
    }
    let (mut messages, mut others) = (0, Vec::new());
    while others.len() < 2 {
        match next(&mut events) {
            Event::Message(_) => messages += 1,
            other => others.push(other),
        }
    }
    // 256 events, and the 64 messages of the turn that had begun.
    assert!(messages <= 256 + 64, "{messages} messages came first");
    Ok(())
}

#[test]
fn a_watched_socket_is_not_cancelled_but_dropped() -> io::Result<()> {
    let mut events = new_loop::<()>();
    let (client, socket) = events::watched_pair(&events)?;
    let listener = events.listen("127.0.0.1:0")?;
    assert!(!events.cancel(socket.id()));
    assert!(!events.cancel(listener.id()));
    io::Write::write_all(&mut &client, b"x")?;
    events::until(&mut events, |event| matches!(event, Event::Readable(_)).then_some(()));
    Ok(())
}

#[test]
fn tasks_spawned_inside_have_their_turns_while_an_event_is_waited_for() {
    let mut events = new_loop();
    let sender = events.sender();
    let task = events.enter(|| {
        spawn(async move {
            sleep(2 * MS).await;
            sender.post(spawn(async { 6 * 7 }).await.unwrap()).unwrap();
        })
    });
    assert!(!task.is_finished(), "nothing runs before that");
    assert_eq!(next_message(&mut events), 42);
    assert_idle(&mut events);
    assert!(task.is_finished());
}

#[test]
fn a_task_that_panics_does_no_harm() {
    let mut events = new_loop();
    let task = events.enter(|| spawn(async { panic!("a task's own affair") }));
    events.post(1).unwrap();
    assert_eq!(next_message(&mut events), 1);
    assert_idle(&mut events);
    assert!(task.is_finished());
}

#[test]
fn a_closure_that_panics_inside_leaves_the_thread_outside() {
    let mut events = new_loop::<()>();
    assert_eq!(panic_of(|| events.enter(|| panic!("halfway"))), "halfway");
    assert_idle(&mut events); // which panics inside a runtime
}

#[test]
fn tasks_of_a_runtime_go_on_in_the_loop_that_is_made_on_it() {
    let runtime = Runtime::new().unwrap();
    let (to_loop, handle) = (Rc::new(RefCell::new(None::<Sender<i32>>)), runtime.handle());
    let sender = to_loop.clone();
    drop(runtime.spawn(async move { sender.borrow().as_ref().unwrap().post(1).unwrap() }));
    let mut events = EventLoop::on(runtime, None).unwrap();
    *to_loop.borrow_mut() = Some(events.sender());
    assert_eq!(next_message(&mut events), 1);

    let sender = events.sender();
    let helper = std::thread::spawn(move || drop(handle.spawn(async move { sender.post(2).unwrap() })));
    assert_eq!(next_message(&mut events), 2);
    helper.join().unwrap();
}

#[test]
fn taking_inside_a_runtime_panics_and_says_what_to_do() {
    let mut events = new_loop::<()>();
    let said = panic_of(|| oneloop::block_on(async { events.take(None) }));
    assert!(said.contains("EventLoop::take") && said.contains("a thread of its own"), "{said}");
    let other = new_loop::<()>();
    let said = panic_of(|| other.enter(|| events.take(None)));
    assert!(said.contains("EventLoop::take"), "{said}");
    assert_idle(&mut events);
}

#[test]
fn block_on_and_another_loop_work_between_two_events() {
    let mut events = new_loop();
    events.post(1).unwrap();
    assert_eq!(next_message(&mut events), 1);
    assert_eq!(oneloop::block_on(async { spawn(async { 2 }).await.unwrap() }), 2);
    let mut other = new_loop();
    other.post(3).unwrap();
    assert_eq!(next_message(&mut other), 3);
    events.post(4).unwrap();
    assert_eq!(next_message(&mut events), 4);
}

#[test]
fn draining_takes_all_messages_and_leaves_the_rest() {
    let mut events = new_loop();
    let timer = events.timer(Duration::ZERO).unwrap();
    for n in 0..200 {
        events.post(n).unwrap();
    }
    let first = events::until(&mut events, |event| match event {
        Event::Message(n) => Some(n),
        _ => None,
    });
    assert_eq!(first, 0);
    assert!(events.drain().into_iter().eq(1..200));
    assert_eq!(events.drain(), []);
    assert!(!events.cancel(timer) || matches!(events.take(Some(Duration::ZERO)), Ok(Event::TimedOut)));
    events.post(7).unwrap();
    assert_eq!(next_message(&mut events), 7);
}

#[test]
fn queued_messages_are_dropped_once_with_the_loop() {
    for capacity in [None, Some(1000)] {
        let drops = Drops::new();
        let mut events = EventLoop::<Token>::on(Runtime::new().unwrap(), capacity).unwrap();
        for _ in 0..200 {
            events.post(drops.token()).map_err(|_| "no room").unwrap();
        }
        for taken in 1..=70 {
            drop(next(&mut events));
            assert_eq!(drops.count(), taken);
        }
        let kept = drops.token();
        drop(events.enter(|| {
            spawn(async move {
                let _kept = kept;
                std::future::pending::<()>().await;
            })
        }));
        drop(events);
        assert_eq!(drops.count(), 201);
    }
}

/// Posts another one when it is dropped.
struct Talkative(Option<Sender<Talkative>>);

impl Drop for Talkative {
    fn drop(&mut self) {
        if let Some(sender) = self.0.take() {
            assert!(sender.post(Talkative(None)).is_err(), "the loop was dropped, or its queue is full");
        }
    }
}

#[test]
fn a_message_that_posts_when_it_is_dropped_with_the_loop_finds_it_closed() {
    let _watchdog = Watchdog::start();
    for capacity in [None, Some(4)] {
        let events = EventLoop::on(Runtime::new().unwrap(), capacity).unwrap();
        for _ in 0..4 {
            events.post(Talkative(Some(events.sender()))).map_err(|_| "no room").unwrap();
        }
        drop(events);
    }
}

#[test]
fn a_loop_in_a_thread_local_is_dropped_with_its_thread() {
    type Kept = (EventLoop<Token>, Vec<Box<dyn std::any::Any>>);
    thread_local! {
        static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
    }
    let drops = Drops::new();
    let tokens: Vec<Token> = (0..3).map(|_| drops.token()).collect();
    let kept = std::thread::spawn(move || {
        let mut events = EventLoop::bounded(3).unwrap();
        for token in tokens {
            events.post(token).map_err(|_| "no room").unwrap();
        }
        let (client, socket) = events::watched_pair(&events).unwrap();
        let listener = events.listen("127.0.0.1:0").unwrap();
        events.connect(listener.local_addr()).unwrap();
        events.timer(Duration::ZERO).unwrap();
        drop(next(&mut events));
        let sender = events.sender();
        KEPT.set(Some((events, vec![Box::new(client), Box::new(socket), Box::new(listener)])));
        sender
    });
    let sender = kept.join().unwrap();
    assert_eq!(drops.count(), 3);
    assert!(sender.post(drops.token()).is_err());
}

#[test]
fn a_watched_socket_may_outlive_the_loop() -> io::Result<()> {
    let events = new_loop::<()>();
    let (_client, socket) = events::watched_pair(&events)?;
    let listener = events.listen("127.0.0.1:0")?;
    let mut client = std::net::TcpStream::connect(listener.local_addr())?;
    drop(events);
    socket.add_interest(Interest::Writable);
    socket.remove_interest(Interest::Readable);
    drop(socket.into_inner());
    drop(listener);
    client.set_read_timeout(Some(events::LIMIT))?;
    sockets::assert_reset(sockets::uninterrupted(|| io::Read::read(&mut client, &mut [0; 1])));
    Ok(())
}

/// Posts a token when it is dropped.
struct LastWord(Sender<Token>, Drops);

impl Drop for LastWord {
    fn drop(&mut self) {
        let _ = self.0.post(self.1.token()); // taken or refused: it is dropped either way
    }
}

#[test]
fn a_task_that_is_dropped_with_the_loop_may_own_what_is_watched_and_post() -> io::Result<()> {
    let drops = Drops::new();
    let mut events = new_loop();
    let (_client, socket) = events::watched_pair(&events)?;
    let listener = events.listen("127.0.0.1:0")?;
    let last_word = LastWord(events.sender(), drops.clone());
    drop(events.enter(|| {
        spawn(async move {
            let _kept = (socket, listener, last_word);
            std::future::pending::<()>().await;
        })
    }));
    drop(events.take(Some(Duration::ZERO))?); // so that it has begun
    drop(events);
    assert_eq!(drops.count(), 1);
    Ok(())
}

#[test]
fn a_loop_may_be_dropped_inside_a_runtime() -> io::Result<()> {
    let events = new_loop::<u8>();
    let (_client, socket) = events::watched_pair(&events)?;
    executor::finish(async move {
        drop(events);
        drop(socket);
        sleep(MS).await;
    });
    Ok(())
}

#[test]
fn with_the_driver_asked_after_every_event_nothing_is_lost() -> io::Result<()> {
    let runtime = Runtime::builder().event_interval(1).build()?;
    let mut events = EventLoop::on(runtime, None)?;
    let (client, socket) = events::watched_pair(&events)?;
    for n in 0..100 {
        events.post(n).unwrap();
    }
    io::Write::write_all(&mut &client, b"x")?;
    events.timer(Duration::ZERO)?;
    let (mut messages, mut text, mut timers) = (0, Vec::new(), 0);
    while (messages, text.len(), timers) != (100, 1, 1) {
        match next(&mut events) {
            Event::Message(n) => {
                assert_eq!(n, messages);
                messages += 1;
            }
            Event::Readable(_) => assert!(events::read_all(&socket, &mut text).is_some()),
            Event::Timer(_) => timers += 1,
            other => panic!("{other:?}"),
        }
    }
    Ok(())
}
