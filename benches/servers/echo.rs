//! Many connections, each with one message on the way.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::{BUFFER_BYTES, MESSAGE_BYTES, STALL, figures, hung_up, stalled, verify, warm_up};
use crate::child::ServerProcess;
use crate::epoll::{BOTH_EDGES, Epoll};

/// After so many connections the client waits until the server has accepted them: its queue is not endless.
const ACCEPT_QUEUE: usize = 1_000;

pub fn measure(process: &ServerProcess, connections: usize, time: Duration) -> io::Result<Vec<f64>> {
    let streams = connect(process.address, connections)?;
    verify::bulk_and_half_close(process.address)?;
    verify::every_byte(&streams)?;
    let mut load = Load::start(streams)?;
    load.run(warm_up(time))?;
    figures(process, || load.run(time))
}

fn connect(address: SocketAddr, count: usize) -> io::Result<Vec<TcpStream>> {
    let mut streams = Vec::with_capacity(count);
    for number in 1..=count {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(STALL))?;
        if number % ACCEPT_QUEUE == 0 {
            verify::every_byte(std::slice::from_ref(&stream))?;
        }
        streams.push(stream);
    }
    Ok(streams)
}

/// The load generator: one thread, one hand-written loop, two system calls per round trip.
struct Load {
    epoll: Epoll,
    connections: Vec<Connection>,
    buffer: [u8; BUFFER_BYTES],
}

struct Connection {
    stream: TcpStream,
    /// How much of the answer is here.
    received: usize,
}

const MESSAGE: [u8; MESSAGE_BYTES] = [b'x'; MESSAGE_BYTES];

impl Load {
    /// Sends the first message on every connection.
    fn start(streams: Vec<TcpStream>) -> io::Result<Load> {
        let epoll = Epoll::new()?;
        for (token, stream) in streams.iter().enumerate() {
            stream.set_nonblocking(true)?;
            epoll.add(stream, token as u64, BOTH_EDGES)?;
        }
        let connections = streams.into_iter().map(|stream| Connection { stream, received: 0 }).collect();
        let mut load = Load { epoll, connections, buffer: [0; BUFFER_BYTES] };
        load.connections.iter_mut().try_for_each(Connection::send)?;
        Ok(load)
    }

    /// Keeps every connection busy for `time`. Returns the number of round trips that ended in it.
    fn run(&mut self, time: Duration) -> io::Result<u64> {
        let end = Instant::now() + time;
        let mut round_trips = 0;
        while Instant::now() < end {
            let events = self.epoll.wait(Some(STALL))?;
            if events.is_empty() {
                return Err(stalled());
            }
            for event in events {
                let connection = &mut self.connections[event.u64 as usize];
                round_trips += connection.receive(&mut self.buffer)?;
            }
        }
        Ok(round_trips)
    }
}

impl Connection {
    fn send(&mut self) -> io::Result<()> {
        // Only one message is on the way, so the socket's buffer has room for it.
        let sent = self.stream.write(&MESSAGE)?;
        if sent == MESSAGE.len() { Ok(()) } else { Err(io::Error::other("a message was sent in part")) }
    }

    /// Reads what has arrived, and sends the next message when the answer is whole. Returns the round trips that
    /// ended: one or none.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<u64> {
        match self.stream.read(buffer) {
            Ok(0) => return Err(hung_up()),
            // Less than the buffer holds: there is no more, and the next byte brings the next edge.
            Ok(count) => self.received += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        match self.received {
            MESSAGE_BYTES => {
                self.received = 0;
                self.send().map(|()| 1)
            }
            0..MESSAGE_BYTES => Ok(0),
            _ => Err(io::Error::other("the answer is longer than the message")),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // A reset instead of an orderly end: ten thousand closed connections would otherwise stay in the kernel for
        // a minute. A failure changes no figure.
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }
}
