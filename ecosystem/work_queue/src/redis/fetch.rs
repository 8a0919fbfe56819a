//! `fetch`, which takes jobs from the broker while the worker has room. It reads new jobs, and
//! periodically claims the jobs of workers that have sent no heartbeat.

use std::rc::Rc;
use std::time::Duration;

use oneloop::time::sleep;

use super::backend::Shared;
use super::broker_error::BrokerError;
use super::link::{ANSWER_MAX, Call};
use super::{Fields, GROUP, millis, number, scripts, text, time};
use crate::job::Job;
use crate::worker::message::{Delivery, Entry, Message, Verdict};
use crate::worker::{Report, pause_after};

/// The longest time that a read blocks in the broker.
const BLOCK_MAX: Duration = Duration::from_secs(2);
/// The largest number of jobs in one answer, which bounds the size of the answer.
const BATCH_MAX: usize = 256;
/// The time after the last failure of the broker in which the worker claims no job. The broker's clock
/// runs while the broker is down, and live workers must connect again and send a heartbeat first.
const RETURN_MAX: Duration = Duration::from_secs(6);
/// The first and the longest pause after a failure.
const PAUSE_FIRST: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Takes jobs until the worker stops.
pub(super) async fn fetch(shared: Rc<Shared>) {
    let period = (shared.options.dead_after / 4).clamp(Duration::from_millis(50), Duration::from_secs(5));
    let mut next_claim = oneloop::time::now();
    let mut failures = 0;
    while !shared.stopping.get() {
        if shared.room.acquire().await.is_err() {
            return; // The semaphore is closed, because the worker stops.
        }
        let room = shared.room.available_permits().clamp(1, BATCH_MAX);
        let now = oneloop::time::now();
        if let Some(failed) = shared.control.failed() {
            next_claim = next_claim.max(failed + RETURN_MAX);
        }
        let found = if now >= next_claim {
            let claimed = shared.claim(room).await;
            if claimed.as_ref().is_ok_and(|claimed| claimed.len() < room) {
                next_claim = now + period;
            }
            claimed
        } else {
            shared.read(room, next_claim - now).await
        };
        match found {
            Ok(deliveries) => {
                failures = 0;
                shared.take(deliveries).await;
                continue;
            }
            Err(BrokerError::Refused(reason)) => return shared.fail(reason),
            Err(BrokerError::NoGroup) => {
                // The broker has lost its data, or is new.
                let _ = shared.make_group(ANSWER_MAX).await; // If it fails, so does the next read.
            }
            Err(_) => {}
        }
        failures += 1;
        sleep(pause_after(failures, PAUSE_FIRST, PAUSE_MAX)).await;
    }
}

impl Shared {
    /// Reads new jobs. Waits for the first one, at most for `limit`.
    async fn read(&self, room: usize, limit: Duration) -> Result<Vec<Delivery>, BrokerError> {
        let block = limit.min(BLOCK_MAX).max(Duration::from_millis(1)); // With 0 the read has no limit.
        let mut command = redis::cmd("XREADGROUP");
        command.arg("GROUP").arg(GROUP).arg(&self.worker).arg("COUNT").arg(room);
        command.arg("BLOCK").arg(block.as_millis() as u64);
        command.arg("STREAMS").arg(&self.broker.keys.jobs).arg(">");
        type Entries = Vec<(String, Option<Fields>)>;
        let answer: Option<Vec<(String, Entries)>> =
            self.reader.call(&Call::Command(&command), block + ANSWER_MAX).await?;
        let entries = answer.into_iter().flatten().flat_map(|(_stream, entries)| entries);
        Ok(entries.filter_map(|(entry, fields)| Some(delivery(entry, fields?, 1))).collect())
    }

    /// Claims the jobs of workers that have sent no heartbeat for `dead_after`. A job with too many
    /// deliveries becomes a dead letter instead.
    async fn claim(&self, room: usize) -> Result<Vec<Delivery>, BrokerError> {
        let (dead_after, deliveries_max) = (self.options.dead_after, self.options.deliveries_max);
        if !self.has_sent_heartbeat_within(self.options.heartbeat) {
            // This worker may have hung. Without a new heartbeat it claims its own jobs.
            self.heartbeat().await?;
        }
        let reason =
            format!("{deliveries_max} workers have died, hung or lost the broker while they had the job");
        let mut script = scripts::on(&self.broker.scripts.claim, &self.broker.keys);
        script.arg(&self.worker).arg(millis(dead_after)).arg(room).arg(deliveries_max).arg(&reason);
        type Claimed = (String, String, u32, u64, Vec<u8>, u32);
        let (claimed, died): (Vec<Claimed>, Vec<String>) =
            self.control.call(&Call::Script(&script), ANSWER_MAX).await?;
        for id in died {
            self.send(Message::Report(Report::Dead { id, reason: reason.clone() }));
        }
        let delivery = |(entry, id, attempt, added, payload, delivery): Claimed| Delivery {
            job: Job { id: id.into(), payload: payload.into(), attempt, delivery, added: time(added) },
            entry: Entry::Broker(entry.into()),
        };
        Ok(claimed.into_iter().map(delivery).collect())
    }

    /// Hands jobs to the worker's loop, or gives them back if it stops.
    async fn take(self: &Rc<Shared>, deliveries: Vec<Delivery>) {
        for delivery in deliveries {
            if !self.stopping.get() {
                if let Ok(permit) = self.room.try_acquire() {
                    permit.forget(); // `released` adds the permit again.
                }
                if let Entry::Broker(entry) = &delivery.entry {
                    self.arriving.borrow_mut().insert(entry.clone());
                }
                self.send(Message::Arrived(delivery));
            } else if let Entry::Broker(entry) = &delivery.entry
                && let Ok(1) = self.send_verdict(entry, &Verdict::GiveBack).await
            {
                let id = delivery.job.id().to_owned();
                self.send(Message::Report(Report::GivenBack { id }));
            }
        }
    }
}

fn delivery(entry: String, mut fields: Fields, delivery: u32) -> Delivery {
    let job = Job {
        id: text(&mut fields, "id").into(),
        attempt: number(&mut fields, "attempt").try_into().unwrap_or(u32::MAX),
        added: time(number(&mut fields, "added")),
        payload: fields.remove("payload").unwrap_or_default().into(),
        delivery,
    };
    Delivery { job, entry: Entry::Broker(entry.into()) }
}
