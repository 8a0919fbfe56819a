//! Whether a TCP connect is under way, and how it has ended.

use std::io;

/// Whether this is what a non-blocking connect says when it has begun.
pub(super) fn is_under_way(error: &io::Error) -> bool {
    #[cfg(unix)]
    return error.raw_os_error() == Some(libc::EINPROGRESS);
    #[cfg(windows)]
    return error.kind() == io::ErrorKind::WouldBlock;
}

/// Whether a connect has come to an end: writable says it may have, `SO_ERROR` how, and only a
/// peer's address proves that there is a connection (a spurious event can come first).
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

/// Whether a socket without a peer had one. On Windows a reset leaves nothing in `SO_ERROR`, and
/// there may be no second event; but a read tells a connection that was reset from one that never
/// was.
#[cfg(windows)]
fn was_reset(socket: &mio::net::TcpStream) -> bool {
    match socket.peek(&mut [0]) {
        // Unless it has come about only since it was asked for its peer, which is no reset.
        Ok(_) => socket.peer_addr().is_err(),
        Err(e) => matches!(e.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted),
    }
}
