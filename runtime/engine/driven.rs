//! The marks for a dump that a front end runs the loop, and that `block_on` runs its own future.

use super::core::Core;
use super::places::{MainNote, Place};

/// Notes that a front end begins to run the loop.
pub(crate) fn begin(core: &Core) {
    core.tasks.counters.driven.add(1);
}

/// Notes that a front end no longer runs the loop.
pub(crate) fn end(core: &Core) {
    let counters = &core.tasks.counters;
    counters.driven.set(counters.driven.get() - 1);
    counters.running.set(0); // a unit that panics does not end the turn
}

/// A guard that marks the loop as run by a front end, until the guard is dropped, also by a panic.
pub(crate) struct Driven<'a>(&'a Core);

impl<'a> Driven<'a> {
    pub(crate) fn begin(core: &'a Core) -> Driven<'a> {
        begin(core);
        Driven(core)
    }

    /// Makes a guard for a front end that runs a future of its own.
    pub(crate) fn begin_main(core: &'a Core, place: Place, future: &'static str) -> Driven<'a> {
        let polls_before = core.tasks.main_polls.get();
        core.tasks.main_note.set(Some(MainNote { place, future, polls_before }));
        Driven::begin(core)
    }
}

impl Drop for Driven<'_> {
    fn drop(&mut self) {
        end(self.0);
        self.0.tasks.main_note.set(None);
    }
}
