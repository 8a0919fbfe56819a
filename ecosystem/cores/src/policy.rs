//! The restarts of a core after a panic.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The policy for a panic in the future of a core.
///
/// A panic in a task that the core has spawned ends only that task, and its join handle returns the
/// panic.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use oneloop_cores::{Cores, Policy};
///
/// let policy = Policy::restart(3, Duration::from_secs(60)).pause(Duration::from_secs(1));
/// let cores = Cores::new().on_panic(policy);
/// # drop(cores);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    restarts_max: u32,
    within: Duration,
    pause: Duration,
}

impl Default for Policy {
    /// Returns a policy of at most five restarts in a minute, each after a pause of 100 ms.
    fn default() -> Policy {
        Policy::restart(5, Duration::from_secs(60))
    }
}

impl Policy {
    /// Returns a policy in which the first panic stops all cores in an orderly way.
    pub fn stop() -> Policy {
        Policy { restarts_max: 0, within: Duration::ZERO, pause: Duration::ZERO }
    }

    /// Returns a policy in which a core makes a new runtime and calls its closure again, at most `times`
    /// within `within`. Each core has its own count. One more panic stops all cores. The pause before
    /// a restart is 100 ms.
    pub fn restart(times: u32, within: Duration) -> Policy {
        Policy { restarts_max: times, within, pause: Duration::from_millis(100) }
    }

    /// Sets the time that a core waits before it starts again.
    pub fn pause(mut self, pause: Duration) -> Policy {
        self.pause = pause;
        self
    }

    pub(crate) fn before_restart(&self) -> Duration {
        self.pause
    }
}

/// The restarts of one core.
#[derive(Default)]
pub(crate) struct Restarts {
    /// The times of the restarts, the oldest first. The bound is `restarts_max`.
    times: VecDeque<Instant>,
}

impl Restarts {
    /// Returns whether the policy allows a restart now. If so, counts the restart.
    pub(crate) fn allow(&mut self, policy: &Policy, now: Instant) -> bool {
        while self.times.front().is_some_and(|&time| now.duration_since(time) > policy.within) {
            self.times.pop_front();
        }
        let allowed = self.times.len() < policy.restarts_max as usize;
        if allowed {
            self.times.push_back(now);
        }
        allowed
    }
}

#[cfg(all(test, not(oneloop_cores_loom)))]
mod tests {
    use super::*;

    #[test]
    fn restarts_count_within_their_time_alone() {
        let policy = Policy::restart(2, Duration::from_secs(10));
        let mut restarts = Restarts::default();
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let allowed = [0, 1, 2, 10, 11, 12, 13].map(|seconds| restarts.allow(&policy, at(seconds)));
        assert_eq!(allowed, [true, true, false, false, true, true, false]);
    }

    #[test]
    fn the_policy_stop_allows_none() {
        assert!(!Restarts::default().allow(&Policy::stop(), Instant::now()));
    }
}
