//! What comes out of the queue.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use crate::engine::ticket::Ticket;
use crate::net::TcpStream;

/// Something that happened. An [`Id`] says to what.
///
/// # Examples
///
/// See the [module](super).
#[derive(Debug)]
pub enum Event<M> {
    /// A message that the program or another thread has posted.
    Message(M),
    /// A watched socket can be read, or its end has come.
    Readable(Id),
    /// A watched socket can be written, or the peer reads no more.
    Writable(Id),
    /// A listener has a new connection and the peer's address. Or it can't accept one, mostly for want of descriptors: then
    /// it rests for 100 ms, while those who wait stay in the system's queue, and tries again.
    Accepted(Id, io::Result<(TcpStream, SocketAddr)>),
    /// An attempt to connect has come to its end.
    Connected(Id, io::Result<TcpStream>),
    /// A timer's time has come.
    Timer(Id),
    /// A signal, Ctrl+C for one, was delivered.
    Signal(Id),
    /// The time-out of [`take`](super::EventLoop::take) is over, and nothing else has happened.
    TimedOut,
}

/// Where an event comes from: one watched socket, listener, timer, …. An id is never used again in the life of its loop, and a
/// program's map from ids to what they mean to it may be a hash map or an ordered one.
///
/// # Examples
///
/// See [`EventLoop::timer`](super::EventLoop::timer).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(pub(super) Ticket);

/// The place in the loop's table, and how many had it before.
impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({}.{})", self.0.key(), self.0.generation())
    }
}
