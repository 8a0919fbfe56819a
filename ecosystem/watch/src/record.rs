//! This file reads a record from the bytes of a file that may be cut off, damaged or hostile.
//!
//! The reader keeps the words of the entries that it can use, and ignores the other entries. It
//! therefore holds at most three times the bytes of the file (a byte that is not UTF-8 becomes U+FFFD,
//! three bytes), and the readers of its words need not check them again.

use std::error;
use std::fmt;

use oneloop::trace::format::{Kind, MAGIC, OVERWRITTEN, VERSION};

use crate::entry::{Entry, Unusable, length};

const WORD_BYTES: usize = 8;

/// A record of the loop. Each of its entries is well-formed.
#[derive(Clone, Debug)]
pub struct Record {
    definitions: Vec<u64>,
    events: Vec<u64>,
    events_count: usize,
    flaws: Flaws,
}

/// The defects of a record. The page and the summary show the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Flaws {
    /// The ring was full, and new events have overwritten the oldest.
    pub start_overwritten: bool,
    /// The file ends within an entry.
    pub cut_off: bool,
    /// An entry at this byte has no length. The file was read up to this byte.
    pub damaged_at: Option<u64>,
    /// The number of entries of kinds that this program does not know.
    pub unknown: u64,
    /// The number of entries that lack words, or have a value that the format does not allow.
    pub malformed: u64,
    /// The number of times that were earlier than the time before them. The reader made them equal to
    /// it.
    pub backwards: u64,
}

/// The reason why a file is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// The file is empty.
    Empty,
    /// The file does not begin as a record does.
    OtherFile,
    /// The file ends before its version.
    NoVersion,
    /// This program does not read the record's version.
    Version(u16),
}

impl Record {
    /// Reads a record.
    ///
    /// A file that is cut off or damaged is read as far as possible, and [`flaws`](Record::flaws)
    /// describes the missing part.
    ///
    /// # Errors
    ///
    /// An error means that the file is not a record, or that its version is another one.
    ///
    /// # Examples
    ///
    /// ```
    /// use oneloop_watch::Record;
    ///
    /// let error = Record::parse(b"PK\x03\x04 an archive").unwrap_err();
    /// assert_eq!(error.to_string(), "is not a record of oneloop: it does not begin with the bytes \"oneloop\\0\"");
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<Record, ParseError> {
        let (words, rest) = bytes.as_chunks::<WORD_BYTES>();
        check_head(bytes, words)?;
        let second = words.get(1).map_or(0, |&word| u64::from_le_bytes(word));
        let mut record = Record {
            definitions: Vec::new(),
            events: Vec::new(),
            events_count: 0,
            flaws: Flaws {
                start_overwritten: second & OVERWRITTEN != 0,
                cut_off: !rest.is_empty(),
                ..Flaws::default()
            },
        };
        record.read(words.get(2..).unwrap_or_default());
        Ok(record)
    }

    fn read(&mut self, mut words: &[[u8; WORD_BYTES]]) {
        let all = words.len();
        let mut last_ns = 0;
        let mut entry = Vec::with_capacity(usize::from(u8::MAX));
        while let Some(&head) = words.first() {
            let length = length(u64::from_le_bytes(head));
            if length == 0 {
                self.flaws.damaged_at = Some(((2 + all - words.len()) * WORD_BYTES) as u64);
                return;
            }
            let Some((these, others)) = words.split_at_checked(length) else {
                self.flaws.cut_off = true;
                return;
            };
            words = others;
            entry.clear();
            entry.extend(these.iter().map(|&word| u64::from_le_bytes(word)));
            match Entry::decode(&entry) {
                Ok(entry) => self.keep(entry, &mut last_ns),
                Err(Unusable::Unknown) => self.flaws.unknown += 1,
                Err(Unusable::Malformed) => self.flaws.malformed += 1,
            }
        }
    }

    fn keep(&mut self, mut entry: Entry, last_ns: &mut u64) {
        if let Some(time_ns) = entry.time_ns() {
            if time_ns < *last_ns {
                self.flaws.backwards += 1;
                entry.set_time_ns(*last_ns);
            }
            *last_ns = time_ns.max(*last_ns);
        }
        if entry.kind < Kind::Turn {
            entry.encode(&mut self.definitions);
        } else {
            self.events_count += 1;
            entry.encode(&mut self.events);
        }
    }

    /// Returns the number of events in the record.
    pub fn events_count(&self) -> usize {
        self.events_count
    }

