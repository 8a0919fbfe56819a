//! Round trips of messages on connections that stay open. Each connection has one batch at a time, which
//! is one message or several.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::{STALL, Shape, connect, cost, hung_up, stalled, verify};
use crate::child::ServerProcess;
use crate::epoll::{BOTH_EDGES, Epoll};

pub fn measure(
    process: &ServerProcess,
    shape: &Shape,
    warm_up: Duration,
    time: Duration,
) -> io::Result<Vec<f64>> {
    let streams = connect::connect(process.address, shape.connections, shape)?;
    verify::bulk_and_half_close(process.address)?;
    verify::every_byte(&streams, shape.batch_bytes())?;
    let mut load = Load::start(streams, shape)?;
    load.run(warm_up)?;
    let mut figures = cost::of(process, || load.run(time).map(|batches| batches * shape.units_per_batch))?;
    let latency_us = |quantile| load.latencies_ns.value_at_quantile(quantile) as f64 / 1e3;
    figures.extend([0.5, 0.99, 0.999].map(latency_us));
    Ok(figures)
}

/// The load generator. It is one thread with one hand-written loop, and needs two system calls and one
/// reading of the clock per batch.
///
/// One write sends a whole batch, as in clients with pipelining. If each message had a write of its own,
/// a slow server would receive more messages with one read than a fast server, and its cost per message
/// would be lower.
struct Load {
    epoll: Epoll,
    connections: Vec<Connection>,
    batch: Vec<u8>,
    buffer: Vec<u8>,
    /// The times from the first sent byte to the last received byte of a batch. The loop is closed: it
    /// sends fewer messages while a server stalls. So the percentiles show less of a stall than with
    /// messages at fixed times.
    latencies_ns: Histogram<u64>,
}

struct Connection {
    stream: TcpStream,
    sent_at: Instant,
    /// The number of bytes of the batch that are sent.
    sent: usize,
    /// The number of bytes of the answer that are received.
    received: usize,
}

impl Load {
    /// Sends the first batch on every connection.
    fn start(streams: Vec<TcpStream>, shape: &Shape) -> io::Result<Load> {
        let epoll = Epoll::new()?;
        for (token, stream) in streams.iter().enumerate() {
            stream.set_nonblocking(true)?;
            epoll.add(stream, token as u64, BOTH_EDGES)?;
        }
        let sent_at = Instant::now();
        let connection = |stream| Connection { stream, sent_at, sent: 0, received: 0 };
        let connections = streams.into_iter().map(connection).collect();
        let batch = vec![b'x'; shape.batch_bytes()];
        let buffer = vec![0; shape.buffer_bytes];
        // The histogram has values up to a minute, with three significant digits.
        let latencies_ns = Histogram::new_with_max(60_000_000_000, 3).map_err(io::Error::other)?;
        let mut load = Load { epoll, connections, batch, buffer, latencies_ns };
        load.connections.iter_mut().try_for_each(|connection| connection.send(&load.batch))?;
        Ok(load)
    }

    /// Keeps every connection busy for `time`. Returns the number of batches with complete answers in
    /// this time.
    fn run(&mut self, time: Duration) -> io::Result<u64> {
        self.latencies_ns.clear();
        let end = Instant::now() + time;
        let mut batches = 0;
        while Instant::now() < end {
            let events = match self.connections.len() {
                // With one connection a sleeping client would add its own wake-up to every round trip,
                // and hide that of the server.
                1 => self.epoll.wait_busily(STALL)?,
                _ => self.epoll.wait(Some(STALL))?,
            };
            if events.is_empty() {
                return Err(stalled());
            }
            for event in events {
                let connection = &mut self.connections[event.u64 as usize];
                if connection.turn(&self.batch, &mut self.buffer)? {
                    batches += 1;
                    let now = Instant::now();
                    let latency_ns = now.duration_since(connection.sent_at).as_nanos() as u64;
                    self.latencies_ns.saturating_record(latency_ns);
                    (connection.sent_at, connection.sent, connection.received) = (now, 0, 0);
                    connection.send(&self.batch)?;
                }
            }
        }
        Ok(batches)
    }
}

impl Connection {
    /// Sends as much of the rest of the batch as the socket takes.
    fn send(&mut self, batch: &[u8]) -> io::Result<()> {
        while self.sent < batch.len() {
            match self.stream.write(&batch[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sends and receives without blocking. Returns `true` when the whole answer has arrived.
    fn turn(&mut self, batch: &[u8], buffer: &mut [u8]) -> io::Result<bool> {
        self.send(batch)?;
        match self.stream.read(buffer) {
            Ok(0) => return Err(hung_up()),
            // The buffer has space for a whole answer. So this read either completes the answer, or has
            // drained the socket. In the second case the next byte causes the next edge.
            Ok(count) => self.received += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        if self.received > batch.len() {
            return Err(io::Error::other("the answer is longer than the message"));
        }
        Ok(self.received == batch.len())
    }
}
