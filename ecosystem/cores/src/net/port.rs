//! A port with its sockets or queues, and the value by which the program names it.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::pin::Pin;

use async_channel::{Receiver, Sender};

use super::bind;
use super::connection::Open;
use super::options::{ListenOptions, Spread};
use crate::slot::Slot;

/// The number of connections that may wait for a core to take them from the acceptor. At the stop the
/// connections in the kernel's queue are added to them, and at any time those of a core that has ended.
pub(crate) const HANDED_MAX: usize = 128;

/// A port that all cores serve. [`Cores::listen`](crate::Cores::listen) returns it, and
/// [`Core::listener`](crate::Core::listener) takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    pub(crate) index: usize,
    /// The id of the `Cores` that the port belongs to.
    pub(crate) cores: u64,
    pub(crate) addr: SocketAddr,
}

impl Port {
    /// Returns the address. If the program listens at port 0, the address has the port that the system
    /// chose.
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }
}

/// A port before the cores run. It already listens.
#[derive(Debug)]
pub(crate) struct Bound {
    /// One socket for each core with `Spread::Kernel`, otherwise one socket.
    sockets: Vec<TcpListener>,
    pub(crate) addr: SocketAddr,
    options: ListenOptions,
}

impl Bound {
    /// Listens at the first of the addresses that works, with the sockets for `cores` cores.
    pub(crate) fn new(addr: impl ToSocketAddrs, options: ListenOptions, cores: usize) -> io::Result<Bound> {
        let mut refused = None;
        for addr in addr.to_socket_addrs()? {
            match bind::first(addr, &options) {
                Ok(first) => {
                    let mut bound = Bound { addr: first.local_addr()?, sockets: vec![first], options };
                    bound.resize(cores)?;
                    return Ok(bound);
                }
                Err(error) => refused = Some(error),
            }
        }
        Err(refused
            .unwrap_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the host name has no address")))
    }

    /// Adds the missing sockets of cores, or closes the sockets that are too many.
    fn resize(&mut self, cores: usize) -> io::Result<()> {
        if self.options.spread == Spread::Kernel {
            self.sockets.truncate(cores.max(1));
            while self.sockets.len() < cores {
                self.sockets.push(bind::member(self.addr, &self.options)?);
            }
        }
        Ok(())
    }

    /// Makes the state of the port for `cores` cores.
    pub(crate) fn spread(mut self, cores: usize) -> io::Result<PortState> {
        self.resize(cores)?;
        let backlog = self.options.backlog;
        let mut slots = self.sockets.into_iter().map(Slot::new);
        Ok(match self.options.spread {
            Spread::Kernel => PortState::Kernel { sockets: slots.collect(), backlog },
            Spread::LeastLoaded => PortState::LeastLoaded {
                socket: slots.next().expect("a port has a socket"),
                queues: (0..cores).map(|_| CoreQueue::new()).collect(),
                backlog,
            },
        })
    }
}

/// A port while the cores run.
pub(crate) enum PortState {
    /// The port has a socket for each core.
    Kernel { sockets: Box<[Slot<TcpListener>]>, backlog: u32 },
    /// The port has one socket, which the acceptor takes when it starts, and a queue for each core.
    LeastLoaded { socket: Slot<TcpListener>, queues: Box<[CoreQueue]>, backlog: u32 },
}

impl PortState {
    /// Closes the port for a core that does not start again.
    pub(crate) fn close(&self, core: usize) {
        match self {
            PortState::Kernel { sockets, .. } => drop(sockets[core].close()),
            PortState::LeastLoaded { queues, .. } => queues[core].close(),
        }
    }

    /// Closes the port because the cores can't start.
    pub(crate) fn close_all(&self) {
        match self {
            PortState::Kernel { sockets, .. } => sockets.iter().for_each(|socket| drop(socket.close())),
            PortState::LeastLoaded { socket, .. } => drop(socket.close()),
        }
    }

    /// Returns the number of connections that the kernel's queue can hold.
    pub(crate) fn backlog(&self) -> u32 {
        match self {
            PortState::Kernel { backlog, .. } | PortState::LeastLoaded { backlog, .. } => *backlog,
        }
    }
}

/// A connection that the acceptor hands to a core.
pub(crate) struct Handed {
    pub(crate) stream: TcpStream,
    pub(crate) peer: SocketAddr,
    pub(crate) open: Open,
}

/// The queue from the acceptor to a core. It stays open during the restarts of the core.
pub(crate) struct CoreQueue {
    pub(crate) sender: Sender<Handed>,
    pub(crate) receiver: Receiver<Handed>,
}

impl CoreQueue {
    fn new() -> CoreQueue {
        // The channel itself has no bound. The acceptor adds a connection only if the queue holds fewer
        // than `HANDED_MAX`. Two additions have no such check: the connections of the kernel's queue at
        // the stop, and those of a core that has ended.
        let (sender, receiver) = async_channel::unbounded();
        CoreQueue { sender, receiver }
    }

    /// Closes the queue to new connections. The connections in the queue stay.
    pub(crate) fn close(&self) {
        self.sender.close();
    }

    /// Returns a listener's end of the queue.
    pub(crate) fn taking(&self) -> Pin<Box<Receiver<Handed>>> {
        Box::pin(self.receiver.clone())
    }
}
