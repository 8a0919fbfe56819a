//! Dropping a runtime: every task exactly once, inside the context, whatever its destructor does.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use futures::future::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use oneloop::io::AsyncReadExt;
use oneloop::net::{TcpListener, UdpSocket};
use oneloop::time::{Duration, interval, sleep, timeout};
use oneloop::{Handle, JoinHandle, Runtime, spawn, yield_now};

use common::executor::*;

/// A task that never ends and does something when it is dropped.
fn with_destructor(runtime: &Runtime, destructor: impl FnMut() + 'static) -> JoinHandle<()> {
    let on_drop = OnDrop(destructor);
    runtime.spawn(async move {
        let _kept = on_drop;
        pending::<()>().await;
    })
}

#[test]
fn every_task_is_dropped_exactly_once_in_whatever_state_it_is() {
    let drops = Drops::new();
    let runtime = Runtime::new().unwrap();
    let holding = |future: std::pin::Pin<Box<dyn Future<Output = ()>>>| {
        let token = drops.token();
        runtime.spawn(async move {
            let _kept = token;
            future.await;
        })
    };
    let mut kept = Vec::new();
    for _ in 0..100 {
        drop(holding(Box::pin(pending())));
        kept.push(holding(Box::pin(pending())));
        drop(holding(Box::pin(sleep(Duration::from_secs(3600)))));
        kept.push(holding(Box::pin(async {
            loop {
                yield_now().await;
            }
        })));
        drop(holding(Box::pin(async { drop(spawn(pending::<()>()).await) })));
        drop(holding(Box::pin(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            drop(listener.accept().await);
        })));
        kept.push(holding(Box::pin(async {}))); // finishes: dropped before the end
    }
    runtime.block_on(settle());
    assert_eq!(drops.count(), 100);
    for _ in 0..50 {
        drop(holding(Box::pin(pending()))); // never polled
        kept.push(holding(Box::pin(pending())));
    }
    drop(runtime);
    assert_eq!(drops.count(), 800);
    drop(kept);
    assert_eq!(drops.count(), 800);
}

#[test]
fn a_runtime_that_never_ran_drops_its_tasks_as_well() {
    let drops = Drops::new();
    let runtime = Runtime::new().unwrap();
    let token = drops.token();
    drop(runtime.spawn(async move { drop(token) }));
    drop(runtime);
    assert_eq!(drops.count(), 1);
}

#[test]
fn tasks_are_dropped_inside_the_context_and_what_they_spawn_is_dropped_too() {
    let drops = Drops::new();
    let ran = Rc::new(Cell::new(false));
    let late = Rc::new(RefCell::new(None::<JoinHandle<()>>));
    let runtime = Runtime::new().unwrap();
    let (theirs, running, place) = (drops.clone(), ran.clone(), late.clone());
    drop(with_destructor(&runtime, move || {
        let (token, ran) = (theirs.token(), running.clone());
        *place.borrow_mut() = Some(spawn(async move {
            let _kept = token;
            ran.set(true);
        }));
    }));
    runtime.block_on(settle());
    drop(runtime);
    assert_eq!(drops.count(), 1);
    assert!(!ran.get(), "it is not run any more");
    let late = late.take().unwrap();
    assert!(late.is_finished());
    assert!(finish(late).unwrap_err().is_cancelled());
}

#[test]
fn a_chain_of_tasks_each_spawned_by_the_drop_of_the_last_ends() {
    struct Link(u32, Drops);
    impl Drop for Link {
        fn drop(&mut self) {
            drop(self.1.token());
            if self.0 > 0 {
                let next = Link(self.0 - 1, self.1.clone());
                drop(spawn(async move {
                    let _kept = next;
                    pending::<()>().await;
                }));
            }
        }
    }
    let drops = Drops::new();
    let runtime = Runtime::new().unwrap();
    let first = Link(1000, drops.clone());
    drop(runtime.spawn(async move {
        let _kept = first;
        pending::<()>().await;
    }));
    drop(runtime);
    assert_eq!(drops.count(), 1001);
}

