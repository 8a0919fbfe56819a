//! What all sockets have in common: a mio socket and its place in the reactor.

use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::engine::context;
use crate::engine::core::Core;
use crate::engine::driver::{Object, Raw, Readiness};
use crate::engine::interest::Interest;
use crate::engine::registration::Registration;
use crate::io::ready::Ready;

/// A socket that the loop watches and owns: on Unix 16 bytes, of which the descriptor is 4.
///
/// The sockets of `mio` are used on every driver: on Windows its backend needs them, on Unix they are plain
/// descriptors.
pub(crate) struct Socket<T> {
    core: Rc<Core>,
    key: u32,
    io: T,
}

#[cfg(all(unix, not(debug_assertions), not(mio_unsupported_force_poll_poll)))]
const _: () =
    assert!(size_of::<Socket<mio::net::TcpStream>>() == 16, "a connection's task holds little else");

/// The operating system's name for a socket.
pub(crate) trait AsRaw {
    fn as_raw(&self) -> Raw;
}

#[cfg(unix)]
impl<T: std::os::fd::AsRawFd> AsRaw for T {
    fn as_raw(&self) -> Raw {
        self.as_raw_fd()
    }
}

#[cfg(windows)]
impl<T: std::os::windows::io::AsRawSocket> AsRaw for T {
    fn as_raw(&self) -> Raw {
        self.as_raw_socket()
    }
}

impl<T: mio::event::Source + AsRaw> Socket<T> {
    /// Watches a non-blocking socket. `assumed` counts as ready until an operation says otherwise: trying
    /// in vain costs one system call, waiting for an event that could have been skipped costs a turn.
    #[track_caller]
    pub(crate) fn new(io: T, assumed: Readiness) -> io::Result<Socket<T>> {
        context::with("a oneloop socket was made", |core| Socket::on(core, io, assumed))
    }

    /// The same on a certain runtime: a connection belongs to its listener's, whoever accepts it.
    pub(crate) fn on(core: &Rc<Core>, mut io: T, assumed: Readiness) -> io::Result<Socket<T>> {
        let raw = Some(io.as_raw());
        let key = Registration::open(core, Object { mio: Some(&mut io), raw }, assumed)?;
        Ok(Socket { core: core.clone(), key, io })
    }
}

#[cfg(unix)]
impl<T: mio::event::Source + AsRaw + std::os::fd::AsFd> Socket<T> {
    /// Ends the watch and returns a descriptor of the same open file. A new one: what has a `Drop` can't be
    /// taken apart, and a field that may be empty would cost every operation a look. Three system calls.
    pub(crate) fn into_owned_fd(mut self) -> io::Result<std::os::fd::OwnedFd> {
        let fd = self.io.as_fd().try_clone_to_owned()?;
        // By hand: closing the old descriptor ends nothing while the new one lives.
        let raw = Some(self.io.as_raw());
        let object = Object { mio: Some(&mut self.io), raw };
        match (Registration { core: &self.core, key: self.key }).deregister(object) {
            // mio's poll(2) fallback has ended the watch already of what was hung up.
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(fd),
        }
    }
}

impl<T> Socket<T> {
    #[inline]
    fn registration(&self) -> Registration<'_> {
        Registration { core: &self.core, key: self.key }
    }

    pub(crate) fn core(&self) -> &Rc<Core> {
        &self.core
    }

    #[inline]
    pub(crate) fn io(&self) -> &T {
        &self.io
    }

    /// Wakes who waits for what this program itself has just done to the socket, where the system doesn't.
    #[cfg(windows)]
    pub(crate) fn announce(&self, readiness: Readiness) {
        self.registration().announce(readiness);
    }

    pub(crate) fn readable(&self) -> Ready<'_> {
        Ready { registration: self.registration(), interest: Interest::Readable }
    }

    pub(crate) fn writable(&self) -> Ready<'_> {
        Ready { registration: self.registration(), interest: Interest::Writable }
    }

    #[inline]
    pub(crate) fn poll_io<R>(
        &self,
        cx: &mut Context<'_>,
        interest: Interest,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.registration().poll_io(cx, interest, || operation(&self.io))
    }

    #[inline]
    pub(crate) async fn async_io<R>(
        &self,
        interest: Interest,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        poll_fn(|cx| self.poll_io(cx, interest, &mut operation)).await
    }

    /// Charges the budget for an operation that doesn't ask the reactor.
    #[cfg(unix)]
    pub(crate) async fn give_way(&self) {
        poll_fn(|cx| self.core.budget.poll(cx)).await;
    }

    pub(crate) fn try_io<R>(
        &self,
        interest: Interest,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        self.registration().try_io(interest, || operation(&self.io))
    }
}

