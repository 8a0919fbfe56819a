//! UDP: one task answers all clients.
//!
//! The sender of a datagram can be forged, and the answer goes to the address that the datagram names.
//! Listen on a loopback address unless you know which machines can reach the port.

use std::io::ErrorKind::{ConnectionRefused, ConnectionReset};
use std::rc::Rc;
use std::time::Duration;

use oneloop::net::UdpSocket;
use oneloop::time::sleep;

use crate::shared::Shared;

/// The pause after a failure to receive. Its cause usually lasts for a while.
const PAUSE: Duration = Duration::from_millis(100);

pub async fn echo(socket: UdpSocket, shared: Rc<Shared>) {
    // The task holds the buffer while it waits, so it needs a buffer of its own.
    let mut buffer = shared.buffer().clone();
    loop {
        let (length, peer) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            // These errors report that an earlier answer reached no client.
            Err(error) if matches!(error.kind(), ConnectionRefused | ConnectionReset) => continue,
            Err(_) => {
                sleep(PAUSE).await;
                continue;
            }
        };
        // An answer that can't be sent (to port 0, to a network that is down) is lost, as datagrams may
        // be.
        if socket.send_to(&buffer[..length], peer).await.is_ok() {
            shared.echoed_datagram(length);
        }
    }
}