#[test]
fn destructors_may_use_the_runtime_in_every_way() {
    let done = Rc::new(Cell::new(0));
    let runtime = Runtime::new().unwrap();
    let victim = runtime.spawn(pending::<()>());
    let (abort, waker) = (victim.abort_handle(), runtime.block_on(own_waker()));
    let count = done.clone();
    let destructor = move || {
        abort.abort();
        waker.wake_by_ref();
        Handle::current().stop();
        drop(Handle::current().spawn(async {}));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(pin!(sleep(Duration::ZERO)).poll(&mut cx).is_pending());
        assert!(pin!(timeout(Duration::from_secs(1), pending::<()>())).poll(&mut cx).is_pending());
        assert!(interval(Duration::from_secs(1)).poll_tick(&mut cx).is_pending());
        let udp = UdpSocket::bind("127.0.0.1:0").now_or_never().unwrap().unwrap();
        drop(udp);
        let text = panic_of(|| oneloop::block_on(async {}));
        assert!(text.contains("inside a oneloop runtime"), "{text}");
        count.set(count.get() + 1);
    };
    drop(with_destructor(&runtime, destructor.clone()));
    drop(with_destructor(&runtime, destructor));
    runtime.block_on(settle());
    drop(runtime);
    assert_eq!(done.get(), 2);
    assert!(finish(victim).unwrap_err().is_cancelled());
}

#[test]
fn a_task_started_through_the_handle_meanwhile_is_cancelled_and_dropped() {
    let drops = Drops::new();
    let place = Rc::new(RefCell::new(None));
    let runtime = Runtime::new().unwrap();
    let (theirs, remote) = (drops.clone(), place.clone());
    drop(with_destructor(&runtime, move || {
        let token = theirs.token();
        *remote.borrow_mut() = Some(Handle::current().spawn(async move { drop(token) }));
    }));
    drop(runtime);
    assert_eq!(drops.count(), 1);
    let remote = place.take().unwrap();
    assert!(futures::executor::block_on(remote).unwrap_err().is_cancelled());
}

#[test]
fn panics_of_destructors_stay_with_their_tasks() {
    let drops = Drops::new();
    let runtime = Runtime::new().unwrap();
    let mut handles = Vec::new();
    for n in 0..10 {
        let token = drops.token();
        let bomb = (n % 2 == 0).then(|| Bomb("dropped with its runtime"));
        let task = runtime.spawn(async move {
            let _kept = (bomb, token);
            pending::<()>().await;
        });
        if n < 6 {
            handles.push(task);
        }
    }
    runtime.block_on(settle());
    drop(runtime);
    assert_eq!(drops.count(), 10);
    for (n, task) in handles.into_iter().enumerate() {
        let error = finish(task).unwrap_err();
        assert_eq!(error.is_panic(), n % 2 == 0, "{error}");
    }
}

#[test]
fn outputs_that_were_not_taken_stay_with_their_handles() {
    let drops = Drops::new();
    let runtime = Runtime::new().unwrap();
    let (kept, dropped) = (drops.token(), drops.token());
    let kept = runtime.spawn(async move { kept });
    let dropped = runtime.spawn(async move { dropped });
    runtime.block_on(settle());
    drop(dropped);
    assert_eq!(drops.count(), 1);
    drop(runtime);
    assert_eq!(drops.count(), 1);
    drop(finish(kept).unwrap());
    assert_eq!(drops.count(), 2);
}

/// Drops a runtime and returns whether all shared objects of its tasks were dropped.
fn leaves_nothing(start: impl FnOnce(&Runtime, Rc<()>)) -> bool {
    let runtime = Runtime::new().unwrap();
    let shared = Rc::new(());
    let weak: Weak<()> = Rc::downgrade(&shared);
    start(&runtime, shared);
    runtime.block_on(settle());
    drop(runtime);
    weak.upgrade().is_none()
}

