//! `Event`, which `EventLoop::take` returns.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::io;
use std::net::SocketAddr;

use crate::engine::happening::EventKind;
use crate::engine::ticket::{self, Ticket};
use crate::net::TcpStream;

/// An event of an [`EventLoop`](super::EventLoop). Its [`Id`] names the source. The [module](super)
/// has an example.
#[derive(Debug)]
pub enum Event<M> {
    /// A message that the program or another thread has posted.
    Message(M),
    /// A watched socket is readable, or it has ended.
    Readable(Id),
    /// A watched socket is writable, or the peer has stopped reading.
    Writable(Id),
    /// A listener has accepted a connection. The address is the peer's. An error means that the
    /// listener can't accept a connection, in most cases because the process has no free
    /// descriptor. The listener then pauses for 100 ms and tries again. Meanwhile the connections
    /// stay in the system's queue.
    Accepted(Id, io::Result<(TcpStream, SocketAddr)>),
    /// An attempt to connect has succeeded or failed.
    Connected(Id, io::Result<TcpStream>),
    /// The deadline of a timer has passed.
    Timer(Id),
    /// A signal, for instance Ctrl+C, was delivered.
    Signal(Id),
    /// The time-out of [`take`](super::EventLoop::take) has passed without another event.
    TimedOut,
}

impl<M> Event<M> {
    /// The kind of the event, as observers see it.
    pub(super) fn kind(&self) -> EventKind {
        match self {
            Event::Message(_) => EventKind::Message,
            Event::Readable(id) => EventKind::Readable(id.0),
            Event::Writable(id) => EventKind::Writable(id.0),
            Event::Accepted(id, _) => EventKind::Accepted(id.0),
            Event::Connected(id, _) => EventKind::Connected(id.0),
            Event::Timer(id) => EventKind::Timer(id.0),
            Event::Signal(id) => EventKind::Signal(id.0),
            Event::TimedOut => EventKind::TimedOut,
        }
    }

    /// Returns the ticket of the source, if the event names a source.
    pub(super) fn ticket(&self) -> Option<Ticket> {
        match self {
            Event::Message(_) | Event::TimedOut => None,
            Event::Readable(id) | Event::Writable(id) | Event::Timer(id) | Event::Signal(id) => Some(id.0),
            Event::Accepted(id, _) | Event::Connected(id, _) => Some(id.0),
        }
    }
}

/// The name of an event's source: one watched socket, listener, timer, and so on. A loop never uses
/// an id twice. A program may keep its state by id in an [`IdMap`](super::IdMap), in any other hash
/// map, or in an ordered map. [`EventLoop::timer`](super::EventLoop::timer) has an example.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id(pub(super) Ticket);

/// Hashing four bytes takes one round less of std's hasher than hashing eight. These bytes differ
/// for all ids of a loop's first 65,536 keys in their first 65,536 generations.
impl Hash for Id {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u32(self.0.key() ^ self.0.generation().rotate_left(16));
    }
}

/// Shows the index in the loop's table, and the number of sources that had this index before.
impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({}.{})", self.0.key(), self.0.generation())
    }
}

/// The id of the source in a [dump](crate::dump).
impl From<Id> for ticket::Id {
    fn from(id: Id) -> ticket::Id {
        ticket::Id(id.0)
    }
}
