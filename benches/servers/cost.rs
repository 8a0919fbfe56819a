//! What a server pays.

use std::io;
use std::time::Instant;

use crate::child::ServerProcess;

/// Runs `work`, which returns how many units the server served, and returns three figures: the server's processor
/// time for one in nanoseconds, the units per second, and how much of its core the server used in per cent.
///
/// It must last for many services on each connection: the generator counts a service a little later than the
/// server pays for it.
pub fn of(process: &ServerProcess, work: impl FnOnce() -> io::Result<u64>) -> io::Result<Vec<f64>> {
    let (cpu, wall) = (process.clock.now()?, Instant::now());
    let served = work()?;
    let (cpu, wall) = (process.clock.now()?.saturating_sub(cpu), wall.elapsed());
    if served == 0 {
        return Err(io::Error::other("the server served nobody in the time of the measurement"));
    }
    let per_unit_ns = cpu.as_nanos() as f64 / served as f64;
    let busy = cpu.as_secs_f64() / wall.as_secs_f64();
    Ok(vec![per_unit_ns, served as f64 / wall.as_secs_f64(), busy * 100.0])
}
