//! The traits of all socket types and their methods to leave the loop. All streams also have the
//! traits of futures-io here, and the methods to try several buffers.

use std::io;

use crate::io::socket::{Named, Owned, Socket, Watchable};

/// Implements a type `struct $name(Socket<$mio>)`. The documentation belongs to `TryFrom`.
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
            /// Unregisters the socket and returns it as std's type. Another loop converts it with
            /// `TryFrom`, or the program uses it without a loop. The socket is still non-blocking,
            /// and unread data stays readable. The call makes three system calls, and four for a
            /// listener and for a datagram socket.
            ///
            /// # Errors
            ///
            /// The call returns the error of the operating system. It needs a second descriptor for
            /// a moment, so it fails if no descriptor is left. The socket is closed after an error.
            pub fn into_std(mut self) -> std::io::Result<$std> {
                super::traits::leave(&mut self.0)
            }
        }

        /// Converts as `into_std` does, into a descriptor.
        #[cfg(unix)]
        impl TryFrom<$name> for std::os::fd::OwnedFd {
            type Error = std::io::Error;

            fn try_from(mut socket: $name) -> std::io::Result<Self> {
                super::traits::leave(&mut socket.0)
            }
        }

        /// Converts as `into_std` does, into a socket without a type.
        #[cfg(windows)]
        impl TryFrom<$name> for std::os::windows::io::OwnedSocket {
            type Error = std::io::Error;

            fn try_from(mut socket: $name) -> std::io::Result<Self> {
                super::traits::leave(&mut socket.0)
            }
        }

        /// While a duplicate of the descriptor is open, the loop may still receive events after the
        /// drop of the socket; see [the module](super#another-loop-or-none).
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

/// Implements a type `struct $name(Socket<…>)` whose socket is a stream.
macro_rules! stream_traits {
    ($name:ident) => {
        impl $name {
            /// Reads the available bytes into several buffers, one after the other, without
            /// waiting, and returns their number. A call uses at most 16 non-empty buffers.
            ///
            /// # Errors
            ///
            #[doc = concat!("The errors are those of [`try_read`](", stringify!($name), "::try_read).")]
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

            /// Writes the bytes that fit from several buffers, one after the other, without
            /// waiting, and returns their number. A call uses at most 16 non-empty buffers.
            ///
            /// # Errors
            ///
            #[doc = concat!("The errors are those of [`try_write`](", stringify!($name), "::try_write).")]
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
            /// Reads into the front of `buf`, which need not be initialised, and returns this
            /// front. The length of the front is the number of bytes. An empty front means that the
            /// peer has closed its side, or that `buf` is empty. The rest of `buf` is unchanged.
            /// The task waits until bytes are available. Several tasks may wait, and an event wakes
            /// all of them.
            ///
            /// The method is for adapters to buffers of other crates, which would have to be filled
            /// with zeros before each [`poll_read`](crate::io::AsyncRead::poll_read). The result is
            /// the bytes and not only their number. So a program can read into an uninitialised
            /// array, or into the spare capacity of a `Vec`, without `unsafe`.
            ///
            /// hyper's `ReadBufCursor`, tokio's `ReadBuf` and the `BufMut` of `bytes` give access
            /// to uninitialised bytes only in `unsafe` blocks of their user. Without such a block,
            /// an adapter copies the bytes with `put_slice` from an array of its own. The copy
            /// costs less than the zeros if most reads fill a small part of the buffer, and more if
            /// they fill the buffer. (For tokio's `ReadBuf` the feature
            /// [`tokio-io`](crate::io#tokios-traits) has these blocks.)
            ///
            /// A pipe has no such method, because it would need one more `unsafe` block. `as_ref`
            /// of the reading half returns a reference of the stream.
            ///
            /// # Errors
            ///
            /// A read returns the error of the operating system, for example `ConnectionReset`, or
            /// an error if the runtime of the stream was dropped.
            ///
            /// # Cancel safety
            ///
            /// The poll that reads bytes also returns them.
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
            /// A read returns the error of the operating system, for example `ConnectionReset`, or
            /// an error if the runtime of the stream was dropped.
            ///
            /// # Cancel safety
            ///
            /// Reading is cancel safe: the poll that reads bytes also returns them. Operations that
            /// read several times, such as `read_exact`, are not cancel safe.
            [] &$name, [], |this| &mut &this.0
        );
        crate::io::stream::forward_write!(
            /// Writes by shared reference. `flush` does nothing, and `close` shuts down the writing
            /// side.
            ///
            /// # Errors
            ///
            /// `BrokenPipe` or `ConnectionReset` means that the peer has closed the connection,
            /// which raises no signal. A write also returns an error if the runtime of the stream
            /// was dropped.
            ///
            /// # Cancel safety
            ///
            /// Writing is cancel safe: the poll that writes bytes also reports them. Operations
            /// that write several times, such as `write_all`, are not cancel safe.
            [] &$name, [], |this| &mut &this.0
        );
        crate::io::stream::forward_read!([] $name, [], |this| &mut &this.0);
        crate::io::stream::forward_write!([] $name, [], |this| &mut &this.0);
    };
}

pub(crate) use {socket_traits, stream_traits};

/// Unregisters a socket, and returns it for further use by the program.
pub(super) fn leave<S: From<Owned>>(socket: &mut Socket<impl Watchable + Named>) -> io::Result<S> {
    socket.leave().and_then(non_blocking).map(S::from)
}

/// Returns a second socket of the same open file.
pub(super) fn duplicate<S: From<Owned>>(socket: &Socket<impl Watchable + Named>) -> io::Result<S> {
    socket.io().duplicate().and_then(non_blocking).map(S::from)
}

/// Makes a duplicate non-blocking on Windows. On Unix a duplicate has the mode of the first
/// descriptor, which Windows does not guarantee.
fn non_blocking(duplicate: Owned) -> io::Result<Owned> {
    #[cfg(windows)]
    socket2::SockRef::from(&duplicate).set_nonblocking(true)?;
    Ok(duplicate)
}
