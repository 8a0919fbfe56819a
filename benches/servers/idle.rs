//! The memory of idle connections.

use std::io;
use std::time::{Duration, Instant};

use super::{Shape, connect, verify};
use crate::child::ServerProcess;
use crate::sys::Memory;

/// The number of connections before the first measurement of memory, so that allocations that a server
/// makes once are not counted.
const FIRST_CONNECTIONS: usize = 16;
/// The time between two readings of the memory. The memory has settled if two readings differ by at most
/// `SETTLED_BYTES`.
pub const SETTLE_MIN: Duration = Duration::from_millis(50);
const SETTLE_MAX: Duration = Duration::from_secs(2);
const SETTLED_BYTES: u64 = 4096;

/// Returns the growth of the server's memory in bytes per connection: its anonymous pages, and all its
/// resident pages. Anonymous pages do not include code and files that are read at first use. Neither
/// figure includes the kernel's memory for a socket.
///
/// Unlike in the other cases, there is no check with a bulk message, because the server would keep the
/// memory for it and use it for the connections.
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

/// Reads the memory until it has settled. Some runtimes free memory a moment later, on other threads.
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
