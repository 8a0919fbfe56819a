//! The processor time of a server.

use std::io;
use std::time::Instant;

use crate::child::ServerProcess;

/// Runs `work`, which returns the number of units that the server served. Returns three figures: the
/// server's processor time for one unit in nanoseconds, the units per second, and the server's use of
/// its core in per cent.
///
/// `work` must serve many units on each connection, because the generator counts a unit a little later
/// than the server uses the processor time for it.
pub fn of(process: &ServerProcess, work: impl FnOnce() -> io::Result<u64>) -> io::Result<Vec<f64>> {
    let (cpu, wall) = (process.clock.now()?, Instant::now());
    let served = work()?;
    let (cpu, wall) = (process.clock.now()?.saturating_sub(cpu), wall.elapsed());
    if served == 0 {
        return Err(io::Error::other("the server answered no request in the time of the measurement"));
    }
    let per_unit_ns = cpu.as_nanos() as f64 / served as f64;
    let busy = cpu.as_secs_f64() / wall.as_secs_f64();
    Ok(vec![per_unit_ns, served as f64 / wall.as_secs_f64(), busy * 100.0])
}
