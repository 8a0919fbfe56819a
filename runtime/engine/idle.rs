//! The steps of an idle loop before a park or instead of a park. The loop may poll the driver
//! repeatedly (`busy_poll`), look at its inbox (`look.rs`), or move a stopped clock. The program may
//! also wait in a loop of its own.

use std::io;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use super::core::Core;

impl Core {
    /// Parks the loop for another loop of the program, and returns how long that loop may wait until
    /// the next turn. While the loop is parked, another thread that wakes a task notifies the driver.
    pub(crate) fn park_outside(&self) -> Option<Duration> {
        if self.has_ready() || !self.inbox.queue.park() {
            return Some(Duration::ZERO);
        }
        self.parked_outside.set(true);
        let next_ns = self.timers.next_ns()?;
        Some(Duration::from_nanos(next_ns.saturating_sub(self.clock.now_ns())))
    }

    #[cold]
    #[inline(never)]
    pub(super) fn poll_or_look(&self, limit: Option<Duration>) -> io::Result<()> {
        self.observation.clear_reading(); // no unit runs during the look
        if self.clock.is_stopped() { self.poll_with_stopped_clock(limit) } else { self.look_and_park(limit) }
    }

    /// Polls the driver (`busy_poll`) or looks at the inbox (`look.rs`) for a limited time before the
    /// loop parks.
    fn look_and_park(&self, mut limit: Option<Duration>) -> io::Result<()> {
        let idle = !self.has_ready();
        if idle && !self.options.busy_poll.is_zero() && !self.busy_poll(&mut limit)? {
            return Ok(());
        }
        if idle && self.look.is_due() {
            self.look.look(&mut limit, || self.inbox.queue.has_messages());
            self.choose_park();
        }
        self.poll_or_park(limit)
    }

    /// Sets `parks_at_once` again after a change of the clock or of the look.
    fn choose_park(&self) {
        let looks = !self.options.busy_poll.is_zero() || self.look.is_due();
        self.parks_at_once.set(!looks && !self.clock.is_stopped());
    }

    pub(crate) fn stop_clock(&self) {
        self.clock.stop();
        self.choose_park();
        self.inbox.clock_stopped.store(true, SeqCst);
    }

    pub(crate) fn resume_clock(&self) {
        self.clock.resume();
        self.choose_park();
        self.inbox.clock_stopped.store(false, SeqCst);
    }

    /// Polls the driver with a stopped clock, on which no time passes. If only a timer or the end of
    /// `limit` can come next, the clock moves to that time. Otherwise the loop sleeps until an event or
    /// a message arrives.
    #[cold]
    fn poll_with_stopped_clock(&self, limit: Option<Duration>) -> io::Result<()> {
        // The hold is read before the messages, because a hold that ends in between has posted a
        // message.
        let may_jump = self.options.auto_advance && !self.inbox.is_held();
        let registered = !self.reactor.is_empty();
        while registered && self.take_events_now()? {} // one batch in each pass
        if self.has_ready() || self.inbox.queue.has_messages() || limit == Some(Duration::ZERO) {
            return Ok(());
        }
        // A later deadline means never, so the clock does not move to it.
        const FURTHEST: Duration = Duration::from_nanos(u64::MAX / 2);
        match limit {
            Some(limit) if may_jump && limit < FURTHEST => {
                self.clock.advance(limit);
                Ok(())
            }
            _ => self.look_and_park(None),
        }
    }

    /// Takes one batch of events without sleeping. The function returns whether the batch had an event.
    fn take_events_now(&self) -> io::Result<bool> {
        self.take_events(Some(Duration::ZERO))?;
        Ok(self.driver.borrow().had_events())
    }

    /// Polls the driver repeatedly before the loop parks. The function returns `false` if the loop need
    /// not park, because a task is ready, a message has arrived, or `limit` has passed. Otherwise the
    /// function subtracts the time that has passed from `limit`.
    #[cold]
    fn busy_poll(&self, limit: &mut Option<Duration>) -> io::Result<bool> {
        let start = Instant::now();
        loop {
            self.take_events(Some(Duration::ZERO))?;
            let passed = start.elapsed();
            if self.has_ready()
                || self.inbox.queue.has_messages()
                || limit.is_some_and(|limit| passed >= limit)
            {
                return Ok(false);
            }
            if passed >= self.options.busy_poll {
                *limit = limit.map(|limit| limit - passed);
                return Ok(true);
            }
            std::hint::spin_loop();
        }
    }
}
