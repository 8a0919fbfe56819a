//! The cooperative budget: a task that finds everything ready still gives way now and then.
//!
//! An echo task whose peer sends faster than it answers never has to wait, and would never return
//! to the loop. So each poll of a task starts with a budget, and every operation that could wait
//! and didn't (socket I/O, a timer that is due, a join that is ready) takes one from it. When it is
//! used up, the operation wakes its task and says "not yet" although it could go on: the task
//! returns to the loop and goes on after the others.
//!
//! Then all that the task tries is denied until its next poll, up to as many operations as it had:
//! code that is polled by something other than our loop (an executor nested inside a task) never
//! returns to it, and must not be denied for ever.

use std::cell::Cell;
use std::task::{Context, Poll};

pub(crate) struct Budget {
    /// Below zero: how many operations were denied.
    left: Cell<i32>,
}

impl Budget {
    /// Operations per poll of a task. The same order as tokio's 128: at about 2 µs a system call, a
    /// task holds the loop for at most a quarter of a millisecond.
    pub(crate) const FULL: i32 = 128;

    pub(crate) const fn new() -> Budget {
        Budget { left: Cell::new(Self::FULL) }
    }

    /// Before each poll of a task.
    #[inline]
    pub(crate) fn refill(&self) {
        self.left.set(Self::FULL);
    }

    /// Whether an operation that is ready may go on; if so, charges for it.
    #[inline]
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_spent() {
            self.deny(cx);
            return Poll::Pending;
        }
        self.spend();
        Poll::Ready(())
    }

    #[inline]
    pub(crate) fn is_spent(&self) -> bool {
        self.left.get() <= 0
    }

    /// How many operations there were since the last refill.
    #[inline]
    pub(crate) fn used(&self) -> u32 {
        (Self::FULL - self.left.get().max(0)) as u32
    }

    /// Charges for an operation that has been done.
    #[inline]
    pub(crate) fn spend(&self) {
        self.left.set(self.left.get() - 1);
    }

    #[cold]
    pub(crate) fn deny(&self, cx: &mut Context<'_>) {
        self.spend();
        if self.left.get() <= -Self::FULL {
            self.refill();
        }
        cx.waker().wake_by_ref();
    }
}
