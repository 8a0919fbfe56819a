//! This file holds the state that a server's connections share.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use slab::Slab;

use super::error::{Error, Limit};
use super::options::Options;
use super::record::{Order, Phase, Record};

/// The number of sweeps after which an idle connection frees its buffers.
const SWEEPS_BEFORE_REST: u32 = 2;

type OnError = Box<dyn Fn(Error)>;

pub(super) struct Shared {
    pub options: Options,
    on_error: Option<OnError>,
    /// The records of connections that have a task. Bound: `max_connections`.
    records: RefCell<Slab<Rc<Record>>>,
    /// The number of open sockets, upgraded ones included.
    open: Cell<usize>,
    /// The waker of the accept loop, while the loop waits until a connection is closed.
    full: Cell<Option<Waker>>,
    /// The number of the last sweep.
    tick: Rc<Cell<u32>>,
}

impl Shared {
    pub fn new(options: Options, on_error: Option<OnError>) -> Shared {
        Shared {
            options,
            on_error,
            records: RefCell::default(),
            open: Cell::new(0),
            full: Cell::new(None),
            tick: Rc::default(),
        }
    }

    pub fn report(&self, error: Error) {
        if let Some(on_error) = &self.on_error {
            on_error(error);
        }
    }

    /// Returns whether one more connection may be accepted. If not, the next closed connection wakes the
    /// task.
    pub fn has_room(&self, cx: &Context<'_>) -> bool {
        let room = self.open.get() < self.options.max_connections;
        if !room {
            self.full.set(Some(cx.waker().clone()));
        }
        room
    }

    pub fn has_connections(&self) -> bool {
        !self.records.borrow().is_empty()
    }

    /// Returns the time from one sweep to the next: a quarter of the shortest limit, from 10 ms to 1 s.
    pub fn period(&self) -> Duration {
        let Options { header_timeout, idle_timeout, stall_timeout, .. } = &self.options;
        let shortest = *header_timeout.min(idle_timeout).min(stall_timeout);
        (shortest / 4).clamp(Duration::from_millis(10), Duration::from_secs(1))
    }

    /// Orders each connection that has exceeded a limit to end.
    pub fn sweep(&self) {
        self.tick.set(self.tick.get().wrapping_add(1));
        let period = self.period();
        for (_, record) in self.records.borrow().iter() {
            let sweeps = record.sweeps();
            // The first sweep may have come at once.
            let past = period.saturating_mul(sweeps.saturating_sub(1));
            match record.phase() {
                Phase::Head if past >= self.options.header_timeout => {
                    record.ask(Order::Close(Limit::Header));
                }
                Phase::Stalled if past >= self.options.stall_timeout => {
                    record.ask(Order::Close(Limit::Stall));
                }
                Phase::Idle if record.is_finishing() && past >= self.options.header_timeout => {
                    record.ask(Order::Close(Limit::Idle));
                }
                Phase::Idle if !record.is_finishing() && past >= self.options.idle_timeout => {
                    record.ask(Order::Finish);
                }
                Phase::Idle if sweeps >= SWEEPS_BEFORE_REST && record.may_rest() => {
                    record.ask(Order::Rest);
                }
                _ => {}
            }
        }
    }

    /// Orders each connection to end in order.
    pub fn stop(&self) {
        for (_, record) in self.records.borrow().iter() {
            record.ask(Order::Finish);
        }
    }
}

/// The entry of a connection in the list of records. Its drop removes the record.
pub(super) struct Listed {
    shared: Rc<Shared>,
    record: Rc<Record>,
    key: usize,
}

impl Listed {
    pub fn new(shared: &Rc<Shared>) -> Listed {
        let record = Rc::new(Record::new(shared.tick.clone()));
        let key = shared.records.borrow_mut().insert(record.clone());
        Listed { shared: shared.clone(), record, key }
    }

    pub fn record(&self) -> &Rc<Record> {
        &self.record
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.shared.records.borrow_mut().remove(self.key);
    }
}

/// A socket that counts as open. The drop ends the count.
pub(super) struct Open(Rc<Shared>);

impl Open {
    pub fn new(shared: &Rc<Shared>) -> Open {
        shared.open.set(shared.open.get() + 1);
        Open(shared.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get() - 1);
        if let Some(waker) = self.0.full.take() {
            waker.wake();
        }
    }
}
