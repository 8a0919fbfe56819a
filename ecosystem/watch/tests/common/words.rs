//! This file writes the entries of a record, by `oneloop::trace::format`.

use oneloop::trace::format::{Cause, Kind, MAGIC, OVERWRITTEN, TEXT_MAX, VERSION};

/// A record in the making. Its definitions are apart from its events, because they come first in the
/// file.
#[derive(Default)]
pub struct Words {
    definitions: Vec<u64>,
    events: Vec<u64>,
    /// The begin of each event in `events`.
    starts: Vec<usize>,
}

impl Words {
    /// Returns the number of events.
    pub fn events(&self) -> usize {
        self.starts.len()
    }

    /// Adds an entry without a text.
    pub fn entry(&mut self, kind: Kind, id: u64, words: &[u64]) {
        self.with_text(kind, id, words, "");
    }

    /// Adds an entry that ends with a text. The text is cut off at a character's start.
    pub fn with_text(&mut self, kind: Kind, id: u64, words: &[u64], text: &str) {
        let end = (0..=text.len().min(TEXT_MAX)).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        let text: Vec<u64> = text.as_bytes()[..end].chunks(8).map(word_of).collect();
        let length = (1 + words.len() + text.len()) as u64;
        let to = if kind < Kind::Turn {
            &mut self.definitions
        } else {
            self.starts.push(self.events.len());
            &mut self.events
        };
        to.push(kind as u64 | length << 8 | id << 16);
        to.extend(words);
        to.extend(text);
    }

    /// Returns the bytes of the whole record.
    pub fn record(&self) -> Vec<u8> {
        self.bytes(0, u64::from(VERSION))
    }

    /// Returns the bytes of a record whose ring has kept only the last `kept` events.
    pub fn overwritten(&self, kept: usize) -> Vec<u8> {
        let first = self.starts.len().saturating_sub(kept);
        let start = self.starts.get(first).copied().unwrap_or(self.events.len());
        self.bytes(start, u64::from(VERSION) | OVERWRITTEN)
    }

    fn bytes(&self, start: usize, second: u64) -> Vec<u8> {
        let words = [MAGIC, second].into_iter();
        words
            .chain(self.definitions.iter().copied())
            .chain(self.events[start..].iter().copied())
            .flat_map(u64::to_le_bytes)
            .collect()
    }
}

/// Makes the word of an event's cause.
pub fn cause(kind: Cause, id: u64) -> u64 {
    kind as u64 | id << 16
}

/// Makes the id of a unit or a socket.
pub const fn id(key: u64, generation: u64) -> u64 {
    key << 24 | generation
}

fn word_of(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(word)
}
