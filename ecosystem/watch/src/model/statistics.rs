//! This file holds sums over a model, and the largest parts of it.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::{Model, Outcome, Poll};

/// The time for which a unit has held the loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Busy {
    /// The index of the unit.
    pub unit: usize,
    /// The number of its polls, and of its events that were handled.
    pub polls: u64,
    /// The time of all its polls.
    pub time_ns: u64,
    /// The time of its longest poll.
    pub longest_ns: u64,
}

/// The time for which the units of one place have held the loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlaceBusy {
    /// The number of the place, or 0.
    pub place: u64,
    /// The number of units that were polled.
    pub units: u64,
    /// The number of their polls.
    pub polls: u64,
    /// The time of all their polls.
    pub time_ns: u64,
    /// The time of their longest poll.
    pub longest_ns: u64,
}

/// The time of the loop in three parts. Their sum is the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Total {
    /// The time from the first event to the last.
    pub time_ns: u64,
    /// The time in polls, and in the handling of events.
    pub polled_ns: u64,
    /// The time in the driver.
    pub parked_ns: u64,
    /// The rest, which is the loop's own work between them.
    pub own_ns: u64,
}

impl Model {
    /// Returns the time of the loop and its three parts.
    pub fn total(&self) -> Total {
        let time_ns = self.last_ns - self.first_ns;
        // A hostile record may have polls within parks.
        let parked_ns = self.parks.iter().map(|park| park.end_ns - park.begin_ns).sum::<u64>().min(time_ns);
        let polled_ns =
            self.polls.iter().map(Poll::time_ns).fold(0, u64::saturating_add).min(time_ns - parked_ns);
        Total { time_ns, polled_ns, parked_ns, own_ns: time_ns - parked_ns - polled_ns }
    }

    /// Returns the longest polls, the longest first.
    pub fn slowest_polls(&self, count: usize) -> Vec<&Poll> {
        largest(self.polls.iter().collect(), count, |poll| poll.time_ns())
    }

    /// Returns the polls whose unit has waited longest in the ready queue, the longest first.
    pub fn longest_waits(&self, count: usize) -> Vec<&Poll> {
        let waited = self.polls.iter().filter(|poll| poll.wake.is_some()).collect();
        largest(waited, count, |poll| self.wait_ns(poll).unwrap_or(0))
    }

    /// Returns the longest of the polls that the loop has made while the unit of this one waited in the
    /// ready queue.
    pub fn longest_poll_during_wait(&self, poll: &Poll) -> Option<&Poll> {
        let woken_ns = self.wakes[poll.wake?].at_ns;
        let during = |other: &&Poll| {
            other.begin_ns >= woken_ns && other.end_ns <= poll.begin_ns && other.time_ns() > 0
        };
        self.polls.iter().filter(during).max_by_key(|other| other.time_ns())
    }

    /// Returns the units that have held the loop longest, the longest first.
    pub fn busiest_units(&self, count: usize) -> Vec<Busy> {
        largest(self.busy(), count, |busy| busy.time_ns)
    }

    /// Returns the places whose units have held the loop longest, the longest first.
    pub fn busiest_places(&self, count: usize) -> Vec<PlaceBusy> {
        let mut places: HashMap<u64, PlaceBusy> = HashMap::new();
        for busy in self.busy() {
            let place = self.units[busy.unit].place;
            let sum = places.entry(place).or_insert(PlaceBusy { place, ..PlaceBusy::default() });
            sum.units += 1;
            sum.polls += busy.polls;
            sum.time_ns += busy.time_ns;
            sum.longest_ns = sum.longest_ns.max(busy.longest_ns);
        }
        let mut places: Vec<PlaceBusy> = places.into_values().collect();
        places.sort_unstable_by_key(|busy| busy.place); // The order of a hash map differs in each run.
        largest(places, count, |busy| busy.time_ns)
    }

    /// Returns how many polls have this outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.polls.iter().filter(|poll| poll.outcome == outcome).count()
    }

    /// Returns the greatest length of the ready queue.
    pub fn longest_queue(&self) -> u64 {
        self.ready_queue.iter().map(|queue| queue.length).max().unwrap_or(0)
    }

    fn busy(&self) -> Vec<Busy> {
        let mut busy = vec![Busy::default(); self.units.len()];
        for poll in &self.polls {
            let unit = &mut busy[poll.unit];
            unit.polls += 1;
            unit.time_ns += poll.time_ns();
            unit.longest_ns = unit.longest_ns.max(poll.time_ns());
        }
        busy.iter_mut().zip(0..).for_each(|(busy, unit)| busy.unit = unit);
        busy.retain(|busy| busy.polls > 0);
        busy
    }
}

/// Returns the largest items, the largest first. Of equal items the earlier one comes first.
fn largest<T>(mut of: Vec<T>, count: usize, size: impl Fn(&T) -> u64) -> Vec<T> {
    of.sort_by_key(|one| Reverse(size(one)));
    of.truncate(count);
    of
}
