//! The loop of a worker: **take an event, handle it, take the next.**
//!
//! ```text
//!    a job has arrived ────┐                           ┌──▶ start its handler, a task beside the loop
//!    a handler has ended ──┤    ┌───┬───┬───┬───┐      ├──▶ send the verdict: done, retry, dead
//!    the queue answers ────┼───▶│   │   │   │   │─take─┼──▶ start the next job
//!    a job is lost ────────┤    └───┴───┴───┴───┘      ├──▶ drop the handler
//!    stop ─────────────────┘                           └──▶ take no more, finish or give back
//! ```
//!
//! The queue of events is an [`EventLoop`], for each kind of backend. Handlers and the broker's
//! connections are tasks of its runtime.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use oneloop::AbortHandle;
use oneloop::event_loop::{Event, EventLoop, Id};

use super::backend::Backend;
use super::handler::{Handler, handle};
use super::message::{Delivery, Key, Message, Settled, Verdict};
use super::options::Options;
use super::report::{Report, Summary};
use crate::{Error, Failure};

/// The time that an ending worker waits for the queue's answers after the grace time.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

pub(crate) struct WorkerLoop {
    pub options: Options,
    pub handler: Handler,
    pub on_report: Box<dyn FnMut(&Report)>,
    pub backend: Box<dyn Backend>,
    state: State,
}

#[derive(Default)]
struct State {
    /// The jobs with a running handler, and the jobs with a verdict that the queue has not yet answered.
    held: HashMap<Key, Held>,
    /// The jobs that have arrived while the worker had no room. Only a queue in this process fills it,
    /// because the worker fetches a broker's jobs only if it has room.
    waiting: VecDeque<Delivery>,
    last_key: Key,
    summary: Summary,
    end: End,
}

#[derive(Default)]
struct End {
    stopping: bool,
    leaving: bool,
    left: bool,
    /// The timer of the grace time. Handlers may run until it fires.
    grace: Option<Id>,
    /// The timer of the last answers. The worker ends when it fires.
    last: Option<Id>,
}

struct Held {
    delivery: Delivery,
    stage: Stage,
}

enum Stage {
    Running(AbortHandle),
    Settling(Verdict),
}

impl WorkerLoop {
    pub fn new(
        options: Options,
        handler: Handler,
        on_report: Box<dyn FnMut(&Report)>,
        backend: Box<dyn Backend>,
    ) -> WorkerLoop {
        WorkerLoop { options, handler, on_report, backend, state: State::default() }
    }

    /// **The loop**. It runs until the worker has ended.
    pub fn run(&mut self, mut events: EventLoop<Message>) -> Result<Summary, Error> {
        self.backend.begin(&events);
        let ended = loop {
            let event = match events.take(None) {
                Ok(event) => event,
                Err(error) => break Err(Error::Loop(error)),
            };
            let handled = match event {
                Event::Message(message) => self.handle(&events, message),
                Event::Timer(id) => self.timer(&events, id),
                _ => Ok(()), // The loop has no other source.
            };
            if let Err(error) = handled {
                break Err(error);
            }
            if self.has_ended(&events) {
                break Ok(());
            }
        };
        self.state.summary.unrecorded = self.state.held.len() as u64;
        let held = self.state.held.drain().filter_map(|(_, held)| held.abandon());
        let left = held.chain(self.state.waiting.drain(..)).collect();
        self.backend.end(events, left);
        ended.map(|()| self.state.summary)
    }

    fn handle(&mut self, events: &EventLoop<Message>, message: Message) -> Result<(), Error> {
        match message {
            Message::Arrived(delivery) => self.arrived(events, delivery),
            Message::Scheduled(delivery, due) => self.backend.scheduled(events, delivery, due)?,
            Message::Ended(key, outcome) => self.ended(events, key, outcome),
            Message::Settled(key, settled) => self.settled(events, key, settled),
            Message::Lost(key) => self.lost(events, key),
            Message::Stop => self.stop(events)?,
            Message::Left(given_back) => {
                self.state.summary.given_back += given_back;
                self.state.end.left = true;
            }
            Message::Failed(error) => return Err(error),
            Message::Report(report) => self.report(&report),
        }
        Ok(())
    }

    fn arrived(&mut self, events: &EventLoop<Message>, delivery: Delivery) {
        if delivery.job.delivery > 1 {
            let (id, delivery) = (delivery.job.id().to_owned(), delivery.job.delivery);
            self.report(&Report::Claimed { id, delivery });
        }
        if self.state.held.len() < self.options.at_once && !self.state.end.stopping {
            self.start(events, delivery);
        } else {
            self.state.waiting.push_back(delivery);
        }
    }

    /// Starts a handler as a task beside the loop. The end of the handler is an event.
    fn start(&mut self, events: &EventLoop<Message>, delivery: Delivery) {
        let key = self.hold(&delivery);
        let (handler, job, limit) = (self.handler.clone(), delivery.job.clone(), self.options.job_timeout);
        let sender = events.sender();
        let task = events.enter(|| {
            oneloop::spawn(async move {
                let outcome = handle(handler, job, limit).await;
                let _ = sender.post(Message::Ended(key, outcome)); // The loop may have ended.
            })
        });
        self.state.held.insert(key, Held { delivery, stage: Stage::Running(task.abort_handle()) });
    }

