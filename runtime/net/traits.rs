//! The traits that every socket type has, and those of streams.

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
