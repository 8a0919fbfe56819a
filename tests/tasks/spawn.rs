//! `spawn`: what may be spawned, when it is polled and dropped, and what its panics do.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn, ready};
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use oneloop::{Runtime, spawn, yield_now};

use common::executor::*;

#[test]
fn the_future_need_not_be_send() {
    finish(async {
        let shared = Rc::new(Cell::new(1));
        let theirs = shared.clone();
        let task = spawn(async move {
            yield_now().await;
            theirs.set(theirs.get() + 1);
            theirs
        });
        assert!(Rc::ptr_eq(&task.await.unwrap(), &shared));
        assert_eq!(shared.get(), 2);
    });
}

#[test]
fn the_future_is_not_polled_inside_spawn() {
    finish(async {
        let polled = Polled::default();
        drop(spawn(polled.clone()));
        assert_eq!(polled.count(), 0);
        settle().await;
        assert_eq!(polled.count(), 1, "and once only, unless it is woken");
    });
}

#[test]
fn tasks_are_first_polled_in_the_order_of_their_spawning() {
    finish(async {
        let log = Rc::new(RefCell::new(Vec::new()));
        for n in 0..100 {
            let log = log.clone();
            drop(spawn(async move {
                log.borrow_mut().push(n);
                let inner = log.clone();
                drop(spawn(async move { inner.borrow_mut().push(n + 100) }));
            }));
        }
        settle().await;
        assert!(log.borrow().iter().copied().eq(0..200));
    });
}

#[test]
fn a_task_runs_whether_or_not_its_handle_is_awaited() {
    finish(async {
        let ran = Rc::new(Cell::new(0));
        let (one, two) = (ran.clone(), ran.clone());
        drop(spawn(async move { one.set(one.get() + 1) }));
        let kept = spawn(async move { two.set(two.get() + 1) });
        settle().await;
        assert_eq!(ran.get(), 2);
        assert!(kept.is_finished());
    });
}

#[test]
fn dropping_the_handle_in_the_middle_detaches_the_task() {
    finish(async {
        let (sender, receiver) = futures::channel::oneshot::channel::<()>();
        let done = Rc::new(Cell::new(false));
        let theirs = done.clone();
        let task = spawn(async move {
            receiver.await.unwrap();
            theirs.set(true);
        });
        settle().await;
        drop(task);
        settle().await;
        assert!(!done.get());
        sender.send(()).unwrap();
        settle().await;
        assert!(done.get());
    });
}

#[test]
fn a_task_may_drop_its_own_handle() {
    finish(async {
        let place = Rc::new(RefCell::new(None));
        let drops = Drops::new();
        let (theirs, token, output) = (place.clone(), drops.token(), drops.token());
        *place.borrow_mut() = Some(spawn(async move {
            let _kept = token;
            drop(theirs.take());
            yield_now().await;
            output
        }));
        settle().await;
        assert_eq!(drops.count(), 2, "it ran to its end, and its output was not taken");
    });
}

#[test]
fn captures_of_a_future_are_dropped_when_it_finishes_not_when_it_is_joined() {
    finish(async {
        let drops = Drops::new();
        let token = drops.token();
        let task = spawn(poll_fn(move |_| {
            let _kept = &token;
            Poll::Ready(1)
        }));
        settle().await;
        assert_eq!(drops.count(), 1);
        assert_eq!(task.await.unwrap(), 1);
    });
}

#[test]
fn a_future_stays_where_it_was_first_polled() {
    struct Pinned {
        at: usize,
        polls: u32,
        _pinned: PhantomPinned,
    }
    impl Future for Pinned {
        type Output = ();
        fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            let here = &raw const *self as usize;
            // SAFETY: nothing is moved out of it.
            let this = unsafe { self.get_unchecked_mut() };
            assert!(this.at == 0 || this.at == here, "it was moved");
            this.at = here;
            this.polls += 1;
            cx.waker().wake_by_ref();
            if this.polls == 10 { Poll::Ready(()) } else { Poll::Pending }
        }
    }
    impl Drop for Pinned {
        fn drop(&mut self) {
            assert!(self.at == 0 || self.at == &raw const *self as usize, "it was moved before its drop");
        }
    }
    finish(async {
        let pinned = || Pinned { at: 0, polls: 0, _pinned: PhantomPinned };
        let tasks: Vec<_> = (0..300).map(|_| spawn(pinned())).collect();
        for task in tasks {
            task.await.unwrap();
        }
        let aborted = spawn(async move {
            pinned().await;
            pending::<()>().await;
        });
        settle().await;
        aborted.abort();
        assert!(aborted.await.unwrap_err().is_cancelled());
    });
}

#[test]
fn futures_of_any_size_and_alignment_can_be_spawned() {
    #[repr(align(256))]
    struct Aligned(u8);
    finish(async {
        spawn(ready(())).await.unwrap();
        let large = [7_u8; 50_000];
        let sum = spawn(async move {
            yield_now().await;
            large.iter().map(|&byte| u32::from(byte)).sum::<u32>()
        });
        assert_eq!(sum.await.unwrap(), 350_000);
        let aligned = Aligned(3);
        let task = spawn(async move {
            let here = &raw const aligned as usize;
            yield_now().await;
            assert_eq!(here % 256, 0);
            aligned
        });
        assert_eq!(task.await.unwrap().0, 3);
    });
}

