//! Makes the sockets of a port. The first socket excludes a second instance, and the sockets of the
//! other cores join it.
//!
//! `SO_REUSEPORT` lets every process of the same user join a port, so a second instance that a user
//! starts by mistake would silently take half of the connections. On Linux the first socket therefore
//! binds *and listens* without the option, and of two processes the kernel lets exactly one listen. The
//! socket gets the option only after that, and the sockets of the other cores join it. The kernel adds
//! the first listener to the group when the next one joins (`reuseport_add_sock` in
//! `net/core/sock_reuseport.c`).
//!
//! FreeBSD adds a socket to its group by the option that the socket has when it binds. On FreeBSD,
//! a socket without the option tries the port first and is closed. Two instances that start within the
//! same microseconds may therefore both succeed.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

use super::options::{ListenOptions, Spread};

/// Binds the port's first socket.
pub(crate) fn first(addr: SocketAddr, options: &ListenOptions) -> io::Result<TcpListener> {
    match options.spread {
        Spread::Kernel if !Spread::KERNEL => {
            let text = "Spread::Kernel is not supported on this system; use Spread::LeastLoaded";
            Err(io::Error::new(io::ErrorKind::Unsupported, text))
        }
        Spread::LeastLoaded if options.shared => {
            let text = "ListenOptions::shared needs Spread::Kernel";
            Err(io::Error::new(io::ErrorKind::InvalidInput, text))
        }
        Spread::Kernel if options.shared => member(addr, options),
        Spread::Kernel => first_alone(addr, options),
        Spread::LeastLoaded => listening(socket(addr)?, addr, options),
    }
}

/// Binds a further socket to a port that has one.
pub(crate) fn member(addr: SocketAddr, options: &ListenOptions) -> io::Result<TcpListener> {
    let socket = socket(addr)?;
    join_group(&socket)?;
    listening(socket, addr, options)
}

#[cfg(not(target_os = "freebsd"))]
fn first_alone(addr: SocketAddr, options: &ListenOptions) -> io::Result<TcpListener> {
    let listener = listening(socket(addr)?, addr, options)?;
    join_group(&socket2::SockRef::from(&listener))?;
    Ok(listener)
}

#[cfg(target_os = "freebsd")]
fn first_alone(addr: SocketAddr, options: &ListenOptions) -> io::Result<TcpListener> {
    let alone = listening(socket(addr)?, addr, options)?;
    let addr = alone.local_addr()?;
    drop(alone);
    member(addr, options)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn join_group(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_port(true)
}

#[cfg(target_os = "freebsd")]
fn join_group(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_port_lb(true)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
fn join_group(_socket: &Socket) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn socket(addr: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    // With this option a new listener can bind the address while connections of an earlier listener are
    // in TIME_WAIT. On Windows the option would let another program take the port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    Ok(socket)
}

fn listening(socket: Socket, addr: SocketAddr, options: &ListenOptions) -> io::Result<TcpListener> {
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(i32::try_from(options.backlog).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}
