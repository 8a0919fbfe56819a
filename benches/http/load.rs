//! The load of requests one after the other on connections that stay open.

use std::io;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::Shape;
use super::client::Client;
use crate::child::ServerProcess;
use crate::epoll::{BOTH_EDGES, Epoll};
use crate::servers::{STALL, cost, stalled};

pub fn measure(
    process: &ServerProcess,
    shape: &Shape,
    warm_up: Duration,
    time: Duration,
) -> io::Result<Vec<f64>> {
    let mut clients = Vec::with_capacity(shape.connections);
    for _ in 0..shape.connections {
        let mut client = Client::connect(process.address, shape)?;
        client.send_whole()?;
        client.receive_whole()?;
        clients.push(client);
    }
    let mut load = Load::start(clients)?;
    load.run(warm_up)?;
    let mut figures = cost::of(process, || load.run(time).map(|batches| batches * shape.streams as u64))?;
    let latency_us = |quantile| load.latencies_ns.value_at_quantile(quantile) as f64 / 1e3;
    figures.extend([0.5, 0.99, 0.999].map(latency_us));
    Ok(figures)
}

/// The load generator. As for the echo servers, it is one thread with one hand-written loop.
struct Load {
    epoll: Epoll,
    /// The connections, each with the start time of its batch.
    clients: Vec<(Client, Instant)>,
    buffer: Vec<u8>,
    /// The times from the first byte of a batch to the last byte of its last answer.
    latencies_ns: Histogram<u64>,
}

impl Load {
    /// Sends the first batch on every connection.
    fn start(clients: Vec<Client>) -> io::Result<Load> {
        let epoll = Epoll::new()?;
        let now = Instant::now();
        let mut clients: Vec<(Client, Instant)> = clients.into_iter().map(|client| (client, now)).collect();
        for (token, (client, _)) in clients.iter_mut().enumerate() {
            client.stream.set_nonblocking(true)?;
            epoll.add(&client.stream, token as u64, BOTH_EDGES)?;
            client.start()?;
        }
        let latencies_ns = Histogram::new_with_max(60_000_000_000, 3).map_err(io::Error::other)?;
        Ok(Load { epoll, clients, buffer: vec![0; 16 * 1024], latencies_ns })
    }

    /// Keeps every connection busy for `time`. Returns the number of batches with complete answers in
    /// this time.
    fn run(&mut self, time: Duration) -> io::Result<u64> {
        self.latencies_ns.clear();
        let end = Instant::now() + time;
        let mut batches = 0;
        while Instant::now() < end {
            let events = match self.clients.len() {
                // With one connection a sleeping client would add its own wake-up to every round trip,
                // and hide that of the server.
                1 => self.epoll.wait_busily(STALL)?,
                _ => self.epoll.wait(Some(STALL))?,
            };
            if events.is_empty() {
                return Err(stalled());
            }
            for event in events {
                let (client, began_at) = &mut self.clients[event.u64 as usize];
                if client.turn(&mut self.buffer)? {
                    batches += 1;
                    let now = Instant::now();
                    self.latencies_ns.saturating_record(now.duration_since(*began_at).as_nanos() as u64);
                    *began_at = now;
                    client.start()?;
                }
            }
        }
        Ok(batches)
    }
}
