//! The load for a server whose instructions are counted: the same order of events in every run.
//!
//! How many events one `epoll_wait` returns depends on who is faster, server or load, and each wait costs instructions.
//! So the load decides it. Server and load share one core, and the server's scheduling class is `SCHED_BATCH`, which does
//! not preempt: the load sends on all connections, then it waits for the answers, and the server finds all messages at
//! once. The load sends the next messages when the server sleeps again.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use oneloop_bench::sys;
use socket2::SockRef;

use crate::child::ServerProcess;
use crate::http::client::Client;
use crate::http::{Method, Shape, Version};
use crate::servers::{Case, Kind, connect};

/// A listener whose connections come with their first message: which of the two the server sees first is otherwise a
/// matter of time.
pub fn listen() -> io::Result<TcpListener> {
    let listener = connect::listen(0)?;
    sys::accept_with_message(&listener)?;
    Ok(listener)
}

/// How many volleys the short and the long run of a case have. A volley is one message on each connection.
pub fn volleys(case: &Case) -> [usize; 2] {
    let long = match case.kind {
        Kind::Churn(_) => 500,
        _ => 4_000 / case.shape().connections.min(10),
    };
    [long / 10, long]
}

/// Loads a server; returns the number of operations.
pub fn load(process: &ServerProcess, case: &Case, volleys: usize) -> io::Result<usize> {
    let shape = case.shape();
    let message = vec![b'x'; shape.message_bytes];
    if let Kind::Churn(_) = case.kind {
        for _ in 0..volleys {
            let stream = connected(process, case)?;
            volley(process, &[stream], &message)?;
            // The client has closed its side, and the server closes the connection now.
            asleep(process)?;
        }
        return Ok(volleys);
    }
    let mut streams = Vec::with_capacity(shape.connections);
    for _ in 0..shape.connections {
        streams.push(connected(process, case)?);
        // One more each time: the table of the server's connections grows in the same steps in every run.
        volley(process, &streams, &message)?;
    }
    for _ in 0..volleys {
        volley(process, &streams, &message)?;
    }
    Ok(volleys * streams.len())
}

/// The same for an HTTP server: a volley is a batch of requests on each connection.
///
/// A connection of HTTP/1.1 pays less at first: hyper takes the heads of requests out of the connection's first buffer,
/// and allocates for each request only when that is used up. The difference of the two runs is to be in that state,
/// which the 16 KiB of a server on tokio reach after some 220 of these requests.
pub fn http_volleys(shape: &Shape) -> [usize; 2] {
    let more = match shape.method {
        Method::Get => (2_000 / (shape.connections * shape.streams)).max(40),
        Method::Post => 200,
    };
    let short = if shape.version == Version::Http1 { 300 } else { 10 };
    [short, short + more]
}

/// Loads an HTTP server; returns the number of requests.
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
    // It ends as most do: in order.
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
            return Err(io::Error::other("the answer is not the message"));
        }
    }
    asleep(process)
}

/// Waits until the server sleeps. A server that never does is not waited for: its count varies a little more.
fn asleep(process: &ServerProcess) -> io::Result<()> {
    const LOOK_EVERY: Duration = Duration::from_micros(20);
    const WAIT_MAX: Duration = Duration::from_millis(50);
    let start = Instant::now();
    while !sys::is_asleep(process.id())? && start.elapsed() < WAIT_MAX {
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}
