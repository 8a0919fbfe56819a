//! Numbered slots that never move: the storage under tasks, registrations and timers.
//!
//! A table hands out small numbers (keys) instead of references, so that a waker or an event from
//! the kernel can name its owner in a few bits and a late one does no harm. Three tables of this
//! crate want the same thing, and want it without two weaknesses of a plain `Vec`. Growing a `Vec`
//! copies everything it holds, in the middle of a burst. And a `Vec` that grows must be borrowed for
//! each look at it. Here the slots stand in chunks, and growing fills an empty place of a directory:
//!
//! ```text
//!   key, 24 bits    page · chunk · slot
//!                    │       │      └── one of the 256 slots of a chunk
//!                    │       └── one of the 256 chunks of a page
//!                    └── one of 256 pages; page 0 stands in the table itself
//! ```
//!
//! So a shared reference to the table is enough to reach a slot and even to add one, a slot is valid
//! for as long as the table, and the owner of a slot looks it up once for all that one operation does
//! with it. The fields of a slot that change are `Cell`s.
//!
//! Claiming and releasing are O(1): a vacant slot's link field holds the next vacant key. The table
//! never gives chunks back before it is dropped: a slot carries the generation that tells a late
//! ticket from a current one, and forgetting it would make old tickets valid again.

use std::cell::{Cell, OnceCell};
use std::ops::Index;

/// No slot: the end of a list, or a slot that is on none.
pub(crate) const NIL: u32 = u32::MAX;

/// The largest key.
pub(crate) const KEY_MAX: u32 = (1 << 24) - 1;

/// Slots in a chunk: 256 of 32 bytes are 8 KiB, two pages, small for a program with ten tasks and
/// rare enough to allocate for one with a million.
const CHUNK: usize = 256;

/// What a table holds. While a slot is vacant its `link` belongs to the table.
pub(crate) trait Slot: Default {
    fn link(&self) -> &Cell<u32>;
}

type Chunk<T> = Box<[T; CHUNK]>;
type Page<T> = [OnceCell<Chunk<T>>; 256];
#[cfg(not(oneloop_loom))]
type FirstPage<T> = Page<T>;
// The stack of a thread of loom's has 32 KiB: tables on it would not fit.
#[cfg(oneloop_loom)]
type FirstPage<T> = Box<Page<T>>;
type Pages<T> = [OnceCell<Box<Page<T>>>; 256];

pub(crate) struct Slots<T> {
    /// Page 0, which is all that most programs need.
    first: FirstPage<T>,
    /// All pages, of which the first is not used.
    pages: OnceCell<Box<Pages<T>>>,
    /// Slots that were ever claimed: those from here on are fresh.
    used: Cell<u32>,
    /// The first vacant slot among those that were used before.
    vacant: Cell<u32>,
}

impl<T: Slot> Slots<T> {
    pub(crate) fn new() -> Self {
        Slots {
            first: FirstPage::<T>::from([const { OnceCell::new() }; 256]),
            pages: OnceCell::new(),
            used: Cell::new(0),
            vacant: Cell::new(NIL),
        }
    }

    /// Whether there is a key left for one more slot.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.vacant.get() != NIL || self.used.get() <= KEY_MAX
    }

    /// A vacant slot, and its key; its content is what the last owner left, or the default.
    /// The most recently released slot comes first: its cache line is the likeliest to be warm.
    ///
    /// # Panics
    ///
    /// If there is no [room](Slots::has_room).
    #[inline]
    pub(crate) fn claim(&self) -> (u32, &T) {
        match self.claim_used() {
            Some(claimed) => claimed,
            None => self.claim_fresh(),
        }
    }

    /// A vacant slot that was used before, if there is one.
    #[inline(always)]
    pub(crate) fn claim_used(&self) -> Option<(u32, &T)> {
        let key = self.vacant.get();
        if key == NIL {
            return None;
        }
        let slot = &self[key];
        self.vacant.set(slot.link().replace(NIL));
        Some((key, slot))
    }

    /// A slot that was never used, with no other behind it. Out of line: once in 256 new slots it
    /// makes a chunk.
    #[cold]
    #[inline(never)]
    pub(crate) fn claim_fresh(&self) -> (u32, &T) {
        let key = self.used.get();
        assert!(key <= KEY_MAX, "a table of a oneloop runtime is full: it has {key} entries");
        let page: &Page<T> = match key >> 16 {
            0 => &self.first,
            number => {
                let pages = self.pages.get_or_init(|| Box::new([const { OnceCell::new() }; 256]));
                pages[number as usize].get_or_init(|| Box::new([const { OnceCell::new() }; 256]))
            }
        };
        page[(key >> 8) as usize % 256].get_or_init(|| {
            // Through a `Vec`, so that the chunk is made on the heap and not on the stack first.
            let chunk: Vec<T> = (0..CHUNK).map(|_| T::default()).collect();
            chunk.try_into().unwrap_or_else(|_| unreachable!("a chunk has CHUNK slots"))
        });
        self.used.set(key + 1);
        let slot = &self[key];
        slot.link().set(NIL);
        (key, slot)
    }

    /// Gives a slot back, which is that of `key`. The caller has emptied it.
    #[inline]
    pub(crate) fn release(&self, key: u32, slot: &T) {
        slot.link().set(self.vacant.replace(key));
    }
}

/// Tells the compiler that the branch that calls this is rarely taken.
#[cold]
#[inline]
fn rare() {}

impl<T> Slots<T> {
    /// How many slots were ever in use at once: every valid key is below.
    pub(crate) fn used(&self) -> u32 {
        self.used.get()
    }

    /// The slot of a key that may be out of range.
    #[inline(always)]
    pub(crate) fn get(&self, key: u32) -> Option<&T> {
        if key >> 16 != 0 {
            rare();
            return self.get_behind(key);
        }
        let chunk = self.first[(key >> 8) as usize].get()?;
        Some(&chunk[key as usize % CHUNK])
    }

    /// The same for a key that isn't of page 0. (Inlined, although it is rare: a function that calls
    /// another in the middle saves registers at its beginning, in each wake-up.)
    #[inline(always)]
    fn get_behind(&self, key: u32) -> Option<&T> {
        let page = self.pages.get()?[(key >> 16) as usize % 256].get()?;
        let chunk = page[(key >> 8) as usize % 256].get()?;
        Some(&chunk[key as usize % CHUNK])
    }
}

impl<T> Index<u32> for Slots<T> {
    type Output = T;

    #[inline(always)]
    fn index(&self, key: u32) -> &T {
        self.get(key).expect("a key of a slot that was claimed")
    }
}
