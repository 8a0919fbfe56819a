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

/// A Unix socket for datagrams between processes of one machine.
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
        let _ = self.0.deregister(); // see the drop of `TcpListener`
    }
}

impl UnixDatagram {
    /// Binds to `path`, and creates its file. The drop of the socket does not remove the file.
    ///
    /// # Errors
    ///
    /// `AddrInUse` means that the path exists. All other errors are those of the operating system,
    /// for example `InvalidInput` for a path of more than about 100 bytes.
    ///
    /// # Panics
    ///
    /// The call panics outside a runtime.
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
        // panics before the system creates a file for a socket that can't be watched
        context::require("a oneloop socket was made");
        let path = path.as_ref();
        let socket = std::os::unix::net::UnixDatagram::bind(path)?;
        UnixDatagram::try_from(socket).inspect_err(|_| drop(std::fs::remove_file(path)))
    }

    /// Returns a socket without a name. The socket can send, and receives only from a socket that
    /// is connected to it as its pair.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system, for example if no descriptor is left.
    ///
    /// # Panics
    ///
    /// The call panics outside a runtime.
    #[track_caller]
    pub fn unbound() -> io::Result<UnixDatagram> {
        UnixDatagram::try_from(std::os::unix::net::UnixDatagram::unbound()?)
    }

    /// Returns two sockets that are connected to each other. They have no path.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system, for example if no descriptor is left.
    ///
    /// # Panics
    ///
    /// The call panics outside a runtime.
    #[track_caller]
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let (a, b) = std::os::unix::net::UnixDatagram::pair()?;
        Ok((UnixDatagram::try_from(a)?, UnixDatagram::try_from(b)?))
    }

    /// Sets the peer for [`send`](UnixDatagram::send) and [`recv`](UnixDatagram::recv).
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system, for example `NotFound` or
    /// `ConnectionRefused`.
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

    /// Sends one datagram to the peer, and returns its length in bytes. The future waits while the
    /// peer's queue is full.
    ///
    /// # Errors
    ///
    /// `NotConnected` or `EDESTADDRREQ` means that the socket has no peer, and `ConnectionRefused`
    /// that the peer has closed. The future also returns an error if the socket's runtime was
    /// dropped. macOS and the BSDs may report a full queue as `ENOBUFS`, which the future returns
    /// without waiting.
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
    /// `WouldBlock` means that the peer's queue is full. [`writable`](UnixDatagram::writable) then
    /// waits for space. All other errors are those of [`send`](UnixDatagram::send).
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

    /// Waits for a datagram, and returns its length in bytes. Bytes that do not fit into `buf` are
    /// lost.
    ///
    /// # Errors
    ///
    /// The future returns the error of the operating system, or an error if the socket's runtime
    /// was dropped.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe: the poll that receives the datagram also returns it.
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.async_io(Interest::Readable, |socket| socket.recv(buf)).await
    }

    /// Receives a datagram without waiting, and returns its length in bytes. Bytes that do not fit
    /// into `buf` are lost.
    ///
    /// # Errors
    ///
    /// `WouldBlock` means that no datagram is available. [`readable`](UnixDatagram::readable) then
    /// waits for one. All other errors are those of the operating system.
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
    /// While the *receiver's* queue is full, the future tries again every 2 ms, because the system
    /// has an event for space only for the queue of a connected peer. A program that sends many
    /// datagrams to one receiver should connect to it.
    ///
    /// # Errors
    ///
    /// The future returns the error of the operating system, for example `NotFound` or
    /// `ConnectionRefused`. macOS and the BSDs may report a full queue as `ENOBUFS`, which the
    /// future returns without waiting.
    ///
    /// # Panics
    ///
    /// The future panics if it has to wait outside a runtime, because it uses a sleep.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe: the poll that sends the datagram also reports it.
    pub async fn send_to(&self, datagram: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        let path = path.as_ref();
        self.send_by(|socket| socket.send_to(datagram, path)).await
    }

    /// Sends as soon as the receiver's queue has space.
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

    /// Sends a datagram to the socket at `path` without waiting, and returns its length in bytes.
    ///
    /// # Errors
    ///
    /// `WouldBlock` means that the receiver's queue is full. The caller tries again later, because
    /// [`writable`](UnixDatagram::writable) is about the queue of a connected peer only. The call
    /// neither uses nor changes this readiness. All other errors are those of
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
        // `try_io` is not used, because the socket's writability is about the queue of its
        // connected peer and not about the queue of this receiver.
        self.0.try_now(|socket| socket.send_to(datagram, path.as_ref()))
    }

    /// Waits for a datagram, and returns its length in bytes and its sender's address.
    /// [`send_to_addr`](UnixDatagram::send_to_addr) sends an answer to this address. Bytes that do
    /// not fit into `buf` are lost.
    ///
    /// # Errors
    ///
    /// The future returns the error of the operating system, or an error if the socket's runtime
    /// was dropped.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe: the poll that receives the datagram also returns it.
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.async_io(Interest::Readable, |socket| socket.recv_from(buf)).await
    }

    /// Receives a datagram without waiting, and returns its length in bytes and its sender's
    /// address. Bytes that do not fit into `buf` are lost.
    ///
    /// # Errors
    ///
    /// The errors are those of [`try_recv`](UnixDatagram::try_recv).
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

    /// Returns the bound address, which is unnamed for a socket that is not bound.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
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

    /// Returns the address of the peer.
    ///
    /// # Errors
    ///
    /// `NotConnected` means that the socket has no peer.
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

    /// Waits until the socket counts as writable, which is about the queue of the connected peer. A
    /// send may still return `WouldBlock`; the caller then waits again.
    ///
    /// # Errors
    ///
    /// The future returns an error if the runtime of the socket was dropped. With the driver
    /// `Polling` it also returns an error if the operating system refuses to watch the socket.
    ///
    /// # Cancel safety
    ///
    /// The future is cancel safe, because it only waits.
    pub fn writable(&self) -> Ready<'_> {
        self.0.writable()
    }

    /// Returns and clears the pending error of the socket (`SO_ERROR`). The call makes one system
    /// call.
    ///
    /// # Errors
    ///
    /// The call returns the error of the operating system.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.io().take_error()
    }
}
