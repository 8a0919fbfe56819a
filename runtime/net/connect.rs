//! The progress and the result of a TCP connect.

use std::io;

/// Returns whether the error means that a non-blocking connect has begun.
pub(super) fn is_under_way(error: &io::Error) -> bool {
    #[cfg(unix)]
    return error.raw_os_error() == Some(libc::EINPROGRESS);
    #[cfg(windows)]
    return error.kind() == io::ErrorKind::WouldBlock;
}

/// Returns the result of a connect. The socket is writable when the connect may have ended, and
/// `SO_ERROR` has the error. Only the address of a peer proves that the socket is connected,
/// because a spurious event may come first.
pub(super) fn finished(socket: &mio::net::TcpStream) -> io::Result<()> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Ok(_) => Ok(()),
        #[cfg(windows)]
        Err(e) if e.kind() == io::ErrorKind::NotConnected && was_reset(socket) => {
            Err(io::ErrorKind::ConnectionReset.into())
        }
        Err(e) if e.kind() == io::ErrorKind::NotConnected => Err(io::ErrorKind::WouldBlock.into()),
        Err(e) => Err(e),
    }
}

/// Returns whether a socket without a peer had a peer before. On Windows a reset leaves no error in
/// `SO_ERROR`, and a second event may be missing. A read distinguishes a connection that was reset
/// from a socket that was never connected.
#[cfg(windows)]
fn was_reset(socket: &mio::net::TcpStream) -> bool {
    match socket.peek(&mut [0]) {
        // The socket may have connected after the check of its peer, which is not a reset.
        Ok(_) => socket.peer_addr().is_err(),
        Err(e) => matches!(e.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted),
    }
}
