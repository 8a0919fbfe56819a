//! Sockets: TCP, UDP and, on Unix, Unix sockets.
//!
//! | file | holds |
//! |---|---|
//! | `tcp_listener`, `tcp_stream`, `udp_socket`, `unix_listener`, `unix_stream`, `unix_datagram` | each type's own methods, over a `Socket` of `io/` |
//! | `accept`, `connect`, `send`, `traits` | accepting; how a connect has ended; writing without `SIGPIPE`; the traits that all types have |
//! | `addr` | addresses and names |
//!
//! Every operation goes the same way: try the system call while the socket counts as ready, and
//! wait for an event when it says `WouldBlock` (`engine/reactor.rs`).
//!
//! **A socket belongs to the runtime that it was made in**, and only that one's loop receives its
//! events. Awaited inside another runtime it works while it happens to be ready, and otherwise
//! waits until its own runtime runs again: for ever, if that never happens. After its runtime was
//! dropped, operations that would have to wait return an error.
//!
//! # What differs on Windows
//!
//! * There are no Unix sockets.
//! * Writing after this side has shut writing down fails with `WSAESHUTDOWN`, for which `std` has
//!   no kind; elsewhere it is `BrokenPipe`. Writing to a peer that has closed is `ConnectionReset`
//!   or `ConnectionAborted`, again and again.
//! * A UDP socket, also one without a peer, receives `ConnectionReset` for a datagram that it
//!   sent and that found no receiver.
//! * A read that has filled only a part of its buffer is followed by one that says `WouldBlock`,
//!   before the task waits.

mod accept;
mod addr;
mod connect;
pub(crate) mod send;
mod tcp_listener;
mod tcp_stream;
mod traits;
mod udp_socket;
#[cfg(unix)]
mod unix_datagram;
#[cfg(unix)]
mod unix_listener;
#[cfg(unix)]
mod unix_stream;

pub use crate::io::split::{ReadHalf, WriteHalf};
pub use addr::{SocketAddrs, ToSocketAddrs};
pub use tcp_listener::{Incoming, TcpListener};
pub use tcp_stream::TcpStream;
pub use udp_socket::UdpSocket;
#[cfg(unix)]
pub use unix_datagram::UnixDatagram;
#[cfg(unix)]
pub use unix_listener::UnixListener;
#[cfg(unix)]
pub use unix_stream::UnixStream;
