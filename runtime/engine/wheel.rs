//! The timer wheel, which finds the next deadline. An insert, a cancel and a look-up are O(1).
//!
//! The wheel is a hashed hierarchical timing wheel (Varghese and Lauck, "Hashed and Hierarchical Timing
//! Wheels", SOSP 1987, scheme 7). Time is divided into ticks of 2²⁰ ns, about a millisecond. Level 0
//! has 64 buckets of one tick, level 1 has 64 buckets of 64 ticks, and so on. Eight levels hold every
//! `u64` of nanoseconds, which is 584 years. The level of a deadline is that of the highest base-64
//! digit in which its tick differs from the wheel's position:
//!
//! ```text
//!   position 1.0.5   deadline 1.0.9 → level 0, bucket 9
//!                    deadline 1.3.2 → level 1, bucket 3: sorted out into level 0 when 1.3.0 comes
//! ```
//!
//! The wheel adds two rules to that scheme, because a timer must never fire early and should rarely
//! fire late:
//!
//! * Each bucket stores its earliest deadline *to the nanosecond*. The loop sleeps until that deadline,
//!   not until a tick begins or a bucket has to be sorted out. So a far timer causes no wake-ups before
//!   its deadline, and the length of a tick has no influence on precision. A cancelled timer may leave
//!   a bucket's earliest deadline too low. Then the loop wakes once too often, and corrects the
//!   deadline.
//! * The timers that are due fire in the order of deadlines, even if a late loop finds many such
//!   timers.
//!
//! A timer moves down at most once for each level. The bound of the wheel is one entry for each timer
//! that waits.

use std::cell::{Cell, OnceCell};

use super::slots::{KEY_MAX, NIL, Slot, Slots};
use super::wait_list::Waiter;

/// A tick is 2 to this power nanoseconds. A shift converts to such ticks, and a millisecond would need
/// a division.
pub(crate) const TICK_BITS: u32 = 20;
pub(crate) const LEVEL_BITS: u32 = 6;
const BUCKETS: usize = 1 << LEVEL_BITS;
/// The number of levels. Eight levels are enough for all of `u64`, because 20 + 8 × 6 bits ≥ 64.
pub(crate) const LEVELS: usize = 8;

/// The `bucket` of a timer that is in no bucket. Such a timer has fired, and its owner has not removed
/// it.
const FIRED: u16 = u16::MAX;

struct TimerSlot {
    deadline_ns: Cell<u64>,
    waiter: Cell<Option<Waiter>>,
    /// The previous timer. The bucket's list is a ring, so the first timer's `previous` is the last
    /// timer.
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
    /// Makes the timer a ring of one, which can be linked into a bucket's list.
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
    /// A bound on the deadlines. No timer in the bucket is due before this time.
    earliest_ns: u64,
}

const EMPTY: Bucket = Bucket { first: NIL, earliest_ns: u64::MAX };

type Buckets = [Cell<Bucket>; LEVELS * BUCKETS];

/// A timer that is due.
pub(crate) struct Due {
    pub(crate) deadline_ns: u64,
    /// The timer's key, which only an observer needs. Without the feature `trace` the field would waste
    /// eight bytes.
    #[cfg(feature = "trace")]
    key: u32,
    pub(crate) waiter: Waiter,
}

#[allow(dead_code)] // the tests build this file alone
impl Due {
    /// Returns the timer's key, or `NIL` without the feature `trace`.
    pub(crate) fn key(&self) -> u32 {
        #[cfg(feature = "trace")]
        return self.key;
        #[cfg(not(feature = "trace"))]
        return NIL;
    }
}

