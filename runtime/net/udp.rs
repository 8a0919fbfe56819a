//! UDP sockets.

use std::io;
use std::net::SocketAddr;

use super::addr::{ToSocketAddrs, first_that_works};
use super::socket::{Socket, impl_socket};
use crate::driver::Readiness;
use crate::reactor::Interest;

/// A UDP socket. All its methods take `&self`, so that several tasks can share one.
///
/// Options: `socket2::SockRef::from(&socket)`.
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
pub struct UdpSocket(Socket<mio::net::UdpSocket>);

impl_socket!(
    UdpSocket,
    std::net::UdpSocket,
    mio::net::UdpSocket,
    Readiness::READABLE.with(Readiness::WRITABLE)
);

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
    /// Outside a runtime.
    pub async fn bind(addr: impl ToSocketAddrs) -> io::Result<UdpSocket> {
        first_that_works(addr, |addr| async move { UdpSocket::try_from(std::net::UdpSocket::bind(addr)?) })
            .await
    }

    /// Chooses the peer for [`send`](UdpSocket::send) and [`recv`](UdpSocket::recv): the first of the
    /// addresses that works. Nothing is sent.
    ///
    /// # Errors
    ///
    /// What the operating system or [`ToSocketAddrs`] says.
    pub async fn connect(&self, addr: impl ToSocketAddrs) -> io::Result<()> {
        first_that_works(addr, |addr| async move { self.0.io().connect(addr) }).await
    }

    /// Sends one datagram to the peer chosen with [`connect`](UdpSocket::connect).
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` if an earlier datagram found nobody; otherwise what the operating system says.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a datagram that was sent is reported in the same poll.
    pub async fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.0.async_io(Interest::Writable, |socket| socket.send(datagram)).await
    }

    /// Receives one datagram from the peer. What doesn't fit into `buf` is lost.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` if an earlier datagram found nobody; otherwise what the operating system says.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a datagram that was received is returned in the same poll.
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.async_io(Interest::Readable, |socket| socket.recv(buf)).await
    }

    /// Sends one datagram to the first of the addresses that works.
    ///
    /// # Errors
    ///
    /// What the operating system or [`ToSocketAddrs`] says.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a datagram that was sent is reported in the same poll.
    pub async fn send_to(&self, datagram: &[u8], addr: impl ToSocketAddrs) -> io::Result<usize> {
        first_that_works(addr, |addr| {
            self.0.async_io(Interest::Writable, move |socket| socket.send_to(datagram, addr))
        })
        .await
    }

    /// Receives one datagram, and says from whom. What doesn't fit into `buf` is lost.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a datagram that was received is returned in the same poll.
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.async_io(Interest::Readable, |socket| socket.recv_from(buf)).await
    }

    /// Like [`recv`](UdpSocket::recv), but the datagram stays and is received again.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub async fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.async_io(Interest::Readable, |socket| socket.peek_from(buf)).await
    }

    /// Receives a datagram if one is there now.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if none is.
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.try_io(Interest::Readable, |socket| socket.recv_from(buf))
    }

    /// Sends a datagram if there is room for it now.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none.
    pub fn try_send_to(&self, datagram: &[u8], addr: SocketAddr) -> io::Result<usize> {
        self.0.try_io(Interest::Writable, |socket| socket.send_to(datagram, addr))
    }

    /// The address that it is bound to, with the port that the system chose.
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().local_addr()
    }

    /// The peer chosen with [`connect`](UdpSocket::connect).
    ///
    /// # Errors
    ///
    /// `NotConnected` if none was.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().peer_addr()
    }
}
