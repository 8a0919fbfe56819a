//! The states of study mode agree with the record of a real runtime.

use std::time::Duration;

use oneloop::event_loop::EventLoop;
use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{TcpListener, TcpStream};
use oneloop::{Runtime, task, time, unblock, yield_now};
use oneloop_watch::{Model, Record};

use crate::browser::Page;

const RING_BYTES: usize = 1 << 22;

/// Steps through the whole record, and returns the contradictions. The queue is first in, first out, so
/// a unit that is polled is at its front. The loop parks only if no unit is ready.
const FAULTS: &str = r#"(() => {
  const record = decodeRecord(bytesOfBase64(document.getElementById('record').textContent.trim()));
  const replay = makeReplay(buildModel(record));
  const { units } = replay.model;
  const isWhole = !record.overwritten;
  const hasSources = units.some((unit) => unit.type > UNIT.Main);
  const faults = [];
  const fault = (event, text) => faults.push(`event ${event}: ${text}: ${sentenceOf(replay, event)}`);
  for (let event = 0; event < record.count; event++) {
    const kind = record.kind[event];
    const before = seek(replay, event - 1);
    const [first] = before.queue;
    const { running, parked } = before;
    const unit = unitOfEvent(replay, event);
    const queued = before.queue.has(unit);
    if (kind === KIND.PollBegins && isWhole && first !== unit) fault(event, 'polled, but not first');
    if (kind === KIND.PollBegins && running >= 0) fault(event, 'two polls at once');
    if (kind === KIND.Parks && !hasSources && before.queueKnown && before.queue.size) fault(event, 'parks, and a unit is ready');
    if (kind === KIND.Woken && queued && !hasSources) fault(event, 'woken, but queued');
    if (kind === KIND.Unparks && !parked && isWhole) fault(event, 'unparks, but not parked');
    if (kind >= KIND.PollPending && kind <= KIND.PollPanicked && running !== unit && isWhole) fault(event, 'another unit was polled');
    seek(replay, event);
    if (isWhole && sentenceOf(replay, event).includes('unknown')) fault(event, 'the sentence lacks a name');
  }
  const { state } = replay;
  for (const [key, { deadline }] of state.timers) if (deadline < record.end - 1e9) faults.push(`timer ${key} was due`);
  return { faults: faults.slice(0, 10), turns: replay.model.turns.time.length, polls: replay.model.polls.unit.length };
})()"#;

fn check(record: &[u8]) {
    let Some(page) = Page::of(record) else { return };
    let seen = page.value(FAULTS);
    assert_eq!(seen["faults"].as_array().map(Vec::len), Some(0), "{seen}");
    assert!(seen["polls"].as_f64() > Some(3.0), "{seen}");
}

async fn program() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = oneloop::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let mut buffer = [0; 64];
        while let Ok(length @ 1..) = stream.read(&mut buffer).await {
            stream.write_all(&buffer[..length]).await.expect("it reads");
        }
    });
    let client = task::Builder::new().name("client").spawn(async move {
        let mut stream = TcpStream::connect(address).await.expect("a server");
        for _ in 0..20 {
            stream.write_all(b"hello").await.expect("it reads");
            stream.read_exact(&mut [0; 5]).await.expect("an echo");
            time::sleep(Duration::from_millis(1)).await;
        }
    });
    let aborted = oneloop::spawn(std::future::pending::<()>());
    let panics = oneloop::spawn(async { panic!("as it must (this is a test)") });
    for _ in 0..5 {
        yield_now().await;
    }
    aborted.abort();
    assert!(panics.await.is_err());
    unblock(|| std::thread::sleep(Duration::from_millis(2))).await;
    let handle = oneloop::Handle::current();
    std::thread::spawn(move || handle.spawn(async {})).join().expect("no panic").await.expect("it ends");
    let _ = time::timeout(Duration::from_millis(3), std::future::pending::<()>()).await;
    client.await.expect("it ends");
    server.await.expect("it ends");
}

#[test]
fn the_states_of_a_whole_record_agree_with_it() {
    let runtime = Runtime::builder().trace(RING_BYTES).build().expect("a runtime");
    runtime.block_on(program());
    runtime.block_on(yield_now()); // The record has `block_on` twice.
    check(&runtime.trace_record(None).expect("it was started"));
}

#[test]
fn the_states_of_a_record_begun_in_the_middle_agree_with_it() {
    let runtime = Runtime::new().expect("a runtime");
    let handle = runtime.handle();
    runtime.block_on(async {
        let other = oneloop::spawn(program());
        let sleeps = oneloop::spawn(time::sleep(Duration::from_millis(10)));
        for _ in 0..4 {
            yield_now().await;
        }
        let there = handle.clone();
        std::thread::spawn(move || there.start_trace(RING_BYTES)).join().expect("no panic");
        sleeps.await.expect("it ends");
        other.await.expect("it ends");
    });
    check(&runtime.trace_record(None).expect("it was started"));
}

#[test]
fn the_states_of_an_overwritten_record_and_of_the_last_part_of_one_agree_with_it() {
    for (bytes_max, last) in [(4096, None), (RING_BYTES, Some(Duration::from_millis(10)))] {
        let record = || {
            let runtime = Runtime::builder().trace(bytes_max).build().expect("a runtime");
            runtime.block_on(program());
            runtime.trace_record(last).expect("it was started")
        };
        // A busy machine may stop the program before the record is read, which then has no poll in its
        // last part.
        let has_polls = |record: &Vec<u8>| Model::of(&Record::parse(record).unwrap()).polls.len() > 3;
        check(&std::iter::repeat_with(record).take(20).find(has_polls).expect("a run without a stop"));
    }
}

#[test]
fn the_states_of_an_event_loop_agree_with_its_record() {
    let runtime = Runtime::builder().trace(RING_BYTES).build().expect("a runtime");
    let mut events = EventLoop::on(runtime, None).expect("a loop");
    let listener = events.listen("127.0.0.1:0").expect("a port");
    let address = listener.local_addr();
    let client = std::thread::spawn(move || drop(std::net::TcpStream::connect(address)));
    for number in 0..100 {
        events.post(number).expect("this queue has no bound");
        events.timer(Duration::from_micros(100 * number)).expect("room");
    }
    for _ in 0..200 {
        drop(events.take(Some(Duration::from_millis(20))).expect("an event"));
    }
    drop(events.take(Some(Duration::from_millis(20))).expect("an event"));
    client.join().expect("no panic");
    check(&events.trace_record(None).expect("it was started"));
}
