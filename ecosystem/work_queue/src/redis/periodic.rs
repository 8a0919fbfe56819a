//! The periodic tasks of a worker. They send heartbeats, and move scheduled jobs that are due.

use std::rc::Rc;
use std::time::Duration;

use oneloop::time::sleep;

use super::backend::Shared;
use super::broker_error::BrokerError;
use super::link::{ANSWER_MAX, Call};
use super::scripts;
use crate::worker::message::Message;

/// The longest delay of a scheduled job while workers are idle.
const LATE_MAX: Duration = Duration::from_secs(1);
/// The longest pause after a failed heartbeat. Workers claim no jobs for some seconds after a broker
/// answers again, so that all workers can send a heartbeat before that.
const HEARTBEAT_RETRY: Duration = Duration::from_secs(1);
/// The largest number of scheduled jobs that one script moves. The number is small, because a script
/// blocks the broker.
const BATCH: u64 = 100;

/// Sends heartbeats, which tell the broker that this worker still has its jobs, until the worker leaves.
pub(super) async fn heartbeat(shared: Rc<Shared>) {
    while !shared.leaving.get() {
        let pause = match shared.heartbeat().await {
            Ok(()) => shared.options.heartbeat,
            Err(_) => shared.options.heartbeat.min(HEARTBEAT_RETRY),
        };
        sleep(pause).await;
    }
}

impl Shared {
    /// Sends one heartbeat.
    pub async fn heartbeat(&self) -> Result<(), BrokerError> {
        let sent = oneloop::time::now();
        let held: Vec<_> = self.held.borrow().iter().map(|(key, entry)| (*key, entry.clone())).collect();
        let mut script = scripts::on(&self.broker.scripts.heartbeat, &self.broker.keys);
        script.arg(&self.worker);
        for entry in held.iter().map(|(_, entry)| entry).chain(&*self.arriving.borrow()) {
            script.arg(&**entry);
        }
        let lost: Vec<String> = self.control.call(&Call::Script(&script), ANSWER_MAX).await?;
        self.last_heartbeat.set(sent);
        for entry in lost {
            if let Some((key, _)) = held.iter().find(|(_, held)| **held == *entry) {
                self.send(Message::Lost(*key));
            }
        }
        Ok(())
    }

    /// Returns whether the broker has answered a heartbeat of this worker within this time.
    pub fn has_sent_heartbeat_within(&self, time: Duration) -> bool {
        self.last_heartbeat.get().elapsed() < time
    }
}

/// Moves scheduled jobs that are due to the waiting jobs, until the loop ends. Each worker runs this
/// task.
pub(super) async fn promote(shared: Rc<Shared>) {
    loop {
        let mut script = scripts::on(&shared.broker.scripts.promote, &shared.broker.keys);
        script.arg(BATCH);
        let answer: Result<(u64, i64), BrokerError> =
            shared.control.call(&Call::Script(&script), ANSWER_MAX).await;
        let pause = match answer {
            Ok((BATCH, _)) => continue,
            Ok((_, next_ms)) => u64::try_from(next_ms).map_or(LATE_MAX, Duration::from_millis),
            Err(_) => LATE_MAX,
        };
        sleep(pause.clamp(Duration::from_millis(1), LATE_MAX)).await;
    }
}
