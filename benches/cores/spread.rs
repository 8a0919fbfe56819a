//! Measures how evenly the connections are spread over the cores.

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;

use oneloop_bench::table::{Table, ratio};

use crate::servers::Server;

const CONNECTIONS: [usize; 4] = [10, 100, 1000, 10_000];
const SERVERS: [&str; 4] = [
    "oneloop, 2 cores, kernel",
    "oneloop, 2 cores, least",
    "oneloop, 8 cores, kernel",
    "oneloop, 8 cores, least",
];

pub fn compare() -> Result<(), Box<dyn Error>> {
    let header = ["server", "connections", "fewest", "most", "most to mean"].map(str::to_owned).to_vec();
    let mut table = Table::new("connections of a core", header);
    for name in SERVERS {
        for count in CONNECTIONS {
            let accepted = accepted(name, count)?;
            let (fewest, most) = (accepted.iter().min(), accepted.iter().max());
            let (fewest, most) = (fewest.copied().unwrap_or(0), most.copied().unwrap_or(0));
            let sum: u64 = accepted.iter().sum();
            if sum != count as u64 {
                return Err(format!("{name}: the server accepted {sum} of {count} connections").into());
            }
            let imbalance = most as f64 * accepted.len() as f64 / count as f64;
            let cells = [count.to_string(), fewest.to_string(), most.to_string(), ratio(imbalance, 2)];
            table.row([name.to_owned()].into_iter().chain(cells).collect());
        }
    }
    println!("{table}");
    Ok(())
}

/// Opens `count` connections, sends a byte on each and reads the answer. Returns the number of
/// connections that each core accepted.
fn accepted(name: &str, count: usize) -> Result<Vec<u64>, Box<dyn Error>> {
    let server = Server::start(name)?;
    let mut streams = Vec::with_capacity(count);
    for _ in 0..count {
        let mut stream = TcpStream::connect(server.address)?;
        stream.write_all(b"x")?;
        stream.read_exact(&mut [0])?;
        streams.push(stream);
    }
    drop(streams);
    Ok(server.accepted()?)
}
