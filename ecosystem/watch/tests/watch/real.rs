//! The model of a real runtime's record agrees with the program.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use oneloop::event_loop::{Event, EventLoop};
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{TcpListener, TcpStream, UdpSocket};
use oneloop::process::Command;
use oneloop::signal::{Signal, SignalKind};
use oneloop::trace::format::{Cause, EventKind, State, Unit as UnitKind};
use oneloop::{Runtime, task, time, unblock, yield_now};
use oneloop_watch::model::{Outcome, TimerEnd, Unit};
use oneloop_watch::{Model, Record, write_page, write_summary, write_trace_events};

use crate::json::check_trace_events;

const RING_BYTES: usize = 1 << 22;

/// Makes the model of a record, and checks the properties of any model. `is_whole` means that the record
/// has its start.
#[track_caller]
fn model(bytes: &[u8], is_whole: bool) -> Model {
    let record = Record::parse(bytes).unwrap();
    let flaws = record.flaws();
    assert_eq!(flaws.start_overwritten, !is_whole, "{flaws}");
    assert_eq!((flaws.cut_off, flaws.damaged_at), (false, None));
    assert_eq!((flaws.unknown, flaws.malformed, flaws.backwards), (0, 0, 0), "{flaws}");
    let model = Model::of(&record);
    check(&model, is_whole);
    let mut json = Vec::new();
    write_trace_events(&record, &model, &mut json).unwrap();
    check_trace_events(&json, true);
    write_page(&record, "real", std::io::sink()).unwrap();
    write_summary(&record, &model, &mut std::io::sink()).unwrap();
    model
}

#[track_caller]
fn check(model: &Model, is_whole: bool) {
    let ends = |poll: &&oneloop_watch::model::Poll| poll.outcome == Outcome::Open;
    assert_eq!(model.polls.iter().filter(ends).count(), 0, "each poll that begins ends");
    for poll in &model.polls {
        let unit = &model.units[poll.unit];
        let is_event = matches!(poll.outcome, Outcome::Handled(_));
        if is_whole && !is_event {
            assert!(poll.wake.is_some(), "{} is polled without a wake", model.title(unit));
        }
        if let Some(wait_ns) = model.wait_ns(poll) {
            assert!(wait_ns < 5_000_000_000, "{} has waited {wait_ns} ns", model.title(unit));
        }
    }
    for (at, pair) in model.polls.windows(2).enumerate() {
        assert!(pair[0].end_ns <= pair[1].begin_ns, "polls {at} and the next overlap");
    }
    for park in &model.parks {
        let within =
            |poll: &&oneloop_watch::model::Poll| poll.begin_ns < park.end_ns && park.begin_ns < poll.end_ns;
        assert_eq!(model.polls.iter().find(within), None, "a poll within a park");
    }
    let total = model.total();
    assert_eq!(total.polled_ns + total.parked_ns + total.own_ns, total.time_ns);
}

fn named<'a>(model: &'a Model, name: &str) -> &'a Unit {
    model.units.iter().find(|unit| unit.name == name).unwrap_or_else(|| panic!("no unit is named {name}"))
}

fn spawn<T: 'static>(name: &str, future: impl Future<Output = T> + 'static) -> oneloop::JoinHandle<T> {
    task::Builder::new().name(name).spawn(future)
}

fn outcomes(model: &Model, name: &str) -> Vec<Outcome> {
    let unit = named(model, name).id;
    let polls = model.polls.iter().filter(|poll| model.units[poll.unit].id == unit);
    polls.map(|poll| poll.outcome).collect()
}

fn wakes(model: &Model, name: &str) -> Vec<Cause> {
    let unit = named(model, name).id;
    let wakes = model.wakes.iter().filter(|wake| model.units[wake.unit].id == unit);
    wakes.map(|wake| wake.cause).collect()
}

async fn echo(listener: TcpListener) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut buffer = [0; 64];
    loop {
        match stream.read(&mut buffer).await.unwrap() {
            0 => return,
            length => stream.write_all(&buffer[..length]).await.unwrap(),
        }
    }
}

