//! The sources of events: the table behind the tickets in the ready queue.
//!
//! A source is to the event loop what a task is to the executor. It has a key in the same table, so
//! the same ticket wakes it. The loop polls it with that ticket as the waker. If nothing has
//! happened there, the poll has left the ticket where the source waits. Otherwise the poll returns
//! an event, and the source goes to the back of the ready queue at once: its next poll finds out
//! whether there is more.

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
use crate::engine::slots::KEY_MAX;
use crate::engine::ticket::Ticket;
use crate::engine::wait_list::Waiter;
use crate::net::{TcpListener, TcpStream};
#[cfg(feature = "signal")]
use crate::signal::SignalListener;

/// How long a listener rests after it could not accept. The connection stays in the system's queue,
/// so an attempt at once would fail in the same way, and the loop would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What an entry of the table makes events of.
pub(super) enum EventSource {
    Vacant,
    /// The queue of messages, which `EventLoop` has and polls itself.
    Messages,
    Socket(WatchedSocket),
    Listener(WatchedListener),
    Connect(TcpStream),
    /// A key of the timer wheel.
    Timer(u32),
    #[cfg(feature = "signal")]
    Signal(Box<SignalListener>),
}

/// A socket that the program owns. Its registration is open as long as its source is in the table.
pub(super) struct WatchedSocket {
    registration: u32,
    /// Which events the program wants, by `Interest`.
    pub(super) wanted: [bool; 2],
    /// Makes no events, whatever is wanted.
    pub(super) muted: bool,
    /// The direction of the last event. The next poll begins with the other one.
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

