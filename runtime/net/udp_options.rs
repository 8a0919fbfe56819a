//! Options of UDP sockets. Each method calls socket2.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::udp_socket::UdpSocket;

impl UdpSocket {
    /// Returns whether the socket may send to a broadcast address (`SO_BROADCAST`).
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.0.options().broadcast()
    }

    /// Sets whether the socket may send to a broadcast address (`SO_BROADCAST`). Without the
    /// option, such a send returns `PermissionDenied`.
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

    /// Returns the number of hops after which a datagram to one receiver is dropped (`IP_TTL`).
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    pub fn ttl(&self) -> io::Result<u32> {
        self.0.options().ttl_v4()
    }

    /// Sets the number of hops after which a datagram to one receiver is dropped (`IP_TTL`), for
    /// IPv4.
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

    /// Returns the type of service of datagrams (`IP_TOS`).
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    pub fn tos_v4(&self) -> io::Result<u32> {
        self.0.options().tos_v4()
    }

    /// Sets the type of service of datagrams (`IP_TOS`, RFC 2474 and RFC 3168), for IPv4. Windows
    /// may ignore the option.
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

    /// Returns the size in bytes of the system's buffer for unsent datagrams (`SO_SNDBUF`).
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    pub fn send_buffer_size(&self) -> io::Result<u32> {
        self.0.options().send_buffer_size().map(|size| size as u32)
    }

    /// Sets the size in bytes of the system's buffer for unsent datagrams (`SO_SNDBUF`). Linux
    /// doubles the size for its own needs. The system also has a minimum and a maximum.
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

    /// Returns the size in bytes of the system's buffer for datagrams that the program has not
    /// received yet (`SO_RCVBUF`).
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    pub fn recv_buffer_size(&self) -> io::Result<u32> {
        self.0.options().recv_buffer_size().map(|size| size as u32)
    }

    /// Sets the size in bytes of the system's buffer for datagrams that the program has not
    /// received yet (`SO_RCVBUF`). A datagram that does not fit into the buffer is lost. Linux
    /// doubles the size for its own needs. The system also has a minimum and a maximum.
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

    /// Returns whether this machine also receives the socket's multicast datagrams
    /// (`IP_MULTICAST_LOOP`).
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.0.options().multicast_loop_v4()
    }

    /// Sets whether this machine also receives the socket's multicast datagrams
    /// (`IP_MULTICAST_LOOP`), for IPv4. Windows uses the option of the receiver's socket, and other
    /// systems use the option of the sender's socket.
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

    /// Returns the number of hops after which a multicast datagram is dropped (`IP_MULTICAST_TTL`).
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.0.options().multicast_ttl_v4()
    }

    /// Sets the number of hops after which a multicast datagram is dropped (`IP_MULTICAST_TTL`),
    /// for IPv4. The default is 1, which is the local network.
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

    /// Returns whether this machine also receives the socket's multicast datagrams
    /// (`IPV6_MULTICAST_LOOP`).
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.0.options().multicast_loop_v6()
    }

    /// Sets whether this machine also receives the socket's multicast datagrams
    /// (`IPV6_MULTICAST_LOOP`), for IPv6.
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

    /// Joins a multicast group, whose datagrams the socket then receives (`IP_ADD_MEMBERSHIP`).
    /// `interface` is an address of the network interface. With `0.0.0.0` the system chooses the
    /// interface.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
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

    /// Leaves a multicast group (`IP_DROP_MEMBERSHIP`). Dropping the socket leaves all groups.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    pub fn leave_multicast_v4(&self, multiaddr: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.0.options().leave_multicast_v4(&multiaddr, &interface)
    }

    /// Joins a multicast group, whose datagrams the socket then receives (`IPV6_ADD_MEMBERSHIP`).
    /// `interface` is the index of the network interface. With 0 the system chooses the interface.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
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

    /// Leaves a multicast group (`IPV6_DROP_MEMBERSHIP`). Dropping the socket leaves all groups.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    pub fn leave_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.0.options().leave_multicast_v6(multiaddr, interface)
    }
}