#[test]
fn a_server_and_its_client_are_units_with_names_places_and_addresses() {
    let runtime = Runtime::builder().trace(RING_BYTES).build().unwrap();
    let address = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = spawn("echo", echo(listener));
        let client = spawn("client", async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            for _ in 0..20 {
                stream.write_all(b"hello").await.unwrap();
                stream.read_exact(&mut [0; 5]).await.unwrap();
            }
        });
        client.await.unwrap();
        server.await.unwrap();
        address
    });
    let model = model(&runtime.trace_record(None).unwrap(), true);
    let (server, client) = (named(&model, "echo"), named(&model, "client"));
    let place = |unit: &Unit| model.places[&unit.place].clone();
    assert!(place(server).file.ends_with("real.rs") && place(server).line > 0, "{}", place(server));
    assert!(server.spawned_ns.is_some() && server.ended_ns.is_some() && client.ended_ns.is_some());
    assert_eq!((server.state, client.state), (None, None), "both have ended");
    assert_eq!(outcomes(&model, "client").last(), Some(&Outcome::Ready));
    let of_address = model.sockets.iter().filter(|socket| socket.addresses.contains(&address.to_string()));
    assert_eq!(of_address.count(), 3, "a listener and two ends: {:?}", model.sockets);
    assert!(model.sockets.iter().all(|socket| socket.registered_ns.is_some()));
    assert!(model.sockets.iter().any(|socket| socket.readiness >= 10));
    assert!(wakes(&model, "echo").contains(&Cause::Socket));
    // The last poll of each wakes `block_on`.
    let joins: Vec<_> = model.wakes.iter().filter(|wake| wake.cause == Cause::Task).collect();
    let ending: Vec<_> =
        joins.iter().map(|wake| model.units[model.polls[wake.during.unwrap()].unit].name.as_str()).collect();
    assert_eq!(ending, ["client", "echo"]);
}

#[test]
fn timers_parks_and_waits_have_their_true_lengths() {
    let run = || {
        let runtime = Runtime::builder().trace(RING_BYTES).build().unwrap();
        runtime.block_on(async {
            let sleeper = spawn("sleeper", time::sleep(Duration::from_millis(30)));
            let _ = time::timeout(Duration::from_secs(600), sleeper).await;
            thread::spawn(|| thread::sleep(Duration::from_millis(20)));
            unblock(|| thread::sleep(Duration::from_millis(20))).await;
        });
        model(&runtime.trace_record(None).unwrap(), true)
    };
    // A busy machine may stop the loop before a park or before a poll. A sleep is not a wait in the ready
    // queue.
    let is_undisturbed = |model: &Model| {
        let waits = model.longest_waits(1);
        model.total().parked_ns >= 45_000_000 && model.wait_ns(waits[0]).unwrap() < 20_000_000
    };
    let model = std::iter::repeat_with(run).take(20).find(is_undisturbed).expect("a run without a stop");
    let fired: Vec<_> = model.timers.iter().filter(|timer| matches!(timer.end, TimerEnd::Fired(_))).collect();
    let TimerEnd::Fired(at_ns) = fired[0].end else { unreachable!() };
    assert!(at_ns >= fired[0].deadline_ns && fired[0].deadline_ns >= 30_000_000, "{fired:?}");
    assert!(fired[0].set_ns.unwrap() < at_ns);
    assert_eq!(model.timers.iter().filter(|timer| matches!(timer.end, TimerEnd::Dropped(_))).count(), 1);
    assert!(wakes(&model, "sleeper").contains(&Cause::Timer));
    assert!(model.wakes.iter().any(|wake| wake.cause == Cause::Thread), "by the pool of threads");
}

