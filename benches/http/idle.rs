//! The memory of idle connections.

use std::io;
use std::time::Duration;

use super::Shape;
use super::client::Client;
use crate::child::ServerProcess;
use crate::sys::Memory;

/// The number of connections before the first measurement of memory, so that allocations that a server
/// makes once are not counted.
const FIRST_CONNECTIONS: usize = 16;
/// The number of requests that the client sends before it reads their answers.
const AT_ONCE: usize = 1_000;
/// The idle time of the connections before the second measurement.
pub const PAUSE: Duration = Duration::from_secs(5);

/// Returns the growth of the server's resident memory in bytes for each connection: after [`PAUSE`], and
/// at once. The memory of the kernel for a socket is not included.
pub fn measure(process: &ServerProcess, shape: &Shape) -> io::Result<Vec<f64>> {
    let _first = served(process, shape, FIRST_CONNECTIONS)?;
    let resident = || Memory::of_process(process.id()).map(|memory| memory.resident);
    let before = resident()?;
    let _clients = served(process, shape, shape.connections)?;
    let at_once = resident()?;
    std::thread::sleep(PAUSE);
    let later = resident()?;
    let growth = |after: u64| after.saturating_sub(before) as f64 / shape.connections as f64;
    Ok(vec![growth(later), growth(at_once)])
}

/// Opens connections with one request each. The client sends many requests before it reads the answers,
/// so that the load ends before a server frees the first buffers. The number of these requests does not
/// exceed the listener's queue.
fn served(process: &ServerProcess, shape: &Shape, count: usize) -> io::Result<Vec<Client>> {
    let mut clients = Vec::with_capacity(count);
    while clients.len() < count {
        let first = clients.len();
        for _ in first..count.min(first + AT_ONCE) {
            let mut client = Client::connect(process.address, shape)?;
            client.send_whole()?;
            clients.push(client);
        }
        clients[first..].iter_mut().try_for_each(Client::receive_whole)?;
    }
    Ok(clients)
}
