//! `Builder::slow_poll`: what has held the loop is reported, with name and place, by a callback that may do all that a task may.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use oneloop::{Activity, Handle, Runtime, SlowPoll, spawn, task, yield_now};

use common::executor::*;

const LIMIT_MS: u64 = 50;
const SLOW: Duration = Duration::from_millis(120);
const HOUR: Duration = Duration::from_secs(3600);

/// Holds the loop.
fn compute() {
    let begin = Instant::now();
    while begin.elapsed() < SLOW {
        std::hint::spin_loop();
    }
}

/// A runtime, and the reports of it.
fn observed(limit: Duration) -> (Runtime, mpsc::Receiver<SlowPoll>) {
    let (sender, reports) = mpsc::channel();
    let builder = Runtime::builder().slow_poll(limit, move |poll| sender.send(poll.clone()).unwrap());
    (builder.build().unwrap(), reports)
}

/// The report that is wanted. A busy machine may stop this thread in another poll for longer than the limit.
#[track_caller]
fn slowest(reports: &mpsc::Receiver<SlowPoll>, wanted: impl Fn(&SlowPoll) -> bool) -> SlowPoll {
    let all: Vec<_> = reports.try_iter().collect();
    let longest = all.iter().filter(|poll| wanted(poll)).max_by_key(|poll| poll.took);
    longest.unwrap_or_else(|| panic!("{all:?}")).clone()
}

fn named(name: &str) -> impl Fn(&SlowPoll) -> bool {
    move |poll| poll.name.as_deref() == Some(name)
}

#[test]
fn a_slow_task_is_reported_with_name_place_and_time() {
    let (runtime, reports) = observed(Duration::from_millis(LIMIT_MS));
    let (id, line) = finish_on(&runtime, async {
        let line = line!() + 1;
        let task = task::Builder::new().name("sums").spawn(async {
            yield_now().await;
            compute();
            yield_now().await;
        });
        let id = task.id();
        task.await.unwrap();
        (id, line)
    });
    let poll = slowest(&reports, named("sums"));
    assert_eq!((poll.activity, poll.id), (Activity::Task, Some(id)));
    assert!(poll.took >= SLOW, "{poll:?}");
    assert!(poll.future.unwrap().contains("slow_task_is_reported"), "{poll:?}");
    let place = poll.place.unwrap();
    assert!(place.file().ends_with("slow_poll.rs") && place.line() == line, "{place}");
    let text = poll.to_string();
    let expected = format!("task {id} \"sums\" (spawned at {place}) held the loop for ");
    assert!(text.starts_with(&expected) && text.ends_with(" ms"), "{text}");
}

