//! Accepts from the queue of a port's socket after the stop.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use oneloop::net::TcpListener;
use socket2::SockRef;

/// Accepts the connections that came before the stop. It does not ask the loop for readiness, because
/// only a call of `accept` shows for certain that the queue is empty.
///
/// The number of connections is bounded by the capacity of the queue. Clients that keep connecting
/// therefore do not delay the stop.
pub(crate) struct Rest {
    listener: TcpListener,
    left: u32,
}

impl Rest {
    /// Linux queues one connection more than the backlog (`sk_acceptq_is_full` in `include/net/sock.h`),
    /// so the bound is the backlog plus one.
    pub(crate) fn new(listener: TcpListener, backlog: u32) -> Rest {
        Rest { listener, left: backlog.saturating_add(1) }
    }

    /// Returns the next connection, or `None` if the queue is empty. Skips broken connections.
    pub(crate) fn accept(&mut self) -> io::Result<Option<(std::net::TcpStream, SocketAddr)>> {
        while self.left > 0 {
            match SockRef::from(&self.listener).accept() {
                Ok((socket, peer)) => {
                    self.left -= 1;
                    let peer = peer.as_socket().ok_or(ErrorKind::InvalidData)?;
                    return Ok(Some((socket.into(), peer)));
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset => self.left -= 1,
                    ErrorKind::WouldBlock => break,
                    _ => return Err(error),
                },
            }
        }
        Ok(None)
    }
}