#[test]
fn a_burst_of_a_hundred_thousand_tasks_is_fine_and_so_is_the_next() {
    let runtime = Runtime::new().unwrap();
    for _ in 0..2 {
        let sum = finish_on(&runtime, async {
            let tasks: Vec<_> = (0..100_000_u64).map(|n| spawn(async move { n })).collect();
            let mut sum = 0;
            for task in tasks {
                sum += task.await.unwrap();
            }
            sum
        });
        assert_eq!(sum, 4_999_950_000);
    }
}

#[test]
fn slots_are_reused_in_any_order_without_mixing_tasks_up() {
    finish(async {
        // A small generator, so that a failure can be seen again.
        let mut random = 12_345_u32;
        let mut next = move |n: usize| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 8) as usize % n
        };
        let mut tasks = Vec::new();
        for n in 0..20_000_u32 {
            tasks.push((
                n,
                spawn(async move {
                    for _ in 0..n % 4 {
                        yield_now().await;
                    }
                    n
                }),
            ));
            match next(4) {
                0 => {
                    let (n, task) = tasks.swap_remove(next(tasks.len()));
                    assert_eq!(task.await.unwrap(), n);
                }
                1 => drop(tasks.swap_remove(next(tasks.len()))),
                2 => {
                    let (n, task) = tasks.swap_remove(next(tasks.len()));
                    task.abort();
                    assert!(task.await.map_or_else(|e| e.is_cancelled(), |value| value == n));
                }
                _ => {}
            }
        }
        for (n, task) in tasks {
            assert_eq!(task.await.unwrap(), n);
        }
    });
}

#[test]
fn tasks_may_spawn_tasks_without_end() {
    fn chain(left: u32) -> Pin<Box<dyn Future<Output = u32>>> {
        Box::pin(async move {
            if left == 0 {
                return 0;
            }
            spawn(chain(left - 1)).await.unwrap() + 1
        })
    }
    assert_eq!(finish(chain(1000)), 1000);
}

#[test]
fn a_panic_in_a_poll_is_the_tasks_error_and_the_loop_goes_on() {
    finish(async {
        let drops = Drops::new();
        let token = drops.token();
        let beside = spawn(async {
            settle().await;
            "unharmed"
        });
        let task = spawn(async move {
            let _kept = token;
            yield_now().await;
            panic!("out of cheese");
        });
        assert_eq!(said(&task.await.unwrap_err()), "panicked: out of cheese");
        assert_eq!(drops.count(), 1);
        assert_eq!(beside.await.unwrap(), "unharmed");
    });
}

/// Ready at once, and a bomb when it is dropped; or a panic in both.
struct Explosive {
    panics: bool,
    _bomb: Bomb,
}

impl Future for Explosive {
    type Output = u32;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u32> {
        assert!(!self.panics, "in the poll");
        Poll::Ready(1)
    }
}

#[test]
fn a_panic_in_the_drop_of_a_finished_future_is_the_tasks_error() {
    finish(async {
        let error = spawn(Explosive { panics: false, _bomb: Bomb("in the drop") }).await.unwrap_err();
        assert_eq!(said(&error), "panicked: in the drop");
        assert_eq!(spawn(async { 1 }).await.unwrap(), 1);
    });
}

#[test]
fn of_a_panic_in_the_poll_and_one_in_the_drop_the_first_is_the_tasks_error() {
    finish(async {
        let error = spawn(Explosive { panics: true, _bomb: Bomb("in the drop") }).await.unwrap_err();
        assert_eq!(said(&error), "panicked: in the poll");
        assert_eq!(spawn(async { 1 }).await.unwrap(), 1);
    });
}

#[test]
fn a_detached_task_may_panic_anywhere() {
    struct PanicsAsPayload;
    impl Drop for PanicsAsPayload {
        fn drop(&mut self) {
            panic!("in the drop of the payload");
        }
    }
    finish(async {
        drop(spawn(async { panic!("in the poll") }));
        drop(spawn(async { Bomb("in the drop of the output") }));
        drop(spawn(Explosive { panics: false, _bomb: Bomb("in the drop of the future") }));
        drop(spawn(Explosive { panics: true, _bomb: Bomb("in the drop as well") }));
        drop(spawn(async { std::panic::panic_any(PanicsAsPayload) }));
        settle().await;
        assert_eq!(spawn(async { 1 }).await.unwrap(), 1);
    });
}

#[test]
fn a_panic_does_not_cost_the_others_their_place_in_the_queue() {
    finish(async {
        let log = Rc::new(RefCell::new(Vec::new()));
        for n in 0..50 {
            let log = log.clone();
            drop(spawn(async move {
                if n % 5 == 0 {
                    panic!("task {n}");
                }
                log.borrow_mut().push(n);
            }));
        }
        settle().await;
        assert!(log.borrow().iter().copied().eq((0..50).filter(|n| n % 5 != 0)));
    });
}

#[test]
fn the_drop_of_a_finished_future_may_use_the_runtime() {
    finish(async {
        let log = Rc::new(RefCell::new(Vec::new()));
        let idle = spawn(pending::<()>());
        let abort = idle.abort_handle();
        let inner = log.clone();
        let on_drop = OnDrop(move || {
            abort.abort();
            let log = inner.clone();
            drop(spawn(async move { log.borrow_mut().push("spawned by a drop") }));
        });
        let waker = own_waker().await;
        spawn(async move {
            let _kept = on_drop;
            waker.wake();
        })
        .await
        .unwrap();
        assert!(idle.await.unwrap_err().is_cancelled());
        settle().await;
        assert_eq!(*log.borrow(), ["spawned by a drop"]);
    });
}
