//! `Handle`: starting tasks from other threads, and awaiting them there.

use std::cell::Cell;
use std::future::{Future, pending};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Context, Poll};

use futures::executor::block_on as foreign_block_on;
use futures::future::{FutureExt, join_all};
use futures::task::{LocalSpawnExt, SpawnExt};
use oneloop::{Handle, Runtime, spawn, yield_now};

use common::executor::*;

/// Runs `f` on another thread while the runtime runs here.
fn beside<T: Send + 'static>(runtime: &Runtime, f: impl FnOnce(Handle) -> T + Send + 'static) -> T {
    let (handle, stop) = (runtime.handle(), runtime.handle());
    let helper = std::thread::spawn(move || {
        let _stop = OnDrop(|| stop.stop());
        f(handle)
    });
    runtime.run();
    helper.join().unwrap()
}

#[test]
fn it_crosses_threads_and_so_does_what_it_returns() {
    let handle = Runtime::new().unwrap().handle();
    let _crosses: &(dyn Send + Sync) = &handle.clone();
    let _moves: &dyn Send = &handle.spawn(async { String::new() });
}

#[test]
fn a_task_started_on_another_thread_is_awaited_there_by_a_foreign_executor() {
    let runtime = Runtime::new().unwrap();
    let value = beside(&runtime, |handle| {
        foreign_block_on(handle.spawn(async {
            yield_now().await;
            6 * 7
        }))
    });
    assert_eq!(value.unwrap(), 42);
}

#[test]
fn a_task_started_on_another_thread_is_awaited_there_by_another_runtime() {
    let runtime = Runtime::new().unwrap();
    let value = beside(&runtime, |handle| finish(async { handle.spawn(async { 42 }).await }));
    assert_eq!(value.unwrap(), 42);
}

#[test]
fn a_task_started_on_the_loop_itself_is_awaited_there() {
    let value = finish(async {
        let handle = Handle::current();
        let inner = handle.clone();
        handle.spawn(async move { inner.spawn(async { 1 }).await.unwrap() + 1 }).await
    });
    assert_eq!(value.unwrap(), 2);
}

#[test]
fn eight_threads_start_tasks_at_once_and_each_gets_its_own_results() {
    let runtime = Runtime::new().unwrap();
    beside(&runtime, |handle| {
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                let handle = handle.clone();
                std::thread::spawn(move || {
                    let started = (0..250).map(|n| {
                        handle.spawn(async move {
                            if n % 3 == 0 {
                                yield_now().await;
                            }
                            thread * 1000 + n
                        })
                    });
                    let results = foreign_block_on(join_all(started));
                    results.into_iter().map(Result::unwrap).eq((0..250).map(|n| thread * 1000 + n))
                })
            })
            .collect();
        for thread in threads {
            assert!(thread.join().unwrap());
        }
    });
}

#[test]
fn tasks_started_by_one_thread_start_in_order() {
    let runtime = Runtime::new().unwrap();
    let (sender, receiver) = mpsc::channel();
    beside(&runtime, move |handle| {
        let started = (0..100).map(|n| {
            let sender = sender.clone();
            handle.spawn(async move { sender.send(n).unwrap() })
        });
        foreign_block_on(join_all(started));
    });
    assert!(receiver.into_iter().eq(0..100));
}

#[test]
fn spawn_with_makes_the_future_on_the_loop_and_it_need_not_be_send() {
    let runtime = Runtime::new().unwrap();
    let here = std::thread::current().id();
    let value = beside(&runtime, move |handle| {
        foreign_block_on(handle.spawn_with(move || {
            assert_eq!(std::thread::current().id(), here);
            let local = Rc::new(Cell::new(1));
            let task = spawn(async { 2 }); // inside the context
            async move {
                yield_now().await;
                local.set(local.get() + task.await.unwrap());
                local.get()
            }
        }))
    });
    assert_eq!(value.unwrap(), 3);
}

#[test]
fn a_panic_in_the_task_is_its_error_and_the_loop_goes_on() {
    let runtime = Runtime::new().unwrap();
    let (error, value) = beside(&runtime, |handle| {
        let error = foreign_block_on(handle.spawn(async { panic!("out of cheese") })).unwrap_err();
        (error, foreign_block_on(handle.spawn(async { 1 })).unwrap())
    });
    assert!(error.is_panic());
    assert_eq!(text_of(&*error.into_panic()), "out of cheese");
    assert_eq!(value, 1);
}