/// A stream's socket, for the short-read rule.
pub(crate) trait ByteStream {
    /// Whether a read that fills only part of its buffer has drained the socket.
    const SHORT_READ_DRAINS: bool;
}

impl<T: ByteStream> Socket<T> {
    /// Reads or writes: like `poll_io` for an operation of `asked` bytes.
    #[inline]
    pub(crate) fn poll_bytes(
        &self,
        cx: &mut Context<'_>,
        interest: Interest,
        asked: usize,
        operation: impl FnMut(&T) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        if asked == 0 {
            return Poll::Ready(Ok(0));
        }
        let polled = self.poll_io(cx, interest, operation);
        if let Poll::Ready(Ok(moved)) = polled {
            self.moved(interest, moved, asked);
        }
        polled
    }

    /// Reads or writes without waiting: like `try_io` for an operation of `asked` bytes.
    #[inline]
    pub(crate) fn try_bytes(
        &self,
        interest: Interest,
        asked: usize,
        operation: impl FnMut(&T) -> io::Result<usize>,
    ) -> io::Result<usize> {
        if asked == 0 {
            return Ok(0);
        }
        let moved = self.try_io(interest, operation)?;
        self.moved(interest, moved, asked);
        Ok(moved)
    }

    #[inline]
    fn moved(&self, interest: Interest, moved: usize, asked: usize) {
        if interest == Interest::Writable || T::SHORT_READ_DRAINS {
            self.registration().moved(interest, moved, asked);
        }
    }
}

impl<T> Drop for Socket<T> {
    fn drop(&mut self) {
        self.registration().forget();
        self.registration().release();
    }
}

