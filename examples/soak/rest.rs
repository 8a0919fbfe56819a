//! The rests. No operation is under way then, and the program measures memory and descriptors.

use std::alloc::System;
use std::time::{Duration, Instant};

use cap::Cap;
use oneloop::time::sleep;

use crate::servers::Servers;
use crate::work::Soak;

/// Counts the allocated bytes, without a limit.
#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

/// The time that the servers have to notice closed connections, and the loop to reap killed children.
/// The sample shows what is left then.
const SETTLING_MAX: Duration = Duration::from_secs(3);

/// The first sample has no other to compare with. It waits until this many samples in a row are the
/// same.
const SAME_LOOKS: u32 = 10;
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A sample of this process and, if the servers have another one, a sample of that.
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

    /// Returns the figures that can be counted, and must be the same at each rest.
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
    /// The number of connections that are open at the servers.
    pub connections: u64,
}

impl Sample {
    /// Takes a sample of this process.
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

/// Returns the number of open descriptors, or `None` on a system that has no folder of them.
fn descriptors() -> Option<u64> {
    if cfg!(windows) {
        return None;
    }
    let folder = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    let entries = std::fs::read_dir(folder).ok()?.count() as u64;
    Some(entries - 1) // one is the descriptor of the folder
}

/// Makes all work rest, waits until its effects have ended, and takes a sample.
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
