//! `Sender`: messages from other threads, the bound, and what becomes of both when the loop ends.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use oneloop::Runtime;
use oneloop::event_loop::{Event, EventLoop, PostError, Sender};

use common::events::{self, assert_idle, new_loop, next_message, no_failure};
use common::executor::{Drops, OnDrop, Token, Watchdog};

fn bounded<M>(capacity: usize) -> EventLoop<M> {
    EventLoop::bounded(capacity).expect("an event loop can be made")
}

#[test]
fn it_crosses_threads() {
    fn crosses<T: Send + Sync + Clone>() {}
    crosses::<Sender<String>>();
    crosses::<Sender<std::cell::Cell<u8>>>();
}

/// Four threads, and each one's order is kept.
fn flood(mut events: EventLoop<(usize, u32)>, each: u32) {
    let _watchdog = Watchdog::start();
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let sender = events.sender();
            std::thread::spawn(move || (0..each).for_each(|n| sender.post((thread, n)).unwrap()))
        })
        .collect();
    let mut expected = [0; 4];
    for _ in 0..4 * each {
        let (thread, n) = next_message(&mut events);
        assert_eq!(n, expected[thread], "of thread {thread}");
        expected[thread] += 1;
    }
    assert_eq!(expected, [each; 4]);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_idle(&mut events);
}

#[test]
fn of_a_million_messages_from_four_threads_none_is_lost_and_each_threads_order_is_kept() {
    flood(new_loop(), 250_000);
}

#[test]
fn through_a_small_queue_none_is_lost_and_each_threads_order_is_kept() {
    flood(bounded(1), 2_000);
    flood(bounded(100), 20_000);
}

#[test]
fn a_message_posted_just_when_the_loop_goes_to_sleep_is_not_lost() {
    let _watchdog = Watchdog::start();
    let mut events = new_loop();
    let (sender, taken) = (events.sender(), Arc::new(AtomicUsize::new(0)));
    let theirs = taken.clone();
    let helper = std::thread::spawn(move || {
        for n in 0..20_000 {
            while theirs.load(Ordering::Acquire) != n {
                std::hint::spin_loop();
                if n % 8 == 0 {
                    std::thread::yield_now();
                }
            }
            sender.post(n).unwrap();
        }
    });
    for n in 0..20_000 {
        assert_eq!(next_message(&mut events), n);
        taken.store(n + 1, Ordering::Release);
    }
    helper.join().unwrap();
}

#[test]
fn a_capacity_of_zero_or_above_the_maximum_is_refused() {
    for capacity in [0, 16_777_217, usize::MAX] {
        let error = EventLoop::<u8>::bounded(capacity).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains(&capacity.to_string()), "{error}");
    }
    assert!(EventLoop::<u8>::on(Runtime::new().unwrap(), Some(0)).is_err());
}

#[test]
fn a_full_queue_refuses_on_the_loops_own_thread_and_gives_the_message_back() {
    let mut events = bounded(2);
    let sender = events.sender();
    assert_eq!(events.post(String::from("a")), Ok(()));
    assert_eq!(sender.post(String::from("b")), Ok(()));
    assert_eq!(events.post(String::from("c")), Err(PostError::Full(String::from("c"))));
    assert_eq!(
        sender.post(String::from("d")),
        Err(PostError::Full(String::from("d"))),
        "waiting is for ever"
    );
    let error = sender.try_post(String::from("e")).unwrap_err();
    assert_eq!(error.to_string(), "the event loop's queue is full");
    assert_eq!(error.into_message(), "e");
    assert_eq!(next_message(&mut events), "a");
    assert_eq!(sender.try_post(String::from("f")), Ok(()), "there is room again");
    assert_eq!(next_message(&mut events), "b");
    assert_eq!(next_message(&mut events), "f");
    assert_idle(&mut events);
}

#[test]
fn try_post_of_another_thread_never_waits() {
    let mut events = bounded(1);
    events.post(1).unwrap();
    let sender = events.sender();
    let result = std::thread::spawn(move || sender.try_post(2)).join().unwrap();
    assert_eq!(result, Err(PostError::Full(2)));
    assert_eq!(next_message(&mut events), 1);
}

#[test]
fn a_post_that_waits_for_room_goes_on_when_there_is_some() {
    let mut events = bounded(1);
    events.post(0).unwrap();
    let (sender, (posted, wait_posted)) = (events.sender(), mpsc::channel());
    let helper = std::thread::spawn(move || {
        for n in 1..=20 {
            sender.post(n).unwrap();
            posted.send(n).unwrap();
        }
    });
    for n in 0..=20 {
        assert_eq!(next_message(&mut events), n);
    }
    helper.join().unwrap();
    assert!(wait_posted.into_iter().eq(1..=20));
}