#[test]
fn a_panic_an_abort_and_a_spent_budget_are_said() {
    let runtime = Runtime::builder().trace(RING_BYTES).build().unwrap();
    runtime.block_on(async {
        let panics = spawn("panics", async { panic!("as it must (this is a test)") });
        let aborted = spawn("aborted", std::future::pending::<()>());
        let queued = spawn("aborted in the queue", async {});
        queued.abort();
        yield_now().await;
        aborted.abort();
        assert!(aborted.await.unwrap_err().is_cancelled());
        assert!(queued.await.unwrap_err().is_cancelled());
        assert!(panics.await.unwrap_err().is_panic());
        // A socket that is connected to itself is always ready.
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(socket.local_addr().unwrap()).await.unwrap();
        spawn("spends its budget", async move {
            for _ in 0..300 {
                socket.send(b"x").await.unwrap();
                socket.recv(&mut [0; 1]).await.unwrap();
            }
        })
        .await
        .unwrap();
    });
    let record = runtime.trace_record(None).unwrap();
    let model = model(&record, true);
    assert_eq!(outcomes(&model, "panics"), [Outcome::Panicked]);
    assert_eq!(outcomes(&model, "aborted"), [Outcome::Pending]);
    assert!(named(&model, "aborted").ended_ns.is_some());
    assert_eq!(outcomes(&model, "aborted in the queue"), []);
    assert!(outcomes(&model, "spends its budget").len() > 2);
    assert!(wakes(&model, "spends its budget").contains(&Cause::Unit));
}

#[test]
fn children_and_signals_are_in_the_record_and_runtimes_have_one_each() {
    let runtime = Runtime::builder().trace(RING_BYTES).build().unwrap();
    let other = Runtime::builder().trace(RING_BYTES).build().unwrap();
    runtime.block_on(async {
        let status = Command::new("true").status().await.unwrap();
        assert!(status.success());
        let mut signal = Signal::new(SignalKind::USER1).unwrap();
        Command::new("kill").arg("-USR1").arg(std::process::id().to_string()).status().await.unwrap();
        signal.recv().await.unwrap();
    });
    other.block_on(spawn_in("other"));
    let model_of = |runtime: &Runtime| model(&runtime.trace_record(None).unwrap(), true);
    let (first, second) = (model_of(&runtime), model_of(&other));
    assert!(!first.polls.is_empty());
    assert!(!first.units.iter().any(|unit| unit.name == "other"));
    assert_eq!(named(&second, "other").kind, Some(UnitKind::Task));
}

async fn spawn_in(name: &'static str) {
    spawn(name, yield_now()).await.unwrap();
}

#[test]
fn an_event_loop_has_its_sources_and_events() {
    let runtime = Runtime::builder().trace(RING_BYTES).build().unwrap();
    let mut events = EventLoop::on(runtime, None).unwrap();
    events.post("one").unwrap();
    events.post("two").unwrap();
    let timer = events.timer(Duration::from_millis(5)).unwrap();
    let sender = events.sender();
    let (fired, has_fired) = mpsc::channel();
    let helper = thread::spawn(move || {
        has_fired.recv().unwrap();
        sender.post("three").unwrap();
    });
    let mut taken = Vec::new();
    loop {
        // The fourth event comes from another thread, which may be late.
        let limit = Duration::from_millis(if taken.len() < 4 { 90_000 } else { 20 });
        match events.take(Some(limit)).unwrap() {
            Event::Message(text) => {
                thread::sleep(Duration::from_millis(3)); // This is the program's handling.
                taken.push(text);
            }
            Event::Timer(id) if id == timer => {
                taken.push("timer");
                fired.send(()).unwrap();
            }
            Event::TimedOut => break,
            other => panic!("{other:?}"),
        }
    }
    helper.join().unwrap();
    assert_eq!(taken, ["one", "two", "timer", "three"]);
    let model = model(&events.trace_record(None).unwrap(), true);
    let handled: Vec<_> = model
        .polls
        .iter()
        .filter_map(|poll| match poll.outcome {
            Outcome::Handled(event) => Some((event, model.units[poll.unit].kind)),
            _ => None,
        })
        .collect();
    let message = (EventKind::Message, Some(UnitKind::Messages));
    let timer = (EventKind::Timer, Some(UnitKind::Timer));
    assert_eq!(handled[..5], [message, message, timer, message, (EventKind::TimedOut, None)]);
    let messages = model.polls.iter().filter(|poll| poll.outcome == Outcome::Handled(EventKind::Message));
    for poll in messages {
        assert!(poll.time_ns() >= 3_000_000, "{poll:?}");
    }
    let last = model.ready_queue.last().unwrap();
    assert_eq!(last.length, 0, "{:?}", model.ready_queue);
}