#[test]
fn control_characters_of_a_name_are_escaped() {
    let (runtime, reports) = observed(Duration::ZERO);
    finish_on(&runtime, async {
        task::Builder::new().name("\x1b[31mred\n\"x\"\u{202e}").spawn(async {}).await.unwrap();
    });
    let text = slowest(&reports, |poll| poll.name.is_some()).to_string();
    assert!(text.contains(r#""\u{1b}[31mred\n\"x\"\u{202e}""#), "{text}");
    assert!(!text.contains(char::is_control), "{text}");
}

#[test]
fn polls_below_the_limit_are_not_reported() {
    let (runtime, reports) = observed(HOUR);
    finish_on(&runtime, async {
        spawn(async { compute() }).await.unwrap();
        let aborted = spawn(pending::<()>());
        yield_now().await;
        aborted.abort();
        aborted.await.unwrap_err();
    });
    drop(runtime);
    assert!(reports.try_recv().is_err());
}

#[test]
fn the_future_of_block_on_is_no_task() {
    let (runtime, reports) = observed(Duration::from_millis(LIMIT_MS));
    finish_on(&runtime, async { compute() });
    let poll = slowest(&reports, |poll| poll.activity == Activity::BlockOn);
    assert!(poll.id.is_none() && poll.name.is_none());
    assert!(poll.place.is_some() && poll.future.is_some());
    assert!(poll.to_string().starts_with("the future of block_on at "), "{poll}");
}

#[test]
fn a_poll_that_panics_is_reported_also_that_of_block_on() {
    let (runtime, reports) = observed(Duration::from_millis(LIMIT_MS));
    let panics = || {
        compute();
        panic!("as the test wants");
    };
    finish_on(&runtime, async move {
        let task = task::Builder::new().name("panics").spawn(async move { panics() });
        assert!(task.await.unwrap_err().is_panic());
    });
    slowest(&reports, named("panics"));
    assert!(panic_of(|| runtime.block_on(async move { panics() })).contains("as the test wants"));
    slowest(&reports, |poll| poll.activity == Activity::BlockOn);
    finish_on(&runtime, async {});
}

/// Aborted, or alive when the runtime is dropped.
#[test]
fn a_slow_drop_of_a_task_is_reported() {
    let (runtime, reports) = observed(Duration::from_millis(LIMIT_MS));
    let task = |name: &'static str| {
        let slow = OnDrop(compute);
        task::Builder::new().name(name).spawn(async move {
            let _slow = slow;
            pending::<()>().await;
        })
    };
    finish_on(&runtime, async {
        let aborted = task("aborted");
        drop(task("left over"));
        yield_now().await;
        aborted.abort();
        aborted.await.unwrap_err();
    });
    // A busy machine may stop the thread in a poll of the task for longer than the drop takes.
    let drop_of = |name| move |poll: &SlowPoll| named(name)(poll) && poll.activity == Activity::Drop;
    let poll = slowest(&reports, drop_of("aborted"));
    assert!(poll.place.is_some());
    assert!(poll.to_string().starts_with("the drop of task "), "{poll}");
    drop(runtime);
    slowest(&reports, drop_of("left over"));
}

#[test]
fn functions_that_other_threads_have_called_are_reported() {
    let (runtime, reports) = observed(Duration::from_millis(LIMIT_MS));
    let handle = runtime.handle();
    let line = line!() + 2;
    finish_on(&runtime, async {
        let remote = std::thread::spawn(move || handle.spawn_with(|| async { compute() })).join().unwrap();
        remote.await.unwrap();
        let make = || {
            compute();
            async {}
        };
        Handle::current().spawn_with(make).await.unwrap();
    });
    let all: Vec<_> = reports.try_iter().collect();
    let task = all.iter().find(|poll| poll.activity == Activity::Task).unwrap();
    let place = task.place.unwrap();
    assert!(place.file().ends_with("slow_poll.rs") && place.line() == line, "{task}");
    let call = all.iter().find(|poll| poll.activity == Activity::Call && poll.took >= SLOW).unwrap();
    assert!(call.id.is_none(), "{call:?}");
}

#[test]
fn a_slow_waker_of_another_crate_is_reported() {
    struct Slow;
    impl Wake for Slow {
        fn wake(self: Arc<Self>) {
            compute();
        }
    }
    let (runtime, reports) = observed(Duration::from_millis(LIMIT_MS));
    finish_on(&runtime, async {
        let mut task = spawn(yield_now());
        let waker = Waker::from(Arc::new(Slow));
        let pending = std::pin::pin!(&mut task);
        assert!(pending.poll(&mut std::task::Context::from_waker(&waker)).is_pending());
        while !task.is_finished() {
            yield_now().await;
        }
        yield_now().await;
    });
    slowest(&reports, |poll| poll.activity == Activity::Waker && poll.took >= SLOW);
}

/// Nothing of the runtime is borrowed: the callback spawns, wakes, aborts the slow task and drops a socket.
#[test]
fn the_callback_may_do_all_that_a_task_may() {
    thread_local! {
        static SLOW_TASK: Cell<Option<oneloop::JoinHandle<()>>> = const { Cell::new(None) };
        static WAKER: Cell<Option<Waker>> = const { Cell::new(None) };
        static SOCKET: Cell<Option<oneloop::net::UdpSocket>> = const { Cell::new(None) };
        static SPAWNED: Cell<Option<oneloop::JoinHandle<Option<task::Id>>>> = const { Cell::new(None) };
    }
    let callback = |poll: &SlowPoll| {
        if poll.name.as_deref() != Some("slow") {
            return;
        }
        assert_eq!(task::try_id(), None, "the slow task is not current any more");
        if let Some(waker) = WAKER.take() {
            waker.wake_by_ref();
            waker.wake();
        }
        let Some(task) = SLOW_TASK.take() else { return };
        assert_eq!(poll.id, Some(task.id()));
        task.abort();
        drop(SOCKET.take());
        assert!(Handle::current().metrics().spawned >= 1);
        SPAWNED.set(Some(spawn(async { task::try_id() })));
    };
    let limit = Duration::from_millis(LIMIT_MS);
    let runtime = Runtime::builder().slow_poll(limit, callback).build().unwrap();
    let polls = Rc::new(Cell::new(0));
    let counted = polls.clone();
    finish_on(&runtime, async move {
        SOCKET.set(Some(oneloop::net::UdpSocket::bind("127.0.0.1:0").await.unwrap()));
        let task = task::Builder::new().name("slow").spawn(std::future::poll_fn(move |cx| {
            counted.set(counted.get() + 1);
            WAKER.set(Some(cx.waker().clone()));
            compute();
            std::task::Poll::Pending
        }));
        let finished = task.abort_handle();
        SLOW_TASK.set(Some(task));
        while !finished.is_finished() {
            yield_now().await;
        }
        let spawned = SPAWNED.take().unwrap();
        let id = spawned.id();
        assert_eq!(spawned.await.unwrap(), Some(id));
    });
    assert_eq!(polls.get(), 1, "the abort came before the next poll");
}

/// A wake of the slow task by the callback queues it once.
#[test]
fn a_task_that_the_callback_wakes_is_polled_again() {
    let waker = Arc::new(Mutex::new(None::<Waker>));
    let theirs = waker.clone();
    let callback = move |poll: &SlowPoll| {
        if poll.name.as_deref() == Some("woken")
            && let Some(waker) = theirs.lock().unwrap().take()
        {
            waker.wake_by_ref();
            waker.wake();
        }
    };
    let runtime = Runtime::builder().slow_poll(Duration::ZERO, callback).build().unwrap();
    let mut left = 100;
    finish_on(&runtime, async move {
        let task = task::Builder::new().name("woken").spawn(std::future::poll_fn(move |cx| {
            left -= 1;
            if left == 0 {
                return std::task::Poll::Ready(());
            }
            *waker.lock().unwrap() = Some(cx.waker().clone());
            std::task::Poll::Pending
        }));
        task.await.unwrap();
    });
}

#[test]
fn a_panic_of_the_callback_is_caught_and_a_slow_callback_is_not_reported() {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let theirs = calls.clone();
    let callback = move |poll: &SlowPoll| {
        theirs.lock().unwrap_or_else(|error| error.into_inner()).push(poll.name.clone());
        compute();
        panic!("the callback panics, as the test wants");
    };
    let limit = Duration::from_millis(LIMIT_MS);
    let runtime = Runtime::builder().slow_poll(limit, callback).build().unwrap();
    finish_on(&runtime, async {
        let slow = async {
            compute();
            7
        };
        assert_eq!(task::Builder::new().name("slow").spawn(slow).await.unwrap(), 7);
    });
    let calls = calls.lock().unwrap_or_else(|error| error.into_inner());
    assert_eq!(calls.iter().filter(|name| name.as_deref() == Some("slow")).count(), 1, "{calls:?}");
}

/// The callback runs while block_on's future panics: two panics at once would end the process.
#[test]
fn a_panic_of_the_callback_during_a_panic_is_caught() {
    let callback = |_: &SlowPoll| panic!("the callback panics, too");
    let runtime = Runtime::builder().slow_poll(Duration::ZERO, callback).build().unwrap();
    assert!(panic_of(|| runtime.block_on(async { panic!("the first") })).contains("the first"));
    finish_on(&runtime, async {});
}

#[test]
fn a_builder_with_callbacks_can_be_cloned_printed_and_sent() {
    fn is_send_and_sync<T: Send + Sync + std::panic::UnwindSafe>(_: &T) {}
    let (sender, reports) = mpsc::channel();
    let sender = Mutex::new(sender);
    let builder = Runtime::builder()
        .slow_poll(Duration::ZERO, move |_| sender.lock().unwrap().send(()).unwrap())
        .watchdog(HOUR);
    is_send_and_sync(&builder);
    let text = format!("{builder:?}");
    assert!(text.contains("slow_poll: Some(0ns)") && text.contains("watchdog: Some(3600s)"), "{text}");
    for builder in [builder.clone(), builder] {
        std::thread::spawn(move || finish_on(&builder.build().unwrap(), async {})).join().unwrap();
        assert!(reports.try_iter().count() > 0);
    }
}

/// The slow reports of one run that nothing has disturbed. A busy machine may stop the thread in any poll,
/// so one of five runs has to have `count` of them.
fn undisturbed(count: usize, run: impl Fn() -> mpsc::Receiver<SlowPoll>) -> Vec<SlowPoll> {
    let slow = || run().try_iter().filter(|poll| poll.took >= SLOW).collect::<Vec<_>>();
    let mut runs = std::iter::repeat_with(slow).take(5);
    runs.find(|slow| slow.len() == count).expect("one of five runs is undisturbed")
}

/// What the program does outside of the loop is not a poll's time.
#[test]
fn time_outside_of_the_loop_is_not_the_next_polls() {
    undisturbed(0, || {
        let (runtime, reports) = observed(Duration::from_millis(LIMIT_MS));
        finish_on(&runtime, async {});
        compute();
        finish_on(&runtime, async {});
        drop(runtime.spawn(async {}));
        runtime.turn();
        compute();
        drop(runtime.spawn(async {}));
        runtime.turn();
        drop(runtime.spawn(pending::<()>()));
        compute();
        drop(runtime);
        reports
    });
}

/// A waker of another crate that a timer calls is reported as that, and not as the next task.
#[test]
fn a_slow_waker_that_a_timer_calls_is_reported_as_a_waker() {
    struct Computes;
    impl Wake for Computes {
        fn wake(self: Arc<Self>) {
            compute();
        }
    }
    let slow = undisturbed(1, || {
        let (runtime, reports) = observed(Duration::from_millis(LIMIT_MS));
        finish_on(&runtime, async {
            let mut sleep = std::pin::pin!(oneloop::time::sleep(Duration::from_millis(5)));
            let waker = Waker::from(Arc::new(Computes));
            assert!(sleep.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
            oneloop::time::sleep(Duration::from_millis(10)).await;
            yield_now().await;
        });
        reports
    });
    assert_eq!(slow[0].activity, Activity::Waker, "{slow:?}");
}

/// Nor is the time in which an idle loop asks the driver again and again.
#[test]
fn busy_polling_is_no_polls_time() {
    undisturbed(0, || {
        let (sender, reports) = mpsc::channel();
        let runtime = Runtime::builder()
            .busy_poll(HOUR)
            .slow_poll(Duration::from_millis(LIMIT_MS), move |poll| sender.send(poll.clone()).unwrap());
        let runtime = runtime.build().unwrap();
        finish_on(&runtime, oneloop::time::sleep(SLOW));
        reports
    });
}
