//! Requests for a dump: the threads that ask, the loop that answers, and the errors.

use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};

use futures::executor::block_on as foreign_block_on;
use oneloop::dump::{Dump, DumpError, DumpRequest, Wait};
use oneloop::time::Duration;
use oneloop::{Handle, Runtime, spawn, task};

use common::executor::*;

use super::dump::dumped;

fn stuck(error: DumpError) -> oneloop::dump::Stuck {
    match error {
        DumpError::Stuck(stuck) => *stuck,
        error => panic!("{error}"),
    }
}

/// Asks from another thread.
fn from_thread(runtime: &Runtime, timeout: Duration) -> Result<Dump, DumpError> {
    let handle = runtime.handle();
    std::thread::spawn(move || handle.dump().wait(timeout)).join().unwrap()
}

/// A unit that holds the loop until another thread has asked for a dump in vain.
struct Holds {
    begun: mpsc::Sender<()>,
    ended: mpsc::Receiver<()>,
}

impl Holds {
    /// The second half ends with the error.
    fn new(runtime: &Runtime) -> (Holds, std::thread::JoinHandle<DumpError>) {
        let handle = runtime.handle();
        let ((begun, has_begun), (end, ended)) = (mpsc::channel(), mpsc::channel::<()>());
        let thread = std::thread::spawn(move || {
            has_begun.recv().unwrap();
            let error = handle.dump().wait(Duration::from_millis(1)).unwrap_err();
            drop(end);
            error
        });
        (Holds { begun, ended }, thread)
    }

    fn hold(self) {
        self.begun.send(()).unwrap();
        let _ = self.ended.recv();
    }
}

#[test]
fn a_request_crosses_threads() {
    fn is_send<T: Send + Unpin>() {}
    is_send::<DumpRequest>();
    is_send::<Dump>();
    is_send::<DumpError>();
}

#[test]
fn a_stuck_loop_says_which_task_holds_it_and_goes_on() {
    let runtime = Runtime::new().unwrap();
    let (holds, thread) = Holds::new(&runtime);
    let task = runtime.spawn(async { holds.hold() });
    let id = task.id();
    finish_on(&runtime, task).unwrap();
    let error = thread.join().unwrap();
    let text = error.to_string();
    assert!(text.contains(&format!("it runs task {id} (its name")) && text.contains("slow_poll"), "{text}");
    let stuck = stuck(error);
    let running = stuck.running.unwrap();
    assert_eq!((running.id, running.is_block_on, running.since), (id, false, None));
    assert_eq!((stuck.metrics.spawned, stuck.metrics.tasks), (1, 1));
    finish_on(&runtime, dumped());
}

#[test]
fn an_observed_loop_says_the_name_the_place_and_since_when() {
    let runtime = Runtime::builder().slow_poll(Duration::MAX, |_| {}).build().unwrap();
    let (holds, thread) = Holds::new(&runtime);
    finish_on(&runtime, async move {
        let task = task::Builder::new().name("busy").spawn(async move { holds.hold() });
        task.await.unwrap();
    });
    let running = stuck(thread.join().unwrap()).running.unwrap();
    assert_eq!((running.name.as_deref(), running.is_block_on), (Some("busy"), false));
    assert!(
        running.place.unwrap().file().ends_with("dump_requests.rs") && running.since.is_some(),
        "{running:?}"
    );
}

#[test]
fn the_future_of_block_on_holds_the_loop_likewise() {
    let runtime = Runtime::new().unwrap();
    let (holds, thread) = Holds::new(&runtime);
    runtime.block_on(async { holds.hold() });
    let error = thread.join().unwrap();
    assert!(error.to_string().contains("it runs the future of block_on"), "{error}");
    assert!(stuck(error).running.unwrap().is_block_on);
}

#[test]
fn a_message_that_holds_the_loop_is_no_unit() {
    let runtime = Runtime::new().unwrap();
    let (holds, thread) = Holds::new(&runtime);
    let remote = runtime.handle().spawn_with(|| {
        holds.hold();
        async {}
    });
    finish_on(&runtime, remote).unwrap();
    assert!(stuck(thread.join().unwrap()).running.is_none());
}

#[test]
fn a_parked_loop_answers() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let thread = std::thread::spawn(move || {
        while handle.metrics().parks == 0 {
            std::thread::yield_now();
        }
        let dump = handle.dump().wait(LIMIT);
        handle.stop();
        dump
    });
    let _watchdog = Watchdog::start();
    let _task = runtime.spawn(pending::<()>());
    runtime.run();
    assert_eq!(thread.join().unwrap().unwrap().tasks.len(), 2);
}