/// What every socket type has beside its own methods, for a type `struct $name(Socket<$mio>)` made from
/// `$std`.
macro_rules! impl_socket {
    ($name:ident, $std:ty, $mio:ty, $assumed:expr) => {
        impl $name {
            /// Waits until the socket counts as readable. It may turn out not to be: try, and wait again.
            ///
            /// A socket that counts as readable already costs no system call here. Only an operation that
            /// says `WouldBlock` makes it count as not readable: one that waits without trying in between
            /// spins.
            ///
            /// # Errors
            ///
            /// If the socket's runtime is gone; on the driver `Polling` also if the operating system refuses
            /// to watch the socket.
            ///
            /// # Cancel safety
            ///
            /// Cancel safe: it only looks.
            ///
            /// # Examples
            ///
            /// ```
            /// # fn main() -> std::io::Result<()> {
            /// use std::io::ErrorKind::WouldBlock;
            /// use oneloop::net::UdpSocket;
            ///
            /// oneloop::block_on(async {
            /// #     let socket = UdpSocket::bind("127.0.0.1:0").await?;
            /// #     socket.send_to(b"ping", socket.local_addr()?).await?;
            ///     let mut buf = [0; 16];
            ///     let n = loop {
            ///         socket.readable().await?;
            ///         match socket.try_recv_from(&mut buf) {
            ///             Err(e) if e.kind() == WouldBlock => {}
            ///             received => break received?.0,
            ///         }
            ///     };
            ///     assert_eq!(&buf[..n], b"ping");
            /// #   Ok(())
            /// })
            /// # }
            /// ```
            pub fn readable(&self) -> $crate::io::ready::Ready<'_> {
                self.0.readable()
            }

            /// Waits until the socket counts as writable. It may turn out not to be: try, and wait again. For
            /// a listener it means nothing.
            ///
            /// # Errors
            ///
            /// As [`readable`](Self::readable).
            ///
            /// # Cancel safety
            ///
            /// Cancel safe: it only looks.
            ///
            /// # Examples
            ///
            /// ```
            /// # fn main() -> std::io::Result<()> {
            /// use std::io::ErrorKind::WouldBlock;
            /// use oneloop::net::UdpSocket;
            ///
            /// oneloop::block_on(async {
            /// #     let socket = UdpSocket::bind("127.0.0.1:0").await?;
            /// #     let to = socket.local_addr()?;
            ///     loop {
            ///         socket.writable().await?;
            ///         match socket.try_send_to(b"ping", to) {
            ///             Err(e) if e.kind() == WouldBlock => {}
            ///             sent => break assert_eq!(sent?, 4),
            ///         }
            ///     }
            /// #   Ok(())
            /// })
            /// # }
            /// ```
            pub fn writable(&self) -> $crate::io::ready::Ready<'_> {
                self.0.writable()
            }

            /// The socket's pending error, which this clears: `SO_ERROR`. One system call.
            ///
            /// # Errors
            ///
            /// If the operating system can't say.
            ///
            /// # Examples
            ///
            /// ```
            /// # fn main() -> std::io::Result<()> {
            /// use oneloop::net::UdpSocket;
            ///
            /// oneloop::block_on(async {
            ///     let socket = UdpSocket::bind("127.0.0.1:0").await?;
            ///     assert!(socket.take_error()?.is_none());
            /// #   Ok(())
            /// })
            /// # }
            /// ```
            pub fn take_error(&self) -> std::io::Result<Option<std::io::Error>> {
                self.0.io().take_error()
            }
        }

        /// Takes over a socket of std's, and makes it non-blocking.
        ///
        /// # Errors
        ///
        /// If the operating system refuses to make it non-blocking or to watch it. The socket is then closed.
        ///
        /// # Panics
        ///
        /// Outside a runtime.
        ///
        /// # Examples
        ///
        /// ```
        /// # fn main() -> std::io::Result<()> {
        /// use oneloop::net::UdpSocket;
        ///
        /// oneloop::block_on(async {
        ///     let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
        ///     let socket = UdpSocket::try_from(socket)?;
        ///     assert!(socket.local_addr()?.ip().is_loopback());
        /// #   Ok(())
        /// })
        /// # }
        /// ```
        impl TryFrom<$std> for $name {
            type Error = std::io::Error;

            #[track_caller]
            fn try_from(socket: $std) -> std::io::Result<$name> {
                socket.set_nonblocking(true)?;
                $crate::io::socket::Socket::new(<$mio>::from_std(socket), $assumed).map($name)
            }
        }

        impl $crate::io::watch::Watch for $name {
            fn readable(&self) -> $crate::io::ready::Ready<'_> {
                self.0.readable()
            }
        }

        #[cfg(unix)]
        impl std::os::fd::AsFd for $name {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                self.0.io().as_fd()
            }
        }

        #[cfg(unix)]
        impl std::os::fd::AsRawFd for $name {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                self.0.io().as_raw_fd()
            }
        }

        #[cfg(windows)]
        impl std::os::windows::io::AsSocket for $name {
            fn as_socket(&self) -> std::os::windows::io::BorrowedSocket<'_> {
                self.0.io().as_socket()
            }
        }

        #[cfg(windows)]
        impl std::os::windows::io::AsRawSocket for $name {
            fn as_raw_socket(&self) -> std::os::windows::io::RawSocket {
                self.0.io().as_raw_socket()
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.io().fmt(f)
            }
        }
    };
}

pub(crate) use impl_socket;
