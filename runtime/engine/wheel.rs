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

use std::cell::Cell;

use super::slots::{NIL, Slot, Slots};
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
    deadline_ns: u64,
    waiter: Option<Waiter>,
    /// The bucket's list is a ring: the first one's `previous` is the last.
    previous: u32,
    next: Cell<u32>,
    bucket: u16,
}

impl Default for TimerSlot {
    fn default() -> Self {
        TimerSlot { deadline_ns: 0, waiter: None, previous: NIL, next: Cell::new(NIL), bucket: FIRED }
    }
}

impl Slot for TimerSlot {
    fn link(&self) -> &Cell<u32> {
        &self.next
    }
}

#[derive(Clone, Copy)]
struct Bucket {
    first: u32,
    /// No timer in the bucket is due before.
    earliest_ns: u64,
}

const EMPTY: Bucket = Bucket { first: NIL, earliest_ns: u64::MAX };

/// Times are nanoseconds since a moment of the caller's choice; the wheel never reads a clock.
pub(crate) struct Wheel {
    timers: Slots<TimerSlot>,
    /// `LEVELS * BUCKETS` of them; empty until the first timer, so that a runtime without any pays
    /// nothing.
    buckets: Vec<Bucket>,
    /// For each level, which buckets hold something.
    occupied: [u64; LEVELS],
    /// The position, in ticks. Every timer stands at or after it, and it enters a bucket of a
    /// higher level only when that bucket is sorted out.
    position: u64,
    waiting: usize,
}

impl Wheel {
    pub(crate) const fn new() -> Wheel {
        Wheel { timers: Slots::new(), buckets: Vec::new(), occupied: [0; LEVELS], position: 0, waiting: 0 }
    }

    /// Adds a timer and returns its key, which stays valid until [`remove`](Wheel::remove).
    pub(crate) fn insert(&mut self, deadline_ns: u64, waiter: Waiter) -> u32 {
        if self.buckets.is_empty() {
            self.buckets = vec![EMPTY; LEVELS * BUCKETS];
        }
        let bucket = self.bucket_of(deadline_ns);
        let (key, _) = self.timers.claim();
        let (waiter, next) = (Some(waiter), Cell::new(key));
        self.timers[key] = TimerSlot { deadline_ns, waiter, previous: key, next, bucket };
        self.waiting += 1;
        self.link(key, deadline_ns, bucket);
        key
    }

    /// Takes a timer out, fired or not, and returns its waiter, to be dropped.
    pub(crate) fn remove(&mut self, key: u32) -> Option<Waiter> {
        let timer = &mut self.timers[key];
        let waiter = timer.waiter.take();
        let (previous, next, bucket) = (timer.previous, timer.next.get(), timer.bucket);
        self.timers.release(key, &self.timers[key]);
        if bucket != FIRED {
            self.waiting -= 1;
            self.unlink(key, previous, next, usize::from(bucket));
        }
        waiter
    }

    pub(crate) fn has_fired(&self, key: u32) -> bool {
        self.timers[key].bucket == FIRED
    }

    /// Replaces a timer's waiter; returns the one before, to be dropped.
    pub(crate) fn set_waiter(&mut self, key: u32, waiter: Waiter) -> Option<Waiter> {
        self.timers[key].waiter.replace(waiter)
    }

    /// When to look again: no timer is due before. `None` without timers.
    pub(crate) fn next_ns(&self) -> Option<u64> {
        self.first_bucket().map(|(level, index)| self.buckets[level * BUCKETS + index].earliest_ns)
    }

    /// Takes out all that is due at `now_ns` and appends the waiters to `due`, with the deadline,
    /// in the order of deadlines; timers of one deadline in no particular order.
    ///
    /// No bound: a timer fires once, costs a few steps and only queues a task.
    pub(crate) fn fire(&mut self, now_ns: u64, due: &mut Vec<(u64, Waiter)>) {
        while let Some((level, index)) = self.first_bucket() {
            if self.buckets[level * BUCKETS + index].earliest_ns > now_ns {
                break;
            }
            self.sort_out(level, index, now_ns, due);
        }
        if self.waiting == 0 {
            // Nothing stands in the way: later timers find their place relative to now.
            self.position = self.position.max(now_ns >> TICK_BITS);
        }
        due.sort_unstable_by_key(|&(deadline_ns, _)| deadline_ns);
    }

