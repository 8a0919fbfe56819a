//! The queue in this process. Its jobs are messages of an event loop. A worker runs the loop.

mod backend;
mod state;

use std::cell::RefCell;
use std::rc::Rc;

use oneloop::event_loop::{EventLoop, Sender};
use tokio::sync::Notify;

use crate::Error;
use crate::job::{Added, NewJob};
use crate::queue::Limits;
use crate::status::{DeadLetter, Status};
use crate::worker::Options;
use crate::worker::backend::Backend;
use crate::worker::message::{Delivery, Message};
use backend::LocalBackend;
use state::{Place, State};

pub(crate) struct Local {
    limits: Limits,
    /// The event loop, or `None` while a worker has it.
    events: RefCell<Option<EventLoop<Message>>>,
    sender: Sender<Message>,
    state: RefCell<State>,
    /// Notified when the queue has more room.
    room: Notify,
}

impl Local {
    pub fn new(limits: Limits, events: EventLoop<Message>) -> Rc<Local> {
        let sender = events.sender();
        let (events, state) = (RefCell::new(Some(events)), RefCell::default());
        Rc::new(Local { limits, events, sender, state, room: Notify::new() })
    }

    pub async fn add(&self, job: NewJob, wait: bool) -> Result<Added, Error> {
        let (id, job) = job.checked(self.limits.job_bytes_max)?;
        let delay = job.delay;
        let due = oneloop::time::now().checked_add(delay);
        let due =
            due.ok_or_else(|| Error::Option(format!("the job is due in {delay:?}, which is too far away")))?;
        loop {
            let room = self.room.notified(); // Before the check, so that no notification is lost.
            match self.state.borrow().place_for(&id, &self.limits) {
                Place::Known => return Ok(Added { id, is_new: false }),
                Place::TooManyDeadLetters => {
                    let dead_letters_max = self.limits.dead_letters_max;
                    return Err(Error::TooManyDeadLetters { dead_letters_max });
                }
                Place::Full if !wait => return Err(Error::Full { backlog_max: self.limits.backlog_max }),
                Place::Full => {}
                Place::Free => break,
            }
            room.await;
        }
        let delivery = self.state.borrow_mut().add(&id, job, &self.limits);
        self.post(if delay.is_zero() {
            Message::Arrived(delivery)
        } else {
            Message::Scheduled(delivery, due)
        })?;
        Ok(Added { id, is_new: true })
    }

    fn post(&self, message: Message) -> Result<(), Error> {
        self.sender.post(message).map_err(|_| Error::InProcess("the queue's event loop was dropped"))
    }

    /// Posts a job that is already in the queue's state.
    fn put_back(&self, delivery: Delivery) {
        let _ = self.post(Message::Arrived(delivery)); // The loop exists, because this queue owns it.
    }

    pub fn status(&self) -> Status {
        self.state.borrow().status()
    }

    pub fn dead_letters(&self, count: usize) -> Vec<DeadLetter> {
        self.state.borrow().dead.iter().take(count).cloned().collect()
    }

    pub fn clear_dead_letters(&self, count: usize, again: bool) -> usize {
        let letters: Vec<DeadLetter> = {
            let mut state = self.state.borrow_mut();
            let count = count.min(state.dead.len());
            state.dead.drain(..count).collect()
        };
        let count = letters.len();
        if again {
            for letter in letters {
                let job = NewJob::new(letter.payload);
                let delivery = self.state.borrow_mut().add(&letter.id, job, &self.limits);
                self.put_back(delivery);
            }
        }
        count
    }

    pub fn attach(
        self: &Rc<Local>,
        options: &Options,
    ) -> Result<(EventLoop<Message>, Box<dyn Backend>), Error> {
        let events =
            self.events.take().ok_or(Error::InProcess("a queue in the process has one worker at a time"))?;
        let name = options.name.clone().unwrap_or_else(|| "in-process".to_owned());
        self.state.borrow_mut().worker = Some(name);
        Ok((events, Box::new(LocalBackend::new(self.clone()))))
    }
}
