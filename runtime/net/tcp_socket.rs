//! TCP sockets before they connect or listen.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
#[cfg(windows)]
use std::os::windows::io::{AsRawSocket, AsSocket, BorrowedSocket, OwnedSocket, RawSocket};
use std::time::Duration;

use socket2::{Domain, Protocol, Type};

use super::tcp_listener::TcpListener;
use super::tcp_stream::TcpStream;

/// A TCP socket before it connects or listens. The type is for options that must be set before: the
/// address of a client, `SO_REUSEPORT`, the sizes of buffers, the backlog. The connection, or the
/// connections that a listener accepts, keep most options.
///
/// The socket belongs to no loop until [`connect`](TcpSocket::connect) or
/// [`listen`](TcpSocket::listen), so it may move to another thread before.
///
/// `socket2::SockRef::from(&socket)` has the options without a method here; see the
/// [module](super#options).
///
/// # Errors
///
/// Each method of an option returns the error of the operating system.
///
/// # Examples
///
/// The example has a listener with a short backlog, and a client with a small buffer. The buffer is
/// small from the start, so that the client's window is small, too:
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use oneloop::net::TcpSocket;
///
/// oneloop::block_on(async {
///     let socket = TcpSocket::new_v4()?;
///     socket.set_reuseaddr(cfg!(unix))?;
///     socket.bind("127.0.0.1:0".parse().expect("an address"))?;
///     let listener = socket.listen(16)?;
///
///     let socket = TcpSocket::new_v4()?;
///     socket.set_recv_buffer_size(8192)?;
///     let client = socket.connect(listener.local_addr()?).await?;
///     let (_server, peer) = listener.accept().await?;
///     assert_eq!(peer, client.local_addr()?);
/// #   Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct TcpSocket(socket2::Socket);

impl TcpSocket {
    /// Creates a socket for IPv4.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system, for example for too many open files.
    pub fn new_v4() -> io::Result<TcpSocket> {
        TcpSocket::new(Domain::IPV4)
    }

    /// Creates a socket for IPv6.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system, for example if the system has no IPv6.
    pub fn new_v6() -> io::Result<TcpSocket> {
        TcpSocket::new(Domain::IPV6)
    }

    fn new(domain: Domain) -> io::Result<TcpSocket> {
        socket2::Socket::new(domain, Type::STREAM, Some(Protocol::TCP)).map(TcpSocket)
    }

    /// Sets the local address, which is the address of a listener or the source address of a
    /// client. With port 0 the system chooses a port.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system, for example `AddrInUse`,
    /// `PermissionDenied` (a privileged port) or `AddrNotAvailable`.
    pub fn bind(&self, addr: SocketAddr) -> io::Result<()> {
        self.0.bind(&addr.into())
    }

    /// Connects to one address, on the loop that polls the future.
    ///
    /// # Errors
    ///
    /// The errors are those of [`TcpStream::connect`].
    ///
    /// # Panics
    ///
    /// Polling the future outside a runtime panics.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the attempt and closes the socket.
    pub async fn connect(self, addr: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connecting_with(self.0, addr)?;
        poll_fn(|cx| stream.poll_connected(cx)).await?;
        Ok(stream)
    }

    /// Listens at the bound address, on the current loop. Up to `backlog` connections wait for an
    /// accept, or fewer if the system's limit is lower (Linux: `net.core.somaxconn`).
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system, for example `AddrInUse`.
    ///
    /// # Panics
    ///
    /// The call panics outside a runtime.
    #[track_caller]
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        TcpListener::listen(self.0, backlog)
    }

    /// Returns the bound address. On Windows the call returns an error before
    /// [`bind`](TcpSocket::bind).
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let socket = oneloop::net::TcpSocket::new_v4()?;
    /// socket.bind("127.0.0.1:0".parse().expect("an address"))?;
    /// assert!(socket.local_addr()?.ip().is_loopback());
    /// # Ok(()) }
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        let no_ip = || io::Error::new(io::ErrorKind::InvalidInput, "the address is none of the internet");
        self.0.local_addr()?.as_socket().ok_or_else(no_ip)
    }

    /// Returns and clears the pending error of the socket (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// assert!(oneloop::net::TcpSocket::new_v4()?.take_error()?.is_none());
    /// # Ok(()) }
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.take_error()
    }

    /// Allows [`bind`](TcpSocket::bind) to an address with earlier connections that are still
    /// closing (`SO_REUSEADDR`), as [`TcpListener::bind`] does. **Don't use the option on
    /// Windows**, where it lets another program take the port.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    pub fn set_reuseaddr(&self, reuseaddr: bool) -> io::Result<()> {
        self.0.set_reuse_address(reuseaddr)
    }

    /// Returns whether [`set_reuseaddr`](TcpSocket::set_reuseaddr) is on.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    pub fn reuseaddr(&self) -> io::Result<bool> {
        self.0.reuse_address()
    }

    /// Lets several listeners of one user share a port (`SO_REUSEPORT`), with one listener for each
    /// loop. Each listener must set the option. Linux divides the connections among the listeners
    /// by a hash of the addresses. FreeBSD does this with `SO_REUSEPORT_LB` instead. Other systems
    /// may pass all connections to one listener.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::TcpSocket;
    ///
    /// oneloop::block_on(async {
    ///     let first = TcpSocket::new_v4()?;
    ///     first.set_reuseport(true)?;
    ///     first.bind("127.0.0.1:0".parse().expect("an address"))?;
    ///     let first = first.listen(1024)?;
    ///
    ///     let second = TcpSocket::new_v4()?; // for example on another thread
    ///     second.set_reuseport(true)?;
    ///     second.bind(first.local_addr()?)?;
    ///     let second = second.listen(1024)?;
    ///     assert_eq!(second.local_addr()?, first.local_addr()?);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    #[cfg(unix)]
    pub fn set_reuseport(&self, reuseport: bool) -> io::Result<()> {
        self.0.set_reuse_port(reuseport)
    }

    /// Returns whether [`set_reuseport`](TcpSocket::set_reuseport) is on.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    #[cfg(unix)]
    pub fn reuseport(&self) -> io::Result<bool> {
        self.0.reuse_port()
    }

    /// Sets whether an IPv6 socket is for IPv6 alone (`IPV6_V6ONLY`). The default depends on the
    /// system.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system, for example for an IPv4 socket.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::TcpSocket;
    ///
    /// oneloop::block_on(async {
    /// #     if std::net::TcpListener::bind("[::1]:0").is_err() { return Ok(()) }
    ///     // Two listeners share a port, one for each address family.
    ///     let v6 = TcpSocket::new_v6()?;
    ///     v6.set_only_v6(true)?;
    ///     v6.bind("[::1]:0".parse().expect("an address"))?;
    ///     let v6 = v6.listen(1024)?;
    /// #   drop(v6);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn set_only_v6(&self, only_v6: bool) -> io::Result<()> {
        self.0.set_only_v6(only_v6)
    }

    /// Returns whether [`set_only_v6`](TcpSocket::set_only_v6) is on.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    pub fn only_v6(&self) -> io::Result<bool> {
        self.0.only_v6()
    }
}

