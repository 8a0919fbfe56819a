//! UDP: one task answers everybody.
//!
//! Anybody can forge the sender of a datagram, and the answer goes to whom it names. Listen on a loopback address unless
//! you know who else can reach the port.

use std::io::ErrorKind::{ConnectionRefused, ConnectionReset};
use std::rc::Rc;
use std::time::Duration;

use oneloop::net::UdpSocket;
use oneloop::time::sleep;

use crate::shared::Shared;

/// Whatever hinders a socket from receiving, it goes on hindering it for a while.
const PAUSE: Duration = Duration::from_millis(100);

pub async fn echo(socket: UdpSocket, shared: Rc<Shared>) {
    // It waits with the buffer at hand, so it has one of its own.
    let mut buffer = shared.buffer().clone();
    loop {
        let (length, peer) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            // News of an earlier answer, which reached nobody.
            Err(error) if matches!(error.kind(), ConnectionRefused | ConnectionReset) => continue,
            Err(_) => {
                sleep(PAUSE).await;
                continue;
            }
        };
        // An answer that can't be sent (to port 0, to a network that is gone) is lost, as datagrams may be.
        if socket.send_to(&buffer[..length], peer).await.is_ok() {
            shared.echoed_datagram(length);
        }
    }
}
