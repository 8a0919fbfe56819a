//! The command line.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::*;

use crate::{child, counting, http, operations, peers, servers};

/// The command that the command line names.
pub enum Command {
    Help,
    Run(Options),
    /// Draws the page again, from stored results.
    Page {
        results: Vec<PathBuf>,
        to: PathBuf,
    },
    /// Draws a chart for a document, from stored results.
    Chart {
        results: Vec<PathBuf>,
        to: PathBuf,
    },
    /// The benchmark has started this process to measure it.
    Child(child::Role),
    /// `cargo test --all-targets` also starts benchmarks. It must not wait minutes for this one.
    NotABenchmarkRun,
}

/// The options of a run.
pub struct Options {
    pub quick: bool,
    /// The number of rounds of each case, or `None` for the number that the case plans.
    pub rounds: Option<usize>,
    /// Substrings of the names of cases or runtimes. An empty list chooses everything.
    pub filters: Vec<String>,
    /// The directory for the files of the report.
    pub out: Option<PathBuf>,
    /// Whether the run builds the smallest echo server on each library, too.
    pub facts: bool,
    /// Whether the word `facts` stands among the filters. If no filter names a case, the run measures no
    /// case.
    pub facts_named: bool,
    /// Whether the run counts instructions and system calls, too.
    pub counts: bool,
    /// Whether the word `counts` stands among the filters. The run then measures no times.
    pub counts_named: bool,
    /// The table of the counts of oneloop, and the action on it.
    pub table: Option<CountsTable>,
    /// The number of jobs that the builds of the facts run at once.
    pub jobs: usize,
}

/// The file with the counts of oneloop, and the action on it.
pub enum CountsTable {
    Hold(PathBuf),
    Write(PathBuf),
}

impl Options {
    fn new() -> Options {
        Options {
            quick: false,
            rounds: None,
            filters: Vec::new(),
            out: None,
            facts: false,
            facts_named: false,
            counts: false,
            counts_named: false,
            table: None,
            jobs: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }

    /// Returns the number of rounds of a case that plans `planned` rounds.
    pub fn rounds_of(&self, planned: usize) -> usize {
        self.rounds.unwrap_or(planned)
    }

    /// The time for which each round measures a server.
    pub fn server_time(&self) -> Duration {
        Duration::from_millis(if self.quick { 120 } else { 1_500 })
    }

    /// The time for which each round measures an operation. Shared hardware has slow phases of some
    /// tenths of a second. Many short rounds spread these over all runtimes more evenly than a few long
    /// rounds do.
    pub fn operation_time(&self) -> Duration {
        Duration::from_millis(if self.quick { 60 } else { 100 })
    }
}

/// Reads the command line. Errors are messages for the user.
pub fn parse() -> Result<Command, String> {
    let mut options = Options::new();
    let mut from_cargo_bench = false;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next().map_err(usage)? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('q') | Long("quick") => options.quick = true,
            Long("out") => options.out = Some(arguments.value().map_err(usage)?.into()),
            Long("facts") => options.facts = true,
            Short('j') | Long("jobs") => {
                options.jobs = arguments.value().and_then(|it| it.parse()).map_err(usage)?;
            }
            Long("rounds") => {
                let rounds: NonZeroU16 = arguments.value().and_then(|it| it.parse()).map_err(usage)?;
                options.rounds = Some(rounds.get().into());
            }
            // Cargo adds this option.
            Long("bench") => from_cargo_bench = true,
            Value(word) if word == child::MARKER => {
                let words = arguments.raw_args().map_err(usage)?;
                let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
                return child::Role::from_words(&words).map(Command::Child);
            }
            Long("hold") => {
                options.table = Some(CountsTable::Hold(arguments.value().map_err(usage)?.into()));
            }
            Long("write") => {
                options.table = Some(CountsTable::Write(arguments.value().map_err(usage)?.into()));
            }
            Value(word) if word == "page" && options.filters.is_empty() => {
                let (results, to) = stored(&mut arguments, "page RESULTS.json... OUT.html")?;
                return Ok(Command::Page { results, to });
            }
            Value(word) if word == "chart" && options.filters.is_empty() => {
                let (results, to) = stored(&mut arguments, "chart RESULTS.json... OUT.svg")?;
                return Ok(Command::Chart { results, to });
            }
            Value(word) if word == "counts" => (options.counts, options.counts_named) = (true, true),
            Value(word) if word == "facts" => (options.facts, options.facts_named) = (true, true),
            Value(word) => options.filters.push(word.to_string_lossy().to_lowercase()),
            other => return Err(usage(other.unexpected())),
        }
    }
    let from_cargo = std::env::var_os("CARGO_MANIFEST_DIR").is_some();
    if from_cargo && !from_cargo_bench {
        return Ok(Command::NotABenchmarkRun);
    }
    // A full run includes the facts and the counts.
    let full = !options.quick && options.filters.is_empty();
    if options.table.is_some() && !options.counts_named {
        return Err(
            "--hold and --write need the word counts: cargo bench -p oneloop-bench -- counts --hold FILE"
                .into(),
        );
    }
    options.facts |= full && !options.counts_named;
    options.counts |= full && !options.facts_named;
    Ok(Command::Run(options))
}

