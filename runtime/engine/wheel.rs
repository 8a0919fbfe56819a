//! The timer wheel: which deadline is next, in O(1) for insert, cancel and look-up.
//!
//! A hashed hierarchical timing wheel (Varghese and Lauck, "Hashed and Hierarchical Timing Wheels",
//! SOSP 1987, scheme 7). Time is cut into ticks of 2²⁰ ns, about a millisecond. Level 0 has 64
//! buckets of one tick, level 1 has 64 buckets of 64 ticks, and so on; eight levels hold every
//! `u64` of nanoseconds, 584 years. A deadline goes to the level of the highest base-64 digit in
//! which its tick differs from the wheel's position:
//!
//! ```text
//!   position 1.0.5   deadline 1.0.9 → level 0, bucket 9
//!                    deadline 1.3.2 → level 1, bucket 3: sorted out into level 0 when 1.3.0 comes
//! ```
//!
//! Two additions to the textbook, both because a timer must never be early and hardly ever late:
//!
//! * Each bucket knows its earliest deadline *to the nanosecond*. The loop sleeps until that, not
//!   until a tick begins or a bucket has to be sorted out; so a far timer costs no wake-ups on its
//!   way, and a tick's length has no influence on precision. (A cancelled timer may leave a
//!   bucket's earliest too low: then the loop wakes once in vain, and knows better.)
//! * What is due is fired in the order of deadlines, even when a late loop finds many at once.
//!
//! A timer moves down at most once for each level. Bound: one entry for each timer that waits.

use std::cell::{Cell, OnceCell};

use super::slots::{KEY_MAX, NIL, Slot, Slots};
use super::wait_list::Waiter;

/// A tick is 2 to this power nanoseconds: a shift where a millisecond would need a division.
pub(crate) const TICK_BITS: u32 = 20;
pub(crate) const LEVEL_BITS: u32 = 6;
const BUCKETS: usize = 1 << LEVEL_BITS;
/// Enough for all of `u64`: 20 + 8 × 6 bits ≥ 64.
pub(crate) const LEVELS: usize = 8;

/// `bucket` of a timer that is in none: it has fired and waits for its owner to notice.
const FIRED: u16 = u16::MAX;

struct TimerSlot {
    deadline_ns: Cell<u64>,
    waiter: Cell<Option<Waiter>>,
    /// The bucket's list is a ring: the first one's `previous` is the last.
    previous: Cell<u32>,
    next: Cell<u32>,
    bucket: Cell<u16>,
}

impl Default for TimerSlot {
    fn default() -> Self {
        TimerSlot {
            deadline_ns: Cell::new(0),
            waiter: Cell::new(None),
            previous: Cell::new(NIL),
            next: Cell::new(NIL),
            bucket: Cell::new(FIRED),
        }
    }
}

impl Slot for TimerSlot {
    fn link(&self) -> &Cell<u32> {
        &self.next
    }
}

impl TimerSlot {
    /// Makes it a ring of its own, to be linked into a bucket's list.
    #[inline]
    fn place(&self, key: u32, bucket: u16) {
        self.previous.set(key);
        self.next.set(key);
        self.bucket.set(bucket);
    }
}

#[derive(Clone, Copy)]
struct Bucket {
    first: u32,
    /// No timer in the bucket is due before.
    earliest_ns: u64,
}

const EMPTY: Bucket = Bucket { first: NIL, earliest_ns: u64::MAX };

type Buckets = [Cell<Bucket>; LEVELS * BUCKETS];

/// Times are nanoseconds since a moment of the caller's choice; the wheel never reads a clock.
pub(crate) struct Wheel {
    timers: Slots<TimerSlot>,
    /// None until the first timer, so that a runtime without any pays nothing.
    buckets: OnceCell<Box<Buckets>>,
    /// For each level, which buckets hold something.
    occupied: [Cell<u64>; LEVELS],
    /// The position, in ticks. Every timer stands at or after it, and it enters a bucket of a
    /// higher level only when that bucket is sorted out.
    position: Cell<u64>,
    waiting: Cell<usize>,
}