#[test]
fn tasks_that_hold_each_other_leave_nothing() {
    assert!(leaves_nothing(|runtime, shared| {
        let place = Rc::new(RefCell::new(None::<JoinHandle<()>>));
        let (theirs, other) = (place.clone(), shared.clone());
        let one = runtime.spawn(async move {
            let _kept = (shared, theirs);
            pending::<()>().await;
        });
        *place.borrow_mut() = Some(runtime.spawn(async move {
            let _kept = other;
            drop(one.await);
        }));
    }));
}

#[test]
fn tasks_that_wait_for_timers_sockets_and_combinators_leave_nothing() {
    assert!(leaves_nothing(|runtime, shared| {
        for kind in 0..4 {
            let shared = shared.clone();
            drop(runtime.spawn(async move {
                let _kept = shared;
                match kind {
                    0 => sleep(Duration::MAX).await,
                    1 => drop(timeout(Duration::from_secs(9), sleep(Duration::from_secs(8))).await),
                    2 => {
                        let (mut ours, _theirs) = tcp_pair().await.unwrap();
                        drop(timeout(Duration::from_secs(9), ours.read(&mut [0])).await);
                    }
                    _ => {
                        let mut all: FuturesUnordered<_> = (0..10).map(|_| spawn(pending::<()>())).collect();
                        all.next().await;
                    }
                }
            }));
        }
    }));
}

#[test]
fn outputs_that_hold_handles_of_their_own_runtime_leave_nothing() {
    assert!(leaves_nothing(|runtime, shared| {
        let inner = runtime.spawn(async move {
            let kept = shared;
            pending::<()>().await;
            drop(kept);
        });
        // The output of one is the handle of the other, and the waker of a third waits for both.
        let outer = runtime.spawn(async move { (inner,) });
        drop(runtime.spawn(async move { outer.await.unwrap().0.await }));
    }));
}

#[test]
fn one_thread_waiting_for_each_of_many_tasks_sees_them_all_cancelled() {
    let runtime = Runtime::new().unwrap();
    let remotes: Vec<_> = (0..50).map(|_| runtime.handle().spawn(pending::<()>())).collect();
    runtime.block_on(settle());
    let waiting = std::thread::spawn(move || {
        let results = futures::executor::block_on(futures::future::join_all(remotes));
        results.into_iter().all(|result| result.unwrap_err().is_cancelled())
    });
    drop(runtime);
    assert!(waiting.join().unwrap());
}

#[test]
fn foreign_wakers_that_wait_are_woken() {
    let runtime = Runtime::new().unwrap();
    let (wakes, waker) = Wakes::new();
    let mut task = runtime.spawn(pending::<()>());
    assert!(poll_with(&mut task, &waker).is_pending());
    runtime.block_on(settle());
    drop(runtime);
    assert!(wakes.count() >= 1);
    let Poll::Ready(result) = poll_with(&mut task, &waker) else { panic!("nothing will come any more") };
    assert!(result.unwrap_err().is_cancelled());
}

#[test]
fn remaining_sockets_say_that_their_runtime_was_dropped() {
    let runtime = Runtime::new().unwrap();
    let (mut ours, theirs) = runtime.block_on(tcp_pair()).unwrap();
    drop(runtime);
    let error = futures::executor::block_on(ours.read(&mut [0])).unwrap_err();
    assert!(error.to_string().contains("was dropped"), "{error}");
    // On another runtime as well, and dropping them is fine anywhere.
    let error = finish(async { ours.read(&mut [0]).await }).unwrap_err();
    assert!(error.to_string().contains("was dropped"), "{error}");
    drop(theirs);
}