/// The files of a command that draws: the files with results, and the output file.
fn stored(arguments: &mut lexopt::Parser, form: &str) -> Result<(Vec<PathBuf>, PathBuf), String> {
    let mut files = Vec::new();
    while let Some(argument) = arguments.next().map_err(usage)? {
        match argument {
            Value(file) => files.push(PathBuf::from(file)),
            Long("bench") => {}
            other => return Err(usage(other.unexpected())),
        }
    }
    match files.split_last() {
        Some((to, results)) if !results.is_empty() => Ok((results.to_vec(), to.clone())),
        _ => Err(format!("the command needs at least two files: cargo bench -p oneloop-bench -- {form}")),
    }
}

fn usage(error: lexopt::Error) -> String {
    format!("{error}\nTry: cargo bench -p oneloop-bench -- --help")
}

/// The text of `--help`.
pub fn help() -> String {
    let mut text = String::from(
        "Measures oneloop and its peers in the same rounds. Prints tables, and writes them as JSON and as a page.

cargo bench -p oneloop-bench -- [--quick] [--rounds N] [--facts] [-j N] [--out DIR] [FILTER]...
cargo bench -p oneloop-bench -- counts [--hold FILE | --write FILE] [FILTER]...
cargo bench -p oneloop-bench -- page RESULTS.json... OUT.html
cargo bench -p oneloop-bench -- chart RESULTS.json... OUT.svg

A run writes a .json and a .html file. The files of a full run are oneloop-bench.json and .html. The files of any
other run have its words in their names, as in oneloop-bench-quick-yield.json, so that the files of a full run stay as
they are. Ctrl+C ends a run. The finished rounds are kept, in files with names that end with -interrupted.

  -q, --quick   makes a short run with fewer rounds and fewer points of each sweep. It takes about four minutes on a
                machine that does nothing else, and several times as long on a busy machine, after the build
      --rounds N    measures each case in N rounds (default: 3 to 25, as the case plans; 1 to 5 in a short run)
      --facts   also builds the smallest echo server on each library, which takes minutes. The word facts among the
                filters does the same. A full run does so without the option
  -j, --jobs N  the number of jobs that these builds run at once (default: the number of cores)
      --out DIR the directory of the files (default: bench in the target directory)
  counts        counts user instructions and system calls and measures no times. It needs valgrind and takes about
                eight minutes for all runtimes. A full run counts first. With `--profile release` before the `--` it
                counts in a default release build
      --hold FILE   with counts: compares oneloop's counts with a table and fails if a row has grown by more than 3 %
      --write FILE  with counts: writes that table. `bash .ci/counts` uses both with benches/counts.toml
  page          draws the page of stored results again. With several files, a case of a later file replaces the same
                case of an earlier one, so that a disturbed case can be measured again and merged. The command refuses
                results of another machine, of other versions or of other runtimes
  chart         draws a chart for a document. The SVG file fits light and dark backgrounds
  -h, --help    prints this text
  FILTER        a part of the name of a case or of a runtime. Several may be given. Filters that match cases choose
                cases, and filters that match runtimes choose runtimes. A case's whole name chooses only that case.
                The runtimes that ratios refer to (epoll for servers, tokio-hyper for HTTP, tokio for operations)
                always take part.
",
    );
    let mut list = |title: &str, rows: &mut dyn Iterator<Item = (&str, &str)>| {
        text.push_str(&format!("\n{title}:\n"));
        rows.for_each(|(name, about)| text.push_str(&format!("  {name:20} {about}\n")));
    };
    list(
        "Server cases (ratios are to epoll)",
        &mut servers::CASES.iter().map(|case| (case.name.as_str(), case.about.as_str())),
    );
    list(
        "HTTP cases (ratios are to tokio-hyper)",
        &mut http::CASES.iter().map(|case| (case.name.as_str(), case.about.as_str())),
    );
    let counted = counting::cases();
    list("Counted cases", &mut counted.iter().map(|case| (case.name(), case.about())));
    list("Servers", &mut peers::SERVERS.iter().map(|server| (server.name, server.about)));
    list("HTTP servers", &mut peers::HTTP_SERVERS.iter().map(|server| (server.name, server.about)));
    list(
        "Operation cases (ratios are to tokio)",
        &mut operations::CASES.iter().map(|case| (case.name.as_str(), case.about.as_str())),
    );
    list("Runtimes", &mut peers::EXECUTORS.iter().map(|executor| (executor.name, executor.about)));
    text
}
