//! Options of TCP streams and listeners, each a line over socket2.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

use super::tcp_listener::TcpListener;
use super::tcp_stream::TcpStream;
use crate::io::socket::{Socket, Watchable};

impl<T: Watchable> Socket<T>
where
    for<'s> SockRef<'s>: From<&'s T>,
{
    /// The socket as socket2 sees it, which has all options.
    pub(super) fn options(&self) -> SockRef<'_> {
        SockRef::from(self.io())
    }
}

impl TcpStream {
    /// Whether small writes are sent at once (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    ///
    /// # Examples
    ///
    /// See [`set_nodelay`](TcpStream::set_nodelay).
    pub fn nodelay(&self) -> io::Result<bool> {
        self.0.options().tcp_nodelay()
    }

    /// Sends small writes at once, instead of collecting them (Nagle's algorithm, RFC 896). Good
    /// for anything that answers requests; the price is a packet for each write.
    ///
    /// # Errors
    ///
    /// If the operating system refuses.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// oneloop::block_on(async {
    /// #     let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
    /// #     let mut stream = oneloop::net::TcpStream::connect(listener.local_addr()?).await?;
    /// #     let (mut peer, _) = listener.accept().await?;
    ///     stream.set_nodelay(true)?;
    ///     assert!(stream.nodelay()?);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.0.options().set_tcp_nodelay(nodelay)
    }

    /// How long closing waits for what is not sent yet (`SO_LINGER`).
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    ///
    /// # Examples
    ///
    /// See [`set_linger`](TcpStream::set_linger).
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.0.options().linger()
    }

    /// How long closing waits for what is not sent yet (`SO_LINGER`), in whole seconds: fractions
    /// are cut off. Zero resets the connection on close; anything else makes the close *block the
    /// loop*, so leave it alone.
    ///
    /// # Errors
    ///
    /// If the operating system refuses.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::ErrorKind::ConnectionReset;
    /// use std::time::Duration;
    /// use oneloop::io::AsyncReadExt;
    ///
    /// oneloop::block_on(async {
    /// #     let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
    /// #     let mut stream = oneloop::net::TcpStream::connect(listener.local_addr()?).await?;
    /// #     let (mut peer, _) = listener.accept().await?;
    ///     stream.set_linger(Some(Duration::ZERO))?;
    ///     drop(stream);
    ///     let error = peer.read(&mut [0; 16]).await.unwrap_err();
    ///     assert_eq!(error.kind(), ConnectionReset);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.0.options().set_linger(linger)
    }

    /// Whether the system probes a silent peer (`SO_KEEPALIVE`).
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    ///
    /// # Examples
    ///
    /// See [`set_keepalive`](TcpStream::set_keepalive).
    pub fn keepalive(&self) -> io::Result<bool> {
        self.0.options().keepalive()
    }

    /// Probes a peer that has been silent for long (two hours on most systems), and ends the
    /// connection with `TimedOut` if none of the probes is answered.
    ///
    /// # Errors
    ///
    /// If the operating system refuses.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// oneloop::block_on(async {
    /// #     let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
    /// #     let stream = oneloop::net::TcpStream::connect(listener.local_addr()?).await?;
    ///     stream.set_keepalive(true)?;
    ///     assert!(stream.keepalive()?);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn set_keepalive(&self, keepalive: bool) -> io::Result<()> {
        self.0.options().set_keepalive(keepalive)
    }

    /// Probes a peer that has been silent for `idle`, and again each `interval`; after `retries`
    /// probes without an answer the connection ends with `TimedOut`. In whole seconds, at least
    /// one: fractions are cut off. It turns [`set_keepalive`](TcpStream::set_keepalive) on. Not on
    /// OpenBSD, where these times are the whole system's.
    ///
    /// # Errors
    ///
    /// If the operating system refuses; Windows before version 10 1703 knows no number of probes.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::time::Duration;
    ///
    /// oneloop::block_on(async {
    /// #     let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
    /// #     let stream = oneloop::net::TcpStream::connect(listener.local_addr()?).await?;
    ///     // It ends 90 seconds after the peer's last sign of life.
    ///     stream.set_keepalive_times(Duration::from_secs(60), Duration::from_secs(10), 3)?;
    ///     assert!(stream.keepalive()?);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    #[cfg(not(target_os = "openbsd"))]
    pub fn set_keepalive_times(&self, idle: Duration, interval: Duration, retries: u32) -> io::Result<()> {
        let times = TcpKeepalive::new().with_time(idle).with_interval(interval).with_retries(retries);
        self.0.options().set_tcp_keepalive(&times)
    }

    /// The hops after which a packet is dropped (`IP_TTL`).
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    ///
    /// # Examples
    ///
    /// See [`set_ttl`](TcpStream::set_ttl).
    pub fn ttl(&self) -> io::Result<u32> {
        self.0.options().ttl_v4()
    }

    /// Sets the hops after which a packet is dropped (`IP_TTL`), for IPv4. (For IPv6:
    /// `SockRef::set_unicast_hops_v6`, see the [module](super#options).)
    ///
    /// # Errors
    ///
    /// If the operating system refuses.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// oneloop::block_on(async {
    /// #     let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
    /// #     let stream = oneloop::net::TcpStream::connect(listener.local_addr()?).await?;
    ///     stream.set_ttl(3)?;
    ///     assert_eq!(stream.ttl()?, 3);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.0.options().set_ttl_v4(ttl)
    }

    /// The type of service of packets (`IP_TOS`).
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    ///
    /// # Examples
    ///
    /// See [`set_tos_v4`](TcpStream::set_tos_v4).
    pub fn tos_v4(&self) -> io::Result<u32> {
        self.0.options().tos_v4()
    }

    /// Sets the type of service of packets (`IP_TOS`, RFC 2474 and RFC 3168), for IPv4. Windows may
    /// ignore it.
    ///
    /// # Errors
    ///
    /// If the operating system refuses.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// oneloop::block_on(async {
    /// #     let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
    /// #     let stream = oneloop::net::TcpStream::connect(listener.local_addr()?).await?;
    ///     stream.set_tos_v4(0x10)?; // low delay
    /// #     #[cfg(unix)]
    ///     assert_eq!(stream.tos_v4()?, 0x10);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn set_tos_v4(&self, tos: u32) -> io::Result<()> {
        self.0.options().set_tos_v4(tos)
    }

    /// The size in bytes of the system's buffer for what is written and not yet acknowledged
    /// (`SO_SNDBUF`).
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    ///
    /// # Examples
    ///
    /// See [`set_send_buffer_size`](TcpStream::set_send_buffer_size).
    pub fn send_buffer_size(&self) -> io::Result<u32> {
        self.0.options().send_buffer_size().map(|size| size as u32)
    }

    /// Sets the size in bytes of the system's buffer for what is written and not yet acknowledged
    /// (`SO_SNDBUF`). Linux doubles it, for its own needs, and then no longer adapts it to the
    /// connection; the system also has a least and a most.
    ///
    /// # Errors
    ///
    /// If the operating system refuses.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// oneloop::block_on(async {
    /// #     let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
    /// #     let stream = oneloop::net::TcpStream::connect(listener.local_addr()?).await?;
    ///     stream.set_send_buffer_size(100_000)?;
    ///     assert!(stream.send_buffer_size()? >= 100_000);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn set_send_buffer_size(&self, size: u32) -> io::Result<()> {
        self.0.options().set_send_buffer_size(size as usize)
    }

    /// The size in bytes of the system's buffer for what has come and is not yet read
    /// (`SO_RCVBUF`).
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    ///
    /// # Examples
    ///
    /// See [`set_recv_buffer_size`](TcpStream::set_recv_buffer_size).
    pub fn recv_buffer_size(&self) -> io::Result<u32> {
        self.0.options().recv_buffer_size().map(|size| size as u32)
    }

    /// Sets the size in bytes of the system's buffer for what has come and is not yet read
    /// (`SO_RCVBUF`). As [`set_send_buffer_size`](TcpStream::set_send_buffer_size). How large the
    /// window of the connection can become is settled when it is made: see
    /// [`TcpSocket`](super::TcpSocket).
    ///
    /// # Errors
    ///
    /// If the operating system refuses.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// oneloop::block_on(async {
    /// #     let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
    /// #     let stream = oneloop::net::TcpStream::connect(listener.local_addr()?).await?;
    ///     stream.set_recv_buffer_size(100_000)?;
    ///     assert!(stream.recv_buffer_size()? >= 100_000);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn set_recv_buffer_size(&self, size: u32) -> io::Result<()> {
        self.0.options().set_recv_buffer_size(size as usize)
    }
}

impl TcpListener {
    /// The hops after which a packet of an accepted connection is dropped (`IP_TTL`).
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    ///
    /// # Examples
    ///
    /// See [`set_ttl`](TcpListener::set_ttl).
    pub fn ttl(&self) -> io::Result<u32> {
        self.0.options().ttl_v4()
    }

    /// Sets the hops after which a packet of connections accepted from now on is dropped
    /// (`IP_TTL`), for IPv4.
    ///
    /// # Errors
    ///
    /// If the operating system refuses.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// oneloop::block_on(async {
    ///     let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
    ///     listener.set_ttl(100)?;
    ///     assert_eq!(listener.ttl()?, 100);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.0.options().set_ttl_v4(ttl)
    }
}
