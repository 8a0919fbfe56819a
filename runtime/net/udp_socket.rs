//! UDP sockets.

use std::io;
use std::net::SocketAddr;

use super::addr::{ToSocketAddrs, first_that_works};
use super::traits::socket_traits;
use crate::engine::interest::Interest;
use crate::io::own_operations::own_operations;
use crate::io::ready::Ready;
use crate::io::socket::{READY, Socket};

/// A UDP socket. All its methods take `&self`, so that several tasks can share one.
///
/// Options that must be set before binding are set through socket2, whose `Socket` converts to std's
/// `UdpSocket`, and that to this one: here two sockets at one port, as members of a multicast group
/// have.
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
/// #   #[cfg(all(unix, not(target_os = "linux")))] // which macOS and the BSDs want besides
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
    /// Takes over a socket of std's, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// If the operating system refuses to make it non-blocking or to watch it. The socket is then
    /// closed.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
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
        let _ = self.0.deregister(); // see `TcpListener`'s
    }
}

impl UdpSocket {
    /// Binds to the first of the addresses that works; port 0 lets the system choose one.
    ///
    /// # Errors
    ///
    /// If no address works: `AddrInUse`, `PermissionDenied`, `AddrNotAvailable`, or what
    /// [`ToSocketAddrs`] says.
    ///
    /// # Panics
    ///
    /// When polled outside a runtime.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if it is dropped: it waits only while a name is looked up, and has bound
    /// nothing until then.
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

    /// Chooses the peer for [`send`](UdpSocket::send) and [`recv`](UdpSocket::recv): the first of
    /// the addresses that works. Nothing is sent. From then on only the peer's datagrams are
    /// received.
    ///
    /// # Errors
    ///
    /// What the operating system or [`ToSocketAddrs`] says.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if it is dropped: it waits only while a name is looked up, and has chosen
    /// no peer until then.
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

    /// Sends one datagram to the peer chosen with [`connect`](UdpSocket::connect), and returns its
    /// length in bytes. Waits while the system has no room for it.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` if an earlier datagram found no receiver; `NotConnected` or, on Unix,
    /// `EDESTADDRREQ` without a peer; otherwise what the operating system says, or that the
    /// socket's runtime was dropped.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a datagram that was sent is reported in the same poll.
    ///
    /// # Examples
    ///
    /// See [`connect`](UdpSocket::connect).
    pub async fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.0.async_io(Interest::Writable, |socket| socket.send(datagram)).await
    }

    /// Sends a datagram to the peer if there is room for it now, and returns its length in bytes.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none; then [`writable`](UdpSocket::writable) waits for some.
    /// Otherwise as [`send`](UdpSocket::send).
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

    /// Receives one datagram from the peer, and returns its length in bytes. What doesn't fit into
    /// `buf` is lost, and on Windows an error says so (`WSAEMSGSIZE`).
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` (on Windows `ConnectionReset`) if an earlier datagram found no receiver;
    /// otherwise what the operating system says, or that the socket's runtime was dropped.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a datagram that was received is returned in the same poll.
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

    /// Receives a datagram from the peer if one is there now, and returns its length in bytes. What
    /// doesn't fit into `buf` is lost, and on Windows an error says so (`WSAEMSGSIZE`).
    ///
    /// # Errors
    ///
    /// `WouldBlock` if none is; then [`readable`](UdpSocket::readable) waits for one. Otherwise as
    /// [`recv`](UdpSocket::recv).
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

    /// Like [`recv`](UdpSocket::recv), but the datagram stays and is received again.
    ///
    /// # Errors
    ///
    /// As [`recv`](UdpSocket::recv).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it takes nothing.
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

    /// Like [`try_recv`](UdpSocket::try_recv), but the datagram stays and is received again.
    ///
    /// # Errors
    ///
    /// As [`try_recv`](UdpSocket::try_recv).
    ///
    /// # Examples
    ///
    /// See [`try_peek_from`](UdpSocket::try_peek_from), which also says from whom.
    pub fn try_peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.try_io(Interest::Readable, |socket| socket.peek(buf))
    }

    /// Sends one datagram to the first of the addresses that works, and returns its length in
    /// bytes. Waits while the system has no room for it. A name is looked up for each datagram:
    /// resolve it once, before the loop.
    ///
    /// # Errors
    ///
    /// What the operating system or [`ToSocketAddrs`] says, or that the socket's runtime was dropped.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a datagram that was sent is reported in the same poll.
    ///
    /// # Examples
    ///
    /// See [`UdpSocket`].
    pub async fn send_to(&self, datagram: &[u8], addr: impl ToSocketAddrs) -> io::Result<usize> {
        first_that_works(addr, |addr| {
            self.0.async_io(Interest::Writable, move |socket| socket.send_to(datagram, addr))
        })
        .await
    }

    /// Sends a datagram if there is room for it now, and returns its length in bytes.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none; then [`writable`](UdpSocket::writable) waits for some.
    /// Otherwise what the operating system says.
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

    /// Receives one datagram, and says how many bytes and from whom. What doesn't fit into `buf` is
    /// lost, and on Windows an error says so (`WSAEMSGSIZE`).
    ///
    /// # Errors
    ///
    /// What the operating system says, or that the socket's runtime was dropped. On Windows that is
    /// also `ConnectionReset` for each datagram sent earlier that found no receiver: no reason for a
    /// server to end.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a datagram that was received is returned in the same poll.
    ///
    /// # Examples
    ///
    /// See [`UdpSocket`].
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.async_io(Interest::Readable, |socket| socket.recv_from(buf)).await
    }

    /// Receives a datagram if one is there now. What doesn't fit into `buf` is lost, and on Windows
    /// an error says so (`WSAEMSGSIZE`).
    ///
    /// # Errors
    ///
    /// `WouldBlock` if none is; then [`readable`](UdpSocket::readable) waits for one. Otherwise as
    /// [`recv_from`](UdpSocket::recv_from).
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

    /// Like [`recv_from`](UdpSocket::recv_from), but the datagram stays and is received again.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](UdpSocket::recv_from).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it takes nothing.
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

    /// Like [`try_recv_from`](UdpSocket::try_recv_from), but the datagram stays and is received
    /// again.
    ///
    /// # Errors
    ///
    /// As [`try_recv_from`](UdpSocket::try_recv_from).
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

    /// The address that it is bound to, with the port that the system chose.
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    ///
    /// # Examples
    ///
    /// See [`bind`](UdpSocket::bind).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().local_addr()
    }

    /// The peer chosen with [`connect`](UdpSocket::connect).
    ///
    /// # Errors
    ///
    /// `NotConnected` if none was.
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

    /// Waits until there may be a datagram to receive. It may turn out not to be so: try, and wait
    /// again.
    ///
    /// A socket that counts as readable already costs no system call here. Only an operation that
    /// says `WouldBlock` makes it count as not readable: a loop that waits without trying in
    /// between spins.
    ///
    /// # Errors
    ///
    /// If the runtime of the socket was dropped; with the driver `Polling` also if the operating
    /// system refuses to watch the socket.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it takes nothing from the socket.
    ///
    /// # Examples
    ///
    /// See [`try_recv`](UdpSocket::try_recv), which waits with it.
    pub fn readable(&self) -> Ready<'_> {
        self.0.readable()
    }

    /// Waits until there may be room for a datagram to send.
    ///
    /// # Errors
    ///
    /// If the runtime of the socket was dropped; with the driver `Polling` also if the operating
    /// system refuses to watch the socket.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it takes nothing from the socket.
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

    /// The pending error of the socket (`SO_ERROR`), which this clears. One system call.
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
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