impl Wheel {
    pub(crate) fn new() -> Wheel {
        Wheel {
            timers: Slots::new(),
            buckets: OnceCell::new(),
            occupied: [const { Cell::new(0) }; LEVELS],
            position: Cell::new(0),
            waiting: Cell::new(0),
        }
    }

    /// Adds a timer and returns its key, which stays valid until [`remove`](Wheel::remove).
    ///
    /// # Panics
    ///
    /// If the table is full.
    #[inline]
    pub(crate) fn insert(&self, deadline_ns: u64, waiter: Waiter) -> u32 {
        match self.timers.claim_used() {
            Some((key, timer)) => self.begin(key, timer, deadline_ns, waiter),
            None => self.insert_fresh(deadline_ns, waiter),
        }
    }

    #[cold]
    #[inline(never)]
    fn insert_fresh(&self, deadline_ns: u64, waiter: Waiter) -> u32 {
        assert!(
            self.timers.has_room(),
            "oneloop: {} timers are in use in this runtime, which is the most it can hold",
            KEY_MAX + 1
        );
        self.buckets.get_or_init(|| {
            // Through a `Vec`, so that it is made on the heap and not on the stack first.
            let buckets = vec![Cell::new(EMPTY); LEVELS * BUCKETS];
            buckets.try_into().unwrap_or_else(|_| unreachable!("there are so many"))
        });
        let (key, timer) = self.timers.claim_fresh();
        self.begin(key, timer, deadline_ns, waiter)
    }

    #[inline(always)]
    #[allow(clippy::forget_non_drop)] // in the tests, which build this file alone, a waiter has no drop
    fn begin(&self, key: u32, timer: &TimerSlot, deadline_ns: u64, waiter: Waiter) -> u32 {
        timer.deadline_ns.set(deadline_ns);
        std::mem::forget(timer.waiter.replace(Some(waiter))); // there is none: nothing to drop
        timer.place(key, self.bucket_of(deadline_ns));
        self.waiting.set(self.waiting.get() + 1);
        self.link(key, timer);
        key
    }

    /// Takes a timer out, fired or not, and returns its waiter, to be dropped.
    pub(crate) fn remove(&self, key: u32) -> Option<Waiter> {
        let timer = &self.timers[key];
        if timer.bucket.get() != FIRED {
            self.waiting.set(self.waiting.get() - 1);
            self.unlink(key, timer);
        }
        self.timers.release(key, timer);
        timer.waiter.take()
    }

    #[inline]
    pub(crate) fn has_fired(&self, key: u32) -> bool {
        self.timers[key].bucket.get() == FIRED
    }

    /// Replaces a timer's waiter; returns the one before, to be dropped.
    pub(crate) fn set_waiter(&self, key: u32, waiter: Waiter) -> Option<Waiter> {
        self.timers[key].waiter.replace(Some(waiter))
    }

    /// When to look again: no timer is due before. `None` without timers.
    #[inline]
    pub(crate) fn next_ns(&self) -> Option<u64> {
        if self.waiting.get() == 0 {
            return None;
        }
        self.first_bucket().map(|(level, index)| self.bucket(level * BUCKETS + index).get().earliest_ns)
    }

    /// Takes out all that is due at `now_ns` and appends the waiters to `due`, with the deadline,
    /// in the order of deadlines; timers of one deadline in no particular order.
    ///
    /// No bound: a timer fires once, costs a few steps and only queues a task.
    pub(crate) fn fire(&self, now_ns: u64, due: &mut Vec<(u64, Waiter)>) {
        while let Some((level, index)) = self.first_bucket() {
            if self.bucket(level * BUCKETS + index).get().earliest_ns > now_ns {
                break;
            }
            self.sort_out(level, index, now_ns, due);
        }
        if self.waiting.get() == 0 {
            // Nothing stands in the way: later timers find their place relative to now.
            self.position.set(self.position.get().max(now_ns >> TICK_BITS));
        }
        due.sort_unstable_by_key(|&(deadline_ns, _)| deadline_ns);
    }

