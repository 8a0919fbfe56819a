//! Options of TCP streams and listeners. Each method calls socket2.

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
    /// Returns a reference of socket2's type, which has all options.
    pub(super) fn options(&self) -> SockRef<'_> {
        SockRef::from(self.io())
    }
}

impl TcpStream {
    /// Returns whether small writes are sent at once (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.0.options().tcp_nodelay()
    }

    /// Sets whether small writes are sent at once, instead of being collected (Nagle's algorithm,
    /// RFC 896). The option suits protocols with requests and answers. The price is a packet for
    /// each write.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
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

    /// Returns the time that a close waits for unsent bytes (`SO_LINGER`).
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.0.options().linger()
    }

    /// Sets the time that a close waits for unsent bytes (`SO_LINGER`), in whole seconds without
    /// fractions. Zero resets the connection at the close. Any other time makes the close *block
    /// the loop*, so do not set another time.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
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

    /// Returns whether the system probes an idle peer (`SO_KEEPALIVE`).
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    pub fn keepalive(&self) -> io::Result<bool> {
        self.0.options().keepalive()
    }

    /// Sets whether the system probes an idle peer (`SO_KEEPALIVE`). The probes start after a long
    /// idle time, which is two hours on most systems. Without an answer to any probe, the
    /// connection ends with `TimedOut`.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
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

    /// Turns [`set_keepalive`](TcpStream::set_keepalive) on and sets its times. The system probes a
    /// peer that has been idle for `idle`, and again after each `interval`. After `retries` probes
    /// without an answer the connection ends with `TimedOut`. Times are whole seconds without
    /// fractions, at least one. The method does not exist on OpenBSD, where these times apply to
    /// the whole system.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system. Windows before version 10 1703 does not
    /// support a number of probes.
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
    ///     // The connection ends 90 seconds after the last data of the peer.
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

    /// Returns the number of hops after which a packet is dropped (`IP_TTL`).
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    pub fn ttl(&self) -> io::Result<u32> {
        self.0.options().ttl_v4()
    }

    /// Sets the number of hops after which a packet is dropped (`IP_TTL`), for IPv4. For IPv6, use
    /// `SockRef::set_unicast_hops_v6`; see the [module](super#options).
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
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

    /// Returns the type of service of packets (`IP_TOS`).
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    pub fn tos_v4(&self) -> io::Result<u32> {
        self.0.options().tos_v4()
    }

    /// Sets the type of service of packets (`IP_TOS`, RFC 2474 and RFC 3168), for IPv4. Windows may
    /// ignore the option.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
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

    /// Returns the size in bytes of the system's buffer for bytes that are written and not yet
    /// acknowledged (`SO_SNDBUF`).
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    pub fn send_buffer_size(&self) -> io::Result<u32> {
        self.0.options().send_buffer_size().map(|size| size as u32)
    }

    /// Sets the size in bytes of the system's buffer for bytes that are written and not yet
    /// acknowledged (`SO_SNDBUF`). Linux doubles the size for its own needs, and then no longer
    /// adapts the size to the connection. The system also has a minimum and a maximum.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
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

    /// Returns the size in bytes of the system's buffer for bytes that are received and not yet
    /// read (`SO_RCVBUF`).
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    pub fn recv_buffer_size(&self) -> io::Result<u32> {
        self.0.options().recv_buffer_size().map(|size| size as u32)
    }

    /// Sets the size in bytes of the system's buffer for bytes that are received and not yet read
    /// (`SO_RCVBUF`). The rules of [`set_send_buffer_size`](TcpStream::set_send_buffer_size) apply.
    /// The maximum window of a connection is fixed at the connect; see
    /// [`TcpSocket`](super::TcpSocket).
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
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
    /// Returns the number of hops after which a packet of an accepted connection is dropped
    /// (`IP_TTL`).
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    pub fn ttl(&self) -> io::Result<u32> {
        self.0.options().ttl_v4()
    }

    /// Sets the number of hops after which a packet of a later accepted connection is dropped
    /// (`IP_TTL`), for IPv4.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
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
