//! The reader accepts each record of a real loop without a flaw, also at the edges.

use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use oneloop::io::{AsyncReadExt, AsyncWriteExt};
use oneloop::net::{TcpListener, TcpStream};
use oneloop::trace::format::{Cause, State, Unit};
use oneloop::{Runtime, spawn, task, yield_now};
use oneloop_watch::model::Outcome;
use oneloop_watch::{Flaws, Model, Record};

const MS: Duration = Duration::from_millis(1);

/// Makes the model of a record that has no flaw except an overwritten start.
fn model(bytes: &[u8]) -> Model {
    let record = Record::parse(bytes).unwrap();
    let mut flaws = *record.flaws();
    flaws.start_overwritten = false;
    assert_eq!(flaws, Flaws::default());
    Model::of(&record)
}

/// Runs each kind of activity: tasks with each kind of end, timers, sockets, long names.
async fn work() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    let echo = task::Builder::new().name("é".repeat(200)).spawn(async move {
        let mut byte = [0];
        while server.read_exact(&mut byte).await.is_ok() {
            server.write_all(&byte).await.unwrap();
        }
    });
    for _ in 0..20 {
        client.write_all(b"x").await.unwrap();
        client.read_exact(&mut [0]).await.unwrap();
        oneloop::time::sleep(MS / 10).await;
    }
    drop(client);
    echo.await.unwrap();
    let aborted = spawn(pending::<()>());
    yield_now().await;
    aborted.abort();
    assert!(aborted.await.unwrap_err().is_cancelled());
    assert!(spawn(async { panic!("as the test wants") }).await.unwrap_err().is_panic());
}

#[test]
fn a_ring_of_any_size_is_read_without_a_flaw() {
    for bytes_max in [0, 4_095, 10_000, 1 << 20] {
        let runtime = Runtime::builder().trace(bytes_max).build().unwrap();
        for round in 0..3 {
            runtime.block_on(work());
            for last in [None, Some(Duration::ZERO), Some(MS), Some(Duration::MAX)] {
                let record = runtime.trace_record(last).unwrap();
                model(&record);
                assert!(record.len() < bytes_max.max(4096) + 8192, "{} {round}", record.len());
            }
        }
        let whole = model(&runtime.trace_record(None).unwrap());
        assert!(whole.polls.iter().any(|poll| poll.outcome == Outcome::Panicked));
    }
}

#[test]
fn a_record_is_started_stopped_and_read_in_a_poll() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    assert!(runtime.trace_record(None).is_none());
    let (id, inner) = runtime.block_on(async {
        let runtime = &runtime;
        let names = task::Builder::new().name("starts it");
        let task = names.spawn({
            let handle = handle.clone();
            async move {
                // The task is queued while it is polled.
                poll_fn(|cx| {
                    cx.waker().wake_by_ref();
                    Poll::Ready(())
                })
                .await;
                handle.start_trace(1 << 16);
                handle.start_trace(1 << 16);
                yield_now().await;
                handle.stop_trace();
                handle.stop_trace();
                yield_now().await;
                handle.start_trace(1 << 16);
                yield_now().await;
            }
        });
        let id = task.id().to_string();
        yield_now().await;
        let first = runtime.trace_record(None).unwrap();
        task.await.unwrap();
        (id, first)
    });
    for bytes in [inner, runtime.trace_record(None).unwrap()] {
        let model = model(&bytes);
        let unit = model.units.iter().find(|unit| unit.name == "starts it");
        let unit = unit.unwrap_or_else(|| panic!("{id}: {:?}", model.units));
        assert_eq!(unit.kind, Some(Unit::Task), "{:?}", model.units);
    }
}

#[test]
fn the_task_that_is_polled_is_in_the_record_as_running() {
    let runtime = Rc::new(Runtime::new().unwrap());
    let inner = runtime.clone();
    runtime.handle().start_trace(1 << 16);
    let bytes = runtime.block_on(async move {
        let task = task::Builder::new().name("reads it").spawn(poll_fn(move |cx| {
            cx.waker().wake_by_ref();
            Poll::Ready(inner.trace_record(None).unwrap())
        }));
        task.await.unwrap()
    });
    let model = model(&bytes);
    let unit = model.units.iter().find(|unit| unit.name == "reads it").unwrap();
    assert_eq!((unit.kind, unit.state), (Some(Unit::Task), Some(State::Running)));
}

#[test]
fn work_after_an_abort_is_not_that_of_the_aborted_task() {
    /// The drop wakes a task.
    struct Wakes(Waker);
    impl Drop for Wakes {
        fn drop(&mut self) {
            self.0.wake_by_ref();
        }
    }
    let runtime = Runtime::builder().trace(1 << 16).build().unwrap();
    let record = runtime.block_on(async {
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let first = spawn(pending::<()>());
        let wakes = Wakes(waker);
        let second = spawn(async move {
            let _wakes = wakes;
            pending::<()>().await;
        });
        yield_now().await;
        first.abort();
        second.abort();
        let mut polled = false;
        poll_fn(|_| if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }).await;
        runtime.trace_record(None).unwrap()
    });
    let model = model(&record);
    assert_eq!(model.wakes.last().unwrap().cause, Cause::Outside, "{:?}", model.wakes);
}

#[test]
fn a_panic_of_block_ons_future_ends_its_poll() {
    let runtime = Runtime::builder().trace(1 << 16).build().unwrap();
    let panics = AssertUnwindSafe(|| runtime.block_on(async { panic!("as the test wants") }));
    catch_unwind(panics).unwrap_err();
    drop(runtime.spawn(async {}));
    runtime.block_on(yield_now());
    let model = model(&runtime.trace_record(None).unwrap());
    assert_eq!(model.polls[0].outcome, Outcome::Panicked);
    assert!(model.polls[1..].iter().all(|poll| poll.outcome != Outcome::Open), "{:?}", model.polls);
    assert!(model.wakes.iter().all(|wake| wake.cause == Cause::Outside || wake.cause == Cause::Unit));
}

#[test]
fn a_trace_is_asked_for_from_another_thread_and_after_the_end() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let thread = std::thread::spawn(move || {
        for _ in 0..20 {
            handle.start_trace(1 << 14); // The loop is parked at this time.
            let record = oneloop::block_on(handle.trace_record(Some(MS))).unwrap();
            model(&record);
        }
        handle.stop_trace();
        handle.stop();
        handle
    });
    runtime.run();
    let handle = thread.join().unwrap();
    model(&runtime.trace_record(None).unwrap());
    drop(runtime);
    handle.start_trace(1 << 14);
    handle.stop_trace();
    assert!(oneloop::block_on(handle.trace_record(None)).is_err());
}
