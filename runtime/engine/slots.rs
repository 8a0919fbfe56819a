//! Tables of numbered slots that never move. They store tasks, registrations and timers.
//!
//! A table returns small numbers (keys) instead of references. So a waker or an event from the kernel
//! can name its owner in a few bits, and a late waker or event does no harm. Three tables of this crate
//! need such keys. A plain `Vec` has two weaknesses for them. A `Vec` that grows copies all its
//! elements, in the middle of a burst. And each access to a `Vec` that can grow needs a borrow. Here
//! the slots are in chunks, and a table grows by a chunk in an empty place of a directory:
//!
//! ```text
//!   key, 24 bits    page · chunk · slot
//!                    │       │      └── one of the 256 slots of a chunk
//!                    │       └── one of the 256 chunks of a page
//!                    └── one of 256 pages; page 0 is in the table itself
//! ```
//!
//! So a shared reference to the table is enough to reach a slot and to add a slot. A slot is valid for
//! as long as the table, and an operation looks its slot up only once. The fields of a slot that change
//! are `Cell`s.
//!
//! A claim and a release are O(1), because a vacant slot's link field holds the next vacant key. The
//! table frees no chunk before it is dropped. A slot holds the generation that tells a late ticket from
//! a current ticket. Without that generation, old tickets would become valid again.

use std::cell::{Cell, OnceCell};
use std::ops::Index;

/// The key of no slot, for the end of a list and for the link of a slot in no list.
pub(crate) const NIL: u32 = u32::MAX;

/// The largest key.
pub(crate) const KEY_MAX: u32 = (1 << 24) - 1;

/// The number of slots in a chunk. 256 slots of 32 bytes are 8 KiB, which is two pages. That is small
/// for a program with ten tasks, and allocations of chunks are rare enough for a program with a million
/// tasks.
const CHUNK: usize = 256;

/// An element of a table. While a slot is vacant, its `link` belongs to the table.
pub(crate) trait Slot: Default {
    fn link(&self) -> &Cell<u32>;
}

type Chunk<T> = Box<[T; CHUNK]>;
type Page<T> = [OnceCell<Chunk<T>>; 256];
#[cfg(not(oneloop_loom))]
type FirstPage<T> = Page<T>;
// The stack of a loom thread has 32 KiB, which is too small for a table.
#[cfg(oneloop_loom)]
type FirstPage<T> = Box<Page<T>>;
type Pages<T> = [OnceCell<Box<Page<T>>>; 256];

pub(crate) struct Slots<T> {
    /// Page 0. Most programs need no other page.
    first: FirstPage<T>,
    /// All pages. The first of them is not used.
    pages: OnceCell<Box<Pages<T>>>,
    /// The number of slots that were ever claimed. The slots from this key on are fresh.
    used: Cell<u32>,
    /// The first vacant slot among the slots that were used before.
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

    /// Returns whether a key is left for one more slot.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.vacant.get() != NIL || self.used.get() <= KEY_MAX
    }

    /// Claims a vacant slot, and returns the slot and its key. The content is the default, or the
    /// content that the last owner left. The most recently released slot comes first, because its cache
    /// line is the likeliest to be in the cache.
    ///
    /// # Panics
    ///
    /// The call panics if the table has no [room](Slots::has_room).
    #[inline]
    pub(crate) fn claim(&self) -> (u32, &T) {
        match self.claim_used() {
            Some(claimed) => claimed,
            None => self.claim_fresh(),
        }
    }

    /// Claims a vacant slot that was used before, if there is one.
    #[inline(always)]
    pub(crate) fn claim_used(&self) -> Option<(u32, &T)> {
        let key = self.vacant.get();
        let slot = self.get(key)?;
        self.vacant.set(slot.link().replace(NIL));
        Some((key, slot))
    }

    /// Claims a slot that was never used, and sets its link to `NIL`. The function stays out of line,
    /// because it makes a chunk once in 256 new slots.
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
            // The code goes through a `Vec`, which makes the chunk on the heap and not on the stack
            // first.
            let chunk: Vec<T> = (0..CHUNK).map(|_| T::default()).collect();
            chunk.try_into().unwrap_or_else(|_| unreachable!("a chunk has CHUNK slots"))
        });
        self.used.set(key + 1);
        let slot = &self[key];
        slot.link().set(NIL);
        (key, slot)
    }

    /// Releases the slot of `key`. The caller has emptied the slot.
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
    /// Returns how many slots were ever in use at once. Every valid key is below this number.
    pub(crate) fn used(&self) -> u32 {
        self.used.get()
    }

    /// Returns the slot of a key that may be out of range. [`NIL`] has no slot, so a list needs no test
    /// for its end.
    #[inline(always)]
    pub(crate) fn get(&self, key: u32) -> Option<&T> {
        if key >> 16 != 0 {
            rare();
            return self.get_behind(key);
        }
        let chunk = self.first[(key >> 8) as usize].get()?;
        Some(&chunk[key as usize % CHUNK])
    }

    /// Returns the slot of a key that is not in page 0. The function is inlined although such keys are
    /// rare. A function that calls another function in the middle saves registers at its beginning,
    /// which each wake-up would pay.
    #[inline(always)]
    fn get_behind(&self, key: u32) -> Option<&T> {
        let page = self.pages.get()?.get((key >> 16) as usize)?.get()?;
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
