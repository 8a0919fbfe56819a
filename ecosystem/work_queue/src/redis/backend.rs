//! `RedisBackend`, a worker's side of a queue on a broker. Operations that take time run in tasks beside
//! the worker's loop, and their answers are messages to the loop.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::time::{Duration, Instant};

use oneloop::JoinHandle;
use oneloop::event_loop::{EventLoop, Id, Sender};
use oneloop::time::{sleep, timeout};
use tokio::sync::Semaphore;

use super::broker_error::BrokerError;
use super::link::{ANSWER_MAX, Call, Link};
use super::{Broker, GROUP, fetch, periodic, scripts, settle};
use crate::Error;
use crate::worker::Options;
use crate::worker::Report;
use crate::worker::backend::Backend;
use crate::worker::message::{Delivery, Entry, Key, Message, Verdict};

/// The time that the end of a worker waits for a read that blocks in the broker.
const READ_END_MAX: Duration = Duration::from_secs(3);

/// The state that the tasks of a worker share.
pub(super) struct Shared {
    pub broker: Rc<Broker>,
    pub worker: String,
    pub options: Options,
    /// The connection for operations with an immediate answer.
    pub control: Link,
    /// The connection for reads that block in the broker. It is separate, because the broker answers the
    /// operations of one connection in order.
    pub reader: Link,
    pub sender: Sender<Message>,
    /// Has a permit for each further job that the worker has room for.
    pub room: Semaphore,
    pub held: RefCell<HashMap<Key, Rc<str>>>,
    /// The jobs that the worker's loop has not yet taken out of its queue.
    pub arriving: RefCell<HashSet<Rc<str>>>,
    /// The time at which the last answered heartbeat was sent.
    pub last_heartbeat: Cell<Instant>,
    pub stopping: Cell<bool>,
    /// Set when the worker leaves, because no heartbeat may follow after that.
    pub leaving: Cell<bool>,
    connected: Cell<bool>,
}

pub(crate) struct RedisBackend {
    shared: Rc<Shared>,
    fetching: Rc<RefCell<Option<JoinHandle<()>>>>,
}

impl RedisBackend {
    pub fn new(
        broker: Rc<Broker>,
        worker: String,
        options: Options,
        events: &EventLoop<Message>,
    ) -> RedisBackend {
        let shared = Rc::new(Shared {
            worker,
            control: broker.link(),
            reader: broker.link(),
            broker,
            sender: events.sender(),
            room: Semaphore::new(options.at_once),
            options,
            held: RefCell::default(),
            arriving: RefCell::default(),
            last_heartbeat: Cell::new(oneloop::time::now()),
            stopping: Cell::new(false),
            leaving: Cell::new(false),
            connected: Cell::new(true),
        });
        for link in [&shared.control, &shared.reader] {
            let weak = Rc::downgrade(&shared);
            link.on_change(move |change| {
                if let Some(shared) = weak.upgrade() {
                    shared.changed(change);
                }
            });
        }
        RedisBackend { shared, fetching: Rc::default() }
    }
}

impl Shared {
    /// Sends a message to the loop. The loop may have ended, and then it needs no message.
    pub fn send(&self, message: Message) {
        let _ = self.sender.post(message);
    }

    pub fn fail(&self, reason: String) {
        self.send(Message::Failed(self.control.refused(reason)));
    }

    fn changed(&self, change: Option<&str>) {
        match change {
            None if !self.connected.replace(true) => self.send(Message::Report(Report::Connected)),
            Some(reason) if self.connected.replace(false) => {
                self.send(Message::Report(Report::Disconnected { reason: reason.to_owned() }));
            }
            _ => {}
        }
    }

    /// Makes the queue's group and its stream if they do not exist. The group begins at the first entry,
    /// so it receives the jobs that were added before the first worker.
    pub async fn make_group(&self, limit: Duration) -> Result<(), Error> {
        let mut command = redis::cmd("XGROUP");
        command.arg("CREATE").arg(&self.broker.keys.jobs).arg(GROUP).arg("0").arg("MKSTREAM");
        match self.control.call_within::<()>(&Call::Command(&command), limit).await {
            Err(Error::Refused { reason, .. }) if reason.contains("BUSYGROUP") => Ok(()),
            made => made,
        }
    }