#[test]
fn a_panic_while_the_future_is_made_is_its_error() {
    let runtime = Runtime::new().unwrap();
    let error = beside(&runtime, |handle| {
        let made = handle.spawn_with(|| -> std::future::Ready<()> { panic!("no future") });
        foreign_block_on(made).unwrap_err()
    });
    assert_eq!(said(&error), "panicked: no future");
}

/// Ready at once, and a bomb when it is dropped; or a panic in both.
struct Explosive {
    panics: bool,
    _bomb: Bomb,
}

impl Future for Explosive {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        assert!(!self.panics, "in the poll");
        Poll::Ready(())
    }
}

#[test]
fn a_panic_in_the_drop_of_a_finished_future_is_its_error() {
    let runtime = Runtime::new().unwrap();
    let future = Explosive { panics: false, _bomb: Bomb("in the drop") };
    let error = finish_on(&runtime, runtime.handle().spawn(future)).unwrap_err();
    assert_eq!(said(&error), "panicked: in the drop");
}

#[test]
fn of_a_panic_in_the_poll_and_one_in_the_drop_the_first_is_its_error() {
    // A second panic while the first one unwinds would end the process: hence a child.
    in_child("of_a_panic_in_the_poll_and_one_in_the_drop_the_first_is_its_error", || {
        let runtime = Runtime::new().unwrap();
        let future = Explosive { panics: true, _bomb: Bomb("in the drop") };
        let error = finish_on(&runtime, runtime.handle().spawn(future)).unwrap_err();
        assert_eq!(said(&error), "panicked: in the poll");
    });
}

#[test]
fn dropping_the_result_detaches_the_task() {
    let runtime = Runtime::new().unwrap();
    let (sender, receiver) = futures::channel::oneshot::channel();
    let token = Drops::new();
    let output = token.token();
    drop(runtime.handle().spawn(async move {
        yield_now().await;
        sender.send("ran").unwrap();
        output
    }));
    assert_eq!(finish_on(&runtime, receiver).unwrap(), "ran");
    finish_on(&runtime, settle());
    assert_eq!(token.count(), 1, "the output of a detached task is dropped");
}

#[test]
fn an_output_of_a_detached_task_may_panic_when_it_is_dropped() {
    let runtime = Runtime::new().unwrap();
    drop(runtime.handle().spawn(async { Bomb("unwanted") }));
    finish_on(&runtime, settle());
    assert_eq!(runtime.block_on(async { spawn(async { 1 }).await }).unwrap(), 1);
}

#[test]
fn after_the_drop_of_its_runtime_it_says_cancelled_and_drops_the_future() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    drop(runtime);
    let drops = Drops::new();
    let (one, two) = (drops.token(), drops.token());
    let spawned = handle.spawn(async move { drop(one) });
    let made = handle.spawn_with(move || async move { drop(two) });
    assert_eq!(drops.count(), 2);
    assert!(foreign_block_on(spawned).unwrap_err().is_cancelled());
    assert!(finish(made).unwrap_err().is_cancelled());
}

#[test]
fn a_task_that_never_ran_is_cancelled_with_its_runtime_and_dropped_once() {
    let runtime = Runtime::new().unwrap();
    let drops = Drops::new();
    let token = drops.token();
    let unread = runtime.handle().spawn(async move { drop(token) });
    drop(runtime);
    assert_eq!(drops.count(), 1);
    assert!(foreign_block_on(unread).unwrap_err().is_cancelled());
}

#[test]
fn a_task_that_never_ran_may_panic_when_it_is_dropped() {
    let runtime = Runtime::new().unwrap();
    let bomb = Bomb("unread");
    let unread = runtime.handle().spawn(async move {
        let _kept = bomb;
    });
    drop(runtime);
    assert!(foreign_block_on(unread).unwrap_err().is_cancelled());
}

#[test]
fn several_that_never_ran_may_each_panic_when_they_are_dropped() {
    // A second panic while the first one unwinds would end the process: hence a child.
    in_child("several_that_never_ran_may_each_panic_when_they_are_dropped", || {
        let runtime = Runtime::new().unwrap();
        let drops = Drops::new();
        for _ in 0..3 {
            let kept = (Bomb("unread"), drops.token());
            drop(runtime.handle().spawn(async move {
                let _kept = kept;
            }));
        }
        drop(runtime);
        assert_eq!(drops.count(), 3);
    });
}

