//! Unix addresses as values: a path, an abstract name (on Linux), or none. Every address that
//! `local_addr`, `peer_addr`, `recv_from` and `accept` return is taken by the methods here.
//!
//! The address of a socket without a name says only that. So to connect or to send to one is an
//! error that names the reason, before the system is asked: its own says "invalid argument".

use std::io;
#[cfg(target_os = "android")]
use std::os::android::net::SocketAddrExt;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{self as std_net, SocketAddr};

use socket2::{SockAddr, SockRef};

use super::send::send_to;
use super::unix_datagram::UnixDatagram;
use super::unix_listener::UnixListener;
use super::unix_stream::UnixStream;
use crate::engine::context;

const MADE: &str = "a oneloop socket was made";

impl UnixListener {
    /// Listens at an address: a path, which this creates, or on Linux an abstract name, which lives
    /// as long as the listener. With an unnamed address, Linux chooses an abstract name that is
    /// free.
    ///
    /// # Errors
    ///
    /// As [`bind`](UnixListener::bind); `AddrInUse` also for an abstract name that is taken.
    /// `InvalidInput` for an unnamed address elsewhere than on Linux.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(target_os = "linux")]
    /// # fn main() -> std::io::Result<()> {
    /// use std::os::linux::net::SocketAddrExt;
    /// use std::os::unix::net::SocketAddr;
    /// use oneloop::net::{UnixListener, UnixStream};
    ///
    /// oneloop::block_on(async {
    /// #   let name = format!("oneloop-doc-listener-{}", std::process::id());
    ///     let addr = SocketAddr::from_abstract_name(&name)?;
    ///     let listener = UnixListener::bind_addr(&addr)?;
    ///     let client = UnixStream::connect_addr(&addr).await?;
    ///     let (_server, peer) = listener.accept().await?;
    ///     assert!(peer.is_unnamed());
    ///     assert_eq!(client.peer_addr()?.as_abstract_name(), addr.as_abstract_name());
    /// #   Ok(())
    /// })
    /// # }
    /// # #[cfg(not(target_os = "linux"))]
    /// # fn main() {}
    /// ```
    #[track_caller]
    pub fn bind_addr(addr: &SocketAddr) -> io::Result<UnixListener> {
        // First, so that no file is left behind by a socket that can't be watched.
        context::require(MADE);
        let socket = std_net::UnixListener::bind_addr(&to_bind(addr)?)?;
        UnixListener::try_from(socket).inspect_err(|_| remove_path(addr))
    }
}

impl UnixStream {
    /// Connects to the listener at an address, for instance one with an abstract name. Where the
    /// listener's backlog is full it waits, as [`connect`](UnixStream::connect).
    ///
    /// # Errors
    ///
    /// As [`connect`](UnixStream::connect); a name that no listener has is `ConnectionRefused`.
    /// `InvalidInput` for an unnamed address.
    ///
    /// # Panics
    ///
    /// When polled outside a runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping it breaks the attempt off.
    ///
    /// # Examples
    ///
    /// See [`UnixListener::bind_addr`].
    pub async fn connect_addr(addr: &SocketAddr) -> io::Result<UnixStream> {
        check_named(addr)?;
        UnixStream::connect_by(|| begin_to_connect(addr)).await
    }
}

impl UnixDatagram {
    /// Binds to an address: a path, which this creates, or on Linux an abstract name, which lives
    /// as long as the socket. With an unnamed address, Linux chooses an abstract name that is free:
    /// a client that must be answered needs no path for it.
    ///
    /// # Errors
    ///
    /// As [`bind`](UnixDatagram::bind); `AddrInUse` also for an abstract name that is taken.
    /// `InvalidInput` for an unnamed address elsewhere than on Linux.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(target_os = "linux")]
    /// # fn main() -> std::io::Result<()> {
    /// use std::os::linux::net::SocketAddrExt;
    /// use std::os::unix::net::SocketAddr;
    /// use oneloop::net::UnixDatagram;
    ///
    /// oneloop::block_on(async {
    /// #   let name = format!("oneloop-doc-datagram-{}", std::process::id());
    ///     let addr = SocketAddr::from_abstract_name(&name)?;
    ///     let server = UnixDatagram::bind_addr(&addr)?;
    ///
    ///     let client = UnixDatagram::bind_addr(&SocketAddr::from_pathname("")?)?; // any name
    ///     client.send_to_addr(b"question", &addr).await?;
    ///
    ///     let (_, from) = server.recv_from(&mut [0; 16]).await?;
    ///     server.send_to_addr(b"answer", &from).await?;
    ///     assert_eq!(client.recv(&mut [0; 16]).await?, 6);
    /// #   Ok(())
    /// })
    /// # }
    /// # #[cfg(not(target_os = "linux"))]
    /// # fn main() {}
    /// ```
    #[track_caller]
    pub fn bind_addr(addr: &SocketAddr) -> io::Result<UnixDatagram> {
        context::require(MADE);
        let socket = std_net::UnixDatagram::bind_addr(&to_bind(addr)?)?;
        UnixDatagram::try_from(socket).inspect_err(|_| remove_path(addr))
    }

