//! The timer descriptor of `Builder::precise_timers`. A kernel timer in epoll's set replaces the
//! time-out.
//!
//! `epoll_wait` takes milliseconds, so a timer is up to a millisecond late. A timerfd takes
//! nanoseconds. The kernel adds a slack (50 µs by default) to the time-outs of `epoll_pwait2` and
//! `ppoll`, but not to a timerfd.
//!
//! **The alarm is set lazily.** With a time-out the kernel sets a timer for each sleep and cancels the
//! timer at each event. The alarm stays set over any number of sleeps. The driver sets the alarm again
//! only for an earlier time than the one that is set. So a server whose next deadline is far makes no
//! system call for the alarm. The cost is a needless wake-up if the deadline has moved to a later time,
//! once for each time that the alarm was set.
//!
//! **The alarm is rounded up, in steps that grow with the delay.** So a thousand timers of one
//! millisecond, each set a microsecond after the one before, don't cause a thousand wake-ups. A change
//! of Go's runtime does the same with `epoll_pwait2`, in steps of 10 µs below 1 ms, 100 µs below 10 ms,
//! and 1 ms (<https://github.com/golang/go/pull/79872>). Here a step is a power of two, so the
//! boundaries of longer steps are also boundaries of shorter steps. A step is under 1/128 of the delay,
//! but at least 33 µs and at most 1 ms, which is the step of `epoll_wait`.
//!
//! The descriptor is edge-triggered, and the driver never reads it. A new setting of the timer clears
//! an expiry.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use ::mio::unix::SourceFd;
use ::mio::{Interest, Registry, Token};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

/// The shortest step is 2 to this power nanoseconds, which is 33 µs. So the alarm causes at most about
/// 30,000 wake-ups a second.
const STEP_BITS_MIN: u32 = 15;
/// The longest step is 2 to this power nanoseconds, which is about a millisecond.
const STEP_BITS_MAX: u32 = 20;
/// A step is at most the delay divided by 2 to this power.
const DELAY_BITS: u32 = 7;

/// The value of `armed_ns` while the timer is not set.
const NOT_SET: u64 = u64::MAX;

pub(super) struct Alarm {
    timer: OwnedFd,
    /// The instant at which the alarm's times begin.
    origin: Instant,
    /// The time at which the timer expires.
    armed_ns: u64,
}

impl Alarm {
    /// Makes the descriptor, and registers it with mio.
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Option<Alarm>> {
        // `Instant` uses the same clock on Linux.
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        registry.register(&mut SourceFd(&timer.as_raw_fd()), token, Interest::READABLE)?;
        Ok(Some(Alarm { timer, origin: Instant::now(), armed_ns: NOT_SET }))
    }

    /// Sets the alarm so that the sleep ends at the time-out. The function returns the time-out that
    /// the driver still needs, which is none if the alarm is set.
    #[cold]
    #[inline(never)] // a loop without an alarm need not contain this code
    pub(super) fn instead_of(&mut self, timeout: Option<Duration>) -> Option<Duration> {
        match timeout {
            Some(timeout) if !timeout.is_zero() => self.set(timeout),
            _ => timeout,
        }
    }

    fn set(&mut self, timeout: Duration) -> Option<Duration> {
        let now_ns = nanoseconds(self.origin.elapsed());
        let expires_ns = rounded_up(now_ns, nanoseconds(timeout));
        if expires_ns >= self.armed_ns {
            return None; // the alarm is set for that time or an earlier time
        }
        // The time is relative, so the time since the reading of the clock makes the expiry later.
        let after = Duration::from_nanos(expires_ns - now_ns);
        let value = Timespec { tv_sec: after.as_secs() as i64, tv_nsec: after.subsec_nanos().into() };
        let once = Itimerspec { it_interval: Timespec::default(), it_value: value };
        match timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once) {
            Ok(_) => {
                self.armed_ns = expires_ns;
                None
            }
            Err(_) => Some(timeout), // a sandbox may refuse the call; timers are then up to 1 ms late
        }
    }

    /// Notes that the driver has reported the expiry of the alarm.
    #[cold]
    pub(super) fn has_expired(&mut self) {
        self.armed_ns = NOT_SET;
    }
}

/// Returns the time at which a sleep of `delay_ns` from `now_ns` on ends. The sleep never ends early,
/// and it ends late by less than a step.
fn rounded_up(now_ns: u64, delay_ns: u64) -> u64 {
    let bits = (delay_ns >> DELAY_BITS | 1).ilog2().clamp(STEP_BITS_MIN, STEP_BITS_MAX);
    (now_ns + delay_ns).next_multiple_of(1 << bits)
}

/// Converts a duration to nanoseconds, which fit into 64 bits. The loop runs for less than 584 years,
/// and a time-out is at most `SLEEP_MAX`.
fn nanoseconds(duration: Duration) -> u64 {
    duration.as_nanos() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_is_never_rounded_down_and_the_step_grows_with_the_delay() {
        for now_ns in [0, 1, 32_767, 32_768, 1_000_000_007, u64::from(u32::MAX)] {
            for delay_ns in (0..51).flat_map(|bits| [1 << bits, (1 << bits) + 1, (2 << bits) - 1]) {
                let late_ns = rounded_up(now_ns, delay_ns) - (now_ns + delay_ns);
                let step_ns = (delay_ns / 128).clamp(1 << STEP_BITS_MIN, 1 << STEP_BITS_MAX);
                assert!(late_ns < step_ns, "{delay_ns} ns after {now_ns} ns: {late_ns} ns late");
            }
        }
    }

    #[test]
    fn a_thousand_timers_of_a_millisecond_end_at_a_few_moments() {
        // Each timer is set a microsecond after the one before. The first timer has the delay that sets
        // the alarm. The later delays are the rests when the alarm has expired.
        let (mut now_ns, mut wake_ups) = (0, 0);
        let deadlines_ns: Vec<u64> = (0..1000).map(|number| 1_000_000 + number * 1_000).collect();
        while let Some(next_ns) = deadlines_ns.iter().find(|deadline_ns| **deadline_ns > now_ns) {
            now_ns = rounded_up(now_ns, next_ns - now_ns);
            wake_ups += 1;
        }
        assert!(wake_ups <= 32, "{wake_ups}");
    }
}