    fn hold(&mut self, delivery: &Delivery) -> Key {
        self.state.last_key += 1;
        self.backend.holds(self.state.last_key, delivery);
        self.state.last_key
    }

    fn ended(&mut self, events: &EventLoop<Message>, key: Key, outcome: Result<(), Failure>) {
        let Some(held) = self.state.held.get(&key) else { return }; // The job is already lost.
        if matches!(held.stage, Stage::Settling(_)) {
            return; // The job is already given back.
        }
        let verdict = match outcome {
            Ok(()) => Verdict::Done,
            Err(failure) => self.options.after(failure, held.delivery.job.attempt),
        };
        self.settle(events, key, verdict);
    }

    fn settle(&mut self, events: &EventLoop<Message>, key: Key, verdict: Verdict) {
        let Some(held) = self.state.held.get_mut(&key) else { return };
        self.backend.settle(events, key, &held.delivery, &verdict);
        held.stage = Stage::Settling(verdict);
    }

    fn settled(&mut self, events: &EventLoop<Message>, key: Key, settled: Settled) {
        let Some(Held { delivery, stage }) = self.state.held.remove(&key) else { return };
        self.backend.released(key);
        let (id, attempt) = (delivery.job.id().to_owned(), delivery.job.attempt);
        let report = match (settled, stage) {
            (Settled::NotOurs, _) | (_, Stage::Running(_)) => Report::Lost { id },
            (_, Stage::Settling(verdict)) => match verdict {
                Verdict::Done => Report::Done { id },
                Verdict::Retry { pause, reason } => {
                    Report::Retry { id, attempt, pause, reason: reason.to_string() }
                }
                Verdict::Dead { reason } => Report::Dead { id, reason: reason.to_string() },
                Verdict::GiveBack => Report::GivenBack { id },
            },
        };
        self.report(&report);
        self.start_next(events);
    }

    fn start_next(&mut self, events: &EventLoop<Message>) {
        while self.state.held.len() < self.options.at_once && !self.state.end.stopping {
            let Some(delivery) = self.state.waiting.pop_front() else { break };
            self.start(events, delivery);
        }
    }

    /// Drops the handler of a job that another worker has, because both would do the same work.
    fn lost(&mut self, events: &EventLoop<Message>, key: Key) {
        let Some(held) = self.state.held.get(&key) else { return };
        if let Stage::Running(task) = &held.stage {
            task.abort();
            self.settled(events, key, Settled::NotOurs);
        } // In the stage `Settling`, the queue's answer to the verdict decides.
    }

    fn timer(&mut self, events: &EventLoop<Message>, id: Id) -> Result<(), Error> {
        if self.state.end.grace == Some(id) {
            self.give_back_all(events);
        } else if self.state.end.last == Some(id) {
            self.state.end.left = true;
            self.state.end.leaving = true;
        } else if let Some(delivery) = self.backend.timer(id) {
            self.arrived(events, delivery);
        }
        Ok(())
    }

    fn stop(&mut self, events: &EventLoop<Message>) -> Result<(), Error> {
        if !self.state.end.stopping {
            let grace = self.options.grace;
            self.state.end.stopping = true;
            self.state.end.grace = Some(events.timer(grace)?);
            self.state.end.last = Some(events.timer(grace.saturating_add(LAST_ANSWERS))?);
            self.backend.stop(events);
        }
        Ok(())
    }

    /// Drops the handlers after the grace time, and gives their jobs back.
    fn give_back_all(&mut self, events: &EventLoop<Message>) {
        let running = |held: &Held| matches!(held.stage, Stage::Running(_));
        let keys: Vec<Key> =
            self.state.held.iter().filter(|(_, held)| running(held)).map(|(key, _)| *key).collect();
        for key in keys {
            if let Some(Held { stage: Stage::Running(task), .. }) = self.state.held.get(&key) {
                task.abort();
            }
            self.settle(events, key, Verdict::GiveBack);
        }
    }

    /// Returns whether the worker has ended. Removes the worker from the queue when it stops and has no
    /// job left.
    fn has_ended(&mut self, events: &EventLoop<Message>) -> bool {
        let end = &mut self.state.end;
        if end.stopping && self.state.held.is_empty() && !end.leaving {
            end.leaving = true;
            self.backend.leave(events);
        }
        end.left
    }

    fn report(&mut self, report: &Report) {
        let summary = &mut self.state.summary;
        match report {
            Report::Done { .. } => summary.done += 1,
            Report::Retry { .. } => summary.retried += 1,
            Report::Dead { .. } => summary.dead += 1,
            Report::GivenBack { .. } => summary.given_back += 1,
            Report::Lost { .. } => summary.lost += 1,
            Report::Claimed { .. } => summary.claimed += 1,
            Report::Disconnected { .. } | Report::Connected => {}
        }
        (self.on_report)(report);
    }
}

impl Held {
    /// Drops the handler and returns the job, if the queue has received no verdict on the job.
    fn abandon(self) -> Option<Delivery> {
        let Stage::Running(task) = self.stage else { return None };
        task.abort();
        Some(self.delivery)
    }
}
