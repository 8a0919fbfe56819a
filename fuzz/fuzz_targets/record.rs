//! This target runs the reader of records and its outputs. No file may make the reader panic, and the
//! entries that it keeps are well-formed.

#![no_main]

use oneloop_watch::{Model, Record, write_page, write_summary, write_trace_events};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(record) = Record::parse(bytes) else { return };
    let checked: Vec<u8> = record.checked_bytes().collect();
    let again = Record::parse(&checked).expect("a checked record is a record");
    assert!(again.checked_bytes().eq(checked), "a checked record has flaws: {}", again.flaws());
    let model = Model::of(&record);
    write_page(&record, "fuzz", std::io::sink()).expect("a sink takes everything");
    write_summary(&record, &model, &mut std::io::sink()).expect("a sink takes everything");
    write_trace_events(&record, &model, std::io::sink()).expect("a sink takes everything");
});
