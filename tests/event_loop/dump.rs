//! `Handle::dump` of a loop that is an `EventLoop`'s.

use std::sync::mpsc;
use std::time::Duration;

use oneloop::dump::{DumpError, TaskKind, TaskState, Wait};
use oneloop::event_loop::{Event, EventLoop, Policy};
use oneloop::{Handle, Runtime, task};

use common::executor::{LIMIT, Watchdog};

fn new_loop() -> (EventLoop<u8>, Handle) {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    (EventLoop::on(runtime, None).unwrap(), handle)
}

#[test]
fn each_source_shows_what_it_waits_for() {
    let _watchdog = Watchdog::start();
    let (mut events, handle) = new_loop();
    let listener = events.listen("127.0.0.1:0").unwrap();
    let timer = events.timer(LIMIT).unwrap();
    let sender = events.sender();
    let thread = std::thread::spawn(move || {
        while handle.metrics().parks == 0 {
            std::thread::yield_now();
        }
        let dump = handle.dump().wait(LIMIT);
        sender.post(1).unwrap();
        dump.unwrap()
    });
    assert!(matches!(events.take(None), Ok(Event::Message(1))));
    let dump = thread.join().unwrap();

    assert!(dump.tasks.iter().all(|task| task.kind == TaskKind::Source && task.polls.is_none()), "{dump}");
    assert!(dump.tasks.iter().all(|task| task.state == TaskState::Waiting), "{dump}");
    assert_eq!(dump.tasks.len(), 3, "{dump}"); // the third is the queue of messages
    assert_eq!(dump.tasks.iter().filter(|task| task.waits == [Wait::Foreign]).count(), 1);
    match &dump.task(listener.id().into()).unwrap().waits[..] {
        [Wait::Socket { socket, .. }] => {
            assert_eq!(socket.local, Some(listener.local_addr().to_string()));
        }
        waits => panic!("{waits:?}"),
    }
    assert!(matches!(dump.task(timer.into()).unwrap().waits[..], [Wait::Timer { deadline: Some(_), .. }]));
    let timer = task::Id::from(timer);
    assert!(dump.to_string().contains(&format!("\nsource {timer} waits for: timer in ")), "{dump}");
}

#[test]
fn a_source_that_is_ready_or_was_cancelled_shows_so() {
    let (mut events, handle) = new_loop();
    let (ready, cancelled) = (events.timer(Duration::ZERO).unwrap(), events.timer(LIMIT).unwrap());
    events.cancel(cancelled);
    events.post(1).unwrap();
    let request = handle.dump();
    assert!(matches!(events.take(None), Ok(Event::Message(1)))); // reads the request first
    let dump = futures::executor::block_on(request).unwrap();
    assert!(dump.task(cancelled.into()).is_none(), "{dump}");
    let states: Vec<_> = dump.tasks.iter().map(|task| task.state).collect();
    assert!(states.contains(&TaskState::Ready), "{dump}"); // the queue of messages
    assert!(matches!(dump.task(ready.into()).unwrap().waits[..], [Wait::Timer { .. }]), "{dump}");
}

#[test]
fn a_handler_that_holds_the_loop_is_told_from_a_loop_that_no_thread_drives() {
    let _watchdog = Watchdog::start();
    let (mut events, handle) = new_loop();
    let (may_run, runs) = mpsc::channel();
    let ((begun, has_begun), (end, ended)) = (mpsc::channel(), mpsc::channel::<()>());
    let thread = std::thread::spawn(move || {
        let moment = Duration::from_millis(1);
        assert!(matches!(handle.dump().wait(moment), Err(DumpError::NotDriven)));
        may_run.send(()).unwrap();
        has_begun.recv().unwrap();
        let error = handle.dump().wait(moment).unwrap_err();
        drop(end);
        error
    });
    runs.recv().unwrap();
    events.post(1).unwrap();
    let ended = events.run(
        |events, _| {
            begun.send(()).unwrap();
            let _ = ended.recv();
            events.stop();
            Ok::<(), std::io::Error>(())
        },
        |_| Policy::Stop,
    );
    assert_eq!(ended.unwrap().handled, 1);
    match thread.join().unwrap() {
        DumpError::Stuck(stuck) => assert!(stuck.running.is_none()),
        error => panic!("{error}"),
    }
}
