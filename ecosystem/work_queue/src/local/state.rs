//! The state of a queue in this process: its jobs, its dead letters, and the ids that it keeps.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use crate::job::{Job, NewJob};
use crate::queue::Limits;
use crate::status::{DeadLetter, Status, WorkerStatus};
use crate::worker::message::{Delivery, Entry};

#[derive(Default)]
pub(super) struct State {
    last_number: u64,
    /// Every job that is neither handled nor a dead letter, with its time and its place.
    unfinished: BTreeMap<u64, (SystemTime, Where)>,
    pub dead: VecDeque<DeadLetter>,
    known: HashMap<Rc<str>, Instant>,
    /// The same ids in the order in which they were added, which is also the order of their ends.
    by_age: VecDeque<(Instant, Rc<str>)>,
    /// The name of the worker while the queue has one.
    pub worker: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    Waits,
    InFlight,
    Scheduled,
}

/// The answer of a queue to a new job.
pub(super) enum Place {
    Free,
    Known,
    Full,
    TooManyDeadLetters,
}

impl State {
    pub fn place_for(&self, id: &str, limits: &Limits) -> Place {
        if self.known.get(id).is_some_and(|end| oneloop::time::now() < *end) {
            Place::Known
        } else if self.dead.len() >= limits.dead_letters_max {
            Place::TooManyDeadLetters
        } else if self.unfinished.len() >= limits.backlog_max {
            Place::Full
        } else {
            Place::Free
        }
    }

    pub fn add(&mut self, id: &str, job: NewJob, limits: &Limits) -> Delivery {
        self.keep_id(id, limits.id_retention);
        self.last_number += 1;
        let (added, place) =
            (SystemTime::now(), if job.delay.is_zero() { Where::Waits } else { Where::Scheduled });
        self.unfinished.insert(self.last_number, (added, place));
        let job = Job { id: id.into(), payload: job.payload.into(), attempt: 1, delivery: 1, added };
        Delivery { job, entry: Entry::Local(self.last_number) }
    }

    fn keep_id(&mut self, id: &str, retention: Duration) {
        let now = oneloop::time::now();
        while self.by_age.front().is_some_and(|(end, _)| *end <= now) {
            let Some((end, id)) = self.by_age.pop_front() else { break };
            if self.known.get(&id) == Some(&end) {
                self.known.remove(&id);
            }
        }
        // If the end overflows, the queue keeps the id for 2³² seconds.
        let id: Rc<str> = id.into();
        let end = now.checked_add(retention).unwrap_or_else(|| now + Duration::from_secs(u32::MAX.into()));
        self.known.insert(id.clone(), end);
        self.by_age.push_back((end, id));
    }

    pub fn is_at(&mut self, number: u64, place: Where) {
        if let Some((_, at)) = self.unfinished.get_mut(&number) {
            *at = place;
        }
    }

    pub fn finish(&mut self, number: u64) {
        self.unfinished.remove(&number);
    }

    pub fn status(&self) -> Status {
        let count = |place| self.unfinished.values().filter(|(_, at)| *at == place).count() as u64;
        let oldest = self.unfinished.values().find(|(_, at)| *at != Where::Scheduled);
        let in_flight = count(Where::InFlight);
        let worker =
            |name: &String| WorkerStatus { name: name.clone(), in_flight, heartbeat: Duration::ZERO };
        Status {
            backlog: count(Where::Waits),
            in_flight,
            scheduled: count(Where::Scheduled),
            dead: self.dead.len() as u64,
            oldest: oldest.map(|(added, _)| added.elapsed().unwrap_or_default()),
            workers: self.worker.iter().map(worker).collect(),
        }
    }
}
