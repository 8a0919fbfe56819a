//! Unix datagram sockets.

use std::io;
use std::os::unix::net::SocketAddr;
use std::path::Path;

use super::traits::socket_traits;
use super::unix_stream::BACKLOG_RETRY;
use crate::engine::context;
use crate::engine::interest::Interest;
use crate::io::own_operations::own_operations;
use crate::io::ready::Ready;
use crate::io::socket::{READY, Socket};
use crate::time::sleep;

/// Datagrams between processes of one machine.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// oneloop::block_on(async {
///     let (a, b) = oneloop::net::UnixDatagram::pair()?;
///     a.send(b"ping").await?;
///     let mut buf = [0; 16];
///     let n = b.recv(&mut buf).await?;
///     assert_eq!(&buf[..n], b"ping");
/// #   Ok(())
/// })
/// # }
/// ```
pub struct UnixDatagram(pub(super) Socket<mio::net::UnixDatagram>);

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
    /// use oneloop::net::UnixDatagram;
    ///
    /// oneloop::block_on(async {
    ///     let (ours, _theirs) = std::os::unix::net::UnixDatagram::pair()?;
    ///     let ours = UnixDatagram::try_from(ours)?;
    ///     assert_eq!(ours.try_send(b"ping")?, 4);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    UnixDatagram, std::os::unix::net::UnixDatagram, mio::net::UnixDatagram, |_: &_| READY
);

own_operations!(
    UnixDatagram, |this| this.0,
    /// See [`TcpStream::try_io`](super::TcpStream::try_io).
);

impl Drop for UnixDatagram {
    fn drop(&mut self) {
        let _ = self.0.deregister(); // see `TcpListener`'s
    }
}

impl UnixDatagram {
    /// Binds to `path`, which this creates. It is not removed when the socket is dropped.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if the path exists; otherwise what the operating system says, for instance
    /// `InvalidInput` for a path of more than about 100 bytes.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::UnixDatagram;
    ///
    /// oneloop::block_on(async {
    /// #     let path = std::env::temp_dir().join(format!("oneloop-doc-datagram-{}", std::process::id()));
    ///     let receiver = UnixDatagram::bind(&path)?;
    ///     let sender = UnixDatagram::unbound()?;
    ///     sender.send_to(b"ping", &path).await?;
    ///
    ///     let mut buf = [0; 16];
    ///     let (n, from) = receiver.recv_from(&mut buf).await?;
    ///     assert_eq!(&buf[..n], b"ping");
    ///     assert!(from.is_unnamed());
    /// #   std::fs::remove_file(&path)
    /// })
    /// # }
    /// ```
    #[track_caller]
    pub fn bind(path: impl AsRef<Path>) -> io::Result<UnixDatagram> {
        // First, so that no file is left behind by a socket that can't be watched.
        context::require("a oneloop socket was made");
        let path = path.as_ref();
        let socket = std::os::unix::net::UnixDatagram::bind(path)?;
        UnixDatagram::try_from(socket).inspect_err(|_| drop(std::fs::remove_file(path)))
    }

    /// A socket without a name: it can send, and receives only from a peer that it is paired with.
    ///
    /// # Errors
    ///
    /// If the operating system gives none.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    ///
    /// # Examples
    ///
    /// See [`bind`](UnixDatagram::bind).
    #[track_caller]
    pub fn unbound() -> io::Result<UnixDatagram> {
        UnixDatagram::try_from(std::os::unix::net::UnixDatagram::unbound()?)
    }

