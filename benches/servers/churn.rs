//! Connections that carry one message each.
//!
//! As for most connections, the client closes first, with FIN. Each connection then stays in the
//! kernel's table for a minute. So their number is bounded, and they come from several loopback
//! addresses, because each address has ports of its own.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::{STALL, Shape, connect, cost, hung_up, stalled, verify};
use crate::child::ServerProcess;
use crate::epoll::{BOTH_EDGES, Epoll};
use crate::sys;

/// The number of connections that are open at a time.
const OPEN: usize = 64;
/// The maximum number of connections of a measurement.
const CONNECTIONS_MAX: u64 = 30_000;
const WARM_UP_CONNECTIONS_MAX: u64 = 10_000;
/// The number of loopback addresses that the clients use.
const SOURCES: u64 = 4;

pub fn measure(
    process: &ServerProcess,
    shape: &Shape,
    warm_up: Duration,
    time: Duration,
) -> io::Result<Vec<f64>> {
    verify::bulk_and_half_close(process.address)?;
    verify::every_byte(&connect::connect(process.address, OPEN, shape)?, shape.batch_bytes())?;
    let mut clients = Clients::new(process.address, shape)?;
    clients.run(warm_up, WARM_UP_CONNECTIONS_MAX)?;
    cost::of(process, || clients.run(time, CONNECTIONS_MAX))
}

struct Clients {
    epoll: Epoll,
    server: SocketAddr,
    slots: Vec<Option<Client>>,
    /// The number of connections that were opened since the start.
    made: u64,
    message: Vec<u8>,
    buffer: Vec<u8>,
}

struct Client {
    stream: TcpStream,
    sent: bool,
    received: usize,
}

impl Clients {
    fn new(server: SocketAddr, shape: &Shape) -> io::Result<Clients> {
        let slots = (0..OPEN).map(|_| None).collect();
        let (message, buffer) = (vec![b'x'; shape.batch_bytes()], vec![0; shape.buffer_bytes]);
        Ok(Clients { epoll: Epoll::new()?, server, slots, made: 0, message, buffer })
    }

    /// Opens connections until `time` is over or their number reaches `connections_max`, and waits for
    /// the last of them. Returns their number.
    fn run(&mut self, time: Duration, connections_max: u64) -> io::Result<u64> {
        let end = Instant::now() + time;
        let first = self.made;
        for slot in 0..OPEN {
            self.open(slot)?;
        }
        let mut open = OPEN;
        let mut ready = Vec::with_capacity(OPEN);
        while open > 0 {
            ready.clear();
            ready.extend(self.epoll.wait(Some(STALL))?.iter().map(|event| event.u64 as usize));
            if ready.is_empty() {
                return Err(stalled());
            }
            let more = Instant::now() < end;
            for &slot in &ready {
                let Some(client) = &mut self.slots[slot] else { continue };
                if !client.turn(&self.message, &mut self.buffer)? {
                    continue;
                }
                // Dropping the client closes the connection.
                self.slots[slot] = None;
                if more && self.made - first < connections_max {
                    self.open(slot)?;
                } else {
                    open -= 1;
                }
            }
        }
        Ok(self.made - first)
    }

    fn open(&mut self, slot: usize) -> io::Result<()> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking(), None)?;
        socket.set_tcp_nodelay(true)?;
        sys::choose_port_late(&socket)?;
        let source = Ipv4Addr::new(127, 0, 0, 1 + (self.made % SOURCES) as u8);
        socket.bind(&SocketAddr::from((source, 0)).into())?;
        match socket.connect(&self.server.into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
            Err(error) => return Err(error),
        }
        let stream = TcpStream::from(socket);
        self.epoll.add(&stream, slot as u64, BOTH_EDGES)?;
        self.slots[slot] = Some(Client { stream, sent: false, received: 0 });
        self.made += 1;
        Ok(())
    }
}

impl Client {
    /// Sends or receives without blocking. Returns `true` when the whole answer has arrived.
    fn turn(&mut self, message: &[u8], buffer: &mut [u8]) -> io::Result<bool> {
        let outcome = if self.sent { self.stream.read(buffer) } else { self.stream.write(message) };
        match outcome {
            Ok(0) => Err(hung_up()),
            Ok(count) if self.sent => {
                self.received += count;
                Ok(self.received == message.len())
            }
            Ok(count) if count == message.len() => {
                self.sent = true;
                Ok(false)
            }
            Ok(_) => Err(io::Error::other("the socket took only a part of a message")),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }
}
