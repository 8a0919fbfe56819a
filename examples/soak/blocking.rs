//! Work on the pool of threads. The worker does not await all of it.

use std::rc::Rc;

use fastrand::Rng;
use futures::future::try_join_all;
use oneloop::future::poll_once;
use oneloop::unblock;

use crate::check::{Check, Pattern};
use crate::work::{Done, During, Soak};

const WORKERS: usize = 2;
const CLOSURES_MAX: usize = 4;
const COPY_BYTES_MAX: usize = 1 << 16;

pub fn start(soak: &Rc<Soak>) {
    let tally = soak.kind("unblock");
    for _ in 0..WORKERS {
        let pattern = soak.pattern.clone();
        soak.worker(&tally, async move |rng| {
            let count = rng.usize(1..=CLOSURES_MAX);
            let bytes = try_join_all((0..count).map(|_| copy(&pattern, rng.fork()))).await?;
            Ok(Done { operations: count as u64, bytes: bytes.iter().sum() })
        });
    }
}

/// Cuts a message on a thread of the pool, and compares it with the same message cut here.
async fn copy(pattern: &Pattern, mut rng: Rng) -> Result<u64, String> {
    let (theirs, mut their_rng) = (pattern.clone(), rng.clone());
    let mut work = unblock(move || theirs.message(&mut their_rng, COPY_BYTES_MAX).to_vec());
    let expected = pattern.message(&mut rng, COPY_BYTES_MAX);
    if rng.u8(..4) == 0 {
        let _ = poll_once(&mut work).await;
        return Ok(0); // the future is dropped before, during or after the work
    }
    let mut check = Check::new(expected);
    check.take(&work.await).during("what a thread has copied")?;
    check.end()
}
