//! The sources of events: the table behind the tickets in the ready queue.
//!
//! The event loop treats a source as the executor treats a task. A source has a key in the same
//! table, so the same ticket wakes it. The loop polls the source with that ticket as the waker. If
//! the source has no event, the poll stores the ticket in the object that the source waits for.
//! Otherwise the poll returns an event, and the source goes to the back of the ready queue. Its
//! next poll finds out whether there are more events. A socket goes to the back when the program
//! takes the next event, and only if the socket still counts as ready: after most events the
//! program has drained it.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::event::{Event, Id};
use crate::engine::core::Core;
use crate::engine::driver::Readiness;
use crate::engine::happening::{Happening, Unit};
use crate::engine::interest::Interest;
use crate::engine::registration::Registration;
use crate::engine::slots::KEY_MAX;
use crate::engine::ticket::Ticket;
use crate::engine::wait_list::Waiter;
use crate::io::socket::READY;
use crate::net::{TcpListener, TcpStream};
#[cfg(feature = "signal")]
use crate::signal::SignalListener;

/// The pause of a listener after an accept has failed. The connection stays in the system's queue,
/// so an immediate attempt would fail in the same way, and the loop would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// An entry of the table, with the object that the events come from.
pub(super) enum EventSource {
    Vacant,
    /// The queue of messages. `EventLoop` owns it and polls it itself.
    Messages,
    Socket(WatchedSocket),
    Listener(WatchedListener),
    Connect(TcpStream),
    /// A key of the timer wheel.
    Timer(u32),
    #[cfg(feature = "signal")]
    Signal(Box<SignalListener>),
}

impl EventSource {
    /// The kind of the source, as observers see it.
    fn kind(&self) -> Unit {
        match self {
            EventSource::Vacant | EventSource::Messages => Unit::Messages,
            EventSource::Socket(_) => Unit::Socket,
            EventSource::Listener(_) => Unit::Listener,
            EventSource::Connect(_) => Unit::Connect,
            EventSource::Timer(_) => Unit::Timer,
            #[cfg(feature = "signal")]
            EventSource::Signal(_) => Unit::Signal,
        }
    }
}

/// A socket that the program owns. Its registration is open as long as its source is in the table.
#[derive(Clone, Copy)]
pub(super) struct WatchedSocket {
    registration: u32,
    /// The directions for which the program wants events.
    pub(super) wanted: Readiness,
    /// A muted socket makes no events for any direction.
    pub(super) muted: bool,
    /// The direction of the last event at a time when both were wanted. If both directions are
    /// ready, the next event is of the other one.
    last: Interest,
}

impl WatchedSocket {
    pub(super) fn new(registration: Registration<'_>) -> WatchedSocket {
        WatchedSocket {
            registration: registration.key,
            wanted: Readiness::NONE,
            muted: false,
            last: Interest::Writable,
        }
    }

    /// Returns the wanted directions that are ready. The source waits for the other wanted
    /// directions. A socket that the driver can't watch any more counts as ready, and the program's
    /// next operation returns the error.
    #[inline(always)]
    fn look(&self, core: &Rc<Core>, ticket: Ticket) -> Readiness {
        if self.muted {
            return Readiness::NONE;
        }
        let registration = Registration { core, key: self.registration };
        registration.look(ticket, self.wanted).unwrap_or_else(|_| {
            registration.assume_ready(self.wanted);
            self.wanted
        })
    }

    /// Returns the direction of the next event, if a direction is ready.
    #[inline(always)]
    fn next(&self, ready: Readiness) -> Option<Interest> {
        match (ready.has(Readiness::READABLE), ready.has(Readiness::WRITABLE)) {
            (true, true) if self.last == Interest::Readable => Some(Interest::Writable),
            (true, _) => Some(Interest::Readable),
            (false, true) => Some(Interest::Writable),
            (false, false) => None,
        }
    }
}

pub(super) struct WatchedListener {
    listener: TcpListener,
    /// During the pause of the listener, the key of the timer that ends the pause.
    pause: Option<u32>,
}

impl WatchedListener {
    pub(super) fn new(listener: TcpListener) -> WatchedListener {
        WatchedListener { listener, pause: None }
    }

    /// Accepts a connection. If that fails, the listener pauses.
    fn poll(
        &mut self,
        core: &Core,
        ticket: Ticket,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        if let Some(key) = self.pause {
            if !core.timers.has_fired(key) {
                return Poll::Pending;
            }
            core.drop_timer(key);
            self.pause = None;
        }
        let accepted = ready!(self.listener.poll_accept(cx));
        if accepted.is_err() {
            let deadline_ns = core.clock.now_ns() + ACCEPT_PAUSE.as_nanos() as u64;
            self.pause = Some(core.set_timer(deadline_ns, Waiter::Task(ticket)));
        }
        Poll::Ready(accepted)
    }
}

/// The result of a poll of a source.
pub(super) enum Polled<M> {
    Pending,
    /// A socket is ready in this direction.
    Socket(Interest),
    Other(io::Result<Event<M>>),
}

/// The sources of one loop, each at the index of its ticket's key.
pub(super) struct EventSources {
    pub(super) core: Rc<Core>,
    table: RefCell<Vec<EventSource>>,
    /// The socket of the last event, until the program takes the next event.
    last: Cell<Option<(Ticket, WatchedSocket)>>,
    /// Whether the loop is in a `run`.
    pub(super) running: Cell<bool>,
}

impl EventSources {
    pub(super) fn new(core: Rc<Core>) -> EventSources {
        EventSources { core, table: RefCell::default(), last: Cell::default(), running: Cell::default() }
    }