#[test]
fn a_small_ring_holds_the_end_and_the_units_that_are_alive() {
    let runtime = Runtime::builder().trace(4096).build().unwrap();
    runtime.block_on(async {
        drop(spawn("waits", std::future::pending::<()>()));
        for _ in 0..2_000 {
            yield_now().await;
        }
    });
    let record = runtime.trace_record(None).unwrap();
    assert!(record.len() < 8_192, "{}", record.len());
    let model = model(&record, false);
    let waits = named(&model, "waits");
    assert_eq!((waits.spawned_ns, waits.state), (None, Some(State::Waiting)));
    assert!(model.places[&waits.place].file.ends_with("real.rs"));
    assert!(model.polls.len() > 50);
}

#[test]
fn a_record_that_is_started_in_the_middle_has_the_earlier_objects() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let (record, address) = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepts = spawn("accepts", echo(listener));
        let sleeps = spawn("sleeps", time::sleep(Duration::from_secs(1)));
        let ready = Rc::new(Cell::new(0));
        let theirs = ready.clone();
        let works = spawn("works", async move {
            loop {
                theirs.set(theirs.get() + 1);
                yield_now().await;
            }
        });
        time::sleep(Duration::from_millis(1)).await;
        let from_there = handle.clone();
        thread::spawn(move || from_there.start_trace(RING_BYTES)).join().unwrap();
        let before = ready.get();
        while ready.get() < before + 50 {
            yield_now().await;
        }
        works.abort();
        let _ = works.await;
        sleeps.await.unwrap();
        drop(accepts);
        (handle.trace_record(None).await.unwrap(), address)
    });
    let model = model_begun_within(&record);
    for name in ["accepts", "sleeps", "works"] {
        let unit = named(&model, name);
        assert_eq!(unit.spawned_ns, None, "{name}");
        assert!(model.places[&unit.place].file.ends_with("real.rs"), "{name}");
    }
    assert_eq!(named(&model, "accepts").state, Some(State::Waiting));
    assert!(named(&model, "sleeps").ended_ns.is_some() && named(&model, "works").ended_ns.is_some());
    let listener = model.sockets.iter().find(|socket| socket.addresses.contains(&address.to_string()));
    assert_eq!(listener.unwrap().registered_ns, None);
    let sleep = model.timers.iter().filter(|timer| matches!(timer.end, TimerEnd::Fired(_))).count();
    assert!(sleep >= 1, "{:?}", model.timers);
}

/// Makes the model as [`model`] does. Polls of units that were ready before the record have no wake, and
/// a poll may be open at its end.
fn model_begun_within(bytes: &[u8]) -> Model {
    let record = Record::parse(bytes).unwrap();
    assert!(*record.flaws() == Default::default(), "{}", record.flaws());
    let model = Model::of(&record);
    let total = model.total();
    assert_eq!(total.polled_ns + total.parked_ns + total.own_ns, total.time_ns);
    model
}

#[test]
fn the_last_part_of_a_record_is_a_record() {
    let runtime = Runtime::builder().trace(RING_BYTES).build().unwrap();
    let late_began = runtime.block_on(async {
        spawn("early", yield_now()).await.unwrap();
        time::sleep(Duration::from_millis(600)).await;
        let begin = Instant::now();
        spawn("late", time::sleep(Duration::from_millis(1))).await.unwrap();
        begin
    });
    let part = runtime.trace_record(Some(late_began.elapsed() + Duration::from_millis(300))).unwrap();
    let whole = model(&runtime.trace_record(None).unwrap(), true);
    let last = model(&part, false);
    assert!(last.polls.len() < whole.polls.len());
    assert!(last.first_ns > 200_000_000, "{}", last.first_ns);
    assert!(!last.units.iter().any(|unit| unit.name == "early"));
    assert!(named(&last, "late").spawned_ns.is_some());
}
