//! The limit: a hand-written epoll loop with one buffer and without futures.

use std::io::{self, ErrorKind};
use std::net::{TcpListener, TcpStream};

use slab::Slab;

use super::connection::{Connection, Next};
use crate::epoll::{BOTH_EDGES, Epoll, INPUT, READ_CLOSED};

const LISTENER: u64 = u64::MAX;

pub fn serve(listener: TcpListener, buffer_bytes: usize) -> io::Result<()> {
    let mut epoll = Epoll::new()?;
    epoll.add(&listener, LISTENER, INPUT | libc::EPOLLET)?;
    let mut connections: Slab<Connection<TcpStream>> = Slab::new();
    let mut buffer = vec![0; buffer_bytes];
    let mut arrived = false;
    loop {
        for event in epoll.wait(None)? {
            if event.u64 == LISTENER {
                arrived = true;
                continue;
            }
            let key = event.u64 as usize;
            let read_closed = event.events & READ_CLOSED != 0;
            let Some(connection) = connections.get_mut(key) else { continue };
            if connection.turn(&mut buffer, read_closed) == Next::Close {
                connections.remove(key);
            }
        }
        if std::mem::take(&mut arrived) {
            accept_all(&listener, &epoll, &mut connections)?;
        }
    }
}

fn accept_all(
    listener: &TcpListener,
    epoll: &Epoll,
    connections: &mut Slab<Connection<TcpStream>>,
) -> io::Result<()> {
    loop {
        match accept(listener) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                let entry = connections.vacant_entry();
                epoll.add(&stream, entry.key() as u64, BOTH_EDGES)?;
                entry.insert(Connection::new(stream));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Accepts a non-blocking connection with one system call. The standard library's `accept` needs a
/// second one.
fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    socket2::SockRef::from(listener).accept4(flags).map(|(socket, _)| socket.into())
}