/// The timer wheel. Times are nanoseconds since a moment that the caller chooses. The wheel never reads
/// a clock.
pub(crate) struct Wheel {
    timers: Slots<TimerSlot>,
    /// The buckets, which the first timer allocates. So a runtime without timers has no buckets.
    buckets: OnceCell<Box<Buckets>>,
    /// The buckets that hold timers, as one bit each. Each level has one word.
    occupied: [Cell<u64>; LEVELS],
    /// The position, in ticks. Every timer is at or after the position. The position enters a bucket of
    /// a higher level only when that bucket is sorted out.
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
    /// The call panics if the table is full.
    #[inline(always)]
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
            // The code goes through a `Vec`, which makes the buckets on the heap and not on the stack
            // first.
            let buckets = vec![Cell::new(EMPTY); LEVELS * BUCKETS];
            buckets.try_into().unwrap_or_else(|_| unreachable!("there are so many"))
        });
        let (key, timer) = self.timers.claim_fresh();
        self.begin(key, timer, deadline_ns, waiter)
    }

    #[inline(always)]
    #[allow(clippy::forget_non_drop)] // the tests build this file alone, with a waiter without a drop
    fn begin(&self, key: u32, timer: &TimerSlot, deadline_ns: u64, waiter: Waiter) -> u32 {
        timer.deadline_ns.set(deadline_ns);
        std::mem::forget(timer.waiter.replace(Some(waiter))); // the old value is `None`
        self.waiting.set(self.waiting.get() + 1);
        self.link(key, timer, deadline_ns);
        key
    }

    /// Removes a timer, which may have fired. The function returns the timer's waiter, which the caller
    /// drops.
    #[inline]
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

    /// Replaces a timer's waiter. The function returns the previous waiter, which the caller drops.
    pub(crate) fn set_waiter(&self, key: u32, waiter: Waiter) -> Option<Waiter> {
        self.timers[key].waiter.replace(Some(waiter))
    }

    /// Returns the number of timers that are set and have not fired.
    #[inline]
    #[allow(dead_code)] // the tests build this file alone
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.get()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.get() == 0
    }

    /// Returns the time at which the loop has to fire timers next. No timer is due before. The function
    /// returns `None` if the wheel has no timers.
    #[inline]
    pub(crate) fn next_ns(&self) -> Option<u64> {
        if self.is_empty() {
            return None;
        }
        self.first_bucket().map(|(level, index)| self.bucket(level * BUCKETS + index).get().earliest_ns)
    }

    /// Removes all timers that are due at `now_ns` and appends them to `due`, in the order of
    /// deadlines. Timers with the same deadline have no particular order.
    ///
    /// The function has no bound, because a timer fires once, costs a few steps and only queues a task.
    pub(crate) fn fire(&self, now_ns: u64, due: &mut Vec<Due>) {
        while let Some((level, index)) = self.first_bucket() {
            if self.bucket(level * BUCKETS + index).get().earliest_ns > now_ns {
                break;
            }
            self.sort_out(level, index, now_ns, due);
        }
        if self.waiting.get() == 0 {
            // The wheel is empty, so the position can move to now. Later timers then get buckets
            // relative to now.
            self.position.set(self.position.get().max(now_ns >> TICK_BITS));
        }
        due.sort_unstable_by_key(|due| due.deadline_ns);
    }

    /// Fires every timer at once, for the end of the loop.
    pub(crate) fn fire_all(&self, due: &mut Vec<Due>) {
        self.fire(u64::MAX, due);
    }

    /// Passes each timer that is set and has not fired to `show`, for a dump. `show` receives the
    /// timer's key, deadline and waiter. `show` does not use the wheel and runs no foreign code.
    #[cold]
    #[inline(never)]
    #[allow(clippy::forget_non_drop)] // as in `begin`
    pub(crate) fn for_each(&self, mut show: impl FnMut(u32, u64, &Waiter)) {
        for key in 0..self.timers.used() {
            let timer = &self.timers[key];
            // A vacant slot has no waiter.
            let Some(waiter) = timer.waiter.take() else { continue };
            if timer.bucket.get() != FIRED {
                show(key, timer.deadline_ns.get(), &waiter);
            }
            std::mem::forget(timer.waiter.replace(Some(waiter))); // the waiter was just taken
        }
    }

    #[inline(always)]
    fn bucket(&self, number: usize) -> &Cell<Bucket> {
        let buckets = self.buckets.get().expect("the first timer has made them");
        &buckets[number % (LEVELS * BUCKETS)]
    }

    /// Returns the bucket with the earliest timers. All timers of a lower level come before the timers
    /// of a higher level. In a level no timer is before the position. So the bucket is the lowest bit
    /// of the lowest level in use.
    fn first_bucket(&self) -> Option<(usize, usize)> {
        let level = self.occupied.iter().position(|bits| bits.get() != 0)?;
        Some((level, self.occupied[level].get().trailing_zeros() as usize))
    }

    /// Marks whether a bucket holds timers.
    #[inline]
    fn occupy(&self, number: usize, occupied: bool) {
        let (bits, bit) = (&self.occupied[number / BUCKETS % LEVELS], 1 << (number % BUCKETS));
        bits.set(if occupied { bits.get() | bit } else { bits.get() & !bit });
    }

    /// Moves the position to a bucket's start and removes the bucket's timers. The timers that are due
    /// fire. The other timers move to a bucket of a lower level or, within the current tick, back to
    /// the same bucket.
    fn sort_out(&self, level: usize, index: usize, now_ns: u64, due: &mut Vec<Due>) {
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
                due.extend(timer.waiter.take().map(|waiter| Due {
                    deadline_ns,
                    #[cfg(feature = "trace")]
                    key,
                    waiter,
                }));
                self.waiting.set(self.waiting.get() - 1);
            } else {
                self.link(key, timer, deadline_ns);
            }
            if next == bucket.first {
                break;
            }
            key = next;
        }
    }

    #[inline]
    fn bucket_of(&self, deadline_ns: u64) -> usize {
        let position = self.position.get();
        let tick = (deadline_ns >> TICK_BITS).max(position);
        let differing = (tick ^ position) | 1;
        let level = differing.ilog2() / LEVEL_BITS;
        let index = (tick >> (LEVEL_BITS * level)) as usize % BUCKETS;
        level as usize * BUCKETS + index
    }

    /// Links a timer into the list of the bucket that its deadline belongs to at the current position.
    #[inline(always)]
    fn link(&self, key: u32, timer: &TimerSlot, deadline_ns: u64) {
        let number = self.bucket_of(deadline_ns);
        timer.place(key, number as u16);
        let place = self.bucket(number);
        let bucket = place.get();
        if bucket.first == NIL {
            place.set(Bucket { first: key, earliest_ns: deadline_ns });
            self.occupy(number, true);
        } else {
            place.set(Bucket { earliest_ns: bucket.earliest_ns.min(deadline_ns), ..bucket });
            self.link_behind(key, timer, bucket.first);
        }
    }

    /// Links a timer to the end of a list. The function stays out of line, because a timer is often
    /// alone in its bucket.
    #[inline(never)]
    fn link_behind(&self, key: u32, timer: &TimerSlot, first: u32) {
        let last = self.timers[first].previous.replace(key);
        self.timers[last].next.set(key);
        timer.previous.set(last);
        timer.next.set(first);
    }

    #[inline]
    fn unlink(&self, key: u32, timer: &TimerSlot) {
        let number = usize::from(timer.bucket.get());
        let (previous, next) = (timer.previous.get(), timer.next.get());
        let place = self.bucket(number);
        if next == key {
            place.set(EMPTY);
            self.occupy(number, false);
        } else {
            self.unlink_beside(key, place, previous, next);
        }
    }

    /// Unlinks a timer that is not alone in its bucket.
    #[inline(never)]
    fn unlink_beside(&self, key: u32, place: &Cell<Bucket>, previous: u32, next: u32) {
        let bucket = place.get();
        if bucket.first == key {
            place.set(Bucket { first: next, ..bucket });
        }
        self.timers[previous].next.set(next);
        self.timers[next].previous.set(previous);
    }
}
