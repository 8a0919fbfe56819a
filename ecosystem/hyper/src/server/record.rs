//! A record describes the present activity of a connection and its beginning.
//!
//! The sweep reads the records a few times within the shortest limit. A record holds the number of the
//! last sweep instead of the time, so that a request reads no clock and sets no timer.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::task::Waker;

use super::error::Limit;

/// An order of the sweep, or of the server's shutdown, to a connection's task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// End in order: finish the requests that have begun, and accept no further one.
    Finish,
    /// Free the buffers until the next byte arrives.
    Rest,
    /// Close at once.
    Close(Limit),
}

/// The state of a connection that the sweep reads.
pub(super) struct Record {
    /// The number of requests whose response is not complete.
    busy: Cell<u32>,
    /// The number of those responses of which hyper holds a piece that the client has no space for.
    waiting: Cell<u32>,
    /// The number of pieces of responses that hyper holds and the client has not received as a whole, on
    /// HTTP/2.
    queued: Cell<u32>,
    /// The last write found no space in the socket.
    blocked: Cell<bool>,
    /// No request has begun, and bytes of one have arrived or the first byte is expected.
    head: Cell<bool>,
    /// The last request had no body, so no part of a body can be unread.
    bodiless: Cell<bool>,
    http2: Cell<bool>,
    /// A CONNECT request was accepted on HTTP/2. Its stream belongs to the program, and may be silent.
    tunnel: Cell<bool>,
    /// The server ordered an orderly end.
    finishing: Cell<bool>,
    resting: Cell<bool>,
    /// The number of the last sweep before the present activity began.
    since: Cell<u32>,
    order: Cell<Option<Order>>,
    /// The waker of the connection's task, from its first poll. A task has the same waker until its end.
    task: OnceCell<Waker>,
    /// The number of the server's last sweep.
    tick: Rc<Cell<u32>>,
}

/// The time limit that applies to the present activity of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Head,
    Idle,
    Stalled,
    /// A handler works, or the program has a tunnel.
    Unlimited,
}

impl Record {
    /// Makes the record of a connection that was just accepted. Its first request is expected.
    pub fn new(tick: Rc<Cell<u32>>) -> Record {
        Record {
            busy: Cell::new(0),
            waiting: Cell::new(0),
            queued: Cell::new(0),
            blocked: Cell::new(false),
            head: Cell::new(true),
            bodiless: Cell::new(false),
            http2: Cell::new(false),
            tunnel: Cell::new(false),
            finishing: Cell::new(false),
            resting: Cell::new(false),
            since: Cell::new(tick.get()),
            order: Cell::new(None),
            task: OnceCell::new(),
            tick,
        }
    }

    pub fn phase(&self) -> Phase {
        if self.blocked.get() {
            Phase::Stalled
        } else if self.busy.get() > 0 {
            if self.waiting.get() == self.busy.get() { Phase::Stalled } else { Phase::Unlimited }
        } else if self.queued.get() > 0 {
            Phase::Stalled
        } else if self.tunnel.get() {
            Phase::Unlimited
        } else if self.head.get() {
            Phase::Head
        } else {
            Phase::Idle
        }
    }

    /// Returns the number of sweeps since the present activity began.
    pub fn sweeps(&self) -> u32 {
        self.tick.get().wrapping_sub(self.since.get())
    }

    /// Notes that another activity begins.
    fn begin(&self) {
        self.since.set(self.tick.get());
    }

    /// Returns whether hyper's part of the connection can be dropped without a loss.
    pub fn may_rest(&self) -> bool {
        let still = !self.resting.get() && !self.finishing.get() && !self.http2.get();
        still && self.bodiless.get() && self.phase() == Phase::Idle
    }

    pub fn is_finishing(&self) -> bool {
        self.finishing.get()
    }

    pub fn set_http2(&self) {
        self.http2.set(true);
    }

    pub fn set_tunnel(&self) {
        self.tunnel.set(true);
    }

    pub fn set_resting(&self, resting: bool) {
        self.resting.set(resting);
    }

    /// Notes that bytes arrived. On HTTP/2 they may be any frame, so only the idle limit applies there.
    pub fn received(&self) {
        if self.busy.get() == 0 && !self.head.get() && !self.http2.get() {
            self.head.set(true);
            self.begin();
        }
    }

    /// Notes whether a write found no space in the socket.
    pub fn wrote(&self, blocked: bool) {
        if self.blocked.get() != blocked {
            self.blocked.set(blocked);
            self.begin();
        }
    }

    pub fn request_began(&self, bodiless: bool) {
        self.busy.set(self.busy.get() + 1);
        self.head.set(false);
        self.bodiless.set(bodiless);
    }

    pub fn request_ended(&self) {
        self.busy.set(self.busy.get() - 1);
        self.begin();
    }

    /// Notes that hyper has taken a piece of a response. hyper polls for the next piece when the client
    /// has space.
    pub fn piece_waits(&self) {
        self.waiting.set(self.waiting.get() + 1);
        self.begin();
    }

    /// Notes that hyper polled for the next piece, or dropped the response.
    pub fn piece_sent(&self) {
        self.waiting.set(self.waiting.get() - 1);
    }

    pub fn piece_queued(&self) {
        self.queued.set(self.queued.get() + 1);
    }

    /// Notes that the client's windows had space for bytes of a piece.
    pub fn piece_advanced(&self) {
        self.begin();
    }

    /// Notes that hyper dropped a piece, because the client received it or reset the stream.
    pub fn piece_taken(&self) {
        self.queued.set(self.queued.get() - 1);
        self.begin();
    }

    /// Gives an order to the connection's task, and wakes the task.
    pub fn ask(&self, order: Order) {
        if order == Order::Finish {
            self.finishing.set(true);
            self.begin();
        }
        self.order.set(Some(order));
        if let Some(task) = self.task.get() {
            task.wake_by_ref();
        }
    }

    /// Takes the order, if there is one.
    #[inline]
    pub fn order(&self, task: &Waker) -> Option<Order> {
        self.task.get_or_init(|| task.clone());
        self.order.get()?;
        self.order.take()
    }
}
