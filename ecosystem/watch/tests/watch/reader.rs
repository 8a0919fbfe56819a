//! These tests cover the entries that the reader accepts, and the messages about the others.

use oneloop::trace::format::{Cause, Kind, MAGIC, TEXT_MAX, Unit, VERSION};
use oneloop_watch::{Model, ParseError, Record};

use crate::common::words::{Words, cause, id};
use crate::hostile_server;

fn checked(record: &Record) -> Vec<u8> {
    record.checked_bytes().collect()
}

fn bytes_of(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn with_head(words: &[u64]) -> Vec<u8> {
    let head = [MAGIC, u64::from(VERSION)];
    bytes_of(&[&head, words].concat())
}

fn head(kind: Kind, words: u64, id: u64) -> u64 {
    kind as u64 | words << 8 | id << 16
}

#[test]
fn a_well_formed_record_is_kept_word_for_word() {
    for bytes in [hostile_server(5_000).record(), crate::common::queue::record(500).record()] {
        let record = Record::parse(&bytes).unwrap();
        assert!(*record.flaws() == Default::default(), "{}", record.flaws());
        assert!(checked(&record) == bytes);
    }
}

#[test]
fn a_record_without_its_start_says_so_and_is_kept() {
    let words = hostile_server(5_000);
    let bytes = words.overwritten(1_000);
    let record = Record::parse(&bytes).unwrap();
    assert!(record.flaws().start_overwritten);
    assert_eq!(record.events_count(), 1_000);
    assert!(checked(&record) == bytes);
}

#[test]
fn other_files_and_other_versions_are_refused_with_the_reason() {
    let version_2 = bytes_of(&[MAGIC, 2]);
    let cases: [(&[u8], ParseError, &str); 5] = [
        (b"", ParseError::Empty, "is not a record of oneloop: it is empty"),
        (
            b"onelo",
            ParseError::OtherFile,
            "is not a record of oneloop: it does not begin with the bytes \"oneloop\\0\"",
        ),
        (
            b"<!doctype html>",
            ParseError::OtherFile,
            "is not a record of oneloop: it does not begin with the bytes \"oneloop\\0\"",
        ),
        (b"oneloop\0\x01\0", ParseError::NoVersion, "is not a record of oneloop: it ends before its version"),
        (&version_2, ParseError::Version(2), "has version 2, this program reads version 1"),
    ];
    for (bytes, error, message) in cases {
        assert_eq!(Record::parse(bytes).unwrap_err(), error);
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn a_record_that_is_cut_off_anywhere_keeps_its_whole_entries() {
    let bytes = hostile_server(60).record();
    let whole = Record::parse(&bytes).unwrap();
    let mut events = 0;
    for length in 16..bytes.len() {
        let record = Record::parse(&bytes[..length]).unwrap();
        assert!(bytes.starts_with(&checked(&record)));
        assert!(record.events_count() >= events);
        events = record.events_count();
        // The message names the missing part, unless the cut is between two entries.
        assert_eq!(record.flaws().cut_off, checked(&record).len() != length);
        Model::of(&record);
    }
    assert_eq!(events, whole.events_count() - 1);
}

#[test]
fn an_entry_of_no_length_ends_the_reading_at_a_stated_byte() {
    let record = Record::parse(&with_head(&[head(Kind::Signal, 1, 2), 0, head(Kind::Signal, 1, 3)])).unwrap();
    assert_eq!(record.events_count(), 1);
    assert_eq!(record.flaws().damaged_at, Some(24));
    assert!(record.flaws().to_string().contains("damaged at byte 24"));
}

#[test]
fn an_entry_of_an_unknown_kind_is_left_out_and_counted() {
    let record = Record::parse(&with_head(&[250 | 3 << 8, 1, 2, head(Kind::Signal, 1, 3)])).unwrap();
    assert_eq!((record.events_count(), record.flaws().unknown), (1, 1));
    assert_eq!(checked(&record), with_head(&[head(Kind::Signal, 1, 3)]));
}

#[test]
fn an_entry_that_lacks_words_or_holds_unknown_numbers_is_left_out_and_counted() {
    let malformed = [
        head(Kind::PollBegins, 1, 0),               // The time is missing.
        head(Kind::Woken, 2, 0),                    // No such cause exists.
        99,                                         //
        head(Kind::MessageTaken, 2, 0),             // Only the low bits are a message.
        0x101,                                      //
        head(Kind::Turn, 3, 0),                     // The time is beyond that of any clock.
        u64::MAX,                                   //
        1,                                          //
        head(Kind::Spawned, 3, 0),                  // No such unit exists.
        200 << 40,                                  //
        cause(Cause::Outside, 0),                   //
        head(Kind::UnitAlive, 4, 0),                // No such state exists.
        (Unit::Task as u64) << 40 | 0xee_u64 << 32, //
        0,
        0,
    ];
    let record = Record::parse(&with_head(&malformed)).unwrap();
    assert_eq!((record.events_count(), record.flaws().malformed), (0, 6));
    assert_eq!(checked(&record), with_head(&[]));
}

#[test]
fn words_that_a_later_version_adds_to_an_entry_are_left_out() {
    let record =
        Record::parse(&with_head(&[head(Kind::Woken, 4, 5), cause(Cause::Thread, 0), 7, 8])).unwrap();
    assert_eq!(checked(&record), with_head(&[head(Kind::Woken, 2, 5), cause(Cause::Thread, 0)]));
}

#[test]
fn a_time_that_goes_backwards_is_that_of_the_entry_before_it() {
    let turn = |time, number| [head(Kind::Turn, 3, 0), time, number];
    let record = Record::parse(&with_head(&[turn(50, 1), turn(20, 2), turn(60, 3)].concat())).unwrap();
    assert_eq!(record.flaws().backwards, 1);
    assert_eq!(Model::of(&record).turns_ns, [50, 50, 60]);
}

#[test]
fn a_text_is_utf_8_of_at_most_its_greatest_length() {
    let too_long = [[head(Kind::Meta, 41, 0)].as_slice(), &[u64::from_le_bytes(*b"abcdefgh"); 40]].concat();
    let record = Record::parse(&with_head(&too_long)).unwrap();
    assert_eq!(checked(&record).len(), 16 + 8 + TEXT_MAX);

    let no_utf_8 = [[head(Kind::Meta, 21, 0)].as_slice(), &[u64::MAX; 20]].concat();
    let record = Record::parse(&with_head(&no_utf_8)).unwrap();
    let text = &checked(&record)[24..];
    assert!(text.len() <= TEXT_MAX && std::str::from_utf8(text).unwrap().starts_with("\u{fffd}\u{fffd}"));
}

#[test]
fn definitions_come_first_wherever_they_stood() {
    let mut words = Words::default();
    words.entry(Kind::Signal, 1, &[]);
    let events = words.record();
    words.with_text(Kind::Meta, 0, &[], "pid=1");
    let expected = words.record();
    let definition = &expected[16..expected.len() - 8];
    let record = Record::parse(&[&events, definition].concat()).unwrap();
    assert_eq!(checked(&record), expected);
}

#[test]
fn an_id_of_48_bits_survives() {
    let task = id(0xff_ffff, 0xff_fffe);
    let mut words = Words::default();
    let spawned = [(Unit::Task as u64) << 40, cause(Cause::Outside, 0)];
    words.with_text(Kind::Spawned, task, &spawned, "last");
    let model = Model::of(&Record::parse(&words.record()).unwrap());
    assert_eq!(model.title(&model.units[0]), "task 16777215.16777214 last");
}