    /// Adds a source and returns its ticket. The loop polls the source when it is woken.
    pub(super) fn insert(&self, source: EventSource) -> io::Result<Ticket> {
        let kind = source.kind();
        self.insert_as(source, kind)
    }

    fn insert_as(&self, source: EventSource, kind: Unit) -> io::Result<Ticket> {
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
        tasks.hook.tell(|by| Happening::Spawned { unit: ticket, kind, place: 0, name: None, by });
        table[index] = source;
        Ok(ticket)
    }

    /// Adds a source and queues it for a first poll, which starts its wait.
    pub(super) fn start(&self, source: EventSource) -> io::Result<Ticket> {
        let ticket = self.insert(source)?;
        self.wake(ticket);
        Ok(ticket)
    }

    /// Adds a timer. A timer without a deadline never fires.
    pub(super) fn start_timer(&self, deadline: Option<Instant>) -> io::Result<Id> {
        let ticket = self.insert_as(EventSource::Vacant, Unit::Timer)?;
        let deadline_ns = deadline.map_or(u64::MAX, |deadline| self.core.clock.ns(deadline));
        let key = self.core.set_timer(deadline_ns, Waiter::Task(ticket));
        self.table.borrow_mut()[ticket.key() as usize] = EventSource::Timer(key);
        Ok(Id(ticket))
    }

    pub(super) fn wake(&self, ticket: Ticket) {
        self.core.tasks.wake(ticket);
    }

    /// Clears the socket of the last event, because it is queued or removed. The next `take` need
    /// not check it.
    fn clear_last(&self, ticket: Ticket) {
        if self.last.get().is_some_and(|(last, _)| last == ticket) {
            self.last.set(None);
        }
    }

    /// Changes the events that a watched socket makes. Wakes the source, because the socket may
    /// already be ready.
    pub(super) fn change(&self, ticket: Ticket, change: impl FnOnce(&mut WatchedSocket)) {
        if !self.is_ours(ticket) {
            return;
        }
        if let EventSource::Socket(socket) = &mut self.table.borrow_mut()[ticket.key() as usize] {
            change(socket);
        }
        self.clear_last(ticket);
        self.wake(ticket);
    }

    /// Removes a source. The ready queue skips its entry, if it has one. After the end of the loop
    /// the table is empty, and the function does nothing.
    pub(super) fn remove(&self, ticket: Ticket) {
        self.clear_last(ticket);
        let source = match self.table.borrow_mut().get_mut(ticket.key() as usize) {
            Some(place) => std::mem::replace(place, EventSource::Vacant),
            None => return,
        };
        self.core.tasks.remove_key(ticket);
        let timer = match &source {
            EventSource::Timer(key) => Some(*key),
            EventSource::Listener(listener) => listener.pause,
            _ => None,
        };
        if let Some(key) = timer {
            self.core.drop_timer(key);
        }
    }

    /// Removes a source that the program knows by its id alone. Returns `false` if the id names no
    /// such source.
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

    /// Drops every source at the end of the loop. Sockets stay open, because the program owns them.
    pub(super) fn end_all(&self) {
        let ended = std::mem::take(&mut *self.table.borrow_mut());
        drop(ended); // dropped after the borrow of the table has ended
    }

    /// Returns whether a ticket names a source of this loop that is still in use.
    fn is_ours(&self, ticket: Ticket) -> bool {
        // A loop that was dropped may have had the same number, and more keys than this loop.
        ticket.runtime() == self.core.number()
            && (ticket.key() as usize) < self.table.borrow().len()
            && !self.core.tasks.is_finished(ticket)
    }

    /// Checks the socket of the last event, before the loop returns the next one. If the socket is
    /// still ready, it goes to the back of the queue. If not, the source waits.
    #[inline]
    pub(super) fn look_at_last(&self) {
        if let Some((ticket, socket)) = self.last.take()
            && socket.look(&self.core, ticket) != Readiness::NONE
        {
            self.wake(ticket);
        }
    }

    /// Polls a source. Its event is the loop's next event. An error ends the source.
    #[inline(always)]
    pub(super) fn poll<M>(&self, ticket: Ticket) -> Polled<M> {
        let table = self.table.borrow();
        let EventSource::Socket(socket) = table[ticket.key() as usize] else {
            drop(table);
            return match self.poll_other(ticket) {
                Poll::Ready(event) => Polled::Other(event),
                Poll::Pending => Polled::Pending,
            };
        };
        drop(table);
        let Some(interest) = socket.next(socket.look(&self.core, ticket)) else { return Polled::Pending };
        if socket.wanted == READY {
            let socket = WatchedSocket { last: interest, ..socket };
            self.table.borrow_mut()[ticket.key() as usize] = EventSource::Socket(socket);
        }
        self.last.set(Some((ticket, socket)));
        Polled::Socket(interest)
    }

    /// Polls a source that is not a socket.
    #[inline(never)]
    fn poll_other<M>(&self, ticket: Ticket) -> Poll<io::Result<Event<M>>> {
        let waker = ticket.waker();
        let cx = &mut Context::from_waker(&waker);
        let (core, id) = (&self.core, Id(ticket));
        let uncounted = core.budget.left_of_turn();
        let mut table = self.table.borrow_mut();
        let source = &mut table[ticket.key() as usize];
        let event = match source {
            EventSource::Vacant | EventSource::Messages | EventSource::Socket(_) => return Poll::Pending,
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
        // An event counts as one poll, however many operations its poll made.
        core.budget.continue_turn(uncounted);
        match event {
            Ok(Event::Connected(..) | Event::Timer(_)) | Err(_) => self.remove(ticket),
            Ok(_) => self.wake(ticket),
        }
        Poll::Ready(event)
    }
}
