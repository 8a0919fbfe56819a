//! From what was just measured to its record, and the record into files.

use std::path::{Path, PathBuf};

use oneloop_bench::record::{About, CaseRecord, FORMAT, FactsRecord, Family, Record, RunOptions};
use oneloop_bench::{host, page};

use crate::args::Options;
use crate::peers;
use crate::plan::Chosen;

/// The name of the files, without what tells their kinds apart.
const NAME: &str = "oneloop-bench";

/// The record of a run.
pub fn record(
    options: &Options,
    chosen: &Chosen,
    cores: usize,
    counts: Vec<CaseRecord>,
    cases: Vec<CaseRecord>,
    facts: Vec<FactsRecord>,
) -> Record {
    let left_out = chosen.left_out.iter().map(|(name, why)| (name.to_string(), why.clone()));
    Record {
        format: FORMAT,
        machine: host::look(cores),
        options: RunOptions {
            quick: options.quick,
            filters: options.filters.clone(),
            server_seconds: options.server_time().as_secs_f64(),
            operation_seconds: options.operation_time().as_secs_f64(),
        },
        subjects: subjects(chosen, &[&counts[..], &cases].concat()),
        left_out: left_out.collect(),
        counts,
        cases,
        facts,
    }
}

/// Those that took part in a case.
fn subjects(chosen: &Chosen, cases: &[CaseRecord]) -> Vec<About> {
    let servers = peers::SERVERS.iter().map(|it| (Family::Servers, it.name, it.about));
    let http_servers = peers::HTTP_SERVERS.iter().map(|it| (Family::Http, it.name, it.about));
    let executors = peers::EXECUTORS.iter().map(|it| (Family::Operations, it.name, it.about));
    let took_part = |family, name| cases.iter().any(|it| it.family == family && it.subject(name).is_some());
    let about = |(family, name, about): (Family, &str, &str)| {
        let interpreter = chosen.interpreters.iter().find(|(server, _)| *server == name);
        let version = interpreter.map(|(_, version)| version.clone());
        About { family, name: name.into(), about: about.into(), version }
    };
    servers.chain(http_servers).chain(executors).filter(|it| took_part(it.0, it.1)).map(about).collect()
}

/// Writes the files and returns their paths.
pub fn write(record: &Record, directory: &Path) -> Result<Vec<PathBuf>, String> {
    let mut json = serde_json::to_string_pretty(record).map_err(|error| error.to_string())?;
    json.push('\n');
    let files = [("json", json), ("html", page::page(record))];
    let write = |(kind, text): (&str, String)| {
        let path = directory.join(format!("{NAME}.{kind}"));
        std::fs::write(&path, text).map_err(|error| unwritable(&path, &error))?;
        Ok(path)
    };
    files.into_iter().map(write).collect()
}

/// The directory where the files go, made now: after an hour of measuring is too late to find that it cannot be.
pub fn directory(options: &Options) -> Result<PathBuf, String> {
    let directory = options.out.as_deref().map_or_else(in_target, given);
    std::fs::create_dir_all(&directory).map_err(|error| unwritable(&directory, &error))?;
    Ok(directory)
}

/// Cargo starts a benchmark in its package's directory, but the user stands where the shell says.
pub fn given(out: &Path) -> PathBuf {
    std::env::var_os("PWD").map_or_else(|| out.to_owned(), |at| Path::new(&at).join(out))
}

fn in_target() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    // Cargo marks its target directory so for backup programs.
    let target = program.ancestors().find(|directory| directory.join("CACHEDIR.TAG").is_file());
    target.unwrap_or(Path::new("target")).join("bench")
}

fn unwritable(path: &Path, error: &std::io::Error) -> String {
    format!("cannot write {}: {error}", path.display())
}
