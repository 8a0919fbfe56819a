//! Functions that write to a socket without the signal `SIGPIPE`.

use std::io;

use socket2::SockRef;

/// The flag that suppresses the signal. If the program has restored `SIGPIPE`'s default action, a
/// write to a closed peer would end the program without this flag. Apple's systems have an option
/// of the socket instead. std and mio set this option for a new socket, but not for a pair.
#[cfg(all(unix, not(target_vendor = "apple")))]
const NO_SIGNAL: i32 = libc::MSG_NOSIGNAL;
#[cfg(any(windows, target_vendor = "apple"))]
const NO_SIGNAL: i32 = 0;

/// Writes a buffer. The function does not use std's `write`, which raises the signal for Unix
/// streams before Rust 1.90.
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

/// Writes several buffers. The function does not use `writev`, as std does, because `writev` can't
/// suppress the signal.
pub(super) fn send_vectored<'s, S>(socket: &'s S, bufs: &[io::IoSlice<'_>]) -> io::Result<usize>
where
    SockRef<'s>: From<&'s S>,
{
    SockRef::from(socket).send_vectored_with_flags(bufs, NO_SIGNAL)
}
