//! Aborting a task, in every state that it can be in.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures::channel::oneshot;
use oneloop::io::AsyncReadExt;
use oneloop::time::{Duration, sleep};
use oneloop::{AbortHandle, JoinHandle, Runtime, spawn, yield_now};

use common::executor::*;

/// A task that holds a token and then does what it is told.
fn holding<F: Future + 'static>(drops: &Drops, future: F) -> JoinHandle<F::Output> {
    let token = drops.token();
    spawn(async move {
        let _kept = token;
        future.await
    })
}

#[test]
fn a_task_that_was_never_polled_is_dropped_without_being_polled() {
    finish(async {
        let (drops, polled) = (Drops::new(), Polled::default());
        let task = holding(&drops, polled.clone());
        task.abort();
        assert!(!task.is_finished(), "only just aborted");
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!((drops.count(), polled.count()), (1, 0));
    });
}

#[test]
fn an_idle_task_is_dropped_by_the_next_turn_without_a_wake() {
    finish(async {
        let drops = Drops::new();
        let task = holding(&drops, pending::<()>());
        settle().await;
        task.abort();
        yield_now().await;
        assert_eq!(drops.count(), 1);
        assert!(task.is_finished());
        assert!(task.await.unwrap_err().is_cancelled());
    });
}

#[test]
fn an_idle_task_whose_handle_is_not_awaited_is_dropped_as_well() {
    finish(async {
        let drops = Drops::new();
        let task = holding(&drops, pending::<()>());
        let abort = task.abort_handle();
        drop(task);
        settle().await;
        assert_eq!(drops.count(), 0);
        abort.abort();
        yield_now().await;
        assert_eq!(drops.count(), 1);
        assert!(abort.is_finished());
    });
}

#[test]
fn a_queued_task_is_dropped_instead_of_polled() {
    finish(async {
        let (drops, polls) = (Drops::new(), Rc::new(Cell::new(0)));
        let theirs = polls.clone();
        let task = holding(&drops, async move {
            loop {
                theirs.set(theirs.get() + 1);
                yield_now().await;
            }
        });
        settle().await;
        let before = polls.get();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!((drops.count(), polls.get()), (1, before));
    });
}

#[test]
fn the_future_is_dropped_before_its_join_handle_resolves() {
    finish(async {
        let drops = Drops::new();
        let task = holding(&drops, pending::<()>());
        let (abort, seen) = (task.abort_handle(), drops.clone());
        let joining = spawn(async move { (task.await.unwrap_err().is_cancelled(), seen.count()) });
        settle().await;
        abort.abort();
        assert_eq!(joining.await.unwrap(), (true, 1));
    });
}

/// Spawns a task that gets its own abort handle.
fn with_own_abort<F: Future + 'static>(
    make: impl FnOnce(AbortHandle) -> F + 'static,
) -> JoinHandle<F::Output> {
    let (sender, receiver) = oneshot::channel();
    let task = spawn(async move { make(receiver.await.unwrap()).await });
    assert!(sender.send(task.abort_handle()).is_ok());
    task
}

#[test]
fn a_task_that_aborts_itself_and_then_waits_is_cancelled() {
    finish(async {
        let drops = Drops::new();
        let token = drops.token();
        let went_on = Rc::new(Cell::new(false));
        let theirs = went_on.clone();
        let task = with_own_abort(move |own| async move {
            let _kept = token;
            own.abort();
            assert!(!own.is_finished());
            yield_now().await;
            theirs.set(true);
        });
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(drops.count(), 1);
        assert!(!went_on.get());
    });
}

#[test]
fn a_task_that_aborts_itself_and_completes_in_the_same_poll_delivers_its_value() {
    finish(async {
        let task = with_own_abort(|own| async move {
            own.abort();
            "value"
        });
        assert_eq!(task.await.unwrap(), "value");
    });
}

#[test]
fn a_task_that_aborts_itself_and_panics_in_the_same_poll_has_panicked() {
    finish(async {
        let task = with_own_abort(|own| async move {
            own.abort();
            panic!("all the same");
        });
        let error = task.await.unwrap_err();
        assert!(error.is_panic());
    });
}

