//! What every socket type has: its traits and how it leaves its loop. And what every stream has:
//! the traits of futures-io, and trying several buffers at once.

use std::io;

use crate::io::socket::{Named, Owned, Socket, Watchable};

/// For a type `struct $name(Socket<$mio>)`. The documentation is that of `TryFrom`.
macro_rules! socket_traits {
    ($(#[$doc:meta])* $name:ident, $std:ty, $mio:ty, $assumed:expr) => {
        $(#[$doc])*
        impl TryFrom<$std> for $name {
            type Error = std::io::Error;

            #[track_caller]
            fn try_from(socket: $std) -> std::io::Result<$name> {
                socket.set_nonblocking(true)?;
                let assumed = ($assumed)(&socket);
                Socket::new(<$mio>::from_std(socket), assumed).map($name)
            }
        }

        impl $name {
            /// Ends the watch and returns the socket as std's type: for another loop, which takes it
            /// over with `TryFrom`, or for use without a loop. It is non-blocking still. What has
            /// come and was not read is still to be read. Three system calls; four for a listener and for
            /// a datagram socket.
            ///
            /// # Errors
            ///
            /// If the operating system refuses, or has no descriptor left, because it takes a second
            /// one for a moment. The socket is then closed.
            ///
            /// # Examples
            ///
            /// See [the module](super#another-loop-or-none).
            pub fn into_std(mut self) -> std::io::Result<$std> {
                super::traits::leave(&mut self.0)
            }
        }

        /// The same as `into_std`, as a descriptor.
        #[cfg(unix)]
        impl TryFrom<$name> for std::os::fd::OwnedFd {
            type Error = std::io::Error;

            fn try_from(mut socket: $name) -> std::io::Result<Self> {
                super::traits::leave(&mut socket.0)
            }
        }

        /// The same as `into_std`, as a socket without a type.
        #[cfg(windows)]
        impl TryFrom<$name> for std::os::windows::io::OwnedSocket {
            type Error = std::io::Error;

            fn try_from(mut socket: $name) -> std::io::Result<Self> {
                super::traits::leave(&mut socket.0)
            }
        }

        /// A duplicate of the descriptor lets the loop go on watching after the socket is dropped:
        /// see [the module](super#another-loop-or-none).
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

/// For a type `struct $name(Socket<…>)` whose socket is a stream.
macro_rules! stream_traits {
    ($name:ident) => {
        impl $name {
            /// Reads what is there now into several buffers, one after the other, without waiting,
            /// and returns how many bytes. At most 16 buffers that are not empty are used.
            ///
            /// # Errors
            ///
            #[doc = concat!("As [`try_read`](", stringify!($name), "::try_read).")]
            ///
            /// # Examples
            ///
            /// ```
            /// # fn main() -> std::io::Result<()> {
            /// use std::io::ErrorKind::WouldBlock;
            /// use std::io::IoSliceMut;
            ///
            /// oneloop::block_on(async {
            /// #     let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
            /// #     let stream = oneloop::net::TcpStream::connect(listener.local_addr()?).await?;
            /// #     let (mut peer, _) = listener.accept().await?;
            /// #     oneloop::io::AsyncWriteExt::write_all(&mut peer, b"headbody").await?;
            ///     let (mut head, mut body) = ([0; 4], [0; 16]);
            ///     let mut bufs = [IoSliceMut::new(&mut head), IoSliceMut::new(&mut body)];
            ///     let n = loop {
            ///         stream.readable().await?;
            ///         match stream.try_read_vectored(&mut bufs) {
            ///             Err(e) if e.kind() == WouldBlock => {}
            ///             read => break read?,
            ///         }
            ///     };
            ///     assert_eq!((&head, &body[..n - 4]), (b"head", &b"body"[..]));
            /// #   Ok(())
            /// })
            /// # }
            /// ```
            pub fn try_read_vectored(&self, bufs: &mut [std::io::IoSliceMut<'_>]) -> std::io::Result<usize> {
                self.0.try_read_vectored(bufs)
            }

            /// Writes what fits now of several buffers, one after the other, without waiting, and
            /// returns how many bytes. At most 16 buffers that are not empty are used.
            ///
            /// # Errors
            ///
            #[doc = concat!("As [`try_write`](", stringify!($name), "::try_write).")]
            ///
            /// # Examples
            ///
            /// ```
            /// # fn main() -> std::io::Result<()> {
            /// use std::io::IoSlice;
            ///
            /// oneloop::block_on(async {
            /// #     let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
            /// #     let stream = oneloop::net::TcpStream::connect(listener.local_addr()?).await?;
            /// #     let (_peer, _) = listener.accept().await?;
            ///     let written = stream.try_write_vectored(&[IoSlice::new(b"head"), IoSlice::new(b"body")])?;
            ///     assert_eq!(written, 8);
            /// #   Ok(())
            /// })
            /// # }
            /// ```
            pub fn try_write_vectored(&self, bufs: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
                self.0.try_write_vectored(bufs)
            }
        }

        impl $name {
            /// Reads into the front of `buf`, which need not be initialised, and returns that front.
            /// Its length is how many bytes came; 0 mean that the peer has closed its side (or that
            /// `buf` is empty). What is behind it is left as it was. Until there is something to
            /// read the task waits. Several tasks may wait: all are woken.
            ///
            /// It is for adapters to other crates' buffers, which would have to be filled with
            /// zeros before each [`poll_read`](crate::io::AsyncRead::poll_read). The result is the
            /// bytes and not only their number: so an array that is not initialised, or the spare
            /// capacity of a `Vec`, can be read into without `unsafe`. hyper's `ReadBufCursor`,
            /// tokio's `ReadBuf` and the `BufMut` of `bytes` lend what is not initialised only in
            /// `unsafe` blocks of their user. Without such a block, an adapter copies what came
            /// with `put_slice`, from an array of its own. That costs less than the zeros if most
            /// reads fill a small part of the buffer, and more if they fill it. (For tokio's
            /// `ReadBuf` the feature [`tokio-io`](crate::io#tokios-traits) has those blocks.)
            ///
            /// A pipe has no such method: there, it would take an `unsafe` block more. The reading
            /// half of a stream lends the stream with `as_ref`.
            ///
            /// # Errors
            ///
            /// What the operating system says, for instance `ConnectionReset`; or that the runtime
            /// of the stream was dropped.
            ///
            /// # Cancel safety
            ///
            /// Bytes that were read are returned in the same poll.
            ///
            /// # Examples
            ///
            /// ```
            /// # fn main() -> std::io::Result<()> {
            /// use std::future::poll_fn;
            /// use std::mem::MaybeUninit;
            ///
            /// oneloop::block_on(async {
            /// #     let listener = oneloop::net::TcpListener::bind("127.0.0.1:0").await?;
            /// #     let stream = oneloop::net::TcpStream::connect(listener.local_addr()?).await?;
            /// #     let (mut peer, _) = listener.accept().await?;
            /// #     oneloop::io::AsyncWriteExt::write_all(&mut peer, b"hello").await?;
            ///     let mut text = Vec::new();
            ///     poll_fn(|cx| {
            ///         let mut buf = [MaybeUninit::uninit(); 4096];
            ///         let read = stream.poll_read_uninit(cx, &mut buf);
            ///         read.map_ok(|bytes| text.extend_from_slice(bytes))
            ///     })
            ///     .await?;
            ///     assert_eq!(text, b"hello");
            /// #   Ok(())
            /// })
            /// # }
            /// ```
            #[inline]
            pub fn poll_read_uninit<'b>(
                &self,
                cx: &mut std::task::Context<'_>,
                buf: &'b mut [std::mem::MaybeUninit<u8>],
            ) -> std::task::Poll<std::io::Result<&'b mut [u8]>> {
                self.0.poll_read_uninit(cx, buf)
            }
        }

        crate::io::stream::forward_read!(
            /// Reads by shared reference.
            ///
            /// # Errors
            ///
            /// What the operating system says, for instance `ConnectionReset`; or that the runtime
            /// of the stream was dropped.
            ///
            /// # Cancel safety
            ///
            /// Cancel safe: bytes that were read are returned in the same poll. (What is built on
            /// it and reads several times, such as `read_exact`, is not.)
            [] &$name, [], |this| &mut &this.0
        );
        crate::io::stream::forward_write!(
            /// Writes by shared reference. Flushing does nothing, closing shuts writing down.
            ///
            /// # Errors
            ///
            /// `BrokenPipe` or `ConnectionReset` if the peer has closed the connection (never a
            /// signal); or that the runtime of the stream was dropped.
            ///
            /// # Cancel safety
            ///
            /// Cancel safe: bytes count as written in the poll in which they were. (What is built
            /// on it and writes several times, such as `write_all`, is not.)
            [] &$name, [], |this| &mut &this.0
        );
        crate::io::stream::forward_read!([] $name, [], |this| &mut &this.0);
        crate::io::stream::forward_write!([] $name, [], |this| &mut &this.0);
    };
}

pub(crate) use {socket_traits, stream_traits};

/// The socket as the program goes on with it, after its watch has ended.
pub(super) fn leave<S: From<Owned>>(socket: &mut Socket<impl Watchable + Named>) -> io::Result<S> {
    socket.leave().and_then(non_blocking).map(S::from)
}

/// A second socket of the same open file.
pub(super) fn duplicate<S: From<Owned>>(socket: &Socket<impl Watchable + Named>) -> io::Result<S> {
    socket.io().duplicate().and_then(non_blocking).map(S::from)
}

/// On Unix a duplicate is non-blocking if the first descriptor is, which Windows doesn't promise.
fn non_blocking(duplicate: Owned) -> io::Result<Owned> {
    #[cfg(windows)]
    socket2::SockRef::from(&duplicate).set_nonblocking(true)?;
    Ok(duplicate)
}
