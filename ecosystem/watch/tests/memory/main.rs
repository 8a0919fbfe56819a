//! This test measures the memory that a file costs. It is a program of its own, because it counts the
//! allocations of all its threads.

use std::alloc::System;

use cap::Cap;
use oneloop::trace::format::{Cause, Kind, MAGIC, Unit, VERSION};
use oneloop_watch::{Model, Record, write_page, write_summary, write_trace_events};

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

const FILE_BYTES: usize = 1 << 18;
/// The greatest number of bytes that a byte of a file may cost.
const FACTOR_MAX: usize = 32;
const TEXT: u64 = u64::from_le_bytes(*b"abcdefgh");

/// Each file is made before its measurement, so that the others cost no memory during it.
type File<'a> = Box<dyn Fn() -> Vec<u8> + 'a>;

/// Makes a file of entries of one kind, each with another id. It is as large as the other files.
fn file(kind: Kind, words: &[u64], same_id: bool) -> Vec<u8> {
    let mut file = vec![MAGIC, u64::from(VERSION)];
    let length = 1 + words.len() as u64;
    for id in 0.. {
        if file.len() * 8 >= FILE_BYTES {
            break;
        }
        let id = if same_id { 0 } else { id };
        file.push(kind as u64 | length << 8 | id << 16);
        file.extend(words);
    }
    file.into_iter().flat_map(u64::to_le_bytes).collect()
}

/// Makes a file with a socket that has a long address, and with its readiness many times.
fn readiness() -> Vec<u8> {
    let registered = [MAGIC, 1, Kind::Registered as u64 | 23 << 8, 3, 0];
    let start = registered.into_iter().chain([TEXT; 20]).flat_map(u64::to_le_bytes);
    start.chain(file(Kind::Readiness, &[1], true).into_iter().skip(16)).collect()
}

#[test]
fn no_file_takes_more_than_a_small_multiple_of_its_size() {
    let by = |kind| kind as u64 | 7 << 16;
    let unit = (Unit::Task as u64) << 40;
    let long = |words: &[u64]| [words, &[TEXT; 20]].concat();
    let files: [(&str, File); 17] = [
        ("wakes", Box::new(|| file(Kind::Woken, &[by(Cause::Thread)], false))),
        ("wakes and spawns", Box::new(|| file(Kind::Spawned, &long(&[unit, by(Cause::Unit)]), false))),
        ("one task, spawned often", Box::new(|| file(Kind::Spawned, &[unit, by(Cause::Unit)], true))),
        ("units", Box::new(|| file(Kind::UnitAlive, &long(&[1 << 32 | unit, 0, 0]), false))),
        ("units without a name", Box::new(|| file(Kind::UnitAlive, &[1 << 32 | unit, 0, 0], false))),
        ("facts", Box::new(|| file(Kind::Meta, &[], false))),
        ("places", Box::new(|| file(Kind::Place, &[0], false))),
        ("sockets", Box::new(|| file(Kind::SocketAlive, &[0, 0], false))),
        ("timers", Box::new(|| file(Kind::TimerSet, &[0, by(Cause::Unit)], false))),
        ("polls", Box::new(|| file(Kind::PollBegins, &[5], false))),
        ("aborts", Box::new(|| file(Kind::Aborted, &[5], false))),
        ("turns", Box::new(|| file(Kind::Turn, &[5, 5], false))),
        ("spent budgets", Box::new(|| file(Kind::BudgetSpent, &[], false))),
        ("ends of registrations", Box::new(|| file(Kind::Unregistered, &[], false))),
        ("readiness", Box::new(readiness)),
        (
            "text that is no UTF-8",
            Box::new(|| file(Kind::Place, &[[0].as_slice(), &[u64::MAX; 20]].concat(), false)),
        ),
        ("entries that claim the most", Box::new(|| file(Kind::Meta, &[TEXT; 254], false))),
    ];
    for (name, file) in files {
        let bytes = file();
        let record = Record::parse(&bytes).unwrap();
        assert_eq!(record.flaws().malformed + record.flaws().unknown, 0, "{name}");
        let model = Model::of(&record);
        write_page(&record, name, std::io::sink()).unwrap();
        write_summary(&record, &model, &mut std::io::sink()).unwrap();
        write_trace_events(&record, &model, std::io::sink()).unwrap();
        // The value is the greatest until now. All files have one size, so the bound holds for each.
        let taken = MEMORY.max_allocated();
        println!("{name}: {:.1} bytes for each byte of a file", taken as f64 / FILE_BYTES as f64);
        assert!(taken < FACTOR_MAX * FILE_BYTES, "{name}: {taken} bytes for a file of {FILE_BYTES}");
    }
}