#[test]
fn a_loop_that_no_thread_drives_is_not_called_stuck() {
    let runtime = Runtime::new().unwrap();
    let moment = Duration::from_millis(1);
    let not_driven = |runtime| matches!(from_thread(runtime, moment), Err(DumpError::NotDriven));
    assert!(not_driven(&runtime));
    runtime.block_on(async {});
    assert!(not_driven(&runtime));
    runtime.turn();
    assert!(not_driven(&runtime));
    panic_of(|| runtime.block_on(async { panic!("on purpose") }));
    assert!(not_driven(&runtime));
    let error = from_thread(&runtime, Duration::ZERO).unwrap_err();
    assert!(error.to_string().contains("no thread drives it"), "{error}");
}

#[test]
fn a_request_is_answered_by_the_next_one_that_drives_the_loop() {
    let runtime = Runtime::new().unwrap();
    let request = runtime.handle().dump();
    assert!(matches!(request.diagnose(), DumpError::NotDriven));
    runtime.block_on(async {});
    assert!(foreign_block_on(request).is_ok());
}

#[test]
fn a_runtime_that_is_dropped_meanwhile_or_before_says_so() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let (waits, awaited) = (handle.dump(), handle.dump());
    let (posted, is_posted) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        posted.send(()).unwrap();
        waits.wait(LIMIT)
    });
    is_posted.recv().unwrap();
    drop(runtime);
    assert!(matches!(thread.join().unwrap(), Err(DumpError::Closed)));
    assert!(matches!(awaited.diagnose(), DumpError::Closed));
    assert!(matches!(foreign_block_on(awaited), Err(DumpError::Closed)));
    assert!(matches!(finish(handle.dump()), Err(DumpError::Closed)));
}

#[test]
fn a_runtime_that_is_dropped_inside_its_own_loop_answers_no_more() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let result = Rc::new(Cell::new(None));
    let (task_handle, told) = (handle.clone(), result.clone());
    let _task = runtime.spawn(async move {
        let _asks = OnDrop(|| told.set(Some(task_handle.dump().diagnose().to_string())));
        pending::<()>().await
    });
    runtime.block_on(settle());
    drop(runtime);
    assert_eq!(result.take().as_deref(), Some("the oneloop runtime was dropped"));
}

#[test]
fn a_loop_of_another_runtime_awaits_the_dump() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let _task = runtime.spawn(pending::<()>());
    let thread = std::thread::spawn(move || {
        let _stop = OnDrop(|| handle.stop());
        finish(handle.dump()).unwrap()
    });
    runtime.run();
    assert_eq!(thread.join().unwrap().tasks.len(), 2);
}

#[test]
fn a_task_that_asks_is_in_its_own_dump() {
    finish(async {
        let asks = spawn(async { (task::id(), Handle::current().dump().await.unwrap()) });
        let (id, dump) = asks.await.unwrap();
        assert_eq!(dump.task(id).unwrap().waits, [Wait::Foreign]);
    });
}

#[test]
fn a_request_that_is_dropped_or_polled_for_a_while_does_no_harm() {
    finish(async {
        for _ in 0..100 {
            drop(Handle::current().dump());
        }
        let mut request = Handle::current().dump();
        assert!(poll_fn(|cx| Poll::Ready(std::pin::Pin::new(&mut request).poll(cx).is_pending())).await);
        settle().await;
        assert!(std::pin::Pin::new(&mut request).poll(&mut Context::from_waker(Waker::noop())).is_ready());
    });
}

#[test]
fn waiting_where_the_loop_could_not_answer_panics_with_the_way_out() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let wait = |handle: &Handle| panic_of(|| drop(handle.dump().wait(LIMIT)));
    assert!(wait(&handle).contains("`.await` the request"));
    runtime.block_on(async { assert!(wait(&handle).contains("wait for itself")) });
    let text = std::thread::spawn(move || finish(async { wait(&handle) })).join().unwrap();
    assert!(text.contains("whose loop it would stop"), "{text}");
}

#[test]
fn no_request_is_lost_among_messages_that_are_coalesced() {
    const TASKS: usize = 6000;
    let runtime = Runtime::new().unwrap();
    let wakers: Vec<Waker> = runtime.block_on(async {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..TASKS {
            let sender = sender.clone();
            drop(spawn(poll_fn(move |cx| {
                let _ = sender.send(cx.waker().clone());
                Poll::<()>::Pending
            })));
        }
        settle().await;
        receiver.try_iter().collect()
    });
    assert_eq!(wakers.len(), TASKS);
    let handle = runtime.handle();
    let requests = std::thread::spawn(move || {
        let mut requests = Vec::new();
        for round in 0..4 {
            wakers.iter().for_each(Waker::wake_by_ref);
            requests.push(handle.dump());
            assert_eq!(requests.len(), round + 1);
        }
        requests
    })
    .join()
    .unwrap();
    runtime.block_on(settle());
    for request in requests {
        assert_eq!(foreign_block_on(request).unwrap().tasks.len(), TASKS + 1);
    }
}
