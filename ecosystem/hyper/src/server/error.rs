//! This file holds the errors that a server reports about connections.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use oneloop::JoinError;

/// The error of a service, a body or a connection.
pub(super) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The reason why a connection failed or could not be accepted.
///
/// Clients cause most of these errors, and no error ends the server.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A connection could not be accepted. The next attempt begins after 100 ms.
    Accept(io::Error),
    /// The TLS handshake failed.
    Handshake {
        /// The client's address. A Unix socket has none.
        remote_addr: Option<SocketAddr>,
        /// The reason.
        error: io::Error,
    },
    /// The connection failed, because of a malformed request, a reset, or an error of a service or a
    /// body.
    Connection {
        /// The client's address. A Unix socket has none.
        remote_addr: Option<SocketAddr>,
        /// The reason.
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The connection was closed at a time limit.
    Limit {
        /// The client's address. A Unix socket has none.
        remote_addr: Option<SocketAddr>,
        /// The limit.
        limit: Limit,
    },
    /// A handler panicked on HTTP/1.1, and its connection was closed. (On HTTP/2 the panic ends the
    /// handler's task alone, and the client receives a reset of the request.)
    Panicked(JoinError),
}

/// A limit at which a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// The header time-out (`header_timeout`).
    Header,
    /// The idle time-out (`idle_timeout`): the server asked for an orderly end, and the client did not
    /// close the connection.
    Idle,
    /// The stall time-out (`stall_timeout`).
    Stall,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Limit::Header => "no complete request head within the header time-out",
            Limit::Idle => "idle, and not closed by the client",
            Limit::Stall => "the client accepted no bytes within the stall time-out",
        })
    }
}

/// Displays ` of 192.0.2.1:5000`, or nothing without an address.
struct Of(Option<SocketAddr>);

impl fmt::Display for Of {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(addr) => write!(f, " of {addr}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Accept(error) => write!(f, "a connection cannot be accepted: {error}"),
            Error::Handshake { remote_addr, error } => {
                write!(f, "the TLS handshake{} failed: {error}", Of(*remote_addr))
            }
            Error::Connection { remote_addr, error } => {
                write!(f, "the connection{} failed: {error}", Of(*remote_addr))?;
                // hyper's text describes the operation alone; the error's source has the reason.
                error.source().map_or(Ok(()), |source| write!(f, ": {source}"))
            }
            Error::Limit { remote_addr, limit } => {
                write!(f, "the connection{} is closed: {limit}", Of(*remote_addr))
            }
            Error::Panicked(error) => write!(f, "a handler panicked: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Accept(error) | Error::Handshake { error, .. } => Some(error),
            Error::Connection { error, .. } => Some(&**error),
            Error::Limit { .. } => None,
            Error::Panicked(error) => Some(error),
        }
    }
}
