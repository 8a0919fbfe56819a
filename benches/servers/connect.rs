//! The sockets of both sides.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef, Socket, Type};

use super::{STALL, Shape, verify};

/// The number of connections after which the client waits until the server has accepted them, because
/// the server's queue is limited.
const ACCEPT_QUEUE: usize = 1_000;

/// Returns a listener that the server process inherits. The queue of the standard library's listener is
/// too short for 10,000 clients.
pub fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    bind(&socket, SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    socket.listen(4096)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Binds the socket, and waits for the address if it is in use. The kernel closes the sockets of an
/// io_uring some time after its process has ended.
fn bind(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    let give_up_at = Instant::now() + STALL;
    loop {
        match socket.bind(&address.into()) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < give_up_at => {
                std::thread::sleep(Duration::from_millis(10));
            }
            outcome => return outcome,
        }
    }
}

/// Opens `count` connections to a server. They are blocking, with a time limit for reads and writes.
pub fn connect(address: SocketAddr, count: usize, shape: &Shape) -> io::Result<Vec<TcpStream>> {
    let mut streams = Vec::with_capacity(count);
    for number in 1..=count {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(STALL))?;
        stream.set_write_timeout(Some(STALL))?;
        // The connection ends with a reset. With FIN, ten thousand closed connections would stay in the
        // kernel's table for a minute.
        SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        if number % ACCEPT_QUEUE == 0 {
            verify::every_byte(std::slice::from_ref(&stream), shape.batch_bytes())?;
        }
        streams.push(stream);
    }
    Ok(streams)
}
