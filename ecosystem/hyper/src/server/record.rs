//! What a connection is doing, and since when.
//!
//! The sweep reads the records a few times within the shortest limit. A connection notes the number
//! of the last sweep instead of the time, so that a request reads no clock and sets no timer.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::task::Waker;

use super::error::Limit;

/// What the sweep, or the end of the server, asks of a connection's task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// End in order: finish the requests that have begun, take no more.
    Finish,
    /// Give up the buffers until the next byte arrives.
    Rest,
    /// Close at once.
    Close(Limit),
}

/// A connection, as the sweep sees it.
pub(super) struct Record {
    /// Requests whose response is not complete.
    busy: Cell<u32>,
    /// Responses among them of which hyper holds a piece that the client has no room for.
    waiting: Cell<u32>,
    /// Pieces of responses that hyper has and the client has not taken as a whole, HTTP/2.
    queued: Cell<u32>,
    /// A write found no room.
    blocked: Cell<bool>,
    /// Bytes of a request have arrived, or the first one is expected, and no request has begun.
    head: Cell<bool>,
    /// The last request had no body, so nothing of it can be unread.
    bodiless: Cell<bool>,
    http2: Cell<bool>,
    /// A CONNECT request was accepted on HTTP/2: its stream is the program's, and may be silent.
    tunnel: Cell<bool>,
    /// An orderly end was asked for.
    finishing: Cell<bool>,
    resting: Cell<bool>,
    /// The number of the last sweep before the connection began to do what it does now.
    since: Cell<u32>,
    order: Cell<Option<Order>>,
    /// The connection's task, from its first poll: a task's waker is the same for its whole life.
    task: OnceCell<Waker>,
    /// The number of the server's last sweep.
    tick: Rc<Cell<u32>>,
}

/// A time limit that applies to what a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Head,
    Idle,
    Stalled,
    /// A handler works, or the program has a tunnel.
    Unlimited,
}

impl Record {
    /// A connection that was just accepted: its first request is expected.
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

    /// How many sweeps began since the connection does what it does now.
    pub fn sweeps(&self) -> u32 {
        self.tick.get().wrapping_sub(self.since.get())
    }

    /// The connection begins to do something else.
    fn begin(&self) {
        self.since.set(self.tick.get());
    }

    /// Whether nothing would be lost if hyper's part of the connection were dropped.
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

    /// Bytes arrived. On HTTP/2 they may be any frame, so only the idle limit counts there.
    pub fn received(&self) {
        if self.busy.get() == 0 && !self.head.get() && !self.http2.get() {
            self.head.set(true);
            self.begin();
        }
    }

    /// A write found room, or none.
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

    /// hyper has taken a piece of a response. It asks for the next one when the client has room.
    pub fn piece_waits(&self) {
        self.waiting.set(self.waiting.get() + 1);
        self.begin();
    }

    /// hyper asked for the next piece, or dropped the response.
    pub fn piece_sent(&self) {
        self.waiting.set(self.waiting.get() - 1);
    }

    pub fn piece_queued(&self) {
        self.queued.set(self.queued.get() + 1);
    }

    /// The client's windows had room for bytes of a piece.
    pub fn piece_advanced(&self) {
        self.begin();
    }

    /// hyper dropped a piece: the client has taken it, or does not want it.
    pub fn piece_taken(&self) {
        self.queued.set(self.queued.get() - 1);
        self.begin();
    }

    /// Asks something of the connection's task.
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

    /// What was asked of the task, once.
    #[inline]
    pub fn order(&self, task: &Waker) -> Option<Order> {
        self.task.get_or_init(|| task.clone());
        self.order.get()?;
        self.order.take()
    }
}
