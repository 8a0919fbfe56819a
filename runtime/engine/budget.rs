//! The cooperative budget, which makes a task yield even if it finds every operation ready.
//!
//! An echo task whose peer sends faster than the task answers never has to wait, and would never return
//! to the loop. So each poll of a task starts with a grant. Every operation that could wait and didn't
//! (socket I/O, a timer that is due, a join that is ready) subtracts one from the grant. When the grant
//! is used up, the next operation is *denied*. The operation wakes its task and returns `Pending`,
//! although it could complete. The task returns to the loop and continues after the other tasks.
//!
//! A task may have several branches (`join!`, `select!`, `FuturesUnordered`). The operations of the
//! first branch must not cause denials of the second branch for ever. Two rules prevent that:
//!
//! * **A denial makes a new grant, half of the one before**: 128, 64, … 1, and then 1 for each of some
//!   hundred further branches. The branch that was denied returns to the combinator, which polls the
//!   next branch with the new grant.
//! * **The first grant after a denial is 128 or 127, at random.** A branch that uses exactly 128
//!   operations and then waits is not denied itself. Without this rule, the branch behind it would be
//!   denied in every poll.
//!
//! From the 128th denial on every operation is denied. So a poll has at most 375 operations, also with
//! a combinator over any number of ready futures. Code that another executor polls, nested inside a
//! task, never returns to the loop. Such code gets a new budget after 256 denials.

use std::cell::Cell;
use std::task::{Context, Poll};

/// The operations that a poll may make. The struct has the size of one word, so that one store sets it.
#[derive(Clone, Copy)]
struct Grant {
    /// The operations that are left of the current grant.
    left: u32,
    /// The number of operations that were denied.
    denials: u32,
}

pub(crate) struct Budget {
    /// The grant of this poll.
    grant: Cell<Grant>,
    /// The grant with which the next poll begins.
    first: Cell<Grant>,
    /// The state of a linear congruential generator. Its top bit is the random bit.
    chance: Cell<u64>,
    /// The rest of the turn, in halves of a poll. The value carries over from one `block_on` to the
    /// next. Otherwise a program that drives the loop in small steps would never poll the driver.
    turn: Cell<i64>,
    full_turn: i64,
}

impl Budget {
    /// The number of operations per poll of a task, which equals tokio's 128. A system call takes about
    /// 2 µs, so a task holds the loop for at most a quarter of a millisecond.
    pub(crate) const FULL: u32 = 128;

    /// Makes a budget with turns of `polls` polls of tasks.
    pub(crate) const fn new(polls: u32) -> Budget {
        let first = Grant { left: Self::FULL, denials: 0 };
        Budget {
            grant: Cell::new(first),
            first: Cell::new(first),
            chance: Cell::new(0),
            turn: Cell::new(Self::turn(polls)),
            full_turn: Self::turn(polls),
        }
    }

    /// Returns one less than the number of halves, because the test of a sign costs least.
    const fn turn(polls: u32) -> i64 {
        polls as i64 * 2 - 1
    }

    /// Begins a whole turn. The caller polls the driver.
    #[inline(always)]
    pub(crate) fn begin_turn(&self) {
        self.turn.set(self.full_turn);
    }

    /// Returns the state of the turn. [`continue_turn`](Budget::continue_turn) restores this state
    /// after a poll that does not count.
    pub(crate) fn left_of_turn(&self) -> i64 {
        self.turn.get()
    }

    pub(crate) fn continue_turn(&self, left: i64) {
        self.turn.set(left);
    }

    /// Counts a poll. An operation counts for half a poll, so a poll with many operations counts for
    /// several polls.
    #[inline]
    pub(crate) fn count_poll(&self) {
        self.turn.set(self.turn.get() - 2);
    }

    /// Returns whether the driver must be polled before any other task.
    #[inline]
    pub(crate) fn turn_is_over(&self) -> bool {
        self.turn.get() < 0
    }

    /// Sets a new grant before each poll of a task.
    #[inline]
    pub(crate) fn refill(&self) {
        self.grant.set(self.first.get());
    }

    /// Returns `Ready` and charges for the operation if an operation that is ready may continue.
    /// Otherwise the function denies the operation.
    #[inline]
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.take() {
            return Poll::Ready(());
        }
        self.deny(cx);
        Poll::Pending
    }

    /// Charges for one operation, if the grant has one left. The function returns whether it charged.
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
        self.grant.get().left == 0
    }

    /// Returns whether an operation of this poll was denied.
    pub(crate) fn has_denied(&self) -> bool {
        self.grant.get().denials > 0
    }

    /// Charges for an operation that has completed.
    #[inline]
    pub(crate) fn spend(&self) {
        let Grant { left, denials } = self.grant.get();
        self.grant.set(Grant { left: left - 1, denials });
        self.turn.set(self.turn.get() - 1);
    }

    /// Suspends the budget until the guard is dropped, also by a panic. Guards may be nested. Within a
    /// guard, only a poll with more than four thousand million operations has one that is denied.
    pub(crate) fn lift(&self) -> Lifted<'_> {
        let (grant, first, turn) = (self.grant.get(), self.first.get(), self.turn.get());
        self.grant.set(Grant { left: u32::MAX, ..grant });
        Lifted { budget: self, grant, first, turn }
    }

    #[cold]
    pub(crate) fn deny(&self, cx: &mut Context<'_>) {
        let denials = (self.grant.get().denials + 1) % (2 * Self::FULL);
        let left = if denials < Self::FULL { Self::FULL.checked_shr(denials).unwrap_or(0).max(1) } else { 0 };
        self.grant.set(Grant { left, denials });
        // The constants are those of Knuth's MMIX.
        let chance = self.chance.get().wrapping_mul(6_364_136_223_846_793_005);
        let chance = chance.wrapping_add(1_442_695_040_888_963_407);
        self.chance.set(chance);
        self.first.set(Grant { left: Self::FULL - (chance >> 63) as u32, denials: 0 });
        cx.waker().wake_by_ref();
    }
}

/// The guard of [`Budget::lift`], whose drop restores the budget.
pub(crate) struct Lifted<'a> {
    budget: &'a Budget,
    grant: Grant,
    first: Grant,
    turn: i64,
}

impl Drop for Lifted<'_> {
    fn drop(&mut self) {
        self.budget.grant.set(self.grant);
        self.budget.first.set(self.first);
        self.budget.turn.set(self.turn);
    }
}