    /// Chooses the peer for [`send`](UnixDatagram::send) and [`recv`](UnixDatagram::recv) by its
    /// address.
    ///
    /// # Errors
    ///
    /// As [`connect`](UnixDatagram::connect). `InvalidInput` for an unnamed address.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::UnixDatagram;
    ///
    /// oneloop::block_on(async {
    /// #     let path = std::env::temp_dir().join(format!("oneloop-doc-connect-addr-{}", std::process::id()));
    ///     let receiver = UnixDatagram::bind(&path)?;
    ///     let sender = UnixDatagram::unbound()?;
    ///     sender.connect_addr(&receiver.local_addr()?)?;
    ///     sender.send(b"ping").await?;
    ///     assert_eq!(receiver.recv(&mut [0; 16]).await?, 4);
    /// #   std::fs::remove_file(&path)
    /// })
    /// # }
    /// ```
    pub fn connect_addr(&self, addr: &SocketAddr) -> io::Result<()> {
        SockRef::from(self.0.io()).connect(&to_socket2(addr)?)
    }

    /// Sends one datagram to an address, such as that which [`recv_from`](UnixDatagram::recv_from)
    /// has returned, and returns its length in bytes. While the *receiver's* queue is full it waits,
    /// as [`send_to`](UnixDatagram::send_to).
    ///
    /// # Errors
    ///
    /// As [`send_to`](UnixDatagram::send_to); a name that no socket has is `ConnectionRefused`.
    /// `InvalidInput` for an unnamed address: its socket can't be answered.
    ///
    /// # Panics
    ///
    /// If it has to wait outside a runtime: it sleeps.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a datagram that was sent is reported in the same poll.
    ///
    /// # Examples
    ///
    /// See [`bind_addr`](UnixDatagram::bind_addr).
    pub async fn send_to_addr(&self, datagram: &[u8], addr: &SocketAddr) -> io::Result<usize> {
        let addr = to_socket2(addr)?;
        self.send_by(|socket| send_to(socket, datagram, &addr)).await
    }

    /// Sends a datagram to an address if there is room for it now, and returns its length in bytes.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none: see [`try_send_to`](UnixDatagram::try_send_to). Otherwise as
    /// [`send_to_addr`](UnixDatagram::send_to_addr).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::UnixDatagram;
    ///
    /// oneloop::block_on(async {
    /// #     let path = std::env::temp_dir().join(format!("oneloop-doc-try-send-to-addr-{}", std::process::id()));
    ///     let receiver = UnixDatagram::bind(&path)?;
    ///     let sender = UnixDatagram::unbound()?;
    ///     assert_eq!(sender.try_send_to_addr(b"ping", &receiver.local_addr()?)?, 4);
    ///     assert_eq!(receiver.recv(&mut [0; 16]).await?, 4);
    /// #   std::fs::remove_file(&path)
    /// })
    /// # }
    /// ```
    pub fn try_send_to_addr(&self, datagram: &[u8], addr: &SocketAddr) -> io::Result<usize> {
        let addr = to_socket2(addr)?;
        self.0.try_now(|socket| send_to(socket, datagram, &addr))
    }
}

/// The address to bind to. An unnamed one means that Linux chooses (unix(7), "Autobind feature"),
/// and is made anew, because that of a datagram lacks its family.
fn to_bind(addr: &SocketAddr) -> io::Result<SocketAddr> {
    if !addr.is_unnamed() {
        Ok(addr.clone())
    } else if cfg!(any(target_os = "linux", target_os = "android")) {
        SocketAddr::from_pathname("")
    } else {
        let text = "an unnamed Unix address can be bound to on Linux only, which then chooses a name";
        Err(io::Error::new(io::ErrorKind::InvalidInput, text))
    }
}

fn remove_path(addr: &SocketAddr) {
    if let Some(path) = addr.as_pathname() {
        let _ = std::fs::remove_file(path);
    }
}

/// Refuses an address that no other socket can reach.
fn check_named(addr: &SocketAddr) -> io::Result<()> {
    if addr.is_unnamed() {
        let text = "an unnamed Unix address: a socket without a name can't be connected or sent to";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    Ok(())
}

/// The address as socket2 takes it.
fn to_socket2(addr: &SocketAddr) -> io::Result<SockAddr> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(name) = addr.as_abstract_name() {
        return abstract_to_socket2(name);
    }
    check_named(addr)?;
    SockAddr::unix(addr.as_pathname().ok_or(io::ErrorKind::InvalidInput)?)
}

/// An abstract name has a zero byte in front. With it, it is 108 bytes at most.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn abstract_to_socket2(name: &[u8]) -> io::Result<SockAddr> {
    use std::os::unix::ffi::OsStrExt;
    let mut bytes = [0; 108];
    bytes[1..=name.len()].copy_from_slice(name);
    SockAddr::unix(std::ffi::OsStr::from_bytes(&bytes[..=name.len()]))
}

/// `WouldBlock` if the listener's backlog is full.
fn begin_to_connect(addr: &SocketAddr) -> io::Result<mio::net::UnixStream> {
    // Not with mio's function: it cuts the last byte off a name that begins with a zero byte.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(name) = addr.as_abstract_name() {
        use socket2::{Domain, Socket, Type};
        let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
        socket.connect(&abstract_to_socket2(name)?)?;
        return Ok(mio::net::UnixStream::from_std(socket.into()));
    }
    mio::net::UnixStream::connect_addr(addr)
}
