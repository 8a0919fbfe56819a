//! Handlers of `EventLoop::run` that hold the loop.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use oneloop::event_loop::{Event, EventLoop, Policy};
use oneloop::{Activity, Runtime, SlowPoll};

const LIMIT: Duration = Duration::from_millis(50);
const SLOW: Duration = Duration::from_millis(120);
const FAR: Duration = Duration::from_secs(90);

fn compute() {
    let begin = Instant::now();
    while begin.elapsed() < SLOW {
        std::hint::spin_loop();
    }
}

/// Runs `handler` with each of the messages, and returns the reports about handlers.
fn reports_of(
    messages: &[u8],
    mut handler: impl FnMut(&mut EventLoop<u8>, u8),
    on_slow: impl Fn(&SlowPoll) + Send + Sync + 'static,
) -> Vec<SlowPoll> {
    let (sender, reports) = mpsc::channel();
    let report = move |poll: &SlowPoll| {
        on_slow(poll);
        sender.send(poll.clone()).unwrap();
    };
    let runtime = Runtime::builder().slow_poll(LIMIT, report).build().unwrap();
    let mut events = EventLoop::on(runtime, None).unwrap();
    messages.iter().for_each(|message| events.post(*message).unwrap());
    let ended = events.run(
        |events, event| {
            if let Event::Message(message) = event {
                handler(events, message);
                if message == 0 {
                    events.stop();
                }
            }
            Ok::<(), std::convert::Infallible>(())
        },
        |_| Policy::Continue,
    );
    ended.unwrap();
    reports.try_iter().filter(|poll| poll.activity == Activity::Handler).collect()
}

/// Repeats a run that a busy machine may disturb. One of five runs has to return `true`.
fn undisturbed(run: impl FnMut() -> bool) {
    assert!(std::iter::repeat_with(run).take(5).any(|undisturbed| undisturbed));
}

#[test]
fn a_slow_handler_is_reported_also_if_it_panics() {
    let handler = |_: &mut EventLoop<u8>, message| {
        if message > 0 {
            compute();
        }
        assert!(message != 2, "as the test wants");
    };
    let reports = reports_of(&[1, 2, 0], handler, |_| ());
    assert!(reports.len() >= 2, "{reports:?}");
    assert!(reports[1].took >= SLOW && reports[1].id.is_none());
    assert!(reports[1].to_string().starts_with("a handler of the event loop held the loop for "));
}

#[test]
fn the_callback_is_in_the_loops_context() {
    let (sender, ran) = mpsc::channel();
    let on_slow = move |_: &SlowPoll| {
        let sender = sender.clone();
        drop(oneloop::spawn(async move { sender.send(()).unwrap() }));
    };
    let handler = |_: &mut EventLoop<u8>, message: u8| {
        if message == 1 {
            compute();
        }
    };
    // More than come in a row before a task.
    let messages = [&[1][..], &[2; 200], &[0]].concat();
    let reports = reports_of(&messages, handler, on_slow);
    assert!(!reports.is_empty());
    ran.try_recv().expect("the task that the callback has spawned ran");
}

/// The loop runs, and parks, in a handler that takes an event by itself.
#[test]
fn a_handler_that_waits_in_its_own_loop_does_not_hold_it() {
    let handler = |events: &mut EventLoop<u8>, message| {
        if message == 1 {
            assert!(matches!(events.take(Some(Duration::from_millis(300))), Ok(Event::TimedOut)));
        }
        if message == 1 {
            events.post(0).unwrap();
        }
    };
    // A busy machine may stop the thread in the handler.
    undisturbed(|| {
        let reports = reports_of(&[1], handler, |_| ());
        reports.iter().all(|poll| poll.took < Duration::from_millis(300))
    });
}

#[test]
fn the_watchdog_reports_a_handler_that_blocks() {
    let (sender, reports) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let report = move |stuck: &oneloop::Stuck| drop(sender.send(stuck.clone()));
    let runtime = Runtime::builder().watchdog_with(LIMIT, report).build().unwrap();
    let mut events = EventLoop::on(runtime, None).unwrap();
    events.post(1).unwrap();
    let observer = std::thread::spawn(move || {
        loop {
            let stuck = reports.recv_timeout(FAR).unwrap();
            if stuck.poll.activity == Activity::Handler {
                release.send(()).unwrap();
                return;
            }
        }
    });
    let ended = events.run(
        |events, _| {
            events.stop();
            released.recv_timeout(FAR)
        },
        |_| Policy::Stop,
    );
    ended.unwrap();
    observer.join().unwrap();
}

/// What the program does with an event that it has taken, or with a failure, is no task's time.
#[test]
fn the_programs_own_code_is_not_the_next_tasks_time() {
    undisturbed(|| {
        let (sender, reports) = mpsc::channel();
        let report = move |poll: &SlowPoll| sender.send(poll.clone()).unwrap();
        let runtime = Runtime::builder().slow_poll(LIMIT, report).build().unwrap();
        let mut events = EventLoop::on(runtime, None).unwrap();
        for _ in 0..2 {
            drop(events.enter(|| oneloop::spawn(async {})));
            events.post(1).unwrap();
            events.take(Some(FAR)).unwrap();
            compute();
        }
        events.post(2).unwrap();
        let ended = events.run(
            |events, event| match event {
                Event::Message(2) => {
                    drop(events.enter(|| oneloop::spawn(async {})));
                    events.post(3).unwrap();
                    Err("as the test wants")
                }
                _ => {
                    events.stop();
                    Ok(())
                }
            },
            |_| {
                compute();
                Policy::Continue
            },
        );
        assert_eq!(ended.unwrap().failed, 1);
        !reports.try_iter().any(|poll| poll.took >= SLOW)
    });
}
