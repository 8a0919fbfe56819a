//! UDP sockets.

use std::io;
use std::net::SocketAddr;

use super::addr::{ToSocketAddrs, first_that_works};
use super::traits::socket_traits;
use crate::engine::interest::Interest;
use crate::io::own_operations::own_operations;
use crate::io::ready::Ready;
use crate::io::socket::{READY, Socket};

/// A UDP socket. All methods take `&self`, so that several tasks can share a socket.
///
/// socket2 sets the options that must be set before the bind. Its `Socket` converts to std's
/// `UdpSocket`, which converts to this type. The example has two sockets at one port, as for
/// members of a multicast group.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::net::{Ipv4Addr, SocketAddr};
/// use oneloop::net::UdpSocket;
/// use socket2::{Domain, Socket, Type};
///
/// fn bind(port: u16) -> std::io::Result<UdpSocket> {
///     let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
///     socket.set_reuse_address(true)?;
/// #   #[cfg(all(unix, not(target_os = "linux")))] // macOS and the BSDs also need this option
/// #   socket.set_reuse_port(true)?;
///     socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
///     std::net::UdpSocket::from(socket).try_into()
/// }
///
/// oneloop::block_on(async {
///     let first = bind(0)?;
///     let second = bind(first.local_addr()?.port())?;
/// #   drop(second);
/// #   Ok(())
/// })
/// # }
/// ```
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use oneloop::net::UdpSocket;
///
/// oneloop::block_on(async {
///     let a = UdpSocket::bind("127.0.0.1:0").await?;
///     let b = UdpSocket::bind("127.0.0.1:0").await?;
///     a.send_to(b"ping", b.local_addr()?).await?;
///     let mut buf = [0; 16];
///     let (n, from) = b.recv_from(&mut buf).await?;
///     assert_eq!((&buf[..n], from), (&b"ping"[..], a.local_addr()?));
/// #   Ok(())
/// })
/// # }
/// ```
pub struct UdpSocket(pub(super) Socket<mio::net::UdpSocket>);

socket_traits!(
    /// Converts a socket of std and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// The conversion returns an error if the operating system refuses to make the socket
    /// non-blocking or to watch it. The socket is closed after an error.
    ///
    /// # Panics
    ///
    /// The call panics outside a runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::UdpSocket;
    ///
    /// oneloop::block_on(async {
    ///     let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    ///     let socket = UdpSocket::try_from(socket)?;
    ///     assert!(socket.local_addr()?.ip().is_loopback());
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    UdpSocket, std::net::UdpSocket, mio::net::UdpSocket, |_: &_| READY
);

own_operations!(
    UdpSocket, |this| this.0,
    /// See [`TcpStream::try_io`](super::TcpStream::try_io).
);

impl Drop for UdpSocket {
    fn drop(&mut self) {
        let _ = self.0.deregister(); // see the drop of `TcpListener`
    }
}

