//! Models of the operations of other threads on a runtime, in every order. The runtime, the task
//! table, the tickets, the registry and the inbox are the real ones and run under loom. Only the
//! operating system is a model (`engine/driver/model.rs`). After a lost wake-up the loop sleeps for
//! ever, and loom reports a deadlock. loom reports an object that is dropped twice or never as a
//! leak.
//!
//! loom does not examine the channels of `futures-channel` and std, which carry a remote task's
//! result and an event loop's messages. Each of their operations counts as one step.
//!
//! Models of two threads try every order. With three and more threads there are too many orders.
//! There the model interrupts ("preempts") each thread at most `PREEMPTIONS` times, as loom's
//! documentation recommends, because bugs of this kind need few interruptions.
//! `LOOM_MAX_PREEMPTIONS` sets another bound, for all models.
//!
//! A model that fails often ends with "panic in a destructor", because the objects of the test are
//! dropped outside loom. With `--nocapture`, loom's report of the failure is above that message.

use std::future::{Future, poll_fn};
use std::io;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;

use crate::engine::loom::{model, model_of_many};
use crate::event_loop::{Event, EventLoop, PostError};
use crate::{Handle, Interest, Runtime, Source, spawn, yield_now};

/// A flag that one thread sets and a task awaits. The test wakes the task with the waker.
#[derive(Default)]
struct Signal {
    set: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Signal {
    /// Sets the flag and wakes the waiting task.
    fn set(&self) {
        self.set.store(true, Ordering::Release);
        let waker = self.waker.lock().unwrap().clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn wait(&self) -> impl Future<Output = ()> {
        poll_fn(|cx| {
            *self.waker.lock().unwrap() = Some(cx.waker().clone());
            if self.set.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
        })
    }
}

/// Counts its drops.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn runtime() -> Runtime {
    Runtime::new().unwrap()
}

#[test]
fn a_wake_from_another_thread_while_the_loop_goes_to_sleep_is_never_lost() {
    model(|| {
        let signal = Arc::new(Signal::default());
        let theirs = signal.clone();
        let other = thread::spawn(move || theirs.set());
        runtime().block_on(signal.wait());
        other.join().unwrap();
    });
}

/// Another thread wakes `block_on`'s future twice, one wake after the other. The second wake comes
/// while the loop takes the first, looks for more wakes, goes to sleep, or sleeps.
fn wakes_one_after_the_other(runtime: Runtime) {
    let (one, two) = (Arc::new(Signal::default()), Arc::new(Signal::default()));
    let theirs = (one.clone(), two.clone());
    let other = thread::spawn(move || {
        theirs.0.set();
        theirs.1.set();
    });
    runtime.block_on(async {
        one.wait().await;
        two.wait().await;
    });
    other.join().unwrap();
}

#[test]
fn of_two_wakes_one_after_the_other_none_is_lost_while_the_loop_looks_for_more() {
    model(|| wakes_one_after_the_other(runtime()));
}

#[test]
fn of_two_wakes_none_is_lost_if_the_loop_does_not_look_for_more() {
    let runtime = || Runtime::builder().spin_after_remote_wake(Duration::ZERO).build().unwrap();
    model(move || wakes_one_after_the_other(runtime()));
}

#[test]
fn wakes_from_two_threads_at_once_reach_a_task_and_the_main_future() {
    model_of_many(|| {
        let (one, two) = (Arc::new(Signal::default()), Arc::new(Signal::default()));
        let others = [one.clone(), two.clone()].map(|signal| thread::spawn(move || signal.set()));
        runtime().block_on(async {
            let task = spawn(async move { one.wait().await });
            two.wait().await;
            task.await.unwrap();
        });
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

#[test]
fn a_wake_of_a_task_that_ends_meanwhile_is_harmless_to_the_next_task_in_its_slot() {
    model(|| {
        let waker = Arc::new(Mutex::new(None::<Waker>));
        let runtime = runtime();
        let theirs = waker.clone();
        let other = thread::spawn(move || {
            let waker = theirs.lock().unwrap().take();
            if let Some(waker) = waker {
                waker.wake();
            }
        });
        runtime.block_on(async {
            let first = spawn(async move {
                poll_fn(|cx| {
                    *waker.lock().unwrap() = Some(cx.waker().clone());
                    Poll::Ready(())
                })
                .await;
            });
            first.await.unwrap();
            assert_eq!(spawn(async { 42 }).await.unwrap(), 42);
        });
        other.join().unwrap();
    });
}

#[test]
fn an_abort_while_another_thread_wakes_the_task_drops_it_once() {
    model(|| {
        let (signal, drops) = (Arc::new(Signal::default()), Arc::new(AtomicUsize::new(0)));
        let theirs = signal.clone();
        let other = thread::spawn(move || theirs.set());
        runtime().block_on(async {
            let held = Dropped(drops.clone());
            let task = spawn(async move {
                let _held = held;
                signal.wait().await;
            });
            yield_now().await;
            task.abort();
            // The task has finished or was cancelled. In both cases it has ended.
            let _ = task.await;
        });
        assert_eq!(drops.load(Ordering::Relaxed), 1);
        other.join().unwrap();
    });
}

/// Starts a task from another thread and awaits it there.
fn join_there(handle: &Handle, drops: &Arc<AtomicUsize>) -> Option<u32> {
    let held = Dropped(drops.clone());
    let join = handle.spawn(async move {
        let _held = held;
        42
    });
    loom::future::block_on(join).ok()
}

#[test]
fn a_spawn_from_another_thread_while_the_loop_goes_to_sleep_runs_and_its_join_is_woken() {
    model(|| {
        let runtime = runtime();
        let (handle, drops) = (runtime.handle(), Arc::new(AtomicUsize::new(0)));
        let signal = Arc::new(Signal::default());
        let (theirs, counted) = (signal.clone(), drops.clone());
        let other = thread::spawn(move || {
            assert_eq!(join_there(&handle, &counted), Some(42));
            theirs.set();
        });
        runtime.block_on(signal.wait());
        other.join().unwrap();
        assert_eq!(drops.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_spawn_while_the_runtime_is_dropped_ends_cancelled_and_its_future_is_dropped_once() {
    model(|| {
        let runtime = runtime();
        let (handle, drops) = (runtime.handle(), Arc::new(AtomicUsize::new(0)));
        let counted = drops.clone();
        let other = thread::spawn(move || join_there(&handle, &counted));
        drop(runtime);
        assert_eq!(other.join().unwrap(), None, "no loop ran the task");
        assert_eq!(drops.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_runtime_that_ends_while_its_task_is_awaited_elsewhere_says_how_it_ended() {
    model(|| {
        let runtime = runtime();
        let (handle, drops) = (runtime.handle(), Arc::new(AtomicUsize::new(0)));
        let counted = drops.clone();
        let other = thread::spawn(move || join_there(&handle, &counted));
        runtime.block_on(yield_now());
        drop(runtime);
        assert!(matches!(other.join().unwrap(), None | Some(42)));
        assert_eq!(drops.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_join_that_is_dropped_while_its_task_ends_leaves_the_output_to_be_dropped_once() {
    model(|| {
        let runtime = runtime();
        let (handle, drops) = (runtime.handle(), Arc::new(AtomicUsize::new(0)));
        let signal = Arc::new(Signal::default());
        let (theirs, output) = (signal.clone(), Dropped(drops.clone()));
        let other = thread::spawn(move || {
            let join = handle.spawn(async move {
                yield_now().await;
                output
            });
            theirs.set();
            drop(join);
        });
        runtime.block_on(signal.wait());
        runtime.block_on(yield_now());
        other.join().unwrap();
        drop(runtime);
        assert_eq!(drops.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_waker_may_be_woken_while_its_runtime_is_dropped_and_afterwards() {
    model(|| {
        let (signal, drops) = (Arc::new(Signal::default()), Arc::new(AtomicUsize::new(0)));
        let theirs = signal.clone();
        let other = thread::spawn(move || {
            theirs.set();
            theirs.set();
        });
        let runtime = runtime();
        let held = Dropped(drops.clone());
        drop(runtime.spawn(async move {
            let _held = held;
            signal.wait().await;
        }));
        runtime.block_on(yield_now());
        drop(runtime);
        assert_eq!(drops.load(Ordering::Relaxed), 1);
        other.join().unwrap();
    });
}

#[test]
fn a_wait_that_is_woken_and_dropped_late_takes_no_wake_up_from_another() {
    async fn wait(source: Rc<Source<UnixStream>>) {
        source.readable().await.unwrap();
    }
    fn announce(source: &Source<UnixStream>) {
        source.readable().registration.announce(Interest::Readable.ready());
    }
    model(|| {
        let signal = Arc::new(Signal::default());
        let theirs = signal.clone();
        let other = thread::spawn(move || theirs.set());
        runtime().block_on(async {
            let (ours, _theirs) = UnixStream::pair().unwrap();
            let source = Rc::new(Source::new(ours).unwrap());
            let [first, second] = [(); 2].map(|()| spawn(wait(source.clone())));
            signal.wait().await; // until the other thread sets the signal
            announce(&source);
            let drained =
                source.try_io(Interest::Readable, |_| Err::<(), _>(io::ErrorKind::WouldBlock.into()));
            assert!(drained.is_err());
            let third = spawn(wait(source.clone()));
            yield_now().await;
            second.abort();
            let _ = second.await; // the task may have ended before the abort
            announce(&source);
            first.await.unwrap();
            third.await.unwrap();
        });
        other.join().unwrap();
    });
}

#[test]
fn a_stop_while_the_loop_goes_to_sleep_ends_the_run() {
    model(|| {
        let runtime = runtime();
        let handle = runtime.handle();
        let other = thread::spawn(move || handle.stop());
        runtime.run();
        other.join().unwrap();
    });
}

#[test]
fn two_runtimes_that_wait_for_each_other_are_both_woken() {
    model_of_many(|| {
        let here = runtime();
        let handle = here.handle();
        let other = thread::spawn(move || {
            let there = runtime();
            there.block_on(handle.spawn(async { 42 })).unwrap()
        });
        // The result needs this loop, and only the other thread can end the loop.
        let done = Arc::new(Signal::default());
        let (signal, waiting) = (done.clone(), thread::spawn(move || other.join().unwrap()));
        let ender = thread::spawn(move || {
            assert_eq!(waiting.join().unwrap(), 42);
            signal.set();
        });
        here.block_on(done.wait());
        ender.join().unwrap();
    });
}

#[test]
fn a_runtime_is_made_while_another_one_is_dropped_and_woken() {
    model(|| {
        let signal = Arc::new(Signal::default());
        let other = thread::spawn(|| runtime().block_on(async { spawn(async { 42 }).await.unwrap() }));
        let first = runtime();
        let theirs = signal.clone();
        drop(first.spawn(async move { theirs.wait().await }));
        first.block_on(yield_now());
        drop(first);
        signal.set(); // the ticket's runtime was dropped
        assert_eq!(other.join().unwrap(), 42);
    });
}

#[test]
fn a_message_posted_while_the_event_loop_goes_to_sleep_comes_out_of_take() {
    model(|| {
        let mut events = EventLoop::new().unwrap();
        let sender = events.sender();
        let other = thread::spawn(move || {
            sender.post(1).unwrap();
            sender.post(2).unwrap();
        });
        for expected in [1, 2] {
            match events.take(None).unwrap() {
                Event::Message(number) => assert_eq!(number, expected),
                other => panic!("{other:?}"),
            }
        }
        other.join().unwrap();
    });
}

#[test]
fn a_message_posted_while_the_event_loop_is_dropped_is_dropped_once_or_comes_back() {
    model(|| {
        let drops = Arc::new(AtomicUsize::new(0));
        let events = EventLoop::new().unwrap();
        let (sender, counted) = (events.sender(), drops.clone());
        let other = thread::spawn(move || match sender.post(Dropped(counted)) {
            Ok(()) => {}
            Err(PostError::Closed(message)) => drop(message),
            Err(PostError::Full(_)) => unreachable!("it has no bound"),
        });
        drop(events);
        other.join().unwrap();
        assert_eq!(drops.load(Ordering::Relaxed), 1);
    });
}
