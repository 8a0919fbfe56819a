//! A core's listener at a port.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_channel::Receiver;
use futures_core::Stream;
use oneloop::net::{TcpListener, TcpStream};
use oneloop::time::{Sleep, sleep};

use super::connection::{Connection, Open};
use super::port::{Handed, Port, PortState};
use super::rest::Rest;
use crate::event::Event;
use crate::flag::Waiting;
use crate::shared::Shared;

/// The pause after a failure to accept. Its cause, for instance a lack of descriptors, usually lasts
/// longer than one call.
pub(crate) const PAUSE: Duration = Duration::from_millis(100);

/// Accepts the connections of a port that come to this core.
/// [`Core::listener`](crate::Core::listener) returns it.
///
/// A drop of the listener closes the port for this core only after a stop. Before the stop, connections
/// wait in the queue, and [`Core::listener`](crate::Core::listener) takes the port again. A core that
/// starts again after a panic therefore receives these connections.
pub struct Listener {
    port: Port,
    core: usize,
    shared: Arc<Shared>,
    source: Source,
}

enum Source {
    /// Before the stop, the listener accepts from the core's own socket.
    Socket { listener: TcpListener, stopped: Waiting, pause: Option<Sleep> },
    /// After the stop, the listener accepts the connections that are still in the queue.
    Rest(Rest),
    /// The listener receives the connections that the acceptor hands over.
    Queue(Pin<Box<Receiver<Handed>>>),
    /// No further connection comes.
    Ended,
}

impl Listener {
    pub(crate) fn new(shared: &Arc<Shared>, port: Port, core: usize) -> io::Result<Listener> {
        let source = match shared.port(port.index) {
            PortState::Kernel { sockets, .. } => match sockets[core].with(std::net::TcpListener::try_clone) {
                Some(socket) => Source::Socket {
                    listener: TcpListener::try_from(socket?)?,
                    stopped: shared.stopping.waiting(),
                    pause: None,
                },
                None => Source::Ended,
            },
            PortState::LeastLoaded { queues, .. } => Source::Queue(queues[core].taking()),
        };
        Ok(Listener { port, core, shared: shared.clone(), source })
    }

    /// Waits for a connection and returns it. The connection belongs to this core. Returns `None` after
    /// the stop, when no connection waits any more, so the loop of a server ends.
    ///
    /// After a failure to accept, such as too many open files, the listener reports an
    /// [`Event`](crate::Event::AcceptFailed) and pauses for 100 ms. After the stop, a failure ends
    /// accepting.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe. It returns an accepted connection in the same poll.
    pub async fn accept(&mut self) -> Option<(Connection, SocketAddr)> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// Polls for a connection, as [`accept`](Listener::accept) does.
    pub fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Connection, SocketAddr)>> {
        loop {
            // A socket that is registered with the loop consumes budget itself.
            if matches!(self.source, Source::Rest(_) | Source::Queue(_)) {
                ready!(Pin::new(&mut oneloop::consume_budget()).poll(cx));
            }
            let accepted = match &mut self.source {
                Source::Socket { .. } => match ready!(self.poll_socket(cx)) {
                    Some((stream, peer)) => {
                        Some((Connection::new(stream, Open::new(&self.shared, self.core)), peer))
                    }
                    None => {
                        self.rest();
                        continue;
                    }
                },
                Source::Rest(_) => self.accept_rest(),
                Source::Queue(queue) => match ready!(queue.as_mut().poll_next(cx)) {
                    Some(Handed { stream, peer, open }) => match TcpStream::try_from(stream) {
                        Ok(stream) => Some((Connection::new(stream, open), peer)),
                        Err(error) => {
                            self.failed(error);
                            continue;
                        }
                    },
                    None => None,
                },
                Source::Ended => None,
            };
            if accepted.is_none() {
                self.source = Source::Ended;
                self.close();
            }
            return Poll::Ready(accepted);
        }
    }

    /// Polls for the next connection of the core's own socket. Returns `None` at the stop.
    fn poll_socket(&mut self, cx: &mut Context<'_>) -> Poll<Option<(TcpStream, SocketAddr)>> {
        let Source::Socket { listener, stopped, pause } = &mut self.source else { return Poll::Ready(None) };
        if stopped.poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        loop {
            if let Some(sleep) = pause {
                ready!(Pin::new(sleep).poll(cx));
                *pause = None;
            }
            match ready!(listener.poll_accept(cx)) {
                Ok(accepted) => return Poll::Ready(Some(accepted)),
                Err(error) => {
                    *pause = Some(sleep(PAUSE));
                    self.shared.report(Event::AcceptFailed { core: Some(self.core), error });
                }
            }
        }
    }

    /// Changes from the readiness of the core's socket to the connections that are still in its queue.
    fn rest(&mut self) {
        let socket = std::mem::replace(&mut self.source, Source::Ended);
        if let Source::Socket { listener, .. } = socket {
            self.source = Source::Rest(Rest::new(listener, self.shared.port(self.port.index).backlog()));
        }
    }

    /// Accepts a connection after the stop. A failure, such as too many open files, ends accepting,
    /// because a pause would delay the stop.
    fn accept_rest(&mut self) -> Option<(Connection, SocketAddr)> {
        let Source::Rest(rest) = &mut self.source else { return None };
        let accepted = rest.accept().and_then(|accepted| match accepted {
            Some((stream, peer)) => Ok(Some((TcpStream::try_from(stream)?, peer))),
            None => Ok(None),
        });
        match accepted {
            Ok(accepted) => {
                let (stream, peer) = accepted?;
                Some((Connection::new(stream, Open::new(&self.shared, self.core)), peer))
            }
            Err(error) => {
                self.failed(error);
                None
            }
        }
    }

    fn failed(&self, error: io::Error) {
        self.shared.report(Event::AcceptFailed { core: Some(self.core), error });
    }

    /// Closes the port for this core if the cores stop.
    fn close(&self) {
        if self.shared.stopping.is_raised() {
            self.shared.port(self.port.index).close(self.core);
        }
    }

    /// Returns the port's address.
    pub fn local_addr(&self) -> SocketAddr {
        self.port.addr
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.source = Source::Ended;
        self.close();
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("addr", &self.port.addr).field("core", &self.core).finish()
    }
}
