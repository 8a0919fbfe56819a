//! The load for a server whose instructions are counted. The order of events is the same in every run.
//!
//! The number of events that one `epoll_wait` returns depends on the speeds of server and load, and each
//! wait costs instructions. So the load fixes this number. Server and load share one core, and the
//! server's scheduling class is `SCHED_BATCH`, which does not preempt the load. The load sends on all
//! connections, then it waits for the answers, and one wait of the server returns all messages. The load
//! sends the next messages when the server sleeps again.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use oneloop_bench::sys;
use socket2::SockRef;

use crate::child::ServerProcess;
use crate::http::client::Client;
use crate::http::{Method, Shape, Version};
use crate::servers::{Case, Kind, connect};

/// Returns a listener that accepts a connection only with its first message. Without this option, the
/// order of the two events differs from run to run.
pub fn listen() -> io::Result<TcpListener> {
    let listener = connect::listen(0)?;
    sys::accept_with_message(&listener)?;
    Ok(listener)
}

/// Returns the numbers of volleys of the short and of the long run of a case. A volley is one message on
/// each connection.
pub fn volleys(case: &Case) -> [usize; 2] {
    let long = match case.kind {
        Kind::Churn(_) => 500,
        _ => 4_000 / case.shape().connections.min(10),
    };
    [long / 10, long]
}

/// Runs the load against a server. Returns the number of operations.
pub fn load(process: &ServerProcess, case: &Case, volleys: usize) -> io::Result<usize> {
    let shape = case.shape();
    let message = vec![b'x'; shape.message_bytes];
    if let Kind::Churn(_) = case.kind {
        for _ in 0..volleys {
            let stream = connected(process, case)?;
            volley(process, &[stream], &message)?;
            // The client has closed its side. The server closes the connection before it sleeps.
            asleep(process)?;
        }
        return Ok(volleys);
    }
    let mut streams = Vec::with_capacity(shape.connections);
    for _ in 0..shape.connections {
        streams.push(connected(process, case)?);
        // Each volley has one connection more, so that the server's table of connections grows in the
        // same steps in every run.
        volley(process, &streams, &message)?;
    }
    for _ in 0..volleys {
        volley(process, &streams, &message)?;
    }
    Ok(volleys * streams.len())
}

/// Returns the numbers of volleys for an HTTP server. A volley is a batch of requests on each
/// connection.
///
/// The first requests of a connection of HTTP/1.1 cost less. hyper takes the heads of requests out of
/// the connection's first buffer, and allocates for each request only after this buffer is used up. A
/// server on tokio, whose buffer has 16 KiB, reaches this state after about 220 of these requests. So
/// the short run is longer than that, and the difference of the two runs lies in this state.
pub fn http_volleys(shape: &Shape) -> [usize; 2] {
    let more = match shape.method {
        Method::Get => (2_000 / (shape.connections * shape.streams)).max(40),
        Method::Post => 200,
    };
    let short = if shape.version == Version::Http1 { 300 } else { 10 };
    [short, short + more]
}

/// Runs the load against an HTTP server. Returns the number of requests.
pub fn load_http(process: &ServerProcess, shape: &Shape, volleys: usize) -> io::Result<usize> {
    let mut clients = Vec::with_capacity(shape.connections);
    for _ in 0..shape.connections {
        clients.push(Client::connect(process.address, shape)?);
        http_volley(process, &mut clients)?;
    }
    for _ in 0..volleys {
        http_volley(process, &mut clients)?;
    }
    Ok(volleys * clients.len() * shape.streams)
}

fn http_volley(process: &ServerProcess, clients: &mut [Client]) -> io::Result<()> {
    clients.iter_mut().try_for_each(Client::send_whole)?;
    clients.iter_mut().try_for_each(Client::receive_whole)?;
    asleep(process)
}

fn connected(process: &ServerProcess, case: &Case) -> io::Result<TcpStream> {
    let mut streams = connect::connect(process.address, 1, case.shape())?;
    let stream = streams.pop().ok_or(io::ErrorKind::NotConnected)?;
    // Without the linger option the connection ends with FIN, as most connections do, and not with RST.
    SockRef::from(&stream).set_linger(None)?;
    Ok(stream)
}

/// Sends a message on each connection, reads the answers and waits until the server sleeps.
fn volley(process: &ServerProcess, streams: &[TcpStream], message: &[u8]) -> io::Result<()> {
    streams.iter().try_for_each(|mut stream| stream.write_all(message))?;
    let mut answer = vec![0; message.len()];
    for mut stream in streams {
        stream.read_exact(&mut answer)?;
        if answer != message {
            return Err(io::Error::other("the answer differs from the message"));
        }
    }
    asleep(process)
}

/// Waits until the server sleeps, for at most 50 ms. If a server never sleeps, its count varies a little
/// more.
fn asleep(process: &ServerProcess) -> io::Result<()> {
    const LOOK_EVERY: Duration = Duration::from_micros(20);
    const WAIT_MAX: Duration = Duration::from_millis(50);
    let start = Instant::now();
    while !sys::is_asleep(process.id())? && start.elapsed() < WAIT_MAX {
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}
