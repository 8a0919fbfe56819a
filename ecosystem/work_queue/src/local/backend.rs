//! `LocalBackend`, a worker's side of the queue in this process.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Instant, SystemTime};

use oneloop::event_loop::{EventLoop, Id};

use super::Local;
use super::state::Where;
use crate::Error;
use crate::status::DeadLetter;
use crate::worker::backend::Backend;
use crate::worker::message::{Delivery, Entry, Key, Message, Settled, Verdict};

pub(super) struct LocalBackend {
    local: Rc<Local>,
    /// The jobs that are due later, by the timer of each.
    scheduled: HashMap<Id, (Delivery, Instant)>,
    /// The jobs that were given back. The next worker gets them.
    given_back: Vec<Delivery>,
}

impl LocalBackend {
    pub fn new(local: Rc<Local>) -> LocalBackend {
        LocalBackend { local, scheduled: HashMap::new(), given_back: Vec::new() }
    }

    fn number(delivery: &Delivery) -> u64 {
        match &delivery.entry {
            Entry::Local(number) => *number,
            #[cfg(feature = "redis")]
            Entry::Broker(_) => unreachable!("a broker's job is not in a queue in this process"),
        }
    }

    fn is_at(&self, delivery: &Delivery, place: Where) {
        self.local.state.borrow_mut().is_at(LocalBackend::number(delivery), place);
    }

    fn add_dead_letter(&self, delivery: &Delivery, reason: &str) {
        let job = &delivery.job;
        let letter = DeadLetter {
            id: job.id().to_owned(),
            payload: job.payload().to_owned(),
            attempts: job.attempt(),
            reason: reason.to_owned(),
            added: job.added(),
            died: SystemTime::now(),
        };
        self.local.state.borrow_mut().dead.push_back(letter);
    }

    fn finish(&self, delivery: &Delivery) {
        self.local.state.borrow_mut().finish(LocalBackend::number(delivery));
        self.local.room.notify_waiters();
    }
}

impl Backend for LocalBackend {
    fn begin(&mut self, _events: &EventLoop<Message>) {} // The jobs of this queue are already messages.

    fn holds(&mut self, _key: Key, delivery: &Delivery) {
        self.is_at(delivery, Where::InFlight);
    }

    fn settle(&mut self, events: &EventLoop<Message>, key: Key, delivery: &Delivery, verdict: &Verdict) {
        match verdict {
            Verdict::Done => self.finish(delivery),
            Verdict::Dead { reason } => {
                self.add_dead_letter(delivery, reason);
                self.finish(delivery);
            }
            Verdict::Retry { pause, .. } => {
                let mut delivery = delivery.clone();
                delivery.job.attempt += 1;
                let due = oneloop::time::now().checked_add(*pause);
                if let Some(Err(error)) = due.map(|due| self.scheduled(events, delivery, due)) {
                    let _ = events.post(Message::Failed(error)); // The queue of the loop has no bound.
                }
            }
            Verdict::GiveBack => {
                self.is_at(delivery, Where::Waits);
                self.given_back.push(delivery.clone());
            }
        }
        let _ = events.post(Message::Settled(key, Settled::Recorded));
    }

    fn released(&mut self, _key: Key) {}

    fn scheduled(
        &mut self,
        events: &EventLoop<Message>,
        delivery: Delivery,
        due: Instant,
    ) -> Result<(), Error> {
        self.is_at(&delivery, Where::Scheduled);
        self.scheduled.insert(events.timer_at(due)?, (delivery, due));
        Ok(())
    }

    fn timer(&mut self, id: Id) -> Option<Delivery> {
        let (delivery, _) = self.scheduled.remove(&id)?;
        self.is_at(&delivery, Where::Waits);
        Some(delivery)
    }

    fn stop(&mut self, _events: &EventLoop<Message>) {}

    fn leave(&mut self, events: &EventLoop<Message>) {
        let _ = events.post(Message::Left(0));
    }

    fn end(&mut self, mut events: EventLoop<Message>, left: Vec<Delivery>) {
        let queued = events.drain();
        let given_back = std::mem::take(&mut self.given_back);
        for delivery in left.into_iter().chain(given_back) {
            self.is_at(&delivery, Where::Waits);
            self.local.put_back(delivery);
        }
        for message in queued {
            if matches!(message, Message::Arrived(_) | Message::Scheduled(..)) {
                // The post can't fail, because the queue of the loop has no bound. The other messages
                // were for this worker.
                let _ = events.post(message);
            }
        }
        for (id, (delivery, due)) in self.scheduled.drain() {
            events.cancel(id);
            let _ = events.post(Message::Scheduled(delivery, due));
        }
        self.local.state.borrow_mut().worker = None;
        *self.local.events.borrow_mut() = Some(events);
    }
}
