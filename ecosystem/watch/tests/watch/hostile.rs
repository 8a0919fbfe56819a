//! These files hold bytes that no runtime wrote. The reader does not panic, and its output is
//! well-formed.

use oneloop::trace::format::{MAGIC, VERSION};
use oneloop_watch::{Model, Record, write_page, write_summary, write_trace_events};
use proptest::prelude::*;

use crate::hostile_server;
use crate::json::check_trace_events;

/// Runs all functions of this crate on a file.
fn everything(bytes: &[u8]) -> Result<(), TestCaseError> {
    let Ok(record) = Record::parse(bytes) else { return Ok(()) };
    let checked: Vec<u8> = record.checked_bytes().collect();
    let again = Record::parse(&checked).unwrap();
    prop_assert_eq!(again.events_count(), record.events_count());
    prop_assert!(
        again.checked_bytes().eq(checked.iter().copied()),
        "a checked record has flaws: {}",
        again.flaws()
    );
    let model = Model::of(&record);
    let total = model.total();
    prop_assert_eq!(total.polled_ns + total.parked_ns + total.own_ns, total.time_ns);
    let (mut text, mut json) = (Vec::new(), Vec::new());
    write_summary(&record, &model, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    prop_assert!(!text.contains(|character: char| character.is_control() && character != '\n'));
    write_page(&record, "name", std::io::sink()).unwrap();
    write_trace_events(&record, &model, &mut json).unwrap();
    check_trace_events(&json, model.last_ns < 1 << 50);
    Ok(())
}

/// Makes a valid head, and words after it whose lengths and kinds are mostly plausible.
fn plausible() -> impl Strategy<Value = Vec<u8>> {
    let time = prop_oneof![0..5_000_u64, any::<u64>()];
    let entry = (prop_oneof![1..50_u8, any::<u8>()], 0..6_u8, 0..4_u64, prop::collection::vec(time, 0..5));
    prop::collection::vec(entry, 0..120).prop_map(|entries| {
        let mut words = vec![MAGIC, u64::from(VERSION)];
        for (kind, wrong, id, given) in entries {
            // One entry in six claims a wrong length.
            let length = if wrong == 0 { kind.wrapping_mul(7) } else { 1 + given.len() as u8 };
            words.push(u64::from(kind) | u64::from(length) << 8 | id << 16);
            // Small numbers stand for causes and messages, too.
            words.extend(given.iter().map(|&word| if wrong == 1 { word } else { word % 6_000 }));
        }
        words.into_iter().flat_map(u64::to_le_bytes).collect()
    })
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn random_bytes_are_refused_or_read(mut bytes in prop::collection::vec(any::<u8>(), 0..2_000), framed: bool) {
        if framed && bytes.len() >= 16 {
            bytes[..8].copy_from_slice(&MAGIC.to_le_bytes());
            bytes[8..16].copy_from_slice(&u64::from(VERSION).to_le_bytes());
        }
        everything(&bytes)?;
    }

    #[test]
    fn random_entries_are_read(bytes in plausible()) {
        everything(&bytes)?;
    }

    #[test]
    fn a_record_with_random_changes_and_a_random_end_is_read(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..40),
        end in any::<prop::sample::Index>(),
        cut: bool,
    ) {
        let mut bytes = hostile_server(400).record();
        for (at, byte) in changes {
            let at = 16 + at.index(bytes.len() - 16);
            bytes[at] = byte;
        }
        if cut {
            bytes.truncate(end.index(bytes.len()));
        }
        everything(&bytes)?;
    }
}
