//! A ring of words that holds the last entries of a record.

use std::cell::Cell;

use super::format::TEXT_MAX;

/// The smallest size of a ring. 4 KiB hold about 200 events.
const WORDS_MIN: usize = 512;

/// The largest size of a ring, which is 1 GiB.
const WORDS_MAX: usize = 1 << 27;

/// The number of words of a block. The ring loses entries by whole blocks, so an addition reads none of
/// the entries that it overwrites.
const BLOCK: u64 = 64;

/// A ring of the entries of a record. A new entry overwrites the oldest entries. The ring never grows.
pub(crate) struct Ring {
    words: Box<[Cell<u64>]>,
    /// The start of the first entry of each block.
    starts: Box<[Cell<u64>]>,
    /// The start of the next entry. Positions are counted in words from the first word that was ever
    /// written.
    end: Cell<u64>,
}

/// Returns the head of an entry, which holds its kind, its length in words, and its id.
#[inline(always)]
pub(crate) fn head(kind: u8, words: usize, id: u64) -> u64 {
    u64::from(kind) | (words as u64) << 8 | id << 16
}

#[inline(always)]
fn words_of(head: u64) -> u64 {
    head >> 8 & 0xff
}

impl Ring {
    /// Makes a ring. Its size is the largest power of two that is at most `bytes_max` bytes.
    /// It is at least 4 KiB and at most 1 GiB.
    pub(crate) fn new(bytes_max: usize) -> Ring {
        let words = (bytes_max / 8).clamp(WORDS_MIN, WORDS_MAX);
        let words = 1_usize << words.ilog2();
        let zeros = |count| vec![Cell::new(0); count].into();
        Ring { words: zeros(words), starts: zeros(words / BLOCK as usize), end: Cell::new(0) }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.words.len() * 8
    }

    #[inline(always)]
    fn at(&self, index: u64) -> &Cell<u64> {
        &self.words[index as usize & (self.words.len() - 1)]
    }

    /// Adds an entry. The head of the entry holds its number of words.
    #[inline(always)]
    pub(crate) fn push<const N: usize>(&self, entry: [u64; N]) {
        self.write(N, entry);
    }

    /// Adds an entry with a text after its words.
    pub(crate) fn push_text<const N: usize>(&self, entry: [u64; N], text: &str) {
        let text = cut(text);
        self.write(N + text.len().div_ceil(8), entry.into_iter().chain(words_of_text(text)));
    }

    /// Adds a complete entry, which includes its head.
    pub(crate) fn push_words(&self, entry: &[u64]) {
        self.write(entry.len(), entry.iter().copied());
    }

    #[inline(always)]
    fn write(&self, count: usize, entry: impl IntoIterator<Item = u64>) {
        let words = &*self.words;
        if words.is_empty() {
            return; // never true; without the test the compiler would check each index below
        }
        let (end, mask) = (self.end.get(), words.len() - 1);
        for (offset, word) in entry.into_iter().enumerate() {
            words[(end as usize + offset) & mask].set(word);
        }
        let next = end + count as u64;
        self.end.set(next);
        if end / BLOCK != next / BLOCK {
            self.enter_blocks(end, next);
        }
    }

    /// Handles an entry from `end` to `next` that extends into further blocks. No entry in those blocks
    /// begins before `next`.
    #[cold]
    #[inline(never)]
    fn enter_blocks(&self, end: u64, next: u64) {
        for block in end / BLOCK + 1..=next / BLOCK {
            self.starts[block as usize & (self.starts.len() - 1)].set(next);
        }
    }

    /// Returns the start of the oldest entry that is complete.
    fn begin(&self) -> u64 {
        let (end, words) = (self.end.get(), self.words.len() as u64);
        if end <= words {
            return 0;
        }
        // The block of the next word has lost its first words.
        let oldest = (end - words) / BLOCK + 1;
        self.starts[oldest as usize & (self.starts.len() - 1)].get()
    }

    /// Returns whether entries were overwritten.
    pub(crate) fn is_cut(&self) -> bool {
        self.begin() > 0
    }

    /// Calls `f` with each entry, the oldest first.
    pub(crate) fn for_each(&self, mut f: impl FnMut(&[u64])) {
        let mut entry = Vec::new();
        let mut at = self.begin();
        while at < self.end.get() {
            let words = words_of(self.at(at).get());
            entry.clear();
            entry.extend((at..at + words).map(|index| self.at(index).get()));
            f(&entry);
            at += words;
        }
    }
}

/// Returns the beginning of a text that fits into an entry.
pub(crate) fn cut(text: &str) -> &str {
    let mut end = text.len().min(TEXT_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

pub(crate) fn words_of_text(text: &str) -> impl Iterator<Item = u64> {
    text.as_bytes().chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    })
}

#[cfg(test)]
mod tests {
    use super::{Ring, WORDS_MIN, head};

    fn ids(ring: &Ring) -> Vec<u64> {
        let mut ids = Vec::new();
        ring.for_each(|entry| ids.push(entry[0] >> 16));
        ids
    }

    #[test]
    fn the_oldest_entries_are_overwritten_and_none_is_cut_in_half() {
        let ring = Ring::new(0);
        let before = ring.bytes();
        for id in 0..10_000 {
            match id % 3 {
                0 => ring.push([head(1, 1, id)]),
                1 => ring.push([head(1, 3, id), id, id]),
                _ => ring.push_text([head(1, 2 + 2, id), id], "twelve bytes"),
            }
        }
        let ids = ids(&ring);
        assert_eq!(*ids.last().unwrap(), 9_999);
        assert!(ids.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{ids:?}");
        assert!(ids.len() > WORDS_MIN / 4, "{}", ids.len());
        assert_eq!(ring.bytes(), before, "a ring never grows");
        assert!(ring.is_cut());
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let text = "é".repeat(200);
        assert_eq!(super::cut(&text).len(), 160);
        assert_eq!(super::cut(&format!("x{text}")).len(), 159);
    }
}
