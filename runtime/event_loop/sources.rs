//! What can make events: the table behind the names in the ready queue.
//!
//! A source is to the event loop what a task is to the executor. It has a slot in the same table, so it can be woken by the same
//! ticket; when its turn comes it is polled with that ticket as its waker; and if nothing has happened, polling has left the
//! ticket where the source waits. If something has, that is an event, and the source goes to the back of the queue at
//! once: it may have more, and finds out at its next turn.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::event::{Event, Id};
use crate::engine::core::Core;
use crate::engine::interest::Interest;
use crate::engine::registration::Registration;
use crate::engine::ticket::Ticket;
use crate::engine::wait_list::Waiter;
use crate::net::{TcpListener, TcpStream};
#[cfg(feature = "signal")]
use crate::signal::Hearing;

/// How long a listener that can't accept is left alone. Its connection stays in the system's queue, so trying again at once
/// would fail in the same way and spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub(super) enum EventSource {
    Vacant,
    /// What other threads and the program post. Its turns are taken elsewhere, where the messages are.
    Messages,
    Socket(WatchedSocket),
    Listener(WatchedListener),
    Connect(TcpStream),
    /// A key of the timer wheel.
    Timer(u32),
    #[cfg(feature = "signal")]
    Signal(Box<Hearing>),
}

/// A socket that the program holds. Its registration is open as long as its source is in the table.
pub(super) struct WatchedSocket {
    registration: u32,
    wanted: [bool; 2],
    muted: bool,
    /// Of which direction the last event was; the other one's turn is next.
    last: Interest,
}

impl WatchedSocket {
    pub(super) fn new(registration: Registration<'_>) -> WatchedSocket {
        WatchedSocket {
            registration: registration.key,
            wanted: [false; 2],
            muted: false,
            last: Interest::Writable,
        }
    }

    /// Waits for each direction that is wanted; the first that is ready is the event. If the driver can't watch the socket any
    /// more that counts as ready, too: the program's next operation finds out.
    fn poll(&mut self, core: &Rc<Core>, cx: &mut Context<'_>) -> Poll<Interest> {
        let order = match self.last {
            Interest::Readable => [Interest::Writable, Interest::Readable],
            Interest::Writable => [Interest::Readable, Interest::Writable],
        };
        for interest in order {
            let registration = Registration { core, key: self.registration };
            if self.muted || !self.wanted[interest as usize] {
                continue;
            }
            if let Poll::Ready(watched) = registration.poll_ready(cx, interest, None) {
                if watched.is_err() {
                    registration.assume_ready(interest);
                }
                self.last = interest;
                return Poll::Ready(interest);
            }
        }
        Poll::Pending
    }
}

pub(super) struct WatchedListener {
    listener: TcpListener,
    /// While it rests, the key of the timer that ends that.
    resting: Option<u32>,
}

impl WatchedListener {
    pub(super) fn new(listener: TcpListener) -> WatchedListener {
        WatchedListener { listener, resting: None }
    }

    /// Accepts a connection, or fails and rests.
    fn poll(
        &mut self,
        core: &Rc<Core>,
        ticket: Ticket,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        if let Some(key) = self.resting {
            if !core.timers.borrow().has_fired(key) {
                return Poll::Pending;
            }
            core.timers.borrow_mut().remove(key);
            self.resting = None;
        }
        let accepted = ready!(self.listener.poll_accept(cx));
        if accepted.is_err() {
            let deadline_ns = core.clock.now_ns() + ACCEPT_PAUSE.as_nanos() as u64;
            self.resting = Some(core.timers.borrow_mut().insert(deadline_ns, Waiter::Task(ticket)));
        }
        Poll::Ready(accepted)
    }
}

/// The sources of a loop, by their tickets' slot keys.
pub(super) struct Sources {
    core: Rc<Core>,
    table: RefCell<Vec<EventSource>>,
    /// A `run` is under way.
    pub(super) running: Cell<bool>,
}

impl Sources {
    pub(super) fn new(core: Rc<Core>) -> Sources {
        Sources { core, table: RefCell::default(), running: Cell::default() }
    }

    pub(super) fn core(&self) -> &Rc<Core> {
        &self.core
    }

    /// Takes a source in and names it. It is not queued: [wake](Sources::wake) it to give it a first turn.
    pub(super) fn insert(&self, source: EventSource) -> io::Result<Ticket> {
        let mut tasks = self.core.tasks.borrow_mut();
        if !tasks.has_room() {
            return Err(io::Error::other("a oneloop event loop can name no more sources"));
        }
        let ticket = tasks.insert_key();
        let mut table = self.table.borrow_mut();
        let index = ticket.key() as usize;
        if index >= table.len() {
            table.resize_with(index + 1, || EventSource::Vacant);
        }
        table[index] = source;
        Ok(ticket)
    }

    pub(super) fn wake(&self, ticket: Ticket) {
        self.core.tasks.borrow_mut().wake(ticket);
    }

    fn take(&self, ticket: Ticket) -> Option<EventSource> {
        let mut table = self.table.borrow_mut();
        table.get_mut(ticket.key() as usize).map(|place| std::mem::replace(place, EventSource::Vacant))
    }

