//! The record of a run that has just ended, and the files with it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use oneloop_bench::record::{About, CaseRecord, FORMAT, FactsRecord, Family, Record, RunOptions};
use oneloop_bench::{files, host, page};

use crate::args::Options;
use crate::peers;
use crate::plan::Chosen;

/// The results of a run.
pub struct Measured {
    pub counts: Vec<CaseRecord>,
    pub cases: Vec<CaseRecord>,
    pub facts: Vec<FactsRecord>,
    /// Whether the user ended the run.
    pub interrupted: bool,
    pub elapsed: Duration,
}

impl Measured {
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.cases.is_empty() && self.facts.is_empty()
    }
}

/// Returns the record of a run.
pub fn record(options: &Options, chosen: &Chosen, cores: usize, measured: Measured) -> Record {
    let Measured { counts, cases, facts, interrupted, elapsed } = measured;
    let left_out = chosen.left_out.iter().map(|(name, why)| (name.to_string(), why.clone()));
    Record {
        format: FORMAT,
        machine: host::look(cores),
        options: RunOptions {
            quick: options.quick,
            filters: options.filters.clone(),
            server_seconds: options.server_time().as_secs_f64(),
            operation_seconds: options.operation_time().as_secs_f64(),
            interrupted,
            elapsed_seconds: elapsed.as_secs_f64().round(),
        },
        subjects: subjects(chosen, &[&counts[..], &cases].concat()),
        left_out: left_out.collect(),
        counts,
        cases,
        facts,
    }
}

/// Returns the servers and runtimes that took part in a case.
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
pub fn write(options: &Options, record: &Record, directory: &Path) -> Result<Vec<PathBuf>, String> {
    let words = words(options);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let stem = files::stem(&words, record.options.interrupted);
    let mut json = serde_json::to_string_pretty(record).map_err(|error| error.to_string())?;
    json.push('\n');
    let files = [("json", json), ("html", page::page(record))];
    let write = |(kind, text): (&str, String)| {
        let path = directory.join(format!("{stem}.{kind}"));
        std::fs::write(&path, text).map_err(|error| unwritable(&path, &error))?;
        Ok(path)
    };
    files.into_iter().map(write).collect()
}

/// Returns the words that distinguish a run from a full run.
fn words(options: &Options) -> Vec<String> {
    let full = !options.quick && options.filters.is_empty();
    let flags = [
        ("quick", options.quick),
        ("counts", options.counts_named),
        ("facts", options.facts_named || options.facts && !full),
    ];
    let named = flags.into_iter().filter(|(_, is_set)| *is_set).map(|(word, _)| word.to_owned());
    let rounds = options.rounds.map(|rounds| format!("{rounds}-rounds"));
    named.chain(rounds).chain(options.filters.iter().cloned()).collect()
}

/// Returns the path of the page of the last full run, if it exists.
pub fn full_run(directory: &Path) -> Option<PathBuf> {
    let page = directory.join(files::FULL).with_extension("html");
    page.is_file().then_some(page)
}

/// Creates the directory of the files and returns its path. A run calls this function before it
/// measures, so that an error does not appear only after an hour.
pub fn directory(options: &Options) -> Result<PathBuf, String> {
    let directory = options.out.as_deref().map_or_else(in_target, given);
    std::fs::create_dir_all(&directory).map_err(|error| unwritable(&directory, &error))?;
    Ok(directory)
}

/// Resolves a path against the directory of the user's shell, because Cargo starts a benchmark in the
/// directory of its package.
pub fn given(out: &Path) -> PathBuf {
    std::env::var_os("PWD").map_or_else(|| out.to_owned(), |at| Path::new(&at).join(out))
}

fn in_target() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    // Cargo creates this file in its target directory, as a mark for backup programs.
    let target = program.ancestors().find(|directory| directory.join("CACHEDIR.TAG").is_file());
    target.unwrap_or(Path::new("target")).join("bench")
}

fn unwritable(path: &Path, error: &std::io::Error) -> String {
    format!("cannot write {}: {error}", path.display())
}