impl UdpSocket {
    /// Binds to the first of the addresses that works. With port 0 the system chooses a port.
    ///
    /// # Errors
    ///
    /// If no address works, the future returns the error of the last address, such as `AddrInUse`,
    /// `PermissionDenied` or `AddrNotAvailable`. The future also returns the errors of
    /// [`ToSocketAddrs`].
    ///
    /// # Panics
    ///
    /// Polling the future outside a runtime panics.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe. It waits only for the look-up of a host name, and binds after the
    /// look-up.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::UdpSocket;
    ///
    /// oneloop::block_on(async {
    ///     let socket = UdpSocket::bind("127.0.0.1:0").await?;
    ///     assert_ne!(socket.local_addr()?.port(), 0);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub async fn bind(addr: impl ToSocketAddrs) -> io::Result<UdpSocket> {
        first_that_works(addr, |addr| async move { UdpSocket::try_from(std::net::UdpSocket::bind(addr)?) })
            .await
    }

    /// Sets the peer for [`send`](UdpSocket::send) and [`recv`](UdpSocket::recv). The peer is the
    /// first of the addresses that works. The call sends no datagram. Afterwards the socket
    /// receives only datagrams of the peer.
    ///
    /// # Errors
    ///
    /// The future returns the error of the operating system or of [`ToSocketAddrs`].
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe. It waits only for the look-up of a host name, and sets the peer
    /// after the look-up.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::UdpSocket;
    ///
    /// oneloop::block_on(async {
    /// #     let a = UdpSocket::bind("127.0.0.1:0").await?;
    /// #     let b = UdpSocket::bind("127.0.0.1:0").await?;
    ///     a.connect(b.local_addr()?).await?;
    ///     a.send(b"ping").await?;
    ///     let mut buf = [0; 16];
    ///     let (n, from) = b.recv_from(&mut buf).await?;
    ///     assert_eq!((&buf[..n], from), (&b"ping"[..], a.local_addr()?));
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub async fn connect(&self, addr: impl ToSocketAddrs) -> io::Result<()> {
        first_that_works(addr, |addr| async move { self.0.io().connect(addr) }).await
    }

    /// Sends one datagram to the peer of [`connect`](UdpSocket::connect), and returns its length in
    /// bytes. The future waits while the datagram does not fit into the system's buffer.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` means that an earlier datagram had no receiver. `NotConnected` or, on
    /// Unix, `EDESTADDRREQ` means that the socket has no peer. All other errors are those of the
    /// operating system, or mean that the socket's runtime was dropped.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe: the poll that sends the datagram also reports it.
    pub async fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.0.async_io(Interest::Writable, |socket| socket.send(datagram)).await
    }

    /// Sends a datagram to the peer without waiting, and returns its length in bytes.
    ///
    /// # Errors
    ///
    /// `WouldBlock` means that the datagram does not fit. [`writable`](UdpSocket::writable) then
    /// waits for space. All other errors are those of [`send`](UdpSocket::send).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::UdpSocket;
    ///
    /// oneloop::block_on(async {
    /// #     let a = UdpSocket::bind("127.0.0.1:0").await?;
    /// #     let b = UdpSocket::bind("127.0.0.1:0").await?;
    ///     a.connect(b.local_addr()?).await?;
    ///     assert_eq!(a.try_send(b"ping")?, 4);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn try_send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.0.try_io(Interest::Writable, |socket| socket.send(datagram))
    }

    /// Waits for a datagram from the peer, and returns its length in bytes. Bytes that do not fit
    /// into `buf` are lost. On Windows the loss is the error `WSAEMSGSIZE`.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` (on Windows `ConnectionReset`) means that an earlier datagram had no
    /// receiver. All other errors are those of the operating system, or mean that the socket's
    /// runtime was dropped.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe: the poll that receives the datagram also returns it.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::UdpSocket;
    ///
    /// oneloop::block_on(async {
    /// #     let a = UdpSocket::bind("127.0.0.1:0").await?;
    /// #     let b = UdpSocket::bind("127.0.0.1:0").await?;
    ///     a.connect(b.local_addr()?).await?;
    ///     b.send_to(b"pong", a.local_addr()?).await?;
    ///     let mut buf = [0; 16];
    ///     let n = a.recv(&mut buf).await?;
    ///     assert_eq!(&buf[..n], b"pong");
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.async_io(Interest::Readable, |socket| socket.recv(buf)).await
    }

    /// Receives a datagram from the peer without waiting, and returns its length in bytes. Bytes
    /// that do not fit into `buf` are lost. On Windows the loss is the error `WSAEMSGSIZE`.
    ///
    /// # Errors
    ///
    /// `WouldBlock` means that no datagram is available. [`readable`](UdpSocket::readable) then
    /// waits for one. All other errors are those of [`recv`](UdpSocket::recv).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::ErrorKind::WouldBlock;
    /// use oneloop::net::UdpSocket;
    ///
    /// oneloop::block_on(async {
    /// #     let a = UdpSocket::bind("127.0.0.1:0").await?;
    /// #     let b = UdpSocket::bind("127.0.0.1:0").await?;
    ///     a.connect(b.local_addr()?).await?;
    ///     b.send_to(b"pong", a.local_addr()?).await?;
    ///     let mut buf = [0; 16];
    ///     let n = loop {
    ///         a.readable().await?;
    ///         match a.try_recv(&mut buf) {
    ///             Err(e) if e.kind() == WouldBlock => {}
    ///             received => break received?,
    ///         }
    ///     };
    ///     assert_eq!(&buf[..n], b"pong");
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.try_io(Interest::Readable, |socket| socket.recv(buf))
    }

    /// Like [`recv`](UdpSocket::recv), but the datagram stays in the queue and is received again.
    ///
    /// # Errors
    ///
    /// The errors are those of [`recv`](UdpSocket::recv).
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe, because it consumes no data.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::UdpSocket;
    ///
    /// oneloop::block_on(async {
    /// #     let a = UdpSocket::bind("127.0.0.1:0").await?;
    /// #     let b = UdpSocket::bind("127.0.0.1:0").await?;
    ///     a.connect(b.local_addr()?).await?;
    ///     b.send_to(b"pong", a.local_addr()?).await?;
    ///     assert_eq!(a.peek(&mut [0; 16]).await?, 4);
    ///     assert_eq!(a.recv(&mut [0; 16]).await?, 4);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.async_io(Interest::Readable, |socket| socket.peek(buf)).await
    }

    /// Like [`try_recv`](UdpSocket::try_recv), but the datagram stays in the queue and is received
    /// again.
    ///
    /// # Errors
    ///
    /// The errors are those of [`try_recv`](UdpSocket::try_recv).
    pub fn try_peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.try_io(Interest::Readable, |socket| socket.peek(buf))
    }

    /// Sends one datagram to the first of the addresses that works, and returns its length in
    /// bytes. The future waits while the datagram does not fit into the system's buffer. Each call
    /// looks up a host name again, so resolve the name once before a loop.
    ///
    /// # Errors
    ///
    /// The future returns the error of the operating system or of [`ToSocketAddrs`], or an error if
    /// the socket's runtime was dropped.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe: the poll that sends the datagram also reports it.
    pub async fn send_to(&self, datagram: &[u8], addr: impl ToSocketAddrs) -> io::Result<usize> {
        first_that_works(addr, |addr| {
            self.0.async_io(Interest::Writable, move |socket| socket.send_to(datagram, addr))
        })
        .await
    }

    /// Sends a datagram without waiting, and returns its length in bytes.
    ///
    /// # Errors
    ///
    /// `WouldBlock` means that the datagram does not fit. [`writable`](UdpSocket::writable) then
    /// waits for space. All other errors are those of the operating system.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::UdpSocket;
    ///
    /// oneloop::block_on(async {
    /// #     let a = UdpSocket::bind("127.0.0.1:0").await?;
    /// #     let b = UdpSocket::bind("127.0.0.1:0").await?;
    ///     assert_eq!(a.try_send_to(b"ping", b.local_addr()?)?, 4);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn try_send_to(&self, datagram: &[u8], addr: SocketAddr) -> io::Result<usize> {
        self.0.try_io(Interest::Writable, |socket| socket.send_to(datagram, addr))
    }

    /// Waits for a datagram, and returns its length in bytes and its sender's address. Bytes that
    /// do not fit into `buf` are lost. On Windows the loss is the error `WSAEMSGSIZE`.
    ///
    /// # Errors
    ///
    /// The future returns the error of the operating system, or an error if the socket's runtime
    /// was dropped. On Windows it also returns `ConnectionReset` for each earlier datagram without
    /// a receiver. A server should continue after this error.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe: the poll that receives the datagram also returns it.
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.async_io(Interest::Readable, |socket| socket.recv_from(buf)).await
    }

    /// Receives a datagram without waiting. Bytes that do not fit into `buf` are lost. On Windows
    /// the loss is the error `WSAEMSGSIZE`.
    ///
    /// # Errors
    ///
    /// `WouldBlock` means that no datagram is available. [`readable`](UdpSocket::readable) then
    /// waits for one. All other errors are those of [`recv_from`](UdpSocket::recv_from).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::ErrorKind::WouldBlock;
    /// use oneloop::net::UdpSocket;
    ///
    /// oneloop::block_on(async {
    ///     let socket = UdpSocket::bind("127.0.0.1:0").await?;
    ///     let error = socket.try_recv_from(&mut [0; 16]).unwrap_err();
    ///     assert_eq!(error.kind(), WouldBlock);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.try_io(Interest::Readable, |socket| socket.recv_from(buf))
    }

    /// Like [`recv_from`](UdpSocket::recv_from), but the datagram stays in the queue and is
    /// received again.
    ///
    /// # Errors
    ///
    /// The errors are those of [`recv_from`](UdpSocket::recv_from).
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe, because it consumes no data.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::UdpSocket;
    ///
    /// oneloop::block_on(async {
    /// #     let a = UdpSocket::bind("127.0.0.1:0").await?;
    /// #     let b = UdpSocket::bind("127.0.0.1:0").await?;
    ///     a.send_to(b"ping", b.local_addr()?).await?;
    ///     let mut buf = [0; 16];
    ///     let seen = b.peek_from(&mut buf).await?;
    ///     assert_eq!(seen, (4, a.local_addr()?));
    ///     assert_eq!(b.recv_from(&mut buf).await?, seen);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub async fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.async_io(Interest::Readable, |socket| socket.peek_from(buf)).await
    }

    /// Like [`try_recv_from`](UdpSocket::try_recv_from), but the datagram stays in the queue and is
    /// received again.
    ///
    /// # Errors
    ///
    /// The errors are those of [`try_recv_from`](UdpSocket::try_recv_from).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::ErrorKind::WouldBlock;
    /// use oneloop::net::UdpSocket;
    ///
    /// oneloop::block_on(async {
    /// #     let a = UdpSocket::bind("127.0.0.1:0").await?;
    /// #     let b = UdpSocket::bind("127.0.0.1:0").await?;
    ///     a.send_to(b"ping", b.local_addr()?).await?;
    ///     let mut buf = [0; 16];
    ///     let seen = loop {
    ///         b.readable().await?;
    ///         match b.try_peek_from(&mut buf) {
    ///             Err(e) if e.kind() == WouldBlock => {}
    ///             seen => break seen?,
    ///         }
    ///     };
    ///     assert_eq!(seen, (4, a.local_addr()?));
    ///     assert_eq!(b.try_recv_from(&mut buf)?, seen);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn try_peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.try_io(Interest::Readable, |socket| socket.peek_from(buf))
    }

    /// Returns the bound address, with the port that the system chose.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().local_addr()
    }

    /// Returns the peer of [`connect`](UdpSocket::connect).
    ///
    /// # Errors
    ///
    /// `NotConnected` means that the socket has no peer.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::UdpSocket;
    ///
    /// oneloop::block_on(async {
    /// #     let a = UdpSocket::bind("127.0.0.1:0").await?;
    /// #     let b = UdpSocket::bind("127.0.0.1:0").await?;
    ///     assert!(a.peer_addr().is_err());
    ///     a.connect(b.local_addr()?).await?;
    ///     assert_eq!(a.peer_addr()?, b.local_addr()?);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().peer_addr()
    }

    /// Waits until the socket counts as readable. A receive may still return `WouldBlock`; the
    /// caller then waits again.
    ///
    /// The future makes no system call if the socket already counts as readable. Only an operation
    /// that returns `WouldBlock` marks the socket as not readable. So a loop that waits without an
    /// operation spins.
    ///
    /// # Errors
    ///
    /// The future returns an error if the runtime of the socket was dropped. With the driver
    /// `Polling` it also returns an error if the operating system refuses to watch the socket.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe, because it only waits.
    pub fn readable(&self) -> Ready<'_> {
        self.0.readable()
    }

    /// Waits until the socket counts as writable. A send may still return `WouldBlock`; the caller
    /// then waits again.
    ///
    /// # Errors
    ///
    /// The future returns an error if the runtime of the socket was dropped. With the driver
    /// `Polling` it also returns an error if the operating system refuses to watch the socket.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe, because it only waits.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::ErrorKind::WouldBlock;
    /// use oneloop::net::UdpSocket;
    ///
    /// oneloop::block_on(async {
    /// #     let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// #     let to = socket.local_addr()?;
    ///     loop {
    ///         socket.writable().await?;
    ///         match socket.try_send_to(b"ping", to) {
    ///             Err(e) if e.kind() == WouldBlock => {}
    ///             sent => break assert_eq!(sent?, 4),
    ///         }
    ///     }
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn writable(&self) -> Ready<'_> {
        self.0.writable()
    }

    /// Returns and clears the pending error of the socket (`SO_ERROR`). The call makes one system
    /// call.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::UdpSocket;
    ///
    /// oneloop::block_on(async {
    ///     let socket = UdpSocket::bind("127.0.0.1:0").await?;
    ///     assert!(socket.take_error()?.is_none());
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.io().take_error()
    }
}