#[test]
fn a_post_that_waits_for_room_is_released_when_the_loop_is_dropped() {
    for _ in 0..50 {
        let _watchdog = Watchdog::start();
        let drops = Drops::new();
        let events = bounded::<Token>(1);
        events.post(drops.token()).map_err(|_| "no room").unwrap();
        let begun = Arc::new(Barrier::new(4));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (sender, token, begun) = (events.sender(), drops.token(), begun.clone());
                std::thread::spawn(move || {
                    begun.wait();
                    matches!(sender.post(token), Err(PostError::Closed(_)))
                })
            })
            .collect();
        begun.wait();
        drop(events);
        for thread in threads {
            assert!(thread.join().unwrap(), "there never was room");
        }
        assert_eq!(drops.count(), 4);
    }
}

#[test]
fn a_loop_dropped_while_others_post_takes_or_refuses_each_message_and_drops_it_once() {
    for capacity in [None, Some(3)] {
        for round in 0..50 {
            let _watchdog = Watchdog::start();
            let drops = Drops::new();
            let mut events = EventLoop::on(Runtime::new().unwrap(), capacity).unwrap();
            let threads: Vec<_> = (0..3)
                .map(|_| {
                    let (sender, drops) = (events.sender(), drops.clone());
                    std::thread::spawn(move || {
                        let mut posted = 0;
                        while sender.post(drops.token()).is_ok() {
                            posted += 1;
                        }
                        sender.stop(); // nothing happens
                        posted
                    })
                })
                .collect();
            for _ in 0..round {
                drop(events::next(&mut events));
            }
            drop(events);
            let posted: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
            assert_eq!(drops.count(), posted + 3, "and one of each thread was refused");
        }
    }
}

#[test]
fn after_the_end_of_its_loop_it_gives_messages_back() {
    let events = new_loop();
    let sender = events.sender();
    drop(events);
    assert_eq!(sender.post("late"), Err(PostError::Closed("late")));
    let error = sender.clone().try_post("later").unwrap_err();
    assert_eq!(error, PostError::Closed("later"));
    assert_eq!(error.to_string(), "the event loop was dropped");
    sender.stop();
}

#[test]
fn one_of_a_dropped_loop_does_not_reach_the_next_one() {
    let old = new_loop::<u8>();
    let sender = old.sender();
    drop(old);
    let mut new = new_loop::<u8>(); // which may have the old one's number
    assert_eq!(sender.post(1), Err(PostError::Closed(1)));
    sender.stop();
    new.post(2).unwrap();
    let ended = new.run(
        |events, event| {
            assert!(matches!(event, Event::Message(2)));
            events.stop();
            Ok::<(), ()>(())
        },
        no_failure,
    );
    assert_eq!(ended.unwrap().handled, 1);
}

#[test]
fn a_bound_holds_also_for_what_a_run_has_left() {
    let mut events = bounded(2);
    events.post(1).unwrap();
    events.post(2).unwrap();
    for _ in 0..3 {
        events.stop();
        let ended = events.run(|_, _| Ok::<(), ()>(()), no_failure).unwrap();
        assert_eq!((ended.handled, ended.messages_left), (0, 2));
        assert_eq!(events.post(3), Err(PostError::Full(3)));
    }
    assert_eq!(events.drain(), [1, 2]);
    assert_eq!(events.post(3), Ok(()));
    assert_eq!(events.post(4), Ok(()));
    assert_eq!(events.post(5), Err(PostError::Full(5)));
}

/// Threads that post without a pause until `f` has returned.
fn under_a_flood(capacity: Option<usize>, f: impl FnOnce(&mut EventLoop<u64>)) {
    let _watchdog = Watchdog::start();
    let mut events = EventLoop::on(Runtime::new().unwrap(), capacity).unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let (sender, over) = (events.sender(), over.clone());
            std::thread::spawn(move || while !over.load(Ordering::Relaxed) && sender.post(1).is_ok() {})
        })
        .collect();
    {
        let _over = OnDrop(|| over.store(true, Ordering::Relaxed));
        events::next_message(&mut events);
        f(&mut events);
    }
    drop(events); // and with it those who wait for room
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_bounded_queue_never_drains_more_than_it_holds_though_others_wait_for_room() {
    under_a_flood(Some(3), |events| {
        for _ in 0..2000 {
            assert!(events.drain().len() <= 3);
        }
    });
}

#[test]
fn a_run_ends_and_counts_no_more_than_the_queue_holds_though_others_wait_for_room() {
    under_a_flood(Some(3), |events| {
        for _ in 0..300 {
            events.stop();
            let ended = events.run(|_, _| Ok::<(), ()>(()), no_failure).unwrap();
            assert!(ended.messages_left <= 3, "{ended:?}");
        }
    });
}

