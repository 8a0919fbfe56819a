//! `Builder::watchdog`: a loop that is stuck is reported while it is stuck, and no other.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use oneloop::time::sleep;
use oneloop::{Activity, Runtime, Stuck, spawn, task, yield_now};

use common::executor::{LIMIT as FAR, *};

const LIMIT: Duration = Duration::from_millis(50);

/// A runtime with a watchdog whose reports come out of a channel.
fn watched(limit: Duration) -> (Runtime, mpsc::Receiver<Stuck>) {
    let (sender, reports) = mpsc::channel();
    let report = move |stuck: &Stuck| drop(sender.send(stuck.clone())); // the test may have ended
    (Runtime::builder().watchdog_with(limit, report).build().unwrap(), reports)
}

/// The next report about the task with this name. Others may be slow on a slow machine.
#[track_caller]
fn next(reports: &mpsc::Receiver<Stuck>, name: &str) -> Stuck {
    loop {
        let stuck = reports.recv_timeout(FAR).expect("a report");
        if stuck.poll.name.as_deref() == Some(name) {
            return stuck;
        }
    }
}

/// What the task waits for comes only after the reports: they are made while the loop is stuck.
#[test]
fn a_task_that_blocks_is_reported_while_it_blocks_at_doublings_and_at_its_end() {
    let (runtime, reports) = watched(LIMIT);
    let (release, released) = mpsc::channel::<()>();
    let this = std::thread::current().id();
    let observer = std::thread::spawn(move || {
        let stuck: Vec<_> = (0..3).map(|_| next(&reports, "blocks")).collect();
        release.send(()).unwrap();
        // A slow machine may have another doubling before the end.
        let last = std::iter::repeat_with(|| next(&reports, "blocks")).find(|stuck| stuck.over);
        (stuck, last.unwrap())
    });
    let line = line!() + 2;
    let id = finish_on(&runtime, async {
        let task = task::Builder::new().name("blocks").spawn(async move {
            drop(spawn(async {}));
            released.recv().unwrap();
        });
        let id = task.id();
        task.await.unwrap();
        id
    });
    let (stuck, last) = observer.join().unwrap();
    for (stuck, times) in stuck.iter().zip([1, 2, 4]) {
        assert!(!stuck.over && stuck.poll.took >= LIMIT * times, "{stuck:?}");
        assert_eq!((stuck.poll.activity, stuck.poll.id), (Activity::Task, Some(id)));
        assert_eq!(stuck.poll.place.unwrap().line(), line);
        assert_eq!(stuck.thread, this);
        assert!(stuck.to_string().contains("\"blocks\""), "{stuck}");
    }
    assert_eq!((last.spawned, last.registered), (1, 0));
    assert!(last.poll.took >= stuck[2].poll.took, "{last:?}");
    assert!(last.to_string().contains("the loop goes on"), "{last}");
}

#[cfg(target_os = "linux")]
#[test]
fn on_linux_the_report_says_what_the_thread_does() {
    let (runtime, reports) = watched(LIMIT);
    let (release, released) = mpsc::channel::<bool>();
    let thread = std::fs::read_link("/proc/thread-self").unwrap();
    let thread: u32 = thread.file_name().unwrap().to_str().unwrap().parse().unwrap();
    let done = Arc::new(AtomicUsize::new(0));
    let theirs = done.clone();
    let observer = std::thread::spawn(move || {
        // At a report a signal may have woken the thread, which then waits for the processor. So the task blocks
        // again until a report finds it asleep.
        let blocks = loop {
            let stuck = next(&reports, "blocks");
            if !stuck.over {
                let asleep = stuck.state == Some("sleeps") || runner::instrumented();
                release.send(asleep).unwrap();
                if asleep {
                    break stuck;
                }
            }
        };
        // Other threads may have the processor, and the clock of the system may be coarse.
        let computes = loop {
            let stuck = next(&reports, "computes");
            if stuck.cpu_time.is_some_and(|time| !time.is_zero()) || runner::instrumented() {
                break stuck;
            }
        };
        theirs.store(1, SeqCst);
        (blocks, computes)
    });
    finish_on(&runtime, async {
        let blocks = task::Builder::new().name("blocks").spawn(async move {
            while !released.recv().unwrap() {
                yield_now().await;
            }
        });
        blocks.await.unwrap();
        let computes = async move {
            while done.load(SeqCst) == 0 {
                std::hint::spin_loop();
            }
        };
        task::Builder::new().name("computes").spawn(computes).await.unwrap();
    });
    let (blocks, computes) = observer.join().unwrap();
    assert_eq!((blocks.os_thread, computes.os_thread), (Some(thread), Some(thread)));
    assert_eq!(blocks.debugger, Some(format!("gdb -p {thread} -batch -ex bt")));
    assert!(blocks.watched <= blocks.poll.took, "{blocks:?}");
    if !runner::instrumented() {
        assert!(blocks.cpu_time.is_some_and(|time| time < LIMIT.max(blocks.watched / 2)), "{blocks:?}");
        assert_eq!(computes.state, Some("runs"), "{computes:?}");
        let calls = [blocks.system_call.as_deref(), computes.system_call.as_deref()];
        assert!(matches!(calls, [Some("futex") | None, None]), "{calls:?}");
    }
}

