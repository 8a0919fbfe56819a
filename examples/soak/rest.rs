//! The moments of rest: no operation is under way, and what the process holds is looked at.

use std::alloc::System;
use std::time::{Duration, Instant};

use cap::Cap;
use oneloop::time::sleep;

use crate::servers::Servers;
use crate::work::Soak;

/// Counts what is allocated; the limit is none.
#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

/// How long the servers may take to notice that clients are gone, and killed children to be buried. What still is there
/// then is what the sample shows.
const SETTLING_MAX: Duration = Duration::from_secs(3);

/// The first sample has nothing to compare with: it waits until nothing has changed for so many looks.
const SAME_LOOKS: u32 = 10;
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What this process holds and, if the servers have another, what that holds.
#[derive(Clone, Copy)]
pub struct Samples {
    pub ours: Sample,
    pub servers: Option<Sample>,
}

impl Samples {
    fn now(servers: &mut Servers) -> Result<Samples, String> {
        let (connections, servers) = match servers {
            Servers::Here(shared) => (shared.open(), None),
            #[cfg(unix)]
            Servers::Apart(apart) => {
                let sample = apart.sample()?;
                (sample.connections, Some(sample))
            }
        };
        Ok(Samples { ours: Sample::now(connections), servers })
    }

    /// What can be counted, and has to be what it was.
    fn counts(&self) -> [Option<u64>; 3] {
        [
            self.ours.descriptors,
            self.servers.and_then(|sample| sample.descriptors),
            Some(self.ours.connections),
        ]
    }
}

#[derive(Clone, Copy)]
pub struct Sample {
    pub resident: Option<u64>,
    pub heap: u64,
    pub descriptors: Option<u64>,
    /// Open at the servers.
    pub connections: u64,
}

impl Sample {
    /// Of this process.
    pub fn now(connections: u64) -> Sample {
        Sample {
            resident: resident(),
            heap: HEAP.allocated() as u64,
            descriptors: descriptors(),
            connections,
        }
    }
}

pub fn resident() -> Option<u64> {
    memory_stats::memory_stats().map(|memory| memory.physical_mem as u64)
}

/// `None` where the system has no folder of them.
fn descriptors() -> Option<u64> {
    if cfg!(windows) {
        return None;
    }
    let folder = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    let entries = std::fs::read_dir(folder).ok()?.count() as u64;
    Some(entries - 1) // one is the folder's own
}

/// Lets all work rest, and what it has left behind come to its end; then looks.
pub async fn sample(soak: &Soak, servers: &mut Servers, first: Option<Samples>) -> Result<Samples, String> {
    let _rest = soak.rest().await;
    let deadline = Instant::now() + SETTLING_MAX;
    let (mut last, mut same) = (Samples::now(servers)?, 0);
    loop {
        sleep(LOOK_EVERY).await;
        let now = Samples::now(servers)?;
        same = if now.counts() == last.counts() { same + 1 } else { 0 };
        last = now;
        let settled = match &first {
            Some(first) => now.counts().iter().zip(first.counts()).all(|(now, first)| *now <= first),
            None => same >= SAME_LOOKS,
        };
        if settled || Instant::now() > deadline {
            return Ok(now);
        }
    }
}
