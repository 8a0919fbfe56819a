//! The options of a worker. They also decide the verdict on a job that has failed.

use std::time::Duration;

use super::message::Verdict;
use super::pause::pause_after;
use crate::{Error, Failure};

/// The largest number of jobs that a worker may have at one time.
const AT_ONCE_MAX: usize = 10_000;

/// The options with their defaults. The functions of `Worker` document them.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub name: Option<String>,
    pub at_once: usize,
    pub job_timeout: Duration,
    pub attempts_max: u32,
    pub pause_first: Duration,
    pub pause_max: Duration,
    pub heartbeat: Duration,
    pub dead_after: Duration,
    pub deliveries_max: u32,
    pub grace: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            name: None,
            at_once: 16,
            job_timeout: Duration::from_secs(60),
            attempts_max: 5,
            pause_first: Duration::from_secs(1),
            pause_max: Duration::from_secs(300),
            heartbeat: Duration::from_secs(5),
            dead_after: Duration::from_secs(20),
            deliveries_max: 3,
            grace: Duration::from_secs(10),
        }
    }
}

impl Options {
    pub fn check(&self) -> Result<(), Error> {
        let must = |holds: bool, text: String| if holds { Ok(()) } else { Err(Error::Option(text)) };
        let at_once = self.at_once;
        must(
            (1..=AT_ONCE_MAX).contains(&at_once),
            format!("the limit of a worker is {at_once} jobs at once; it must be 1 to {AT_ONCE_MAX}"),
        )?;
        must(self.attempts_max > 0, "the attempts of a job must be at least 1".to_owned())?;
        must(self.deliveries_max > 0, "the deliveries of a job must be at least 1".to_owned())?;
        must(!self.job_timeout.is_zero(), "the time limit of a job must not be 0".to_owned())?;
        must(
            self.heartbeat >= Duration::from_millis(10),
            "the period of heartbeats must be at least 10 ms".to_owned(),
        )?;
        let (heartbeat, dead_after) = (self.heartbeat, self.dead_after);
        must(
            dead_after / 2 >= heartbeat,
            format!(
                "a worker counts as dead after {dead_after:?}; it must be at least twice the heartbeat's {heartbeat:?}"
            ),
        )
    }

    /// Returns the verdict on a job after a failure of its handler.
    pub fn after(&self, failure: Failure, attempt: u32) -> Verdict {
        let reason = failure.reason.into();
        if failure.permanent || attempt >= self.attempts_max {
            Verdict::Dead { reason }
        } else {
            Verdict::Retry { pause: pause_after(attempt, self.pause_first, self.pause_max), reason }
        }
    }
}