#[test]
fn a_thread_that_waits_is_released_when_the_runtime_is_dropped() {
    let runtime = Runtime::new().unwrap();
    let remote = runtime.handle().spawn(pending::<()>());
    runtime.block_on(settle());
    let waiting = std::thread::spawn(move || foreign_block_on(remote));
    drop(runtime);
    assert!(waiting.join().unwrap().unwrap_err().is_cancelled());
}

#[test]
fn a_result_that_was_sent_survives_the_runtime() {
    let runtime = Runtime::new().unwrap();
    let remote = runtime.handle().spawn(async { vec![1, 2, 3] });
    runtime.block_on(settle());
    drop(runtime);
    assert_eq!(foreign_block_on(remote).unwrap(), [1, 2, 3]);
}

#[test]
fn it_does_not_keep_the_tasks_of_its_runtime_alive() {
    let runtime = Runtime::new().unwrap();
    let drops = Drops::new();
    let token = drops.token();
    let handle = runtime.handle();
    drop(runtime.spawn(async move {
        let _kept = (token, Handle::current());
        pending::<()>().await;
    }));
    runtime.block_on(settle());
    drop(runtime);
    assert_eq!(drops.count(), 1);
    drop(handle);
}

#[test]
fn threads_that_start_tasks_while_the_runtime_is_dropped_get_a_value_or_cancelled() {
    for _ in 0..30 {
        let runtime = Runtime::new().unwrap();
        let drops = Drops::new();
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (handle, drops) = (runtime.handle(), drops.clone());
                std::thread::spawn(move || {
                    let results = (0..100).map(|_| {
                        let token = drops.token();
                        foreign_block_on(handle.spawn(async move { drop(token) }))
                    });
                    results.filter(|result| result.as_ref().is_err_and(|e| !e.is_cancelled())).count()
                })
            })
            .collect();
        finish_on(&runtime, until(|| drops.count() >= 50));
        drop(runtime);
        for thread in threads {
            assert_eq!(thread.join().unwrap(), 0, "none panicked");
        }
        assert_eq!(drops.count(), 300);
    }
}

#[test]
fn it_is_a_futures_spawner() {
    let runtime = Runtime::new().unwrap();
    let value = beside(&runtime, |handle| {
        let remote = handle.spawn_with_handle(async { 5 }).unwrap();
        foreign_block_on(remote)
    });
    assert_eq!(value, 5);
    let handle = runtime.handle();
    drop(runtime);
    assert!(SpawnExt::spawn(&handle, async {}).unwrap_err().is_shutdown());
}

#[test]
fn it_is_a_local_futures_spawner_inside_its_own_loop_only() {
    let (runtime, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let handle = runtime.handle();
    let local = Rc::new(3);
    let value = finish_on(&runtime, async {
        let local = local.clone();
        handle.spawn_local_with_handle(async move { *local }).unwrap().await
    });
    assert_eq!(value, 3);
    assert!(handle.spawn_local(async {}).unwrap_err().is_shutdown(), "outside");
    other.block_on(async {
        assert!(handle.spawn_local(async {}).unwrap_err().is_shutdown(), "inside another one");
    });
    drop(runtime);
    assert!(handle.spawn_local(async {}).unwrap_err().is_shutdown(), "after its drop");
}

#[test]
fn a_runtime_is_a_futures_spawner_too() {
    let runtime = Runtime::new().unwrap();
    let remote = SpawnExt::spawn_with_handle(&runtime, async { 1 }).unwrap();
    let local = Rc::new(2);
    let local = LocalSpawnExt::spawn_local_with_handle(&runtime, async move { *local }).unwrap();
    assert_eq!(finish_on(&runtime, async { remote.await + local.await }), 3);
}

#[test]
fn awaiting_it_by_reference_loses_nothing_when_it_is_broken_off() {
    let runtime = Runtime::new().unwrap();
    let value = finish_on(&runtime, async {
        let mut remote = runtime.handle().spawn(async {
            settle().await;
            9
        });
        assert!((&mut remote).now_or_never().is_none());
        yield_now().await;
        assert!((&mut remote).now_or_never().is_none());
        remote.await
    });
    assert_eq!(value.unwrap(), 9);
}
