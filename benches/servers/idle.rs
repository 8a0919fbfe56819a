//! The memory of connections that wait.

use std::io;
use std::time::{Duration, Instant};

use super::{Shape, connect, verify};
use crate::child::ServerProcess;
use crate::sys::Memory;

/// Connections before anything is counted: what a server needs once is no cost of the others.
const FIRST_CONNECTIONS: usize = 16;
/// A server's memory has settled when two looks at it, so long apart, differ by no more than `SETTLED_BYTES`.
pub const SETTLE_MIN: Duration = Duration::from_millis(50);
const SETTLE_MAX: Duration = Duration::from_secs(2);
const SETTLED_BYTES: u64 = 4096;

/// What the server grew by, in bytes per connection: memory of its own (anonymous pages, which leaves out code and
/// files that are read at first use), and all that is resident. What the kernel needs for a socket is in neither.
///
/// No bulk here, unlike in the other cases: the server would keep what that took, and serve the connections from it.
pub fn measure(process: &ServerProcess, shape: &Shape) -> io::Result<Vec<f64>> {
    let first = connect::connect(process.address, FIRST_CONNECTIONS, shape)?;
    verify::every_byte(&first, shape.batch_bytes())?;
    let before = settled(process)?;
    let streams = connect::connect(process.address, shape.connections, shape)?;
    verify::every_byte(&streams, shape.batch_bytes())?;
    let after = settled(process)?;
    let growth = |after: u64, before: u64| after.saturating_sub(before) as f64 / shape.connections as f64;
    Ok(vec![growth(after.anonymous, before.anonymous), growth(after.resident, before.resident)])
}

/// Looks until nothing moves any more: some runtimes tidy up a moment later, on other threads.
fn settled(process: &ServerProcess) -> io::Result<Memory> {
    let give_up_at = Instant::now() + SETTLE_MAX;
    let mut last = Memory::of_process(process.id())?;
    loop {
        std::thread::sleep(SETTLE_MIN);
        let memory = Memory::of_process(process.id())?;
        if memory.anonymous.abs_diff(last.anonymous) <= SETTLED_BYTES || Instant::now() > give_up_at {
            return Ok(memory);
        }
        last = memory;
    }
}