    /// Waits for each direction that is wanted; the first that is ready is the event. A socket that
    /// the driver can't watch any more counts as ready, too: the program's next operation returns
    /// the error.
    fn poll(&mut self, core: &Rc<Core>, cx: &mut Context<'_>) -> Poll<Interest> {
        let order = match self.last {
            Interest::Readable => [Interest::Writable, Interest::Readable],
            Interest::Writable => [Interest::Readable, Interest::Writable],
        };
        for interest in order {
            if self.muted || !self.wanted[interest as usize] {
                continue;
            }
            let registration = Registration { core, key: self.registration };
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
    /// While the listener rests, the key of the timer that ends the rest.
    resting: Option<u32>,
}

impl WatchedListener {
    pub(super) fn new(listener: TcpListener) -> WatchedListener {
        WatchedListener { listener, resting: None }
    }

    /// Accepts a connection, or fails and rests.
    fn poll(
        &mut self,
        core: &Core,
        ticket: Ticket,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        if let Some(key) = self.resting {
            if !core.timers.has_fired(key) {
                return Poll::Pending;
            }
            core.timers.remove(key);
            self.resting = None;
        }
        let accepted = ready!(self.listener.poll_accept(cx));
        if accepted.is_err() {
            let deadline_ns = core.clock.now_ns() + ACCEPT_PAUSE.as_nanos() as u64;
            self.resting = Some(core.timers.insert(deadline_ns, Waiter::Task(ticket)));
        }
        Poll::Ready(accepted)
    }
}

/// The sources of one loop, each at the index of its ticket's key.
pub(super) struct EventSources {
    pub(super) core: Rc<Core>,
    table: RefCell<Vec<EventSource>>,
    /// The loop is in a `run`.
    pub(super) running: Cell<bool>,
}

impl EventSources {
    pub(super) fn new(core: Rc<Core>) -> EventSources {
        EventSources { core, table: RefCell::default(), running: Cell::default() }
    }

    /// Adds a source and names it. It is polled when it is woken.
    pub(super) fn insert(&self, source: EventSource) -> io::Result<Ticket> {
        let tasks = &self.core.tasks;
        if !tasks.has_room() {
            let text =
                format!("oneloop: {KEY_MAX} sources and tasks are alive in this loop, the most it can name");
            return Err(io::Error::other(text));
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

    /// Adds a source whose first poll begins to wait.
    pub(super) fn start(&self, source: EventSource) -> io::Result<Ticket> {
        let ticket = self.insert(source)?;
        self.wake(ticket);
        Ok(ticket)
    }

    /// Adds a timer; one without a deadline never fires.
    pub(super) fn start_timer(&self, deadline: Option<Instant>) -> io::Result<Id> {
        let ticket = self.insert(EventSource::Vacant)?;
        let deadline_ns = deadline.map_or(u64::MAX, |deadline| self.core.clock.ns(deadline));
        let key = self.core.timers.insert(deadline_ns, Waiter::Task(ticket));
        self.table.borrow_mut()[ticket.key() as usize] = EventSource::Timer(key);
        Ok(Id(ticket))
    }

    pub(super) fn wake(&self, ticket: Ticket) {
        self.core.tasks.wake(ticket);
    }

    /// Changes which events a watched socket makes, and wakes it: it may be ready already.
    pub(super) fn change(&self, ticket: Ticket, change: impl FnOnce(&mut WatchedSocket)) {
        if !self.is_ours(ticket) {
            return;
        }
        if let EventSource::Socket(socket) = &mut self.table.borrow_mut()[ticket.key() as usize] {
            change(socket);
        }
        self.wake(ticket);
    }

    /// Removes a source. The ready queue passes over its entry, if it has one. After the loop's end
    /// the table is empty, and there is nothing to do.
    pub(super) fn remove(&self, ticket: Ticket) {
        let source = match self.table.borrow_mut().get_mut(ticket.key() as usize) {
            Some(place) => std::mem::replace(place, EventSource::Vacant),
            None => return,
        };
        self.core.tasks.remove_key(ticket);
        let timer = match &source {
            EventSource::Timer(key) => Some(*key),
            EventSource::Listener(listener) => listener.resting,
            _ => None,
        };
        if let Some(key) = timer {
            self.core.timers.remove(key);
        }
    }

    /// Removes a source that the program knows by its id alone. `false` if the id names none.
    pub(super) fn cancel(&self, ticket: Ticket) -> bool {
        let known_by_id = self.is_ours(ticket)
            && match self.table.borrow()[ticket.key() as usize] {
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

    /// Drops every source at the loop's end. Sockets stay open, because their owners have them.
    pub(super) fn end_all(&self) {
        let ended = std::mem::take(&mut *self.table.borrow_mut());
        drop(ended); // with nothing borrowed
    }

    /// Whether a ticket names a source of this loop that is still in use.
    fn is_ours(&self, ticket: Ticket) -> bool {
        // A loop that was dropped may have had our number, and more keys than this one.
        ticket.runtime() == self.core.number()
            && (ticket.key() as usize) < self.table.borrow().len()
            && !self.core.tasks.is_finished(ticket)
    }

    /// Polls a source. Its event is the next of the loop; an error ends the source.
    pub(super) fn poll<M>(&self, ticket: Ticket) -> Poll<io::Result<Event<M>>> {
        let waker = ticket.waker();
        let cx = &mut Context::from_waker(&waker);
        let (core, id) = (&self.core, Id(ticket));
        let mut table = self.table.borrow_mut();
        let source = &mut table[ticket.key() as usize];
        let event = match source {
            EventSource::Vacant | EventSource::Messages => return Poll::Pending,
            EventSource::Socket(socket) => match ready!(socket.poll(core, cx)) {
                Interest::Readable => Ok(Event::Readable(id)),
                Interest::Writable => Ok(Event::Writable(id)),
            },
            EventSource::Listener(listener) => {
                Ok(Event::Accepted(id, ready!(listener.poll(core, ticket, cx))))
            }
            EventSource::Connect(stream) => {
                let connected = ready!(stream.poll_connected(cx));
                let attempt = std::mem::replace(source, EventSource::Vacant);
                let EventSource::Connect(stream) = attempt else { unreachable!("it was polled") };
                Ok(Event::Connected(id, connected.map(|()| stream)))
            }
            EventSource::Timer(key) if core.timers.has_fired(*key) => Ok(Event::Timer(id)),
            EventSource::Timer(_) => return Poll::Pending,
            #[cfg(feature = "signal")]
            EventSource::Signal(signal) => ready!(signal.poll_recv(cx)).map(|()| Event::Signal(id)),
        };
        drop(table);
        match event {
            Ok(Event::Connected(..) | Event::Timer(_)) | Err(_) => self.remove(ticket),
            Ok(_) => self.wake(ticket),
        }
        Poll::Ready(event)
    }
}
