//! The cooperative budget: a task that finds everything ready still gives way now and then.
//!
//! An echo task whose peer sends faster than it answers never has to wait, and would never return
//! to the loop. So each poll of a task starts with a grant, and every operation that could wait and
//! didn't (socket I/O, a timer that is due, a join that is ready) takes one from it. When the grant
//! is used up, the operation is *denied*: it wakes its task and says "not yet" although it could go
//! on. The task returns to the loop and goes on after the others.
//!
//! A task may have several branches (`join!`, `select!`, `FuturesUnordered`), and what denies the
//! first must not deny the second for ever. Two rules see to that:
//!
//! * **A denial makes a new grant, half of the one before**: 128, 64, … 1, and then 1 for each of
//!   some hundred further branches. The branch that was denied returns to the combinator, which
//!   polls the next one with the new grant.
//! * **The first grant after a denial is 128 or 127, by chance.** A branch that uses exactly 128
//!   operations and then waits is not denied itself: the branch behind it would be, in every poll.
//!
//! From the 128th denial on everything is denied, so a poll has at most 375 operations, also with a
//! combinator over any number of ready futures. Code that is polled by another executor, nested
//! inside a task, never returns to the loop; it gets a new budget after 256 denials.

use std::cell::Cell;
use std::task::{Context, Poll};

pub(crate) struct Budget {
    /// What is left of the current grant.
    left: Cell<u32>,
    /// Operations of this poll that were denied.
    denials: Cell<u32>,
    /// The first grant of the next poll.
    first: Cell<u32>,
    /// A linear congruential generator; its top bit is the chance.
    chance: Cell<u64>,
    /// What is left of the turn, in halves of a poll. It goes on from one `block_on` to the next: a
    /// program that drives the loop in small steps would otherwise never get to the driver.
    turn: Cell<i64>,
}

impl Budget {
    /// Operations per poll of a task. The same order as tokio's 128: at about 2 µs a system call, a
    /// task holds the loop for at most a quarter of a millisecond.
    pub(crate) const FULL: u32 = 128;

    /// `polls` of tasks are one turn.
    pub(crate) const fn new(polls: u32) -> Budget {
        Budget {
            left: Cell::new(Self::FULL),
            denials: Cell::new(0),
            first: Cell::new(Self::FULL),
            chance: Cell::new(0),
            turn: Cell::new(Self::turn(polls)),
        }
    }

    /// One less than the halves: a sign is what costs least to look at.
    const fn turn(polls: u32) -> i64 {
        polls as i64 * 2 - 1
    }

    /// The driver is polled: so many polls of tasks until it must be polled again.
    pub(crate) fn begin_turn(&self, polls: u32) {
        self.turn.set(Self::turn(polls));
    }

    /// What [`continue_turn`](Budget::continue_turn) takes, for a poll that is not to count.
    pub(crate) fn left_of_turn(&self) -> i64 {
        self.turn.get()
    }

    pub(crate) fn continue_turn(&self, left: i64) {
        self.turn.set(left);
    }

    /// After a poll. An operation counts for half a poll, so the poll of a task with many operations
    /// counts for several.
    #[inline]
    pub(crate) fn count_poll(&self) {
        self.turn.set(self.turn.get() - 2);
    }

    /// Whether the driver must be polled before any other task.
    #[inline]
    pub(crate) fn turn_is_over(&self) -> bool {
        self.turn.get() < 0
    }

    /// Before each poll of a task.
    #[inline]
    pub(crate) fn refill(&self) {
        self.left.set(self.first.get());
        self.denials.set(0);
    }

    /// Whether an operation that is ready may go on; if so, charges for it.
    #[inline]
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.take() {
            return Poll::Ready(());
        }
        self.deny(cx);
        Poll::Pending
    }

    /// Charges for one operation, if there is something left.
    #[inline]
    pub(crate) fn take(&self) -> bool {
        let spent = self.is_spent();
        if !spent {
            self.spend();
        }
        !spent
    }

    #[inline]
    pub(crate) fn is_spent(&self) -> bool {
        self.left.get() == 0
    }

    /// Charges for an operation that has been done.
    #[inline]
    pub(crate) fn spend(&self) {
        self.left.set(self.left.get() - 1);
        self.turn.set(self.turn.get() - 1);
    }

    /// Charges for nothing until what is returned is dropped, also by a panic. It nests. (One poll
    /// has no four thousand million operations; if it had, one of them would be denied.)
    pub(crate) fn lift(&self) -> Lifted<'_> {
        let Budget { left, denials, first, turn, .. } = self;
        let (left, turn) = (left.replace(u32::MAX), turn.get());
        Lifted { budget: self, left, denials: denials.get(), first: first.get(), turn }
    }

    #[cold]
    pub(crate) fn deny(&self, cx: &mut Context<'_>) {
        let denials = (self.denials.get() + 1) % (2 * Self::FULL);
        self.denials.set(denials);
        self.left.set(if denials < Self::FULL {
            Self::FULL.checked_shr(denials).unwrap_or(0).max(1)
        } else {
            0
        });
        // Constants of Knuth's MMIX.
        let chance = self.chance.get().wrapping_mul(6_364_136_223_846_793_005);
        let chance = chance.wrapping_add(1_442_695_040_888_963_407);
        self.chance.set(chance);
        self.first.set(Self::FULL - (chance >> 63) as u32);
        cx.waker().wake_by_ref();
    }
}

/// What [`Budget::lift`] puts back when it is dropped.
pub(crate) struct Lifted<'a> {
    budget: &'a Budget,
    left: u32,
    denials: u32,
    first: u32,
    turn: i64,
}

impl Drop for Lifted<'_> {
    fn drop(&mut self) {
        self.budget.left.set(self.left);
        self.budget.denials.set(self.denials);
        self.budget.first.set(self.first);
        self.budget.turn.set(self.turn);
    }
}