#[test]
fn a_task_aborted_by_what_it_spawned_and_wakes_is_cancelled() {
    finish(async {
        let task = with_own_abort(|own| async move {
            drop(spawn(async move { own.abort() }));
            loop {
                yield_now().await;
            }
        });
        let error: Result<(), _> = task.await;
        assert!(error.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_task_that_has_finished_keeps_its_value() {
    finish(async {
        let task = spawn(async { 5 });
        settle().await;
        task.abort();
        settle().await;
        task.abort();
        assert_eq!(task.await.unwrap(), 5);
    });
}

#[test]
fn a_task_that_has_panicked_keeps_its_panic() {
    finish(async {
        let task = spawn(async { panic!("first") });
        settle().await;
        task.abort();
        settle().await;
        assert_eq!(said(&task.await.unwrap_err()), "panicked: first");
    });
}

#[test]
fn aborting_twice_is_aborting_once() {
    finish(async {
        let drops = Drops::new();
        let task = holding(&drops, pending::<()>());
        let abort = task.abort_handle();
        settle().await;
        for _ in 0..3 {
            task.abort();
            abort.clone().abort();
        }
        settle().await;
        abort.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        abort.abort();
        settle().await;
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn a_stale_abort_handle_never_touches_the_next_task_in_the_slot() {
    finish(async {
        let mut stale = Vec::new();
        for n in 0..100 {
            // The most recently freed slot is reused first, so these have one slot between them.
            let task = spawn(async move { n });
            for abort in &stale {
                AbortHandle::abort(abort);
            }
            stale.push(task.abort_handle());
            if n % 2 == 0 {
                assert_eq!(task.await.unwrap(), n);
            } else {
                drop(task);
                settle().await;
            }
            assert!(stale.iter().all(AbortHandle::is_finished));
        }
    });
}

#[test]
fn a_stale_abort_handle_of_a_task_that_finished_while_queued_touches_nothing() {
    finish(async {
        let task = spawn(std::future::poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::Ready(())
        }));
        let stale = task.abort_handle();
        drop(task);
        settle().await;
        let tasks: Vec<_> = (0..10).map(|n| spawn(async move { n })).collect();
        stale.abort();
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), n);
        }
    });
}

#[test]
fn a_future_that_panics_when_it_is_dropped_is_the_tasks_panic() {
    finish(async {
        for polls in [0, 8] {
            let drops = Drops::new();
            let token = drops.token();
            let bomb = Bomb("dropped too early");
            let task = spawn(async move {
                let _kept = (bomb, token);
                pending::<()>().await;
            });
            for _ in 0..polls {
                yield_now().await;
            }
            task.abort();
            assert_eq!(said(&task.await.unwrap_err()), "panicked: dropped too early");
            assert_eq!(drops.count(), 1, "the rest of it is dropped all the same");
        }
        assert_eq!(spawn(async { 1 }).await.unwrap(), 1);
    });
}

#[test]
fn the_drop_of_an_aborted_future_may_abort_wake_spawn_and_drop_handles() {
    finish(async {
        let log = Rc::new(RefCell::new(Vec::new()));
        let other = spawn(pending::<()>());
        let (other_abort, inner) = (other.abort_handle(), log.clone());
        let place = Rc::new(RefCell::new(None::<JoinHandle<()>>));
        let own = place.clone();
        let waker = own_waker().await;
        let on_drop = OnDrop(move || {
            other_abort.abort();
            waker.wake_by_ref();
            drop(own.take()); // its own handle
            let log = inner.clone();
            drop(spawn(async move { log.borrow_mut().push("spawned") }));
        });
        let task = spawn(async move {
            let _kept = on_drop;
            pending::<()>().await;
        });
        let abort = task.abort_handle();
        *place.borrow_mut() = Some(task);
        settle().await;
        abort.abort();
        assert!(other.await.unwrap_err().is_cancelled());
        settle().await;
        assert!(abort.is_finished() && place.borrow().is_none());
        assert_eq!(*log.borrow(), ["spawned"]);
    });
}

#[test]
fn a_task_that_is_woken_and_aborted_in_the_drop_of_its_own_future_stays_removed() {
    struct WakesItself {
        abort: Rc<RefCell<Option<AbortHandle>>>,
        waker: Option<std::task::Waker>,
        _token: Token,
    }
    impl Future for WakesItself {
        type Output = ();
        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            self.waker = Some(cx.waker().clone());
            Poll::Pending
        }
    }
    impl Drop for WakesItself {
        fn drop(&mut self) {
            self.waker.take().unwrap().wake();
            self.abort.borrow().as_ref().unwrap().abort();
        }
    }
    finish(async {
        let (drops, place) = (Drops::new(), Rc::new(RefCell::new(None)));
        let task = spawn(WakesItself { abort: place.clone(), waker: None, _token: drops.token() });
        *place.borrow_mut() = Some(task.abort_handle());
        settle().await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        let successor = spawn(async { 1 });
        settle().await;
        assert_eq!(drops.count(), 1);
        assert_eq!(successor.await.unwrap(), 1);
    });
}

#[test]
fn tasks_that_wait_for_a_timer_or_a_socket_are_dropped_with_it() {
    finish(async {
        let drops = Drops::new();
        let (mut ours, theirs) = tcp_pair().await.unwrap();
        let sleeping = holding(&drops, sleep(Duration::from_secs(3600)));
        let reading = holding(&drops, async move { ours.read(&mut [0; 8]).await });
        let joining = holding(&drops, spawn(pending::<()>()));
        settle().await;
        for abort in [sleeping.abort_handle(), reading.abort_handle(), joining.abort_handle()] {
            abort.abort();
        }
        assert!(sleeping.await.unwrap_err().is_cancelled());
        assert!(reading.await.unwrap_err().is_cancelled());
        assert!(joining.await.map(|_| ()).unwrap_err().is_cancelled());
        assert_eq!(drops.count(), 3);
        // The socket went with its task: the peer sees the end.
        assert_eq!((&theirs).read(&mut [0; 8]).await.unwrap(), 0);
    });
}

#[test]
fn handles_of_a_dropped_runtime_abort_nothing() {
    let runtime = Runtime::new().unwrap();
    let (finished, waiting) = (runtime.spawn(async { 1 }), runtime.spawn(pending::<()>()));
    runtime.block_on(settle());
    let abort = finished.abort_handle();
    drop(runtime);
    abort.abort();
    finished.abort();
    waiting.abort();
    assert!(abort.is_finished() && waiting.is_finished());
    assert_eq!(finish(finished).unwrap(), 1);
    assert!(finish(waiting).unwrap_err().is_cancelled());
}

#[test]
fn aborting_between_two_runs_takes_effect_in_the_next() {
    let runtime = Runtime::new().unwrap();
    let drops = Drops::new();
    let task = {
        let token = drops.token();
        runtime.spawn(async move {
            let _kept = token;
            pending::<()>().await;
        })
    };
    runtime.block_on(settle());
    task.abort();
    assert_eq!(drops.count(), 0);
    assert!(finish_on(&runtime, task).unwrap_err().is_cancelled());
    assert_eq!(drops.count(), 1);
}