    /// Two sockets that are connected to each other. They have no path.
    ///
    /// # Errors
    ///
    /// If the operating system gives none.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    ///
    /// # Examples
    ///
    /// See [`UnixDatagram`].
    #[track_caller]
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let (a, b) = std::os::unix::net::UnixDatagram::pair()?;
        Ok((UnixDatagram::try_from(a)?, UnixDatagram::try_from(b)?))
    }

    /// Chooses the peer for [`send`](UnixDatagram::send) and [`recv`](UnixDatagram::recv).
    ///
    /// # Errors
    ///
    /// `NotFound`, `ConnectionRefused`, or what else the operating system says.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::UnixDatagram;
    ///
    /// oneloop::block_on(async {
    /// #     let path = std::env::temp_dir().join(format!("oneloop-doc-connect-{}", std::process::id()));
    ///     let receiver = UnixDatagram::bind(&path)?;
    ///     let sender = UnixDatagram::unbound()?;
    ///     sender.connect(&path)?;
    ///     sender.send(b"ping").await?;
    ///     assert_eq!(receiver.recv(&mut [0; 16]).await?, 4);
    /// #   std::fs::remove_file(&path)
    /// })
    /// # }
    /// ```
    pub fn connect(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.0.io().connect(path)
    }

    /// Sends one datagram to the peer, and returns its length in bytes; waits while the peer's
    /// queue is full.
    ///
    /// # Errors
    ///
    /// `NotConnected` or `EDESTADDRREQ` without a peer, `ConnectionRefused` if it has closed, or that
    /// the socket's runtime was dropped. macOS and the BSDs may report a full queue as `ENOBUFS`, which
    /// is returned, not waited out.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a datagram that was sent is reported in the same poll.
    ///
    /// # Examples
    ///
    /// See [`UnixDatagram`].
    pub async fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.0.async_io(Interest::Writable, |socket| socket.send(datagram)).await
    }

    /// Sends a datagram to the peer if its queue has room now, and returns its length in bytes.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if it has none; then [`writable`](UnixDatagram::writable) waits for some.
    /// Otherwise as [`send`](UnixDatagram::send).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// oneloop::block_on(async {
    ///     let (a, _b) = oneloop::net::UnixDatagram::pair()?;
    ///     assert_eq!(a.try_send(b"ping")?, 4);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn try_send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.0.try_io(Interest::Writable, |socket| socket.send(datagram))
    }

    /// Receives one datagram, and returns its length in bytes. What doesn't fit into `buf` is lost.
    ///
    /// # Errors
    ///
    /// What the operating system says, or that the socket's runtime was dropped.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a datagram that was received is returned in the same poll.
    ///
    /// # Examples
    ///
    /// See [`UnixDatagram`].
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.async_io(Interest::Readable, |socket| socket.recv(buf)).await
    }

    /// Receives a datagram if one is there now, and returns its length in bytes. What doesn't fit
    /// into `buf` is lost.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if none is; then [`readable`](UnixDatagram::readable) waits for one. Otherwise
    /// what the operating system says.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::ErrorKind::WouldBlock;
    /// use oneloop::net::UnixDatagram;
    ///
    /// oneloop::block_on(async {
    ///     let (a, b) = UnixDatagram::pair()?;
    ///     a.try_send(b"ping")?;
    ///     let mut buf = [0; 16];
    ///     let n = loop {
    ///         b.readable().await?;
    ///         match b.try_recv(&mut buf) {
    ///             Err(e) if e.kind() == WouldBlock => {}
    ///             received => break received?,
    ///         }
    ///     };
    ///     assert_eq!(&buf[..n], b"ping");
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.try_io(Interest::Readable, |socket| socket.recv(buf))
    }

    /// Sends one datagram to the socket at `path`, and returns its length in bytes.
    ///
    /// While the *receiver's* queue is full, asks again every 2 ms: the system has an event for
    /// room in a connected peer's queue only. A program that sends much to one receiver connects to it.
    ///
    /// # Errors
    ///
    /// `NotFound`, `ConnectionRefused`, or what else the operating system says. macOS and the BSDs
    /// may report a full queue as `ENOBUFS`, which is returned, not waited out.
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
    /// See [`bind`](UnixDatagram::bind).
    pub async fn send_to(&self, datagram: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        let path = path.as_ref();
        self.send_by(|socket| socket.send_to(datagram, path)).await
    }

    /// Sends as soon as the receiver's queue has room.
    pub(super) async fn send_by(
        &self,
        mut send: impl FnMut(&mio::net::UnixDatagram) -> io::Result<usize>,
    ) -> io::Result<usize> {
        loop {
            self.0.give_way().await;
            match self.0.try_now(&mut send) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => sleep(BACKLOG_RETRY).await,
                sent => return sent,
            }
        }
    }

    /// Sends a datagram to the socket at `path` if there is room for it now, and returns its length
    /// in bytes.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none. Try again after a while: [`writable`](UnixDatagram::writable)
    /// knows of a connected peer's queue only, and this neither asks nor changes it. Otherwise as
    /// [`send_to`](UnixDatagram::send_to).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::UnixDatagram;
    ///
    /// oneloop::block_on(async {
    /// #     let path = std::env::temp_dir().join(format!("oneloop-doc-try-send-to-{}", std::process::id()));
    ///     let receiver = UnixDatagram::bind(&path)?;
    ///     let sender = UnixDatagram::unbound()?;
    ///     assert_eq!(sender.try_send_to(b"ping", &path)?, 4);
    ///     assert_eq!(receiver.recv(&mut [0; 16]).await?, 4);
    /// #   std::fs::remove_file(&path)
    /// })
    /// # }
    /// ```
    pub fn try_send_to(&self, datagram: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        // Not through `try_io`: whether the socket counts as writable tells about the queue of its
        // connected peer, not about that of this receiver.
        self.0.try_now(|socket| socket.send_to(datagram, path.as_ref()))
    }

    /// Receives one datagram, and says how many bytes and from whom:
    /// [`send_to_addr`](UnixDatagram::send_to_addr) answers. What doesn't fit into `buf` is lost.
    ///
    /// # Errors
    ///
    /// What the operating system says, or that the socket's runtime was dropped.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a datagram that was received is returned in the same poll.
    ///
    /// # Examples
    ///
    /// See [`bind`](UnixDatagram::bind).
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.async_io(Interest::Readable, |socket| socket.recv_from(buf)).await
    }

    /// Receives a datagram if one is there now, and says how many bytes and from whom. What doesn't
    /// fit into `buf` is lost.
    ///
    /// # Errors
    ///
    /// As [`try_recv`](UnixDatagram::try_recv).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::ErrorKind::WouldBlock;
    /// use oneloop::net::UnixDatagram;
    ///
    /// oneloop::block_on(async {
    ///     let (_a, b) = UnixDatagram::pair()?;
    ///     let error = b.try_recv_from(&mut [0; 16]).unwrap_err();
    ///     assert_eq!(error.kind(), WouldBlock);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.try_io(Interest::Readable, |socket| socket.recv_from(buf))
    }

    /// The address that it is bound to, if any.
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::UnixDatagram;
    ///
    /// oneloop::block_on(async {
    ///     assert!(UnixDatagram::unbound()?.local_addr()?.is_unnamed());
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().local_addr()
    }

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// `NotConnected` if there is none.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::UnixDatagram;
    ///
    /// oneloop::block_on(async {
    ///     let (a, _b) = UnixDatagram::pair()?;
    ///     assert!(a.peer_addr()?.is_unnamed());
    ///     assert!(UnixDatagram::unbound()?.peer_addr().is_err());
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
    /// See [`UdpSocket::readable`](super::UdpSocket::readable).
    pub fn readable(&self) -> Ready<'_> {
        self.0.readable()
    }

    /// Waits until there may be room for a datagram to the connected peer.
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
    /// See [`UdpSocket::writable`](super::UdpSocket::writable).
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
    /// See [`UdpSocket::take_error`](super::UdpSocket::take_error).
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.io().take_error()
    }
}
