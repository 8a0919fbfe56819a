//! Methods that take Unix addresses as values: a path, an abstract name (on Linux), or an unnamed
//! address. The methods take all addresses that `local_addr`, `peer_addr`, `recv_from` and `accept`
//! return.
//!
//! The address of a socket without a name has no further information. So connecting or sending to
//! such an address returns an error that names the reason, without a system call. The system's own
//! error is "invalid argument".

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
    /// Listens at an address. The call creates the file of a path. On Linux the address may also be
    /// an abstract name, which exists until the drop of the listener. With an unnamed address,
    /// Linux chooses an unused abstract name.
    ///
    /// # Errors
    ///
    /// The errors are those of [`bind`](UnixListener::bind). `AddrInUse` is also the error for an
    /// abstract name in use. `InvalidInput` is the error for an unnamed address on other systems
    /// than Linux.
    ///
    /// # Panics
    ///
    /// The call panics outside a runtime.
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
        // panics before the system creates a file for a socket that can't be watched
        context::require(MADE);
        let socket = std_net::UnixListener::bind_addr(&to_bind(addr)?)?;
        UnixListener::try_from(socket).inspect_err(|_| remove_path(addr))
    }
}

impl UnixStream {
    /// Connects to the listener at an address, for example an abstract name. While the listener's
    /// backlog is full, the future waits, as [`connect`](UnixStream::connect) does.
    ///
    /// # Errors
    ///
    /// The errors are those of [`connect`](UnixStream::connect). A name without a listener is
    /// `ConnectionRefused`. An unnamed address is `InvalidInput`.
    ///
    /// # Panics
    ///
    /// Polling the future outside a runtime panics.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the attempt.
    pub async fn connect_addr(addr: &SocketAddr) -> io::Result<UnixStream> {
        check_named(addr)?;
        UnixStream::connect_by(|| begin_to_connect(addr)).await
    }
}

impl UnixDatagram {
    /// Binds to an address. The call creates the file of a path. On Linux the address may also be
    /// an abstract name, which exists until the drop of the socket. With an unnamed address, Linux
    /// chooses an unused abstract name, so that a client needs no path to receive answers.
    ///
    /// # Errors
    ///
    /// The errors are those of [`bind`](UnixDatagram::bind). `AddrInUse` is also the error for an
    /// abstract name in use. `InvalidInput` is the error for an unnamed address on other systems
    /// than Linux.
    ///
    /// # Panics
    ///
    /// The call panics outside a runtime.
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

    /// Sets the peer for [`send`](UnixDatagram::send) and [`recv`](UnixDatagram::recv) by its
    /// address.
    ///
    /// # Errors
    ///
    /// The errors are those of [`connect`](UnixDatagram::connect). An unnamed address is
    /// `InvalidInput`.
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

    /// Sends one datagram to an address, such as the one that
    /// [`recv_from`](UnixDatagram::recv_from) has returned, and returns its length in bytes. While
    /// the *receiver's* queue is full, the future waits, as [`send_to`](UnixDatagram::send_to)
    /// does.
    ///
    /// # Errors
    ///
    /// The errors are those of [`send_to`](UnixDatagram::send_to). A name without a socket is
    /// `ConnectionRefused`. An unnamed address is `InvalidInput`, because its socket can't receive
    /// an answer.
    ///
    /// # Panics
    ///
    /// The future panics if it has to wait outside a runtime, because it uses a sleep.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe: the poll that sends the datagram also reports it.
    pub async fn send_to_addr(&self, datagram: &[u8], addr: &SocketAddr) -> io::Result<usize> {
        let addr = to_socket2(addr)?;
        self.send_by(|socket| send_to(socket, datagram, &addr)).await
    }

    /// Sends a datagram to an address without waiting, and returns its length in bytes.
    ///
    /// # Errors
    ///
    /// `WouldBlock` means that the receiver's queue is full; see
    /// [`try_send_to`](UnixDatagram::try_send_to). All other errors are those of
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

/// Returns the address to bind to. With an unnamed address Linux chooses a name (unix(7), "Autobind
/// feature"). The function creates a new unnamed address, because the unnamed address of a datagram
/// has no family.
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

/// Returns an error for an address that no other socket can reach.
fn check_named(addr: &SocketAddr) -> io::Result<()> {
    if addr.is_unnamed() {
        let text = "an unnamed Unix address: a socket without a name can't be connected or sent to";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    Ok(())
}

/// Converts the address to socket2's type.
fn to_socket2(addr: &SocketAddr) -> io::Result<SockAddr> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(name) = addr.as_abstract_name() {
        return abstract_to_socket2(name);
    }
    check_named(addr)?;
    SockAddr::unix(addr.as_pathname().ok_or(io::ErrorKind::InvalidInput)?)
}

/// Converts an abstract name, which has a zero byte at the front and with this byte at most 108
/// bytes.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn abstract_to_socket2(name: &[u8]) -> io::Result<SockAddr> {
    use std::os::unix::ffi::OsStrExt;
    let mut bytes = [0; 108];
    bytes[1..=name.len()].copy_from_slice(name);
    SockAddr::unix(std::ffi::OsStr::from_bytes(&bytes[..=name.len()]))
}

/// Begins to connect. Returns `WouldBlock` if the listener's backlog is full.
fn begin_to_connect(addr: &SocketAddr) -> io::Result<mio::net::UnixStream> {
    // mio's function is not used, because it cuts off the last byte of a name that begins with a
    // zero byte.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(name) = addr.as_abstract_name() {
        use socket2::{Domain, Socket, Type};
        let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
        socket.connect(&abstract_to_socket2(name)?)?;
        return Ok(mio::net::UnixStream::from_std(socket.into()));
    }
    mio::net::UnixStream::connect_addr(addr)
}
