//! This file holds one checked entry of a record.

use oneloop::trace::format::{Cause, EventKind, Kind, Message, State, TEXT_MAX, Unit};

use crate::shape::{self, Field, shape};

const WORD_BYTES: usize = 8;
const FIELDS_MAX: usize = 3;

/// An entry. Its words have the shape and the content that [`shape()`] defines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    /// The 48 bits of the id.
    pub(crate) id: u64,
    fields: [u64; FIELDS_MAX],
    pub(crate) text: String,
}

/// The reason why an entry is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// This program does not know the entry's kind.
    Unknown,
    /// The entry lacks words, or a word has a value that the format does not allow.
    Malformed,
}

/// Returns the number of words that the head of an entry claims, itself included.
pub(crate) fn length(head: u64) -> usize {
    usize::from((head >> 8) as u8)
}

impl Entry {
    /// Reads an entry. It ignores words that a later version of the format may have added at the end.
    pub(crate) fn decode(words: &[u64]) -> Result<Entry, Unusable> {
        let (&head, words) = words.split_first().ok_or(Unusable::Malformed)?;
        let kind = Kind::from_number(head as u8).ok_or(Unusable::Unknown)?;
        let (shape, has_text) = shape(kind).ok_or(Unusable::Unknown)?;
        let (given, rest) = words.split_at_checked(shape.len()).ok_or(Unusable::Malformed)?;
        if !shape.iter().zip(given).all(|(field, &word)| field.holds(word)) {
            return Err(Unusable::Malformed);
        }
        let mut fields = [0; FIELDS_MAX];
        fields.iter_mut().zip(given).for_each(|(field, &word)| *field = word);
        let text = if has_text { text(rest) } else { String::new() };
        Ok(Entry { kind, id: head >> 16, fields, text })
    }

    /// Appends the entry to words, in the form of the format.
    pub(crate) fn encode(&self, to: &mut Vec<u64>) {
        let fields = shape(self.kind).map_or(0, |shape| shape.0.len());
        let text = self.text.as_bytes().chunks(WORD_BYTES).map(|bytes| {
            let mut word = [0; WORD_BYTES];
            word[..bytes.len()].copy_from_slice(bytes);
            u64::from_le_bytes(word)
        });
        let length = (1 + fields + text.len()) as u64;
        to.push(self.kind as u64 | length << 8 | self.id << 16);
        to.extend(&self.fields[..fields]);
        to.extend(text);
    }

    fn at(&self, field: Field) -> Option<usize> {
        shape(self.kind)?.0.iter().position(|&other| other == field)
    }

    /// Returns the word of this field, or 0 if the entry has none.
    pub(crate) fn word(&self, field: Field) -> u64 {
        self.at(field).map_or(0, |at| self.fields[at])
    }

    pub(crate) fn time_ns(&self) -> Option<u64> {
        self.at(Field::Time).map(|at| self.fields[at])
    }

    /// Replaces the time of an entry that has one.
    pub(crate) fn set_time_ns(&mut self, time_ns: u64) {
        if let Some(at) = self.at(Field::Time) {
            self.fields[at] = time_ns;
        }
    }

    /// Returns the cause of the event, and the cause's id.
    pub(crate) fn cause(&self) -> Option<(Cause, u64)> {
        let word = self.word(Field::Cause);
        Some((Cause::from_number(word as u8)?, word >> 16))
    }

    fn unit_word(&self) -> u64 {
        self.word(Field::PlacedUnit) | self.word(Field::LivingUnit)
    }

    pub(crate) fn unit(&self) -> Option<Unit> {
        shape::unit(self.unit_word())
    }

    pub(crate) fn state(&self) -> Option<State> {
        shape::state(self.unit_word())
    }

    /// Returns the number of the place of a unit.
    pub(crate) fn place(&self) -> u64 {
        u64::from(self.unit_word() as u32)
    }

    pub(crate) fn message(&self) -> Option<Message> {
        Message::from_number(self.word(Field::Message) as u8)
    }

    pub(crate) fn event(&self) -> Option<EventKind> {
        EventKind::from_number(self.word(Field::Event) as u8)
    }
}

/// Returns the text in these words. Bytes that are not UTF-8 become U+FFFD.
fn text(words: &[u64]) -> String {
    let bytes: Vec<u8> =
        words.iter().take(TEXT_MAX / WORD_BYTES).flat_map(|word| word.to_le_bytes()).collect();
    let used = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    let mut text = String::from_utf8_lossy(&bytes[..used]).into_owned();
    // The replacement character takes three bytes, and the bytes that it replaces are often one.
    text.truncate(boundary(&text, TEXT_MAX));
    // A cut may leave zeros at the end, which are not part of a text.
    text.truncate(text.trim_end_matches('\0').len());
    text
}

/// Returns the last start of a character at or before an index.
fn boundary(text: &str, index: usize) -> usize {
    (0..=index.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}
