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
//! The kernel marks a socket as listening before it looks for a conflict, and then refuses the socket
//! (`inet_csk_listen_start` in `net/ipv4/inet_connection_sock.c`). So for an instant another instance may
//! seem to have the port, and two instances may even refuse each other. The call therefore tries again
//! for up to [`CONTEST_MAX`]. An error of `bind(2)` for the first socket is final.
//!
//! FreeBSD adds a socket to its group by the option that the socket has when it binds. On FreeBSD,
//! a socket without the option tries the port first and is closed. Two instances that start within the
//! same microseconds may therefore both succeed.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

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
        Spread::Kernel if options.shared => in_group(addr, options),
        Spread::Kernel => first_alone(addr, options),
        Spread::LeastLoaded => alone(addr, options),
    }
}

/// Binds a further socket to a port that has one.
pub(crate) fn member(addr: SocketAddr, options: &ListenOptions) -> io::Result<TcpListener> {
    contested(|| in_group(addr, options))
}

fn in_group(addr: SocketAddr, options: &ListenOptions) -> io::Result<TcpListener> {
    let socket = socket(addr)?;
    join_group(&socket)?;
    socket.bind(&addr.into())?;
    listening(socket, options)
}

/// The longest time for which a socket contends with other instances that start at the same moment.
const CONTEST_MAX: Duration = Duration::from_secs(1);

/// Repeats an attempt while the address is in use, for up to [`CONTEST_MAX`].
fn contested<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let end = Instant::now() + CONTEST_MAX;
    loop {
        match attempt() {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < end => pause(),
            outcome => return outcome,
        }
    }
}

/// Sleeps for up to a millisecond. The time is random, so that two instances do not refuse each other
/// again and again.
fn pause() {
    let random = RandomState::new().build_hasher().finish();
    std::thread::sleep(Duration::from_micros(random % 1_000));
}

#[cfg(not(target_os = "freebsd"))]
fn first_alone(addr: SocketAddr, options: &ListenOptions) -> io::Result<TcpListener> {
    let listener = contested(|| {
        let socket = socket(addr)?;
        match socket.bind(&addr.into()) {
            Ok(()) => listening(socket, options).map(Ok),
            Err(error) => Ok(Err(error)), // final
        }
    })??;
    join_group(&socket2::SockRef::from(&listener))?;
    Ok(listener)
}

#[cfg(target_os = "freebsd")]
fn first_alone(addr: SocketAddr, options: &ListenOptions) -> io::Result<TcpListener> {
    let alone = alone(addr, options)?;
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

fn alone(addr: SocketAddr, options: &ListenOptions) -> io::Result<TcpListener> {
    let socket = socket(addr)?;
    socket.bind(&addr.into())?;
    listening(socket, options)
}

/// Makes a socket listen that is bound.
fn listening(socket: Socket, options: &ListenOptions) -> io::Result<TcpListener> {
    socket.set_nonblocking(true)?;
    socket.listen(i32::try_from(options.backlog).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}
