//! `Event`: what `EventLoop::take` returns.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use crate::engine::ticket::Ticket;
use crate::net::TcpStream;

/// An event of an [`EventLoop`](super::EventLoop). Its [`Id`] names the source.
///
/// # Examples
///
/// See the [module](super).
#[derive(Debug)]
pub enum Event<M> {
    /// A message that the program or another thread has posted.
    Message(M),
    /// A watched socket is readable, or its end has come.
    Readable(Id),
    /// A watched socket is writable, or the peer reads no more.
    Writable(Id),
    /// A listener has accepted a connection; the address is the peer's. An error says that it can't
    /// accept one, mostly for want of descriptors: then the listener rests for 100 ms, while the
    /// connections stay in the system's queue, and tries again.
    Accepted(Id, io::Result<(TcpStream, SocketAddr)>),
    /// An attempt to connect has succeeded or failed.
    Connected(Id, io::Result<TcpStream>),
    /// The deadline of a timer has passed.
    Timer(Id),
    /// A signal, Ctrl+C for one, was delivered.
    Signal(Id),
    /// The time-out of [`take`](super::EventLoop::take) has passed, and nothing else has happened.
    TimedOut,
}

/// Names the source of an event: one watched socket, listener, timer, …. A loop never uses an id
/// twice, and a program's map from ids to its own state may be a hash map or an ordered one.
///
/// # Examples
///
/// See [`EventLoop::timer`](super::EventLoop::timer).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(pub(super) Ticket);

/// The index in the loop's table, and how many sources had it before.
impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({}.{})", self.0.key(), self.0.generation())
    }
}
