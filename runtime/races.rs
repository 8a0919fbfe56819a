//! What other threads may do to a runtime, in every order: the real runtime, task table, tickets,
//! registry and inbox under loom. Only the operating system is a model (`engine/driver/model.rs`).
//! A lost wake-up is a loop that sleeps for ever, which loom reports as a deadlock; what is dropped
//! twice or never, it reports as a leak.
//!
//! What loom does not see into: the channels of `futures-channel` and std that carry a remote
//! task's result and an event loop's messages. Each of their operations counts as one step.
//!
//! Models of two threads try every order. With three and more threads the number of orders grows
//! beyond all patience; there each thread is interrupted ("preempted") at most `PREEMPTIONS` times,
//! as loom's documentation recommends: bugs of this kind need few. `LOOM_MAX_PREEMPTIONS` sets
//! another bound, for all models.
//!
//! A model that fails often ends in "panic in a destructor": what the test still held is dropped
//! where loom is no longer. Its report stands above that, with `--nocapture`.

use std::future::{Future, poll_fn};
use std::io;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::task::{Poll, Waker};

use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;

use crate::engine::loom::{model, model_of_many};
use crate::event_loop::{Event, EventLoop, PostError};
use crate::{Handle, Interest, Runtime, Source, spawn, yield_now};

/// Set by one thread, awaited by a task. The waker is what the test wakes it with.
#[derive(Default)]
struct Signal {
    set: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Signal {
    /// Sets it, and wakes who waits.
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

/// Counts how often it is dropped.
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
fn a_wake_of_a_task_that_ends_meanwhile_is_harmless_to_whoever_gets_its_slot() {
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
            // Done already, or cancelled: either way it has ended.
            let _ = task.await;
        });
        assert_eq!(drops.load(Ordering::Relaxed), 1);
        other.join().unwrap();
    });
}

/// Another thread awaits what it started.
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
        assert_eq!(other.join().unwrap(), None, "nobody ran it");
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
            signal.wait().await; // for as long as the other thread lets it
            announce(&source);
            let drained =
                source.try_io(Interest::Readable, |_| Err::<(), _>(io::ErrorKind::WouldBlock.into()));
            assert!(drained.is_err());
            let third = spawn(wait(source.clone()));
            yield_now().await;
            second.abort();
            let _ = second.await; // it may have ended before
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
        // The answer needs this loop, and only the other thread can end it.
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
        signal.set(); // a ticket of a runtime that is gone
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