/// Options that a [`TcpStream`] has, too. The methods of `TcpStream` document their meaning and
/// errors, and have examples.
impl TcpSocket {
    /// See [`TcpStream::set_nodelay`].
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.0.set_tcp_nodelay(nodelay)
    }

    /// See [`TcpStream::nodelay`].
    pub fn nodelay(&self) -> io::Result<bool> {
        self.0.tcp_nodelay()
    }

    /// See [`TcpStream::set_keepalive`].
    pub fn set_keepalive(&self, keepalive: bool) -> io::Result<()> {
        self.0.set_keepalive(keepalive)
    }

    /// See [`TcpStream::keepalive`].
    pub fn keepalive(&self) -> io::Result<bool> {
        self.0.keepalive()
    }

    /// See [`TcpStream::set_linger`].
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.0.set_linger(linger)
    }

    /// See [`TcpStream::linger`].
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.0.linger()
    }

    /// See [`TcpStream::set_tos_v4`].
    pub fn set_tos_v4(&self, tos: u32) -> io::Result<()> {
        self.0.set_tos_v4(tos)
    }

    /// See [`TcpStream::tos_v4`].
    pub fn tos_v4(&self) -> io::Result<u32> {
        self.0.tos_v4()
    }

    /// See [`TcpStream::set_send_buffer_size`].
    pub fn set_send_buffer_size(&self, size: u32) -> io::Result<()> {
        self.0.set_send_buffer_size(size as usize)
    }

    /// See [`TcpStream::send_buffer_size`].
    pub fn send_buffer_size(&self) -> io::Result<u32> {
        self.0.send_buffer_size().map(|size| size as u32)
    }

    /// See [`TcpStream::set_recv_buffer_size`]. A size that is set before the connect limits the
    /// window of this side.
    pub fn set_recv_buffer_size(&self, size: u32) -> io::Result<()> {
        self.0.set_recv_buffer_size(size as usize)
    }

    /// See [`TcpStream::recv_buffer_size`].
    pub fn recv_buffer_size(&self) -> io::Result<u32> {
        self.0.recv_buffer_size().map(|size| size as u32)
    }
}

/// Converts a socket of std that is not connected and does not listen. The socket keeps all its
/// options. `OwnedFd` and `OwnedSocket` convert sockets of other crates.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use oneloop::net::TcpSocket;
///
/// let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
/// socket.set_keepalive(true)?;
/// let socket = TcpSocket::from(std::net::TcpStream::from(socket));
/// assert!(socket.keepalive()?);
/// # Ok(()) }
/// ```
impl From<std::net::TcpStream> for TcpSocket {
    fn from(socket: std::net::TcpStream) -> TcpSocket {
        TcpSocket(socket.into())
    }
}

#[cfg(unix)]
impl From<OwnedFd> for TcpSocket {
    fn from(socket: OwnedFd) -> TcpSocket {
        TcpSocket(socket.into())
    }
}

#[cfg(unix)]
impl From<TcpSocket> for OwnedFd {
    fn from(socket: TcpSocket) -> OwnedFd {
        socket.0.into()
    }
}

#[cfg(unix)]
impl AsFd for TcpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(unix)]
impl AsRawFd for TcpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

#[cfg(windows)]
impl From<OwnedSocket> for TcpSocket {
    fn from(socket: OwnedSocket) -> TcpSocket {
        TcpSocket(socket.into())
    }
}

#[cfg(windows)]
impl From<TcpSocket> for OwnedSocket {
    fn from(socket: TcpSocket) -> OwnedSocket {
        socket.0.into()
    }
}

#[cfg(windows)]
impl AsSocket for TcpSocket {
    fn as_socket(&self) -> BorrowedSocket<'_> {
        self.0.as_socket()
    }
}

#[cfg(windows)]
impl AsRawSocket for TcpSocket {
    fn as_raw_socket(&self) -> RawSocket {
        self.0.as_raw_socket()
    }
}
