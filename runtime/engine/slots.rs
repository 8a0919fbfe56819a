//! Numbered slots that never move: the storage under tasks, registrations and timers.
//!
//! A table hands out small numbers (keys) instead of references, so that a waker or an event from
//! the kernel can name its owner in a few bits and a late one does no harm. Three tables of this
//! crate want the same thing, and want it without one weakness of a plain `Vec`: growing it copies
//! everything it holds, in the middle of a burst. Here the slots stand in chunks; growing adds a
//! chunk.
//!
//! Claiming and releasing are O(1): a vacant slot's link field holds the next vacant key. The table
//! never gives chunks back before it is dropped: a slot carries the generation that tells a late
//! ticket from a current one, and forgetting it would make old tickets valid again.

use std::ops::{Index, IndexMut};

/// No slot: the end of a list, or a slot that is on none.
pub(crate) const NIL: u32 = u32::MAX;

/// Slots in a chunk: 256 of 32 bytes are 8 KiB, two pages, small for a program with ten tasks and
/// rare enough to allocate for one with a million.
const CHUNK: usize = 256;

/// What a table holds. While a slot is vacant its `link` belongs to the table.
pub(crate) trait Slot: Default {
    fn link(&mut self) -> &mut u32;
}

pub(crate) struct Slots<T> {
    chunks: Vec<Box<[T; CHUNK]>>,
    /// Slots that were ever claimed: those from here on are fresh.
    used: u32,
    /// The first vacant slot among those that were used before.
    vacant: u32,
}

impl<T: Slot> Slots<T> {
    pub(crate) const fn new() -> Self {
        Slots { chunks: Vec::new(), used: 0, vacant: NIL }
    }

    /// A vacant slot, and its key; its content is what the last owner left, or the default.
    /// The most recently released slot comes first: its cache line is the likeliest to be warm.
    #[inline]
    pub(crate) fn claim(&mut self) -> (u32, &mut T) {
        if self.vacant == NIL {
            self.vacant = self.fresh();
        }
        let key = self.vacant;
        let slot = &mut self.chunks[key as usize / CHUNK][key as usize % CHUNK];
        self.vacant = std::mem::replace(slot.link(), NIL);
        (key, slot)
    }

    /// The key that `claim` will give next.
    #[inline]
    pub(crate) fn next_key(&self) -> u32 {
        if self.vacant == NIL { self.used } else { self.vacant }
    }

    /// A slot that was never used, with no other behind it. Out of line: once in 256 new slots it
    /// makes a chunk.
    #[cold]
    #[inline(never)]
    fn fresh(&mut self) -> u32 {
        let key = self.used;
        if key as usize == self.chunks.len() * CHUNK {
            // Through a `Vec`, so that the chunk is made on the heap and not on the stack first.
            let chunk: Vec<T> = (0..CHUNK).map(|_| T::default()).collect();
            self.chunks.push(chunk.try_into().unwrap_or_else(|_| unreachable!("a chunk has CHUNK slots")));
        }
        self.used += 1;
        *self[key].link() = NIL;
        key
    }

    /// Gives a slot back. The caller has emptied it.
    #[inline]
    pub(crate) fn release(&mut self, key: u32) {
        self.release_if(key, |_| true);
    }

    /// Lets `empty` clear a slot and say whether it may be used again; if so, gives it back. (One
    /// look-up for both: this is on the path of every task.)
    #[inline]
    pub(crate) fn release_if(&mut self, key: u32, empty: impl FnOnce(&mut T) -> bool) {
        let vacant = self.vacant;
        let slot = &mut self[key];
        if empty(slot) {
            *slot.link() = vacant;
            self.vacant = key;
        }
    }

    /// How many slots were ever in use at once: every valid key is below.
    pub(crate) fn used(&self) -> u32 {
        self.used
    }

    /// The slot of a key that may be out of range.
    #[inline]
    pub(crate) fn get(&self, key: u32) -> Option<&T> {
        self.chunks.get(key as usize / CHUNK).map(|chunk| &chunk[key as usize % CHUNK])
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, key: u32) -> Option<&mut T> {
        self.chunks.get_mut(key as usize / CHUNK).map(|chunk| &mut chunk[key as usize % CHUNK])
    }
}

impl<T> Index<u32> for Slots<T> {
    type Output = T;

    #[inline]
    fn index(&self, key: u32) -> &T {
        &self.chunks[key as usize / CHUNK][key as usize % CHUNK]
    }
}

impl<T> IndexMut<u32> for Slots<T> {
    #[inline]
    fn index_mut(&mut self, key: u32) -> &mut T {
        &mut self.chunks[key as usize / CHUNK][key as usize % CHUNK]
    }
}
