//! The task that is polled or dropped now: its own waker, beside those of others, wakes what it names and nothing else.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use oneloop::{JoinHandle, Runtime};

/// A task that waits for its own end is among those that its end wakes.
#[test]
fn a_task_that_waits_for_its_own_end_wakes_no_other_task_in_its_slot() {
    oneloop::block_on(async {
        for aborted in [false, true] {
            for woken in [false, true] {
                let own = Rc::new(RefCell::new(None::<JoinHandle<u32>>));
                let theirs = own.clone();
                let task = oneloop::spawn(poll_fn(move |cx| {
                    let mut own = theirs.borrow_mut();
                    let own = own.as_mut().expect("the handle is there");
                    let is_pending = Pin::new(&mut *own).poll(cx).is_pending();
                    assert!(is_pending);
                    if woken {
                        cx.waker().wake_by_ref();
                    }
                    if aborted {
                        own.abort();
                        return Poll::Pending;
                    }
                    Poll::Ready(7)
                }));
                own.replace(Some(task));
                oneloop::yield_now().await;
                oneloop::yield_now().await;
                let handle = own.take().unwrap();
                assert!(handle.is_finished());
                assert_eq!(handle.await.ok(), (!aborted).then_some(7));

                let polls = Rc::new(Cell::new(0));
                let count = polls.clone();
                let next = oneloop::spawn(poll_fn(move |_| {
                    count.set(count.get() + 1);
                    Poll::<()>::Pending
                }));
                for _ in 0..5 {
                    oneloop::yield_now().await;
                }
                assert_eq!(polls.get(), 1);
                drop(next);
            }
        }
    });
}

/// The drop of a detached task's output, and that of an aborted future, run between two polls; a task that is polled
/// afterwards is woken by its own waker as ever, and so is `block_on`'s future.
#[test]
fn a_task_that_is_polled_after_a_drop_that_wakes_is_woken_by_itself() {
    struct WakesWhenDropped(Option<Waker>, Rc<RefCell<Vec<Waker>>>);
    impl Drop for WakesWhenDropped {
        fn drop(&mut self) {
            self.0.take().into_iter().for_each(Waker::wake);
            self.1.borrow().iter().for_each(Waker::wake_by_ref);
            drop(oneloop::spawn(async {}));
        }
    }
    let others = Rc::new(RefCell::new(Vec::new()));
    let watchers = others.clone();
    oneloop::block_on(async move {
        let polls = Rc::new(Cell::new(0));
        let count = polls.clone();
        let other = oneloop::spawn(poll_fn(move |cx| {
            watchers.replace(vec![cx.waker().clone()]);
            count.set(count.get() + 1);
            Poll::<()>::Pending
        }));
        oneloop::yield_now().await;
        for round in 0..100 {
            let before = polls.get();
            let held = others.clone();
            drop(oneloop::spawn(poll_fn(move |cx| {
                if round % 2 == 0 {
                    cx.waker().wake_by_ref();
                }
                Poll::Ready(WakesWhenDropped(Some(cx.waker().clone()), held.clone()))
            })));
            oneloop::yield_now().await;
            oneloop::yield_now().await;
            assert_eq!(polls.get(), before + 1, "round {round}");

            let held = others.clone();
            let aborted = oneloop::spawn(async move {
                let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
                let _wakes = WakesWhenDropped(Some(waker), held);
                pending::<()>().await;
            });
            oneloop::yield_now().await;
            let before = polls.get();
            aborted.abort();
            oneloop::yield_now().await;
            oneloop::yield_now().await;
            assert!(aborted.is_finished());
            assert_eq!(polls.get(), before + 1, "round {round}");
        }
        drop(other);
    });
}

/// A runtime that is dropped in a task drops and wakes what belongs to it; the task around it is still the one that is polled.
#[test]
fn a_runtime_that_is_dropped_inside_a_task_leaves_the_task_its_own_wakers() {
    struct Wakes(Waker);
    impl Drop for Wakes {
        fn drop(&mut self) {
            self.0.wake_by_ref();
        }
    }
    let polls = oneloop::block_on(async {
        oneloop::spawn(async {
            let mut polls = 0;
            poll_fn(move |cx| {
                polls += 1;
                if polls == 100 {
                    return Poll::Ready(polls);
                }
                let id = oneloop::task::id();
                let inner = Runtime::new().unwrap();
                let wakes = Wakes(cx.waker().clone());
                drop(inner.spawn(async move {
                    let _wakes = wakes;
                    pending::<()>().await;
                }));
                drop(inner);
                assert_eq!(id, oneloop::task::id());
                Poll::Pending
            })
            .await
        })
        .await
        .unwrap()
    });
    assert_eq!(polls, 100);
}