#[test]
fn a_task_of_another_runtime_that_waits_for_a_socket_of_this_one_gets_an_error() {
    let (one, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let (mut ours, _theirs) = one.block_on(tcp_pair()).unwrap();
    let reading = other.spawn(async move { ours.read(&mut [0]).await });
    other.block_on(settle());
    drop(other.spawn(async move { drop(one) }));
    let error = finish_on(&other, reading).unwrap().unwrap_err();
    assert!(error.to_string().contains("was dropped"), "{error}");
}

#[test]
fn a_task_of_another_runtime_is_woken_by_a_destructor() {
    let (one, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let (sender, receiver) = futures::channel::oneshot::channel();
    let mut sender = Some(sender);
    drop(with_destructor(&one, move || sender.take().unwrap().send(5).unwrap()));
    let waiting = other.spawn(receiver);
    other.block_on(settle());
    drop(one);
    assert_eq!(finish_on(&other, waiting).unwrap(), Ok(5));
}

#[test]
fn a_runtime_may_be_dropped_while_a_panic_unwinds() {
    let drops = Drops::new();
    let token = drops.token();
    let text = panic_of(|| {
        let runtime = Runtime::new().unwrap();
        drop(with_destructor(&runtime, move || panic!("a second one")));
        drop(runtime.spawn(async move {
            let _kept = token;
            pending::<()>().await;
        }));
        runtime.block_on(settle());
        panic!("the first one");
    });
    assert_eq!(text, "the first one");
    assert_eq!(drops.count(), 1);
}

#[test]
fn tasks_that_finish_meanwhile_because_others_are_dropped_are_dropped_not_run() {
    let runtime = Runtime::new().unwrap();
    let polls = Rc::new(Cell::new(0));
    let counting = polls.clone();
    let (sender, mut receiver) = futures::channel::oneshot::channel::<()>();
    drop(runtime.spawn(poll_fn(move |cx| {
        counting.set(counting.get() + 1);
        receiver.poll_unpin(cx).map(|_| ())
    })));
    drop(runtime.spawn(async move {
        let _wakes_the_other_when_dropped = sender;
        pending::<()>().await;
    }));
    runtime.block_on(settle());
    drop(runtime);
    assert_eq!(polls.get(), 1);
}

/// What a waker of another crate does when the runtime that is dropped calls it.
#[derive(Default)]
struct LastCall {
    /// Those of `block_on`'s future, and of tasks that were dropped.
    wakers: Mutex<Vec<Waker>>,
    drops: Drops,
}

impl Wake for LastCall {
    fn wake(self: Arc<Self>) {
        assert_eq!(oneloop::task::try_id(), None, "it runs in no task");
        self.wakers.lock().unwrap().iter().for_each(Waker::wake_by_ref);
        for _ in 0..4 {
            let token = self.drops.token();
            drop(spawn(async move {
                let _kept = token;
                pending::<()>().await;
            }));
        }
        self.wakers.lock().unwrap().clear();
    }
}

/// The wake-up of a task whose slot is vacant once linked that slot into the ready queue. A spawn then found the slot of a task
/// that was alive, and its future was never dropped.
#[test]
fn a_foreign_waker_wakes_the_task_that_was_dropped_last_and_spawns() {
    let call = Arc::new(LastCall::default());
    let runtime = Runtime::new().unwrap();
    let mut joined = runtime.spawn(pending::<()>());
    assert!(poll_with(&mut joined, &Waker::from(call.clone())).is_pending());
    let theirs = call.clone();
    drop(runtime.spawn(poll_fn(move |cx| {
        theirs.wakers.lock().unwrap().push(cx.waker().clone());
        Poll::<()>::Pending
    })));
    let mut polls = 0;
    runtime.block_on(poll_fn(|cx| {
        polls += 1;
        if polls == 1 {
            call.wakers.lock().unwrap().push(cx.waker().clone());
            cx.waker().wake_by_ref(); // the tasks come first
        }
        if polls == 1 { Poll::Pending } else { Poll::Ready(()) }
    }));
    assert_eq!(call.wakers.lock().unwrap().len(), 2);
    drop(runtime);
    assert!(call.wakers.lock().unwrap().is_empty(), "it was called to the end");
    assert_eq!(call.drops.count(), 4);
}

#[test]
fn a_hundred_thousand_tasks_are_dropped_in_one_go() {
    let drops = Drops::new();
    let runtime = Runtime::new().unwrap();
    for _ in 0..100_000 {
        let token = drops.token();
        drop(runtime.spawn(async move {
            let _kept = token;
            pending::<()>().await;
        }));
    }
    runtime.block_on(settle());
    drop(runtime);
    assert_eq!(drops.count(), 100_000);
}
