//! Options of UDP sockets, each a line over socket2.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::udp_socket::UdpSocket;

impl UdpSocket {
    /// Whether it may send to a broadcast address (`SO_BROADCAST`).
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    ///
    /// # Examples
    ///
    /// See [`set_broadcast`](UdpSocket::set_broadcast).
    pub fn broadcast(&self) -> io::Result<bool> {
        self.0.options().broadcast()
    }

    /// Allows sending to a broadcast address (`SO_BROADCAST`), which is `PermissionDenied`
    /// otherwise.
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
    /// #     let socket = oneloop::net::UdpSocket::bind("127.0.0.1:0").await?;
    ///     socket.set_broadcast(true)?;
    ///     assert!(socket.broadcast()?);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn set_broadcast(&self, broadcast: bool) -> io::Result<()> {
        self.0.options().set_broadcast(broadcast)
    }

    /// The hops after which a datagram to one receiver is dropped (`IP_TTL`).
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    ///
    /// # Examples
    ///
    /// See [`set_ttl`](UdpSocket::set_ttl).
    pub fn ttl(&self) -> io::Result<u32> {
        self.0.options().ttl_v4()
    }

    /// Sets the hops after which a datagram to one receiver is dropped (`IP_TTL`), for IPv4.
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
    /// #     let socket = oneloop::net::UdpSocket::bind("127.0.0.1:0").await?;
    ///     socket.set_ttl(3)?;
    ///     assert_eq!(socket.ttl()?, 3);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.0.options().set_ttl_v4(ttl)
    }

    /// The type of service of datagrams (`IP_TOS`).
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    ///
    /// # Examples
    ///
    /// See [`set_tos_v4`](UdpSocket::set_tos_v4).
    pub fn tos_v4(&self) -> io::Result<u32> {
        self.0.options().tos_v4()
    }

    /// Sets the type of service of datagrams (`IP_TOS`, RFC 2474 and RFC 3168), for IPv4. Windows
    /// may ignore it.
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
    /// #     let socket = oneloop::net::UdpSocket::bind("127.0.0.1:0").await?;
    ///     socket.set_tos_v4(0x10)?;
    /// #     #[cfg(unix)]
    ///     assert_eq!(socket.tos_v4()?, 0x10);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn set_tos_v4(&self, tos: u32) -> io::Result<()> {
        self.0.options().set_tos_v4(tos)
    }

    /// The size in bytes of the system's buffer for datagrams that are not yet sent (`SO_SNDBUF`).
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    ///
    /// # Examples
    ///
    /// See [`set_send_buffer_size`](UdpSocket::set_send_buffer_size).
    pub fn send_buffer_size(&self) -> io::Result<u32> {
        self.0.options().send_buffer_size().map(|size| size as u32)
    }

    /// Sets the size in bytes of the system's buffer for datagrams that are not yet sent
    /// (`SO_SNDBUF`). Linux doubles it, for its own needs; the system also has a least and a most.
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
    /// #     let socket = oneloop::net::UdpSocket::bind("127.0.0.1:0").await?;
    ///     socket.set_send_buffer_size(100_000)?;
    ///     assert!(socket.send_buffer_size()? >= 100_000);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn set_send_buffer_size(&self, size: u32) -> io::Result<()> {
        self.0.options().set_send_buffer_size(size as usize)
    }

    /// The size in bytes of the system's buffer for datagrams that are not yet received
    /// (`SO_RCVBUF`).
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    ///
    /// # Examples
    ///
    /// See [`set_recv_buffer_size`](UdpSocket::set_recv_buffer_size).
    pub fn recv_buffer_size(&self) -> io::Result<u32> {
        self.0.options().recv_buffer_size().map(|size| size as u32)
    }

    /// Sets the size in bytes of the system's buffer for datagrams that are not yet received
    /// (`SO_RCVBUF`). A datagram for which it has no room is lost. Linux doubles it, for its own
    /// needs; the system also has a least and a most.
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
    /// #     let socket = oneloop::net::UdpSocket::bind("127.0.0.1:0").await?;
    ///     socket.set_recv_buffer_size(100_000)?;
    ///     assert!(socket.recv_buffer_size()? >= 100_000);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn set_recv_buffer_size(&self, size: u32) -> io::Result<()> {
        self.0.options().set_recv_buffer_size(size as usize)
    }

    /// Whether its multicast datagrams also come to this machine (`IP_MULTICAST_LOOP`).
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    ///
    /// # Examples
    ///
    /// See [`set_multicast_loop_v4`](UdpSocket::set_multicast_loop_v4).
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.0.options().multicast_loop_v4()
    }

    /// Whether its multicast datagrams also come to this machine (`IP_MULTICAST_LOOP`), for IPv4.
    /// Windows asks the receiver's socket, other systems the sender's.
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
    /// #     let socket = oneloop::net::UdpSocket::bind("127.0.0.1:0").await?;
    ///     socket.set_multicast_loop_v4(true)?;
    ///     assert!(socket.multicast_loop_v4()?);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn set_multicast_loop_v4(&self, on: bool) -> io::Result<()> {
        self.0.options().set_multicast_loop_v4(on)
    }

    /// The hops after which a multicast datagram is dropped (`IP_MULTICAST_TTL`).
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    ///
    /// # Examples
    ///
    /// See [`set_multicast_ttl_v4`](UdpSocket::set_multicast_ttl_v4).
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.0.options().multicast_ttl_v4()
    }

    /// Sets the hops after which a multicast datagram is dropped (`IP_MULTICAST_TTL`): 1 at first,
    /// which is this network. For IPv4.
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
    /// #     let socket = oneloop::net::UdpSocket::bind("127.0.0.1:0").await?;
    ///     socket.set_multicast_ttl_v4(2)?;
    ///     assert_eq!(socket.multicast_ttl_v4()?, 2);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn set_multicast_ttl_v4(&self, ttl: u32) -> io::Result<()> {
        self.0.options().set_multicast_ttl_v4(ttl)
    }

    /// Whether its multicast datagrams also come to this machine (`IPV6_MULTICAST_LOOP`).
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    ///
    /// # Examples
    ///
    /// See [`set_multicast_loop_v6`](UdpSocket::set_multicast_loop_v6).
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.0.options().multicast_loop_v6()
    }

    /// Whether its multicast datagrams also come to this machine (`IPV6_MULTICAST_LOOP`), for IPv6.
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
    /// #     let Ok(socket) = oneloop::net::UdpSocket::bind("[::1]:0").await else { return Ok(()) };
    ///     socket.set_multicast_loop_v6(true)?;
    ///     assert!(socket.multicast_loop_v6()?);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn set_multicast_loop_v6(&self, on: bool) -> io::Result<()> {
        self.0.options().set_multicast_loop_v6(on)
    }

    /// Receives what is sent to a group, on the interface that has an address
    /// (`IP_ADD_MEMBERSHIP`); with `0.0.0.0` the system chooses the interface.
    ///
    /// # Errors
    ///
    /// If the operating system refuses.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::net::Ipv4Addr;
    /// use oneloop::net::UdpSocket;
    ///
    /// oneloop::block_on(async {
    ///     let socket = UdpSocket::bind("0.0.0.0:0").await?;
    ///     let group = Ipv4Addr::new(224, 0, 0, 251);
    ///     socket.join_multicast_v4(group, Ipv4Addr::LOCALHOST)?;
    ///     socket.leave_multicast_v4(group, Ipv4Addr::LOCALHOST)?;
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn join_multicast_v4(&self, multiaddr: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.0.options().join_multicast_v4(&multiaddr, &interface)
    }

    /// Leaves a group (`IP_DROP_MEMBERSHIP`). Dropping the socket leaves all.
    ///
    /// # Errors
    ///
    /// If the operating system refuses.
    ///
    /// # Examples
    ///
    /// See [`join_multicast_v4`](UdpSocket::join_multicast_v4).
    pub fn leave_multicast_v4(&self, multiaddr: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.0.options().leave_multicast_v4(&multiaddr, &interface)
    }

    /// Receives what is sent to a group, on the interface that has an index
    /// (`IPV6_ADD_MEMBERSHIP`); with 0 the system chooses the interface.
    ///
    /// # Errors
    ///
    /// If the operating system refuses.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::UdpSocket;
    ///
    /// oneloop::block_on(async {
    ///     let socket = UdpSocket::bind("[::]:0").await?;
    ///     let group = "ff02::fb".parse().expect("an address");
    ///     socket.join_multicast_v6(&group, 0)?;
    ///     socket.leave_multicast_v6(&group, 0)?;
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn join_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.0.options().join_multicast_v6(multiaddr, interface)
    }

    /// Leaves a group (`IPV6_DROP_MEMBERSHIP`). Dropping the socket leaves all.
    ///
    /// # Errors
    ///
    /// If the operating system refuses.
    ///
    /// # Examples
    ///
    /// See [`join_multicast_v6`](UdpSocket::join_multicast_v6).
    pub fn leave_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.0.options().leave_multicast_v6(multiaddr, interface)
    }
}