#[test]
fn stop_wakes_a_loop_that_sleeps() {
    let _watchdog = Watchdog::start();
    let mut events = new_loop::<()>();
    for round in 0..50 {
        let sender = events.sender();
        let helper = std::thread::spawn(move || {
            if round % 2 == 0 {
                std::thread::sleep(Duration::from_millis(1)); // mostly it sleeps by then
            }
            sender.stop();
        });
        let ended = events.run(|_, _| Ok::<(), ()>(()), no_failure).unwrap();
        assert_eq!(ended.handled, 0);
        helper.join().unwrap();
    }
}

#[test]
fn stop_before_run_ends_the_next_one() {
    let mut events = new_loop();
    let sender = events.sender();
    events.post(1).unwrap();
    std::thread::spawn(move || sender.stop()).join().unwrap();
    let ended = events.run(|_, _| Ok::<(), ()>(()), no_failure).unwrap();
    assert_eq!((ended.handled, ended.messages_left), (0, 1));
    assert_eq!(next_message(&mut events), 1);
}

#[test]
fn take_pays_no_heed_to_stop_which_ends_the_next_run() {
    let mut events = new_loop();
    let sender = events.sender();
    sender.stop();
    events.stop();
    events.post(1).unwrap();
    assert_eq!(next_message(&mut events), 1);
    assert_idle(&mut events);
    events.post(2).unwrap();
    let ended = events.run(|_, _| Ok::<(), ()>(()), no_failure).unwrap();
    assert_eq!((ended.handled, ended.messages_left), (0, 1));
}

#[test]
fn stop_through_a_sender_in_the_handler_ends_the_run_before_the_next_event() {
    let mut events = new_loop();
    let sender = events.sender();
    for n in 0..10 {
        events.post(n).unwrap();
    }
    let handler = |_: &mut EventLoop<i32>, _| {
        sender.stop();
        Ok::<(), ()>(())
    };
    let ended = events.run(handler, no_failure).unwrap();
    assert_eq!((ended.handled, ended.messages_left), (1, 9));
}

#[test]
fn a_message_that_a_thread_posts_after_stop_is_left() {
    let _watchdog = Watchdog::start();
    for _ in 0..100 {
        let mut events = new_loop();
        let sender = events.sender();
        let helper = std::thread::spawn(move || {
            sender.post("before").unwrap();
            sender.stop();
            sender.post("after").unwrap();
        });
        let mut handled = Vec::new();
        let handler = |_: &mut EventLoop<&'static str>, event: Event<&'static str>| {
            if let Event::Message(text) = event {
                handled.push(text);
            }
            Ok::<(), ()>(())
        };
        events.run(handler, no_failure).unwrap();
        helper.join().unwrap();
        assert!(!handled.contains(&"after"), "{handled:?}");
        assert_eq!(events.drain().len() + handled.len(), 2, "and nothing is lost");
    }
}

#[test]
fn an_error_can_be_shown_though_its_message_can_not() {
    struct Opaque;
    let events = bounded::<Opaque>(1);
    assert!(events.post(Opaque).is_ok());
    let error = events.post(Opaque).unwrap_err();
    assert_eq!(format!("{error:?}"), "PostError(the event loop's queue is full)");
    let error: Box<dyn std::error::Error> = Box::new(error);
    assert_eq!(error.to_string(), "the event loop's queue is full");
}

/// Each of several loops, in a thread of its own, passes what it gets on to the next one.
#[test]
fn messages_go_round_a_ring_of_loops_that_come_and_go() {
    const LOOPS: usize = 5;
    const HOPS: usize = 500 * LOOPS;
    let _watchdog = Watchdog::start();
    for round in 0..10 {
        let (tell, told) = mpsc::channel();
        let threads: Vec<_> = (0..LOOPS)
            .map(|place| {
                let tell = tell.clone();
                std::thread::spawn(move || {
                    let capacity = (place % 2 == 0).then_some(8);
                    let mut events = EventLoop::on(Runtime::new().unwrap(), capacity).unwrap();
                    let (give, given) = mpsc::channel();
                    tell.send((place, events.sender(), give)).unwrap();
                    let onward: Sender<usize> = given.recv().unwrap();
                    if place == 0 {
                        (0..4).for_each(|_| onward.post(1).unwrap());
                    }
                    for _ in 0..4 * HOPS / LOOPS {
                        let hops = next_message(&mut events);
                        if hops < HOPS {
                            onward.post(hops + 1).unwrap();
                        }
                    }
                })
            })
            .collect();
        let mut loops: Vec<_> = told.iter().take(LOOPS).collect();
        loops.sort_by_key(|one| one.0);
        for place in 0..LOOPS {
            loops[place].2.send(loops[(place + 1) % LOOPS].1.clone()).unwrap();
        }
        drop(loops);
        for thread in threads {
            thread.join().unwrap_or_else(|_| panic!("in round {round}"));
        }
    }
}
