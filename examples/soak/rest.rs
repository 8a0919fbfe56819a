//! The moments of rest: no operation is under way, and what the process holds is looked at.

use std::alloc::System;
use std::rc::Rc;
use std::time::{Duration, Instant};

use cap::Cap;
use oneloop::time::sleep;

use crate::shared::Shared;
use crate::work::Soak;

/// Counts what is allocated; the limit is none.
#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

/// How long the servers may take to notice that clients are gone, and killed children to be buried. What still is there
/// then is what the sample shows.
const SETTLING_MAX: Duration = Duration::from_secs(10);

/// The first sample has nothing to compare with: it waits until nothing has changed for so many looks.
const SAME_LOOKS: u32 = 10;
const LOOK_EVERY: Duration = Duration::from_millis(10);

#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    pub resident: Option<u64>,
    pub heap: u64,
    pub descriptors: Option<u64>,
    /// Open at the servers.
    pub connections: u64,
}

impl Sample {
    pub fn now(servers: &Shared) -> Sample {
        Sample {
            resident: resident(),
            heap: HEAP.allocated() as u64,
            descriptors: descriptors(),
            connections: servers.open(),
        }
    }
}

pub fn resident() -> Option<u64> {
    memory_stats::memory_stats().map(|memory| memory.physical_mem as u64)
}

/// `None` where the system has no folder of them.
fn descriptors() -> Option<u64> {
    let folder = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    let entries = std::fs::read_dir(folder).ok()?.count() as u64;
    Some(entries - 1) // one is the folder's own
}

/// Lets all work rest, and what it has left behind come to its end; then looks.
pub async fn sample(soak: &Rc<Soak>, servers: &Shared, first: Option<Sample>) -> Sample {
    let _rest = soak.rest().await;
    let deadline = Instant::now() + SETTLING_MAX;
    let (mut last, mut same) = (Sample::now(servers), 0);
    loop {
        sleep(LOOK_EVERY).await;
        let now = Sample::now(servers);
        let counts = |sample: &Sample| (sample.connections, sample.descriptors);
        same = if counts(&now) == counts(&last) { same + 1 } else { 0 };
        last = now;
        let settled = match &first {
            Some(first) => now.connections <= first.connections && now.descriptors <= first.descriptors,
            None => same >= SAME_LOOKS,
        };
        if settled || Instant::now() > deadline {
            return now;
        }
    }
}
