//! TCP listeners.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_lite::Stream;
use socket2::{Domain, Protocol, Type};

use super::addr::{ToSocketAddrs, first_that_works};
use super::tcp_stream::TcpStream;
use super::traits::{duplicate, socket_traits};
use crate::engine::driver::Readiness;
use crate::io::ready::Ready;
use crate::io::socket::Socket;

/// Connections that the system completes before the program accepts them. The system caps it (on Linux
/// at `net.core.somaxconn`, 4,096 by default), so this asks for what there is.
const BACKLOG: u32 = 4096;

/// Accepts TCP connections.
///
/// Options that must be set before binding are set on a [`TcpSocket`](super::TcpSocket).
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use oneloop::io::{AsyncReadExt, AsyncWriteExt};
/// use oneloop::net::{TcpListener, TcpStream};
///
/// oneloop::block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let addr = listener.local_addr()?;
///     oneloop::spawn(async move {
///         let (mut stream, _peer) = listener.accept().await?;
///         stream.write_all(b"hello").await
///     });
///     let mut text = String::new();
///     TcpStream::connect(addr).await?.read_to_string(&mut text).await?;
///     assert_eq!(text, "hello");
/// #   Ok(())
/// })
/// # }
/// ```
pub struct TcpListener(pub(super) Socket<mio::net::TcpListener>);

socket_traits!(
    /// Takes over a listener of std's, and makes it non-blocking.
    ///
    /// # Errors
    ///
    /// If the operating system refuses to make it non-blocking or to watch it. The listener is then
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
    /// use oneloop::net::TcpListener;
    ///
    /// oneloop::block_on(async {
    ///     let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    ///     let listener = TcpListener::try_from(listener)?;
    ///     assert!(listener.local_addr()?.ip().is_loopback());
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    TcpListener, std::net::TcpListener, mio::net::TcpListener, |_: &_| Readiness::READABLE
);

impl Drop for TcpListener {
    fn drop(&mut self) {
        // Closing alone ends no watch while another loop has a duplicate of the descriptor, and each
        // connection would wake this loop, too. An error says that the socket has left already.
        let _ = self.0.deregister();
    }
}

