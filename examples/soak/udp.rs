//! UDP: numbered datagrams and their answers.

use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use oneloop::net::UdpSocket;
use oneloop::time::timeout;

use crate::check::{Check, Pattern};
use crate::servers::Addresses;
use crate::work::{Done, During, Soak};

const WORKERS: usize = 4;

const DATAGRAM_BYTES_MAX: usize = 8 * 1024;

/// The time limit for an answer. Datagrams may be lost, also on the way to the same machine. The client
/// sends a datagram without an answer again, a few times.
const ANSWER: Duration = Duration::from_secs(2);
const ATTEMPTS_MAX: usize = 5;

pub async fn start(soak: &Rc<Soak>, servers: &Addresses) -> Result<(), String> {
    let tally = soak.kind("UDP");
    for _ in 0..WORKERS {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.during("binding a UDP socket")?;
        socket.connect(servers.udp).await.during("connecting a UDP socket")?;
        let mut client = Client { socket, server: servers.udp, pattern: soak.pattern.clone(), number: 0 };
        soak.worker(&tally, async move |rng| client.exchange(rng).await);
    }
    Ok(())
}

struct Client {
    socket: UdpSocket,
    server: SocketAddr,
    pattern: Pattern,
    /// The number of the last datagram. Each datagram begins with its own, so the client recognises a
    /// late answer to another one.
    number: u64,
}

impl Client {
    async fn exchange(&mut self, rng: &mut Rng) -> Result<Done, String> {
        self.number += 1;
        let mut datagram = self.number.to_le_bytes().to_vec();
        datagram.extend_from_slice(self.pattern.message(rng, DATAGRAM_BYTES_MAX));
        for _ in 0..ATTEMPTS_MAX {
            let sent = if rng.bool() {
                self.socket.send(&datagram).await
            } else {
                self.socket.send_to(&datagram, self.server).await
            };
            // On a connected socket some systems refuse an address, even the right one.
            if sent.is_err() {
                self.socket.send(&datagram).await.during("sending")?;
            }
            if let Ok(answer) = timeout(ANSWER, self.answer(&datagram)).await {
                return Done::bytes(answer?);
            }
        }
        Err(format!("{ATTEMPTS_MAX} times no answer within {ANSWER:?}"))
    }

    async fn answer(&self, datagram: &[u8]) -> Result<u64, String> {
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX + 9];
        loop {
            let length = self.socket.recv(&mut buffer).await.during("receiving")?;
            let number = buffer.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
            if length >= 8 && number.is_some_and(|number| number < self.number) {
                continue; // the answer to a datagram that was sent again
            }
            let mut check = Check::new(datagram);
            check.take(&buffer[..length])?;
            return check.end();
        }
    }
}
