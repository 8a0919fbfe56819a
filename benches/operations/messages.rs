//! Measures messages between tasks, each of which wakes the receiving task.

use std::hint::black_box;
use std::rc::Rc;

use super::slot::Slot;
use super::{Length, sample};
use crate::peers::Executor;

pub async fn ping_pong<E: Executor>(length: Length) -> Vec<f64> {
    const MESSAGES: u64 = 100_000;
    let per_message = sample(length, MESSAGES, async || {
        let (there, back) = (Slot::new(), Slot::new());
        let (requests, answers) = (Rc::clone(&there), Rc::clone(&back));
        let server = E::spawn(async move {
            for _ in 0..MESSAGES / 2 {
                let message: u64 = requests.receive().await;
                answers.send(message + 1);
            }
        });
        let client = E::spawn(async move {
            let mut message = 0;
            for _ in 0..MESSAGES / 2 {
                there.send(message);
                message = back.receive().await;
            }
            assert_eq!(black_box(message), MESSAGES / 2);
        });
        client.await;
        server.await;
    });
    vec![per_message.await]
}

pub async fn ring<E: Executor>(length: Length) -> Vec<f64> {
    const TASKS: usize = 1_000;
    const LAPS: u64 = 100;
    let slots: Vec<Rc<Slot<u64>>> = (0..TASKS).map(|_| Slot::new()).collect();
    // This task is the first of the ring, so that each lap of a message begins and ends in it.
    for position in 1..TASKS {
        let (from, to) = (Rc::clone(&slots[position]), Rc::clone(&slots[(position + 1) % TASKS]));
        E::detach(E::spawn(async move {
            loop {
                to.send(from.receive().await + 1);
            }
        }));
    }
    let per_hop = sample(length, TASKS as u64 * LAPS, async || {
        let mut hops = 0;
        for _ in 0..LAPS {
            slots[1].send(hops + 1);
            hops = slots[0].receive().await;
        }
        assert_eq!(black_box(hops), TASKS as u64 * LAPS);
    });
    vec![per_hop.await]
}
