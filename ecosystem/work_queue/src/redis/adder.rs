//! `Adder`, a producer's side of a queue on a broker.

use std::rc::Rc;
use std::time::Duration;

use oneloop::time::sleep;

use super::link::{Call, Link};
use super::{Broker, scripts};
use crate::Error;
use crate::job::{Added, NewJob};

/// The first and the longest pause before the producer asks a full queue again.
const FULL_PAUSE_FIRST: Duration = Duration::from_millis(20);
const FULL_PAUSE_MAX: Duration = Duration::from_secs(1);

pub(crate) struct Adder {
    broker: Rc<Broker>,
    link: Link,
}

impl Adder {
    pub fn new(broker: Rc<Broker>) -> Rc<Adder> {
        let link = broker.link();
        Rc::new(Adder { broker, link })
    }

    pub async fn add(&self, job: NewJob, wait: bool) -> Result<Added, Error> {
        let limits = &self.broker.limits;
        let (id, job) = job.checked(limits.job_bytes_max)?;
        let delay_ms = u64::try_from(job.delay.as_millis()).ok().filter(|ms| *ms < 1 << 52);
        let delay = job.delay;
        let delay_ms = delay_ms
            .ok_or_else(|| Error::Option(format!("the job is due in {delay:?}, which is too far away")))?;
        let retention_ms = super::millis(limits.id_retention);
        let mut script = scripts::on(&self.broker.scripts.add, &self.broker.keys);
        script.key(self.broker.keys.id(&id)).arg(&id).arg(&job.payload).arg(retention_ms);
        script.arg(limits.backlog_max).arg(limits.dead_letters_max).arg(delay_ms);
        // The mark is the same for each attempt. Redis stores a number of 63 bits without extra memory.
        script.arg(fastrand::u64(..) >> 1);
        let mut pause = FULL_PAUSE_FIRST;
        loop {
            let answer: String = self.link.call_within(&Call::Script(&script), limits.answer_timeout).await?;
            match answer.as_str() {
                "added" => return Ok(Added { id, is_new: true }),
                "known" => return Ok(Added { id, is_new: false }),
                "dead" => {
                    return Err(Error::TooManyDeadLetters { dead_letters_max: limits.dead_letters_max });
                }
                "full" if wait => {}
                "full" => return Err(Error::Full { backlog_max: limits.backlog_max }),
                other => return Err(self.link.refused(format!("unknown answer: {other}"))),
            }
            sleep(pause).await;
            pause = (pause * 2).min(FULL_PAUSE_MAX);
        }
    }
}
