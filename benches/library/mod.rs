//! Facts about the libraries that need no run of theirs: how long the smallest echo server on each takes to build, how
//! many crates that takes, how large the program is, how many lines the library has.
//!
//! The programs are in `facts/`, and texts of this one. Each is built in a directory of its own with this workspace's
//! lock file, so that it has the versions that were measured.

mod build;
mod count;

use std::path::Path;

use crate::record::{FactsOutcome, FactsRecord};
use crate::table::{Table, figure, thousands};

/// A library and the smallest echo server on it.
struct Library {
    name: &'static str,
    manifest: &'static str,
    program: &'static str,
    /// The crates of the project itself, whose lines are counted; a name that ends with `*` is the beginning of one.
    own: &'static [&'static str],
}

macro_rules! library {
    ($name:literal, $own:expr) => {
        Library {
            name: $name,
            manifest: include_str!(concat!("../facts/", $name, "/Cargo.toml")),
            program: include_str!(concat!("../facts/", $name, "/main.rs")),
            own: &$own,
        }
    };
}

const LIBRARIES: &[Library] = &[
    library!("tokio", ["tokio"]),
    // `smol` itself only collects the others.
    library!("smol", ["smol", "async-*", "blocking", "polling"]),
    library!("monoio", ["monoio*"]),
    library!("compio", ["compio*"]),
    library!("glommio", ["glommio"]),
    library!("oneloop", ["oneloop"]),
];

impl Library {
    fn is_own(&self, name: &str) -> bool {
        self.own.iter().any(|own| match own.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => *own == name,
        })
    }
}

/// The facts about those libraries that `chosen` says yes to, found in a directory that is empty again afterwards.
pub fn facts(directory: &Path, jobs: usize, chosen: impl Fn(&str) -> bool) -> Vec<FactsRecord> {
    let libraries: Vec<&Library> = LIBRARIES.iter().filter(|library| chosen(library.name)).collect();
    // Half a minute each, on a small machine.
    eprintln!("Library facts: {} builds, some minutes.", libraries.len());
    let mut facts = Vec::new();
    for (number, library) in libraries.iter().enumerate() {
        eprintln!("Library facts: {} ({} of {})", library.name, number + 1, libraries.len());
        let outcome = match build::facts(library, directory, jobs) {
            Ok(facts) => FactsOutcome::Facts(facts),
            Err(reason) => FactsOutcome::Failure(reason),
        };
        facts.push(FactsRecord { name: library.name.into(), outcome });
    }
    facts
}

/// What the columns of a table of facts are.
pub const HEADER: &[&str] =
    &["", "version", "build s", "build CPU s", "crates", "program KiB", "lines of code", "unsafe blocks"];

/// A library's row in a table of facts.
pub fn row(record: &FactsRecord) -> Vec<String> {
    let mut cells = vec![record.name.clone()];
    match &record.outcome {
        FactsOutcome::Facts(facts) => cells.extend([
            facts.version.clone(),
            figure(facts.build_seconds),
            figure(facts.build_cpu_seconds),
            facts.crates.to_string(),
            figure(facts.binary_bytes as f64 / 1024.0),
            thousands(facts.lines as u64),
            facts.unsafe_blocks.to_string(),
        ]),
        FactsOutcome::Failure(_) => cells.extend((1..HEADER.len()).map(|_| "-".to_owned())),
    }
    cells
}

/// The facts as a table for a terminal.
pub fn table(facts: &[FactsRecord]) -> Table {
    let header = HEADER.iter().map(|it| it.to_string()).collect();
    let mut table =
        Table::new("Library facts: the smallest echo server on each, built once from nothing", header);
    for record in facts {
        table.row(row(record));
        if let FactsOutcome::Failure(reason) = &record.outcome {
            table.note(format!("{}: {reason}", record.name));
        }
    }
    table
}
