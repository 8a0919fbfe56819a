//! The page and the chart of the results of earlier runs.

use std::path::{Path, PathBuf};

use oneloop_bench::merge::{self, Named};
use oneloop_bench::record::Record;
use oneloop_bench::{chart as charts, page as pages};

use crate::record_run::given;

/// Draws the page of one run, or of a run into which cases of other runs are merged.
pub fn page(results: &[PathBuf], to: &Path) -> Result<(), String> {
    write(to, &pages::page(&read_all(results)?))
}

/// Draws the chart for a document.
pub fn chart(results: &[PathBuf], to: &Path) -> Result<(), String> {
    write(to, &charts::svg(&read_all(results)?)?)
}

fn read_all(results: &[PathBuf]) -> Result<Record, String> {
    let mut records = Vec::new();
    for path in results {
        let name = path.display().to_string();
        let text =
            std::fs::read_to_string(given(path)).map_err(|error| format!("cannot read {name}: {error}"))?;
        let record = Record::from_json(&text).map_err(|reason| format!("cannot read {name}: {reason}"))?;
        records.push(Named { name, record });
    }
    let mut records = records.into_iter();
    let first = records.next().ok_or("the name of a file with results is missing")?;
    merge::merged(first, records.collect())
}

fn write(to: &Path, text: &str) -> Result<(), String> {
    let path = given(to);
    std::fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    println!("Written: {}", path.display());
    Ok(())
}
