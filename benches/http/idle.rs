//! The memory of connections that wait.

use std::io;
use std::time::Duration;

use super::Shape;
use super::client::Client;
use crate::child::ServerProcess;
use crate::sys::Memory;

/// Connections before anything is counted: what a server needs once is no cost of the others.
const FIRST_CONNECTIONS: usize = 16;
/// How many requests are sent before their answers are read.
const AT_ONCE: usize = 1_000;
/// How long the connections have waited when the memory is looked at again.
pub const PAUSE: Duration = Duration::from_secs(5);

/// What the server grew by, in resident bytes for each connection: after [`PAUSE`], and at once. What the kernel needs
/// for a socket is not in it.
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

/// Connections that had a request each. Many are sent before their answers are read, so that the load is done before a
/// server gives up the first buffers; but no more than the listener's queue holds.
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
