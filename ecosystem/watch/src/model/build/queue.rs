//! This file holds the ready queue of the model. It has units in the order in which they were queued.

use std::collections::{HashMap, VecDeque};

/// The units that are queued.
#[derive(Default)]
pub(super) struct Queue {
    /// The queued units, each with a number of its own. A unit that was removed out of turn stays here
    /// until the units before it have left.
    order: VecDeque<(usize, u64)>,
    /// The number of each unit that is queued, and the wake that has queued it.
    units: HashMap<usize, (u64, Option<usize>)>,
    numbers: u64,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.units.len()
    }

    /// Adds a unit at the back. Returns `false` if the unit is already queued.
    pub(super) fn push(&mut self, unit: usize, wake: Option<usize>) -> bool {
        if self.units.contains_key(&unit) {
            return false;
        }
        self.numbers += 1;
        self.units.insert(unit, (self.numbers, wake));
        self.order.push_back((unit, self.numbers));
        true
    }

    /// Removes a unit that the loop polls, and returns its wake, or `None` if the unit was not queued.
    /// The queue is first in, first out, so the units before it are removed, too, because the loop has
    /// passed them.
    pub(super) fn pop(&mut self, unit: usize) -> Option<Option<usize>> {
        let (number, wake) = *self.units.get(&unit)?;
        while let Some((first, other)) = self.order.pop_front() {
            if self.units.get(&first).is_some_and(|queued| queued.0 == other) {
                self.units.remove(&first);
            }
            if other == number {
                break;
            }
        }
        Some(wake)
    }

    /// Removes a unit that the loop will not poll again. Returns whether the unit was queued.
    pub(super) fn remove(&mut self, unit: usize) -> bool {
        self.units.remove(&unit).is_some()
    }

    /// Removes all units. Returns `false` if there was none.
    pub(super) fn clear(&mut self) -> bool {
        self.order.clear();
        !std::mem::take(&mut self.units).is_empty()
    }
}