    /// Ends a read that blocks in the broker. The broker answers the read with no job. A close of the
    /// connection instead might lose a job that the broker has just sent.
    async fn unblock(&self) {
        let Some(number) = self.reader.number() else { return };
        let mut command = redis::cmd("CLIENT");
        command.arg("UNBLOCK").arg(number);
        let _: Result<i64, BrokerError> = self.control.call(&Call::Command(&command), ANSWER_MAX).await;
    }

    /// Gives back all jobs that the broker counts as this worker's.
    async fn leave(&self) -> u64 {
        self.leaving.set(true); // A heartbeat that is already sent comes first on the same connection.
        let mut script = scripts::on(&self.broker.scripts.leave, &self.broker.keys);
        script.arg(&self.worker);
        self.control.call_within(&Call::Script(&script), ANSWER_MAX).await.unwrap_or(0)
    }
}

async fn begin(shared: Rc<Shared>, fetching: Rc<RefCell<Option<JoinHandle<()>>>>) {
    match shared.make_group(shared.broker.limits.answer_timeout).await {
        Err(error) => shared.send(Message::Failed(error)),
        Ok(()) => {
            *fetching.borrow_mut() = Some(oneloop::spawn(fetch::fetch(shared.clone())));
            drop(oneloop::spawn(periodic::heartbeat(shared.clone())));
            drop(oneloop::spawn(periodic::promote(shared)));
        }
    }
}

impl Backend for RedisBackend {
    fn begin(&mut self, events: &EventLoop<Message>) {
        let (shared, fetching) = (self.shared.clone(), self.fetching.clone());
        events.enter(|| drop(oneloop::spawn(begin(shared, fetching))));
    }

    fn holds(&mut self, key: Key, delivery: &Delivery) {
        if let Entry::Broker(entry) = &delivery.entry {
            self.shared.arriving.borrow_mut().remove(entry);
            self.shared.held.borrow_mut().insert(key, entry.clone());
        }
    }

    fn settle(&mut self, events: &EventLoop<Message>, key: Key, delivery: &Delivery, verdict: &Verdict) {
        if let Entry::Broker(entry) = &delivery.entry {
            let settling = settle::settle(self.shared.clone(), key, entry.clone(), verdict.clone());
            events.enter(|| drop(oneloop::spawn(settling)));
        }
    }

    fn released(&mut self, key: Key) {
        self.shared.held.borrow_mut().remove(&key);
        self.shared.room.add_permits(1);
    }

    fn scheduled(
        &mut self,
        _events: &EventLoop<Message>,
        _delivery: Delivery,
        _due: Instant,
    ) -> Result<(), Error> {
        Ok(()) // The broker has the scheduled jobs.
    }

    fn timer(&mut self, _id: Id) -> Option<Delivery> {
        None
    }

    fn stop(&mut self, events: &EventLoop<Message>) {
        self.shared.stopping.set(true);
        self.shared.room.close(); // This wakes the task that fetches, if it waits for room.
        let (shared, fetching) = (self.shared.clone(), self.fetching.clone());
        let fetches = move || fetching.borrow().as_ref().is_some_and(|task| !task.is_finished());
        let unblocking = async move {
            // The loop repeats the operation, because a read may reach the broker after it.
            while fetches() {
                shared.unblock().await;
                sleep(Duration::from_millis(50)).await;
            }
        };
        events.enter(|| drop(oneloop::spawn(unblocking)));
    }

    fn leave(&mut self, events: &EventLoop<Message>) {
        let (shared, fetching) = (self.shared.clone(), self.fetching.take());
        let leaving = async move {
            if let Some(mut task) = fetching {
                let _ = timeout(READ_END_MAX, &mut task).await;
                task.abort();
            }
            let given_back = shared.leave().await;
            shared.send(Message::Left(given_back));
        };
        events.enter(|| drop(oneloop::spawn(leaving)));
    }

    fn end(&mut self, _events: EventLoop<Message>, _left: Vec<Delivery>) {} // The tasks end with the loop.
}