    /// Empties every timer at once, for shutting down.
    pub(crate) fn fire_all(&mut self, due: &mut Vec<(u64, Waiter)>) {
        self.fire(u64::MAX, due);
    }

    /// The bucket with the earliest timers. All of a lower level come before any of a higher one,
    /// and in a level nothing stands before the position: so it is the lowest bit of the lowest
    /// level in use.
    fn first_bucket(&self) -> Option<(usize, usize)> {
        let level = self.occupied.iter().position(|&bits| bits != 0)?;
        Some((level, self.occupied[level].trailing_zeros() as usize))
    }

    /// Moves the position to a bucket's start and takes its timers out: the due ones for good, the
    /// others to their place on a lower level (or, within the current tick, back to the same
    /// bucket).
    fn sort_out(&mut self, level: usize, index: usize, now_ns: u64, due: &mut Vec<(u64, Waiter)>) {
        let shift = LEVEL_BITS * level as u32;
        let above = self.position.checked_shr(shift + LEVEL_BITS).unwrap_or(0);
        let start = (above << LEVEL_BITS | index as u64) << shift;
        self.position = self.position.max(start);

        let bucket = std::mem::replace(&mut self.buckets[level * BUCKETS + index], EMPTY);
        self.occupied[level] &= !(1 << index);
        let mut key = bucket.first;
        loop {
            let timer = &mut self.timers[key];
            let next = timer.next.get();
            if timer.deadline_ns <= now_ns {
                timer.bucket = FIRED;
                due.extend(timer.waiter.take().map(|waiter| (timer.deadline_ns, waiter)));
                self.waiting -= 1;
            } else {
                self.place(key);
            }
            if next == bucket.first {
                break;
            }
            key = next;
        }
    }

    /// Moves a timer to the bucket that its deadline belongs to now.
    fn place(&mut self, key: u32) {
        let deadline_ns = self.timers[key].deadline_ns;
        let bucket = self.bucket_of(deadline_ns);
        let timer = &mut self.timers[key];
        timer.next.set(key);
        (timer.previous, timer.bucket) = (key, bucket);
        self.link(key, deadline_ns, bucket);
    }

    #[inline]
    fn bucket_of(&self, deadline_ns: u64) -> u16 {
        let tick = (deadline_ns >> TICK_BITS).max(self.position);
        let differing = (tick ^ self.position) | 1;
        let level = differing.ilog2() / LEVEL_BITS;
        let index = (tick >> (LEVEL_BITS * level)) as usize % BUCKETS;
        (level as usize * BUCKETS + index) as u16
    }

    /// Links a timer, a ring of its own, into a bucket's list.
    #[inline]
    fn link(&mut self, key: u32, deadline_ns: u64, number: u16) {
        let number = usize::from(number);
        let bucket = &mut self.buckets[number];
        bucket.earliest_ns = bucket.earliest_ns.min(deadline_ns);
        if bucket.first == NIL {
            bucket.first = key;
            self.occupied[number / BUCKETS] |= 1 << (number % BUCKETS);
        } else {
            let first = bucket.first;
            let last = std::mem::replace(&mut self.timers[first].previous, key);
            self.timers[last].next.set(key);
            let timer = &mut self.timers[key];
            timer.next.set(first);
            timer.previous = last;
        }
    }

    fn unlink(&mut self, key: u32, previous: u32, next: u32, number: usize) {
        let bucket = &mut self.buckets[number];
        if next == key {
            *bucket = EMPTY;
            self.occupied[number / BUCKETS] &= !(1 << (number % BUCKETS));
            return;
        }
        if bucket.first == key {
            bucket.first = next;
        }
        self.timers[previous].next.set(next);
        self.timers[next].previous = previous;
    }
}
