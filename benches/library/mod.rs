//! Facts about the libraries that need no measured run: the build time of the smallest echo server on
//! each library, the number of crates, the size of the program, and the number of lines of the library.
//!
//! The programs are in `facts/`, and are included in this program as texts. Each is built in a directory
//! of its own with the lock file of this workspace, so that it has the measured versions.

mod build;
mod count;

use std::path::Path;
use std::time::{Duration, Instant};

use crate::estimate::{Estimate, about};
use crate::record::{FactsOutcome, FactsRecord};
use crate::table::{Table, figure, thousands};

/// A library and the smallest echo server on it.
struct Library {
    name: &'static str,
    manifest: &'static str,
    program: &'static str,
    /// The crates of the library's own project, whose lines are counted. A name that ends with `*`
    /// matches all crates with this prefix.
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
    // The crate `smol` itself only re-exports the other crates.
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

/// The approximate time of a build with two cores.
pub const BUILD_ESTIMATE: Duration = Duration::from_secs(30);

/// Returns the number of libraries for which `chosen` returns `true`.
pub fn count(chosen: impl Fn(&str) -> bool) -> usize {
    LIBRARIES.iter().filter(|library| chosen(library.name)).count()
}

/// Collects the facts about the libraries for which `chosen` returns `true`. The builds use a
/// subdirectory of `directory`, which is removed afterwards. The function stops when `stopped` returns
/// `true`.
pub fn facts(
    directory: &Path,
    jobs: usize,
    chosen: impl Fn(&str) -> bool,
    stopped: impl Fn() -> bool,
) -> Vec<FactsRecord> {
    let libraries: Vec<&Library> = LIBRARIES.iter().filter(|library| chosen(library.name)).collect();
    let mut estimate = Estimate::default();
    estimate.plan(0, libraries.len(), BUILD_ESTIMATE);
    let mut facts = Vec::new();
    for (number, library) in libraries.iter().enumerate() {
        let left = about(estimate.left());
        eprintln!(
            "Library facts: {} ({} of {}), about {left} left",
            library.name,
            number + 1,
            libraries.len()
        );
        let begin = Instant::now();
        let outcome = match build::facts(library, directory, jobs) {
            Ok(facts) => FactsOutcome::Facts(facts),
            Err(reason) => FactsOutcome::Failure(reason),
        };
        estimate.enter(0, begin.elapsed());
        // The signal also ends the build that is running.
        if stopped() {
            break;
        }
        facts.push(FactsRecord { name: library.name.into(), outcome });
    }
    facts
}

/// The header of a table of facts.
pub const HEADER: &[&str] =
    &["", "version", "build s", "build CPU s", "crates", "program KiB", "lines of code", "unsafe blocks"];

/// Returns the row of a library in a table of facts.
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

/// Returns the facts as a table for a terminal.
pub fn table(facts: &[FactsRecord]) -> Table {
    let header = HEADER.iter().map(|it| it.to_string()).collect();
    let mut table = Table::new(
        "Library facts: the smallest echo server on each library, built once into an empty directory",
        header,
    );
    for record in facts {
        table.row(row(record));
        if let FactsOutcome::Failure(reason) = &record.outcome {
            table.note(format!("{}: {reason}", record.name));
        }
    }
    table
}