    /// Ends a source: a turn that it was queued for is passed over. Nothing is left to be done after the loop's end.
    pub(super) fn remove(&self, ticket: Ticket) {
        let Some(source) = self.take(ticket) else { return };
        self.core.tasks.borrow_mut().remove_key(ticket);
        if let EventSource::Timer(key) | EventSource::Listener(WatchedListener { resting: Some(key), .. }) =
            source
        {
            self.core.timers.borrow_mut().remove(key);
        }
    }

    /// The loop is gone. Sockets stay what they are: their owners have them.
    pub(super) fn end_all(&self) {
        let ended = std::mem::take(&mut *self.table.borrow_mut());
        drop(ended); // with nothing borrowed
    }

    /// Ends one of the sources that the program knows by their ids alone. `false` if the id names none.
    pub(super) fn cancel(&self, ticket: Ticket) -> bool {
        if !self.is_ours(ticket) {
            return false;
        }
        let known_by_id = match self.table.borrow()[ticket.key() as usize] {
            EventSource::Timer(_) | EventSource::Connect(_) => true,
            #[cfg(feature = "signal")]
            EventSource::Signal(_) => true,
            _ => false,
        };
        if known_by_id {
            self.remove(ticket);
        }
        known_by_id
    }

    /// Starts a timer; without a deadline it is one that never fires.
    pub(super) fn start_timer(&self, deadline: Option<Instant>) -> io::Result<Id> {
        let ticket = self.insert(EventSource::Vacant)?;
        let deadline_ns = deadline.map_or(u64::MAX, |deadline| self.core.clock.ns(deadline));
        let key = self.core.timers.borrow_mut().insert(deadline_ns, Waiter::Task(ticket));
        self.table.borrow_mut()[ticket.key() as usize] = EventSource::Timer(key);
        Ok(Id(ticket))
    }

    /// Wants events of one direction of a watched socket, or wants them no more.
    pub(super) fn set_wanted(&self, ticket: Ticket, interest: Interest, wanted: bool) {
        if let Some(EventSource::Socket(socket)) = self.table.borrow_mut().get_mut(ticket.key() as usize) {
            socket.wanted[interest as usize] = wanted;
        }
        if wanted {
            self.wake(ticket); // it may be ready already
        }
    }

    /// Hears nothing of a watched socket for a while, whatever is wanted of it; or again.
    pub(super) fn set_muted(&self, id: Id, muted: bool) {
        if !self.is_ours(id.0) {
            return;
        }
        if let Some(EventSource::Socket(socket)) = self.table.borrow_mut().get_mut(id.0.key() as usize) {
            socket.muted = muted;
        }
        if !muted {
            self.wake(id.0); // it may be ready already
        }
    }

    /// Whether a name is one of this loop's and still in use.
    fn is_ours(&self, ticket: Ticket) -> bool {
        // The id may be one of a loop that is gone and had our number: it may name a slot that we don't have.
        ticket.runtime() == self.core.number()
            && (ticket.key() as usize) < self.table.borrow().len()
            && !self.core.tasks.borrow().is_finished(ticket)
    }

    /// Asks a source what has happened there, if anything.
    pub(super) fn poll<M>(&self, ticket: Ticket) -> io::Result<Option<Event<M>>> {
        let waker = ticket.waker();
        let cx = &mut Context::from_waker(&waker);
        let id = Id(ticket);
        let mut table = self.table.borrow_mut();
        let source = &mut table[ticket.key() as usize];
        let (event, ended) = match source {
            EventSource::Vacant | EventSource::Messages => return Ok(None),
            EventSource::Socket(socket) => match socket.poll(&self.core, cx) {
                Poll::Ready(Interest::Readable) => (Event::Readable(id), false),
                Poll::Ready(Interest::Writable) => (Event::Writable(id), false),
                Poll::Pending => return Ok(None),
            },
            EventSource::Listener(listener) => match listener.poll(&self.core, ticket, cx) {
                Poll::Ready(accepted) => (Event::Accepted(id, accepted), false),
                Poll::Pending => return Ok(None),
            },
            EventSource::Connect(stream) => match stream.poll_connected(cx) {
                Poll::Ready(result) => {
                    let EventSource::Connect(stream) = std::mem::replace(source, EventSource::Vacant) else {
                        unreachable!("it is what was polled")
                    };
                    (Event::Connected(id, result.map(|()| stream)), true)
                }
                Poll::Pending => return Ok(None),
            },
            EventSource::Timer(key) => match self.core.timers.borrow().has_fired(*key) {
                true => (Event::Timer(id), true),
                false => return Ok(None),
            },
            #[cfg(feature = "signal")]
            EventSource::Signal(hearing) => match hearing.poll_recv(cx) {
                Poll::Ready(Ok(())) => (Event::Signal(id), false),
                Poll::Ready(Err(error)) => {
                    drop(table);
                    self.remove(ticket);
                    return Err(error);
                }
                Poll::Pending => return Ok(None),
            },
        };
        drop(table);
        if ended {
            self.remove(ticket)
        } else {
            self.wake(ticket)
        }
        Ok(Some(event))
    }
}
