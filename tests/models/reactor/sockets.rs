//! The two ends of a connection, whatever its kind.

use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, Shutdown};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use oneloop::Ready;
use oneloop::io::{AsyncRead, AsyncWrite};
use oneloop::net::TcpStream;
#[cfg(unix)]
use oneloop::net::UnixStream;

pub enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// Calls a method of whichever it is.
macro_rules! either {
    ($self:expr, $socket:ident => $call:expr) => {
        match $self {
            Socket::Tcp($socket) => $call,
            #[cfg(unix)]
            Socket::Unix($socket) => $call,
        }
    };
}

/// Small, so that writers have to wait: soon on a Unix socket, on TCP when the other end has not read for a while.
const BUFFER: usize = 4096;

pub fn tcp_pair() -> io::Result<[Socket; 2]> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let ours = std::net::TcpStream::connect(listener.local_addr()?)?;
    let theirs = listener.accept()?.0;
    for socket in [&ours, &theirs] {
        socket2::SockRef::from(socket).set_send_buffer_size(BUFFER)?;
        // Room for a segment of the loopback interface (64 KiB). With less, Linux drops whole segments, with the
        // acknowledgements on them, and sends them again ever more seldom: bytes that were written wait for a minute.
        socket2::SockRef::from(socket).set_recv_buffer_size(128 * 1024)?;
    }
    Ok([Socket::Tcp(TcpStream::try_from(ours)?), Socket::Tcp(TcpStream::try_from(theirs)?)])
}

#[cfg(unix)]
pub fn unix_pair() -> io::Result<[Socket; 2]> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    for socket in [&ours, &theirs] {
        socket2::SockRef::from(socket).set_send_buffer_size(BUFFER)?;
    }
    Ok([Socket::Unix(UnixStream::try_from(ours)?), Socket::Unix(UnixStream::try_from(theirs)?)])
}

#[cfg(not(unix))]
pub use tcp_pair as unix_pair;

/// Keeps what is open behind a socket open.
#[cfg(unix)]
pub type Duplicate = std::os::fd::OwnedFd;
#[cfg(not(unix))]
pub enum Duplicate {}

impl Socket {
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        either!(self, socket => socket.try_read(buf))
    }

    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        either!(self, socket => socket.try_write(bytes))
    }

    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        either!(self, socket => socket.shutdown(how))
    }

    pub fn readable(&self) -> Ready<'_> {
        either!(self, socket => socket.readable())
    }

    pub fn writable(&self) -> Ready<'_> {
        either!(self, socket => socket.writable())
    }

    pub async fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| either!(self, socket => Pin::new(&mut &*socket).poll_read(cx, buf))).await
    }

    /// Writes what `bytes` gives at each attempt.
    pub async fn write_with(&self, bytes: impl Fn() -> Vec<u8>) -> io::Result<usize> {
        poll_fn(|cx| self.poll_write(cx, &bytes())).await
    }

    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, socket => Pin::new(&mut &*socket).poll_write(cx, bytes))
    }

    #[cfg(unix)]
    pub fn duplicate(&self) -> io::Result<Duplicate> {
        use std::os::fd::AsFd;
        either!(self, socket => socket.as_fd().try_clone_to_owned())
    }

    /// Only descriptors outlive the socket that they were made from with its watch.
    #[cfg(not(unix))]
    pub fn duplicate(&self) -> io::Result<Duplicate> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The last close of a connection leaves no port behind that rests for a minute.
    pub fn close_without_a_rest(&self) {
        match self {
            Socket::Tcp(socket) => drop(socket.set_linger(Some(Duration::ZERO))),
            #[cfg(unix)]
            Socket::Unix(_) => {}
        }
    }
}