/// The reports of a run that has ended about polls of at least this time.
fn reports_from(took: Duration, reports: mpsc::Receiver<Stuck>) -> Vec<Stuck> {
    reports.iter().filter(|stuck| stuck.poll.took >= took).collect()
}

#[test]
fn a_loop_that_is_parked_or_not_run_is_never_reported() {
    const SHORT: Duration = Duration::from_millis(200);
    let (runtime, reports) = watched(SHORT);
    let begin = Instant::now();
    finish_on(&runtime, async {
        drop(spawn(pending::<()>()));
        yield_now().await;
        sleep(SHORT * 5).await;
    });
    std::thread::sleep(SHORT * 5);
    runtime.turn();
    std::thread::sleep(SHORT * 2);
    assert!(begin.elapsed() >= SHORT * 12);
    drop(runtime);
    let found = reports_from(SHORT * 4, reports);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_task_that_gives_way_often_is_never_stuck() {
    const SHORT: Duration = Duration::from_millis(200);
    let run = || {
        let (runtime, reports) = watched(SHORT);
        finish_on(&runtime, async {
            let begin = Instant::now();
            let busy = spawn(async move {
                while begin.elapsed() < SHORT * 6 {
                    yield_now().await;
                }
            });
            busy.await.unwrap();
        });
        drop(runtime);
        reports_from(SHORT * 4, reports)
    };
    // The loop is in a poll nearly all the time, and a busy machine may stop its thread there.
    let mut runs: Vec<_> =
        std::iter::repeat_with(run).take(5).take_while(|found| !found.is_empty()).collect();
    assert!(runs.len() < 5, "each of five runs has reports, the last one {:?}", runs.pop());
}

#[test]
fn the_thread_ends_with_the_runtime() {
    let (runtime, reports) = watched(Duration::from_secs(3600));
    finish_on(&runtime, async {});
    drop(runtime);
    // Its callback is dropped at the thread's end.
    let end = reports.recv_timeout(FAR).unwrap_err();
    assert_eq!(end, mpsc::RecvTimeoutError::Disconnected);
}

/// The report waits for the runtime's drop, which therefore must not wait for the report.
#[test]
fn the_drop_of_the_runtime_does_not_wait_for_a_report() {
    let (began, begun) = mpsc::channel();
    let (dropped, is_dropped) = mpsc::channel();
    let (ended, has_ended) = mpsc::channel();
    let is_dropped = Mutex::new(is_dropped);
    let report = move |_: &Stuck| {
        let _ = began.send(());
        let _ = ended.send(is_dropped.lock().unwrap().recv_timeout(FAR).is_ok());
    };
    let runtime = Runtime::builder().watchdog_with(LIMIT, report).build().unwrap();
    finish_on(&runtime, async move {
        spawn(async move { begun.recv_timeout(FAR).unwrap() }).await.unwrap();
    });
    drop(runtime);
    dropped.send(()).unwrap();
    assert!(has_ended.recv_timeout(FAR).unwrap());
}

/// A destructor that blocks when the runtime is dropped.
#[test]
fn the_drop_of_a_task_is_watched_too() {
    let (runtime, reports) = watched(LIMIT);
    let (release, released) = mpsc::channel::<()>();
    let observer = std::thread::spawn(move || {
        // A busy machine may stop the thread in the task's poll.
        while next(&reports, "left over").poll.activity != Activity::Drop {}
        release.send(()).unwrap();
    });
    finish_on(&runtime, async move {
        let blocks = OnDrop(move || released.recv().unwrap());
        drop(task::Builder::new().name("left over").spawn(async move {
            let _blocks = blocks;
            pending::<()>().await;
        }));
        yield_now().await;
    });
    drop(runtime);
    observer.join().unwrap();
}

#[test]
fn each_of_two_runtimes_has_a_watchdog_of_its_own() {
    let both = || {
        let (runtime, reports) = watched(LIMIT);
        let (release, released) = mpsc::channel::<()>();
        let observer = std::thread::spawn(move || {
            let stuck = next(&reports, "blocks");
            release.send(()).unwrap();
            stuck.thread
        });
        finish_on(&runtime, async move {
            let blocks = async move { released.recv().unwrap() };
            task::Builder::new().name("blocks").spawn(blocks).await.unwrap();
        });
        assert_eq!(observer.join().unwrap(), std::thread::current().id());
    };
    let other = std::thread::spawn(both);
    both();
    other.join().unwrap();
}

#[test]
fn a_panic_of_the_callback_does_not_end_the_watchdog() {
    let calls = Arc::new(AtomicUsize::new(0));
    let theirs = calls.clone();
    let report = move |_: &Stuck| {
        theirs.fetch_add(1, SeqCst);
        panic!("the callback panics, as the test wants");
    };
    let runtime = Runtime::builder().watchdog_with(LIMIT, report).build().unwrap();
    finish_on(&runtime, async move {
        let blocks = async move {
            while calls.load(SeqCst) < 2 {
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        spawn(blocks).await.unwrap();
    });
}

#[test]
fn a_limit_of_zero_is_refused() {
    let refused = Runtime::builder().watchdog(Duration::ZERO).build().unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
    assert!(refused.to_string().contains("limit is 0"), "{refused}");
}
