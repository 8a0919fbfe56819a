//! The same operations with work that a harness or a library may add: a box around each future, and a
//! channel between tasks. The added work is the same for every runtime, so that ratios come closer to
//! one.

use std::hint::black_box;
use std::pin::Pin;

use futures_channel::mpsc;

use super::{Length, sample};
use crate::peers::Executor;

/// Measures spawn and join of a boxed future. A harness that stores its operations as trait objects
/// boxes its futures in this way.
pub async fn spawn_join_boxed<E: Executor>(length: Length) -> Vec<f64> {
    const SPAWNS: u64 = 10_000;
    let per_spawn = sample(length, SPAWNS, async || {
        for number in 0..SPAWNS {
            let future: Pin<Box<dyn Future<Output = u64>>> = Box::pin(async move { black_box(number) });
            black_box(E::spawn(black_box(future)).await);
        }
    });
    vec![per_spawn.await]
}

/// Measures two tasks that pass messages through a library's channels. These channels can also be used
/// by several threads.
pub async fn channel<E: Executor>(length: Length) -> Vec<f64> {
    const MESSAGES: u64 = 100_000;
    let per_message = sample(length, MESSAGES, async || {
        let (there, mut requests) = mpsc::unbounded::<u64>();
        let (back, mut answers) = mpsc::unbounded::<u64>();
        let server = E::spawn(async move {
            while let Ok(message) = requests.recv().await {
                back.unbounded_send(message + 1).expect("the client waits for the answer");
            }
        });
        let client = E::spawn(async move {
            let mut message = 0;
            for _ in 0..MESSAGES / 2 {
                there.unbounded_send(message).expect("the server waits for the message");
                message = answers.recv().await.expect("the server answers");
            }
            assert_eq!(black_box(message), MESSAGES / 2);
        });
        client.await;
        server.await;
    });
    vec![per_message.await]
}