impl TcpListener {
    /// Listens at the first of the addresses that works; port 0 lets the system choose one. On Unix
    /// the address can be taken again at once after an earlier listener's connections
    /// (`SO_REUSEADDR`).
    ///
    /// Up to 4,096 connections wait to be accepted, or as many as the system allows (Linux:
    /// `net.core.somaxconn`).
    ///
    /// # Errors
    ///
    /// If no address works: `AddrInUse`, `PermissionDenied` (a privileged port),
    /// `AddrNotAvailable`, or what [`ToSocketAddrs`] says.
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
    /// use oneloop::net::TcpListener;
    ///
    /// oneloop::block_on(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     assert_ne!(listener.local_addr()?.port(), 0);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub async fn bind(addr: impl ToSocketAddrs) -> io::Result<TcpListener> {
        first_that_works(addr, |addr| async move { TcpListener::listen_at(addr) }).await
    }

    /// Listens at one address.
    pub(crate) fn listen_at(addr: SocketAddr) -> io::Result<TcpListener> {
        let socket = socket2::Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        // On Windows the option would let another program steal the port.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.bind(&addr.into())?;
        TcpListener::listen(socket, BACKLOG)
    }

    /// Listens with a socket that is bound.
    #[track_caller]
    pub(super) fn listen(socket: socket2::Socket, backlog: u32) -> io::Result<TcpListener> {
        socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        TcpListener::try_from(std::net::TcpListener::from(socket))
    }

    /// Waits for a connection. Those that were broken off before they were accepted are passed
    /// over.
    ///
    /// The connection belongs to the listener's runtime, also if something else polls this: it goes
    /// on as long as that one runs.
    ///
    /// # Errors
    ///
    /// What the operating system says; above all "too many open files" (`EMFILE`, `ENFILE`), which
    /// goes away only when descriptors are closed: pause before trying again, or the loop spins.
    /// Also if the listener's runtime was dropped, or a connection was accepted that can't be watched,
    /// which is then closed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a connection that was accepted is returned in the same poll.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::time::Duration;
    /// use oneloop::net::{TcpListener, TcpStream};
    ///
    /// oneloop::block_on(async {
    /// #     let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// #     let client = TcpStream::connect(listener.local_addr()?).await?;
    ///     let stream = loop {
    ///         match listener.accept().await {
    ///             Ok((stream, _peer)) => break stream,
    ///             Err(error) => {
    ///                 eprintln!("can't accept: {error}");
    ///                 oneloop::time::sleep(Duration::from_millis(100)).await;
    ///             }
    ///         }
    ///     };
    ///     assert_eq!(stream.peer_addr()?, client.local_addr()?);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.0.accept(mio::net::TcpListener::accept, TcpStream).await
    }

    /// The poll behind [`accept`](TcpListener::accept). Several tasks may wait at one listener: a
    /// connection wakes all of them, and the first gets it.
    ///
    /// # Errors
    ///
    /// As [`accept`](TcpListener::accept). After an error it can be polled again.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::future::poll_fn;
    /// use oneloop::net::{TcpListener, TcpStream};
    ///
    /// oneloop::block_on(async {
    /// #     let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// #     let client = TcpStream::connect(listener.local_addr()?).await?;
    ///     let (_stream, peer) = poll_fn(|cx| listener.poll_accept(cx)).await?;
    ///     assert_eq!(peer, client.local_addr()?);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        self.0.poll_accept(cx, mio::net::TcpListener::accept, TcpStream)
    }

    /// Accepts a connection if one is there now. Those that were broken off before are passed over.
    ///
    /// The connection belongs to the listener's runtime, wherever this is called.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if none is; then [`readable`](TcpListener::readable) waits for one. Otherwise
    /// as [`accept`](TcpListener::accept): after "too many open files" pause before trying again.
    /// (In an [`EventLoop`](crate::event_loop::EventLoop), its `listen` does.)
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::ErrorKind::WouldBlock;
    /// use oneloop::net::{TcpListener, TcpStream};
    ///
    /// oneloop::block_on(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     assert_eq!(listener.try_accept().unwrap_err().kind(), WouldBlock);
    ///
    ///     let client = TcpStream::connect(listener.local_addr()?).await?;
    ///     let (_stream, peer) = loop {
    ///         listener.readable().await?;
    ///         match listener.try_accept() {
    ///             Err(e) if e.kind() == WouldBlock => {}
    ///             accepted => break accepted?,
    ///         }
    ///     };
    ///     assert_eq!(peer, client.local_addr()?);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn try_accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.0.try_accept(mio::net::TcpListener::accept, TcpStream)
    }

    /// The connections, as a stream that never ends. They belong to the listener's runtime.
    ///
    /// # Errors
    ///
    /// Its items are those of [`accept`](TcpListener::accept). After an error it can be polled
    /// again: pause first.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a connection that was accepted is returned in the same poll, so that dropping
    /// `next()`, or the stream, loses none.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::future::StreamExt;
    /// use oneloop::net::{TcpListener, TcpStream};
    ///
    /// oneloop::block_on(async {
    /// #     let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// #     let client = TcpStream::connect(listener.local_addr()?).await?;
    ///     let mut incoming = listener.incoming();
    ///     let stream = incoming.next().await.expect("it never ends")?;
    ///     assert_eq!(stream.peer_addr()?, client.local_addr()?);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// A second listener of the same socket, on the same loop; [`into_std`](TcpListener::into_std)
    /// takes it to another. Both accept from one queue. Two system calls.
    ///
    /// Each connection wakes every loop that waits at the socket, and all but one of them find
    /// nothing: for n idle loops that is n - 1 wake-ups in vain. In return a loop that is busy
    /// leaves the connection to another. With a listener for each loop at one port
    /// ([`set_reuseport`](super::TcpSocket)), Linux divides the connections, no loop is woken in vain, and
    /// a connection waits for the loop that it was given to.
    ///
    /// # Errors
    ///
    /// If the operating system has no descriptor left, or refuses to watch it.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::{TcpListener, TcpStream};
    ///
    /// oneloop::block_on(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let addr = listener.local_addr()?;
    ///     let second = listener.try_clone()?.into_std()?;
    ///     let thread = std::thread::spawn(|| {
    ///         oneloop::block_on(async { TcpListener::try_from(second)?.accept().await.map(|(_, peer)| peer) })
    ///     });
    ///     let client = TcpStream::connect(addr).await?;
    ///     let peer = thread.join().expect("it does not panic")?;
    ///     assert_eq!(peer, client.local_addr()?);
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn try_clone(&self) -> io::Result<TcpListener> {
        let clone = mio::net::TcpListener::from_std(duplicate(&self.0)?);
        Socket::on(self.0.core(), clone, Readiness::READABLE).map(TcpListener)
    }

    /// The address that it listens at, with the port that the system chose. One system call.
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    ///
    /// # Examples
    ///
    /// See [`bind`](TcpListener::bind).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().local_addr()
    }

    /// Waits until there may be a connection to accept. It may turn out not to be so: try, and wait
    /// again.
    ///
    /// A listener that counts as readable already costs no system call here. Only an operation that
    /// says `WouldBlock` makes it count as not readable: a loop that waits without trying in
    /// between spins.
    ///
    /// # Errors
    ///
    /// If the runtime of the listener was dropped; with the driver `Polling` also if the operating
    /// system refuses to watch the listener.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it takes nothing from the listener.
    ///
    /// # Examples
    ///
    /// See [`try_accept`](TcpListener::try_accept).
    pub fn readable(&self) -> Ready<'_> {
        self.0.readable()
    }

    /// Waits until the listener counts as writable. A listener is never writable: this never ends,
    /// and exists because every socket type has it.
    ///
    /// # Errors
    ///
    /// If the runtime of the listener was dropped; with the driver `Polling` also if the operating
    /// system refuses to watch the listener.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it takes nothing from the listener.
    ///
    /// # Examples
    ///
    /// See [`TcpStream::writable`](TcpStream::writable).
    pub fn writable(&self) -> Ready<'_> {
        self.0.writable()
    }

    /// The pending error of the listener (`SO_ERROR`), which this clears. One system call.
    ///
    /// # Errors
    ///
    /// If the operating system can't say.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use oneloop::net::TcpListener;
    ///
    /// oneloop::block_on(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     assert!(listener.take_error()?.is_none());
    /// #   Ok(())
    /// })
    /// # }
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.io().take_error()
    }
}

/// The connections of a listener: errors, cancel safety and an example are at
/// [`TcpListener::incoming`].
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

impl Stream for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.listener.poll_accept(cx).map(|accepted| Some(accepted.map(|(stream, _)| stream)))
    }
}