    /// Empties every timer at once, for shutting down.
    pub(crate) fn fire_all(&self, due: &mut Vec<(u64, Waiter)>) {
        self.fire(u64::MAX, due);
    }

    #[inline(always)]
    fn bucket(&self, number: usize) -> &Cell<Bucket> {
        let buckets = self.buckets.get().expect("the first timer has made them");
        &buckets[number % (LEVELS * BUCKETS)]
    }

    /// The bucket with the earliest timers. All of a lower level come before any of a higher one,
    /// and in a level nothing stands before the position: so it is the lowest bit of the lowest
    /// level in use.
    fn first_bucket(&self) -> Option<(usize, usize)> {
        let level = self.occupied.iter().position(|bits| bits.get() != 0)?;
        Some((level, self.occupied[level].get().trailing_zeros() as usize))
    }

    /// Says whether a bucket holds something.
    #[inline]
    fn occupy(&self, number: usize, occupied: bool) {
        let (bits, bit) = (&self.occupied[number / BUCKETS % LEVELS], 1 << (number % BUCKETS));
        bits.set(if occupied { bits.get() | bit } else { bits.get() & !bit });
    }

    /// Moves the position to a bucket's start and takes its timers out: the due ones for good, the
    /// others to their place on a lower level (or, within the current tick, back to the same
    /// bucket).
    fn sort_out(&self, level: usize, index: usize, now_ns: u64, due: &mut Vec<(u64, Waiter)>) {
        let shift = LEVEL_BITS * level as u32;
        let above = self.position.get().checked_shr(shift + LEVEL_BITS).unwrap_or(0);
        let start = (above << LEVEL_BITS | index as u64) << shift;
        self.position.set(self.position.get().max(start));

        let number = level * BUCKETS + index;
        let bucket = self.bucket(number).replace(EMPTY);
        self.occupy(number, false);
        let mut key = bucket.first;
        loop {
            let timer = &self.timers[key];
            let next = timer.next.get();
            let deadline_ns = timer.deadline_ns.get();
            if deadline_ns <= now_ns {
                timer.bucket.set(FIRED);
                due.extend(timer.waiter.take().map(|waiter| (deadline_ns, waiter)));
                self.waiting.set(self.waiting.get() - 1);
            } else {
                // To the bucket that its deadline belongs to now.
                timer.place(key, self.bucket_of(deadline_ns));
                self.link(key, timer);
            }
            if next == bucket.first {
                break;
            }
            key = next;
        }
    }

    #[inline]
    fn bucket_of(&self, deadline_ns: u64) -> u16 {
        let position = self.position.get();
        let tick = (deadline_ns >> TICK_BITS).max(position);
        let differing = (tick ^ position) | 1;
        let level = differing.ilog2() / LEVEL_BITS;
        let index = (tick >> (LEVEL_BITS * level)) as usize % BUCKETS;
        (level as usize * BUCKETS + index) as u16
    }

    /// Links a timer, a ring of its own, into its bucket's list.
    #[inline(always)]
    fn link(&self, key: u32, timer: &TimerSlot) {
        let number = usize::from(timer.bucket.get());
        let place = self.bucket(number);
        let Bucket { mut first, earliest_ns } = place.get();
        if first == NIL {
            first = key;
            self.occupy(number, true);
        } else {
            let last = self.timers[first].previous.replace(key);
            self.timers[last].next.set(key);
            timer.previous.set(last);
            timer.next.set(first);
        }
        place.set(Bucket { first, earliest_ns: earliest_ns.min(timer.deadline_ns.get()) });
    }

    #[inline]
    fn unlink(&self, key: u32, timer: &TimerSlot) {
        let number = usize::from(timer.bucket.get());
        let (previous, next) = (timer.previous.get(), timer.next.get());
        let place = self.bucket(number);
        if next == key {
            place.set(EMPTY);
            self.occupy(number, false);
            return;
        }
        let bucket = place.get();
        if bucket.first == key {
            place.set(Bucket { first: next, ..bucket });
        }
        self.timers[previous].next.set(next);
        self.timers[next].previous.set(previous);
    }
}
