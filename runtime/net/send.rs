//! Writing to a socket without the signal `SIGPIPE`.

use std::io;

use socket2::SockRef;

/// Where the program has restored `SIGPIPE`'s default action, a write would end it when the peer
/// has closed. Apple's systems have an option of the socket instead, which std and mio set where
/// they make one, but not for a pair.
#[cfg(all(unix, not(target_vendor = "apple")))]
const NO_SIGNAL: i32 = libc::MSG_NOSIGNAL;
#[cfg(any(windows, target_vendor = "apple"))]
const NO_SIGNAL: i32 = 0;

/// Writes. Not with std's `write`, which before Rust 1.90 raises the signal for Unix streams.
#[inline]
pub(crate) fn send<'s, S>(socket: &'s S, buf: &[u8]) -> io::Result<usize>
where
    SockRef<'s>: From<&'s S>,
{
    SockRef::from(socket).send_with_flags(buf, NO_SIGNAL)
}

/// Sends a datagram to a Unix address.
#[cfg(unix)]
pub(super) fn send_to<'s, S>(socket: &'s S, datagram: &[u8], addr: &socket2::SockAddr) -> io::Result<usize>
where
    SockRef<'s>: From<&'s S>,
{
    SockRef::from(socket).send_to_with_flags(datagram, addr, NO_SIGNAL)
}

/// Writes several buffers. Not with `writev`, as std does, for the same reason.
pub(super) fn send_vectored<'s, S>(socket: &'s S, bufs: &[io::IoSlice<'_>]) -> io::Result<usize>
where
    SockRef<'s>: From<&'s S>,
{
    SockRef::from(socket).send_vectored_with_flags(bufs, NO_SIGNAL)
}
