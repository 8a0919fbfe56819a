//! TCP listeners.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_lite::Stream;
use socket2::{Domain, Protocol, Type};

use super::addr::{ToSocketAddrs, first_that_works};
use super::tcp::TcpStream;
use crate::engine::driver::Readiness;
use crate::engine::interest::Interest;
use crate::io::socket::{Socket, impl_socket};

/// Connections that the system completes before anybody accepts them. The system caps it (on Linux at
/// `net.core.somaxconn`, 4,096 by default), so this asks for what there is.
const BACKLOG: i32 = 4096;

/// Accepts TCP connections.
///
/// Options that must be set before binding are set through `socket2`, whose `Socket` converts to std's
/// `TcpListener` and that to this one with `TryFrom`. Options of a live socket: `socket2::SockRef::from(&listener)`.
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
pub struct TcpListener(Socket<mio::net::TcpListener>);

impl_socket!(TcpListener, std::net::TcpListener, mio::net::TcpListener, Readiness::READABLE);

impl TcpListener {
    /// Listens at the first of the addresses that works; port 0 lets the system choose one. On Unix the
    /// address can be taken again at once after an earlier listener's connections (`SO_REUSEADDR`).
    ///
    /// Up to 4,096 connections wait to be accepted, or as many as the system allows (Linux:
    /// `net.core.somaxconn`).
    ///
    /// # Errors
    ///
    /// If no address works: `AddrInUse`, `PermissionDenied` (a privileged port), `AddrNotAvailable`, or what
    /// [`ToSocketAddrs`] says.
    ///
    /// # Panics
    ///
    /// When polled outside a runtime.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if it is dropped: it waits only while a name is looked up, and has bound nothing until
    /// then.
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
        socket.listen(BACKLOG)?;
        TcpListener::try_from(std::net::TcpListener::from(socket))
    }

    /// Waits for a connection. Those that were broken off before they were accepted are passed over.
    ///
    /// The connection belongs to the listener's runtime, also if something else polls this: it goes on as
    /// long as that one runs.
    ///
    /// # Errors
    ///
    /// What the operating system says; above all "too many open files" (`EMFILE`, `ENFILE`), which goes away
    /// only when descriptors are closed: pause before trying again, or the loop spins. Also if the listener's
    /// runtime is gone, or a connection was accepted that can't be watched, which is then closed.
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
        std::future::poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// The poll behind [`accept`](TcpListener::accept). Several tasks may wait at one listener: a connection
    /// wakes all of them, and the first gets it.
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
        loop {
            let accepted = ready!(self.0.poll_io(cx, Interest::Readable, |listener| listener.accept()));
            if let Some(admitted) = admit(accepted, |stream| TcpStream::accepted(self.0.core(), stream)) {
                return Poll::Ready(admitted);
            }
        }
    }

    /// Accepts a connection if one is there now. Those that were broken off before are passed over.
    ///
    /// The connection belongs to the listener's runtime, wherever this is called.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if none is; then [`readable`](TcpListener::readable) waits for one. Otherwise as
    /// [`accept`](TcpListener::accept): after "too many open files" pause before trying again. (In an
    /// [`EventLoop`](crate::event_loop::EventLoop), its `listen` does.)
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
        loop {
            let accepted = self.0.try_io(Interest::Readable, |listener| listener.accept());
            if let Some(admitted) = admit(accepted, |stream| TcpStream::accepted(self.0.core(), stream)) {
                return admitted;
            }
        }
    }

    /// The connections, as a stream that never ends. They belong to the listener's runtime.
    ///
    /// # Errors
    ///
    /// Its items are those of [`accept`](TcpListener::accept). After an error it can be polled again: pause
    /// first.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a connection that was accepted is returned in the same poll, so that dropping `next()`,
    /// or the stream, loses none.
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
}

/// What comes of an accept, whose connection `own` takes over. Nothing if that was broken off before: then it is the
/// next one's turn.
pub(super) fn admit<S, A, C>(
    accepted: io::Result<(S, A)>,
    own: impl FnOnce(S) -> io::Result<C>,
) -> Option<io::Result<(C, A)>> {
    match accepted {
        Err(error) if is_the_connections_own(&error) => None,
        accepted => Some(accepted.and_then(|(stream, peer)| Ok((own(stream)?, peer)))),
    }
}

/// Errors of `accept` that concern the connection that was to be accepted, not the listener: Linux passes pending
/// network errors on in this way (accept(2), "Error handling").
fn is_the_connections_own(error: &io::Error) -> bool {
    use io::ErrorKind::*;
    let by_kind = matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | NetworkDown | NetworkUnreachable | HostUnreachable
    );
    #[cfg(unix)]
    let by_number = matches!(error.raw_os_error(), Some(libc::EPROTO | libc::ENOPROTOOPT | libc::EHOSTDOWN));
    // wine looks for the peer's address after it has accepted, and finds a connection that was reset to have none.
    #[cfg(windows)]
    let by_number = error.kind() == NotConnected;
    by_kind || by_number
}

/// The connections of a listener: errors, cancel safety and an example are at [`TcpListener::incoming`].
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Here, because no test can make the system say so.
    #[test]
    fn a_connection_that_was_broken_off_is_passed_over_and_what_else_an_accept_says_is_not() {
        let after = |error: io::Error| admit(Err::<((), ()), _>(error), Ok);
        assert!(after(io::ErrorKind::ConnectionAborted.into()).is_none());
        assert!(after(io::ErrorKind::NetworkUnreachable.into()).is_none());
        for kind in [io::ErrorKind::WouldBlock, io::ErrorKind::PermissionDenied] {
            assert_eq!(after(kind.into()).expect("it is the listener's").unwrap_err().kind(), kind);
        }
        let unwatched = admit(Ok(("stream", "peer")), |_| Err::<(), _>(io::ErrorKind::OutOfMemory.into()));
        assert!(unwatched.expect("it was accepted").is_err());
        assert_eq!(admit(Ok(("stream", "peer")), Ok).and_then(Result::ok), Some(("stream", "peer")));
    }
}