    /// Returns the defects of the record.
    pub fn flaws(&self) -> &Flaws {
        &self.flaws
    }

    /// Returns the bytes of a record that has only the well-formed entries of this one. The definitions
    /// come first, each time is at least the time before it, and each text is UTF-8.
    pub fn checked_bytes(&self) -> impl Iterator<Item = u8> + '_ {
        let flags = if self.flaws.start_overwritten { OVERWRITTEN } else { 0 };
        let head = [MAGIC, u64::from(VERSION) | flags];
        let words =
            head.into_iter().chain(self.definitions.iter().copied()).chain(self.events.iter().copied());
        words.flat_map(u64::to_le_bytes)
    }

    /// Returns the objects that existed when the record was started, and those that existed when it was
    /// written.
    pub(crate) fn definitions(&self) -> impl Iterator<Item = Entry> + '_ {
        entries(&self.definitions)
    }

    /// Returns the events, the oldest first.
    pub(crate) fn events(&self) -> impl Iterator<Item = Entry> + '_ {
        entries(&self.events)
    }

    /// Returns the events with times. An event without a time of its own has that of the event before
    /// it. An event that the driver reports while the loop is parked has the time of the park's end,
    /// because the loop slept before it.
    pub(crate) fn timed_events(&self) -> impl Iterator<Item = (u64, Entry)> + '_ {
        let mut words = &self.events[..];
        let mut last_ns = self.first_ns();
        std::iter::from_fn(move || {
            let (entry, others) = words.split_at_checked(length(*words.first()?))?;
            words = others;
            let entry = Entry::decode(entry).ok()?;
            let at_ns = entry.time_ns().unwrap_or(last_ns);
            let unparks = || entries(words).find(|next| next.kind.has_time());
            let unparks = if entry.kind == Kind::Parks { unparks() } else { None };
            let unparks = unparks.filter(|next| next.kind == Kind::Unparks);
            last_ns = unparks.and_then(|next| next.time_ns()).unwrap_or(at_ns);
            Some((at_ns, entry))
        })
    }

    /// Returns the first time of the record, or 0.
    pub(crate) fn first_ns(&self) -> u64 {
        self.events().find_map(|entry| entry.time_ns()).unwrap_or(0)
    }
}

fn check_head(bytes: &[u8], words: &[[u8; WORD_BYTES]]) -> Result<(), ParseError> {
    if bytes.is_empty() {
        return Err(ParseError::Empty);
    }
    if words.first() != Some(&MAGIC.to_le_bytes()) {
        return Err(ParseError::OtherFile);
    }
    let Some(&second) = words.get(1) else { return Err(ParseError::NoVersion) };
    match u64::from_le_bytes(second) as u16 {
        VERSION => Ok(()),
        other => Err(ParseError::Version(other)),
    }
}

/// Returns the entries of words that [`Record::keep`] has written.
fn entries(mut words: &[u64]) -> impl Iterator<Item = Entry> + '_ {
    std::iter::from_fn(move || {
        let (entry, others) = words.split_at_checked(length(*words.first()?))?;
        words = others;
        Entry::decode(entry).ok()
    })
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseError::Empty => f.write_str("is not a record of oneloop: it is empty"),
            ParseError::OtherFile => {
                f.write_str("is not a record of oneloop: it does not begin with the bytes \"oneloop\\0\"")
            }
            ParseError::NoVersion => f.write_str("is not a record of oneloop: it ends before its version"),
            ParseError::Version(version) => {
                write!(f, "has version {version}, this program reads version {VERSION}")
            }
        }
    }
}

impl error::Error for ParseError {}

impl fmt::Display for Flaws {
    /// Writes one sentence on a line for each flaw, and nothing for a record without flaws.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.start_overwritten {
            writeln!(f, "The oldest events were overwritten: the record does not begin at its start.")?;
        }
        if self.cut_off {
            writeln!(f, "The end of the file is missing: its last entry is not complete.")?;
        }
        if let Some(byte) = self.damaged_at {
            writeln!(f, "The file is damaged at byte {byte}: the entries from there on were not read.")?;
        }
        let counted = [
            (self.unknown, "have a kind that this program does not know, and are ignored"),
            (self.malformed, "are malformed, and are ignored"),
            (
                self.backwards,
                "have a time before that of the entry ahead of them, and are shown at that time",
            ),
        ];
        for (count, what) in counted {
            if count > 0 {
                writeln!(f, "Entries that {what}: {count}.")?;
            }
        }
        Ok(())
    }
}
