//! Tests of the handshake between a post and a park, in every order (loom).

use super::*;
use crate::engine::loom::model;
use crate::engine::sync::Arc;
use loom::sync::Condvar;
use loom::thread;

/// No message of the tests repeats another message.
impl Coalesce for (u8, u8) {
    fn repeats(&self, _: &Self) -> bool {
        false
    }

    fn coalesce(_: &mut Vec<Self>) {}
}

/// A replacement of the driver, which sleeps until a notification. The sleeper stores a notification
/// that comes before the sleep, as an eventfd does. If the loop sleeps and no thread notifies, loom
/// reports the deadlock.
#[derive(Default)]
struct Sleeper {
    notified: Mutex<bool>,
    changed: Condvar,
}

impl Sleeper {
    fn sleep(&self) {
        let mut notified = self.notified.lock().unwrap();
        while !*notified {
            notified = self.changed.wait(notified).unwrap();
        }
        *notified = false;
    }

    fn notify(&self) {
        let doubled = std::mem::replace(&mut *self.notified.lock().unwrap(), true);
        assert!(!doubled, "one notification for each sleep at most");
        self.changed.notify_one();
    }
}

/// Checks that every message arrives. `loads` is the number of times that the loop looks for further
/// messages after a drain, before it parks.
fn every_message_arrives(posters: u8, messages_each: u8, loads: u8) {
    model(move || {
        let shared = Arc::new((MessageQueue::new(), Sleeper::default()));
        let threads: Vec<_> = (0..posters)
            .map(|poster| {
                let shared = shared.clone();
                thread::spawn(move || {
                    for message in 0..messages_each {
                        if shared.0.post((poster, message)) == Ok(true) {
                            shared.1.notify();
                        }
                    }
                })
            })
            .collect();
        let (queue, sleeper) = &*shared;
        let mut got = Vec::new();
        let mut looks = 0;
        while got.len() < usize::from(posters * messages_each) {
            if queue.has_messages() {
                let mut batch = Vec::new();
                queue.drain(&mut batch);
                got.extend(batch);
                looks = loads;
            } else if looks > 0 {
                looks -= 1;
            } else if queue.park() {
                sleeper.sleep();
                queue.unpark();
            }
        }
        for poster in 0..posters {
            let order: Vec<u8> = got.iter().filter(|m| m.0 == poster).map(|m| m.1).collect();
            assert!(order.is_sorted(), "messages of one thread stay in their order");
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_message_posted_while_the_loop_goes_to_sleep_is_never_left_lying() {
    every_message_arrives(1, 2, 0);
}

#[test]
fn a_message_posted_while_the_loop_looks_for_more_is_never_left_lying() {
    every_message_arrives(1, 2, 2);
    every_message_arrives(2, 1, 1);
}

#[test]
fn of_two_threads_that_post_at_once_exactly_one_wakes_the_loop() {
    every_message_arrives(2, 1, 0);
}

#[test]
fn a_message_posted_while_the_loop_closes_is_taken_or_refused_never_lost() {
    model(|| {
        let queue = Arc::new(MessageQueue::new());
        let poster = {
            let queue = queue.clone();
            thread::spawn(move || queue.post((1, 1)).is_ok())
        };
        let left = queue.close();
        assert_eq!(poster.join().unwrap(), left == [(1, 1)]);
    });
}
