//! `settle`, which sends the verdict on a job to the broker until the broker has answered.

use std::rc::Rc;
use std::time::Duration;

use oneloop::time::sleep;

use super::backend::Shared;
use super::broker_error::BrokerError;
use super::link::{ANSWER_MAX, Call};
use super::scripts;
use crate::worker::message::{Key, Message, Settled, Verdict};
use crate::worker::pause_after;

/// The first and the longest pause after a failure.
const PAUSE_FIRST: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Sends the verdict. The answer is a message to the worker's loop. The end of that loop also ends this
/// task.
pub(super) async fn settle(shared: Rc<Shared>, key: Key, entry: Rc<str>, verdict: Verdict) {
    let last_heartbeat = shared.last_heartbeat.get();
    let mut failures = 0;
    let settled = loop {
        match shared.send_verdict(&entry, &verdict).await {
            Ok(1) => break Settled::Recorded,
            // An earlier attempt was recorded, and its answer was lost. No other worker can have claimed
            // the job, because the time since the last heartbeat is shorter than `dead_after`.
            Ok(_) if failures > 0 && last_heartbeat.elapsed() < shared.options.dead_after => {
                break Settled::Recorded;
            }
            Ok(_) | Err(BrokerError::NoGroup) => break Settled::NotOurs,
            Err(BrokerError::Refused(reason)) => return shared.fail(reason),
            Err(_) => {}
        }
        failures += 1;
        sleep(pause_after(failures, PAUSE_FIRST, PAUSE_MAX)).await;
    };
    shared.send(Message::Settled(key, settled));
}

impl Shared {
    /// Sends the verdict once. The answer is 0 if the job is not this worker's.
    pub async fn send_verdict(&self, entry: &str, verdict: &Verdict) -> Result<i64, BrokerError> {
        let all = &self.broker.scripts;
        let script = match verdict {
            Verdict::Done => &all.done,
            Verdict::Retry { .. } => &all.again,
            Verdict::Dead { .. } => &all.dead,
            Verdict::GiveBack => &all.give_back,
        };
        let mut script = scripts::on(script, &self.broker.keys);
        script.arg(&self.worker).arg(entry);
        match verdict {
            Verdict::Retry { pause, .. } => script.arg(super::millis(*pause)),
            Verdict::Dead { reason } => script.arg(&**reason),
            Verdict::Done | Verdict::GiveBack => &mut script,
        };
        self.control.call(&Call::Script(&script), ANSWER_MAX).await
    }
}
