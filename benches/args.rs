//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::*;

use crate::{child, counting, http, operations, peers, servers};

/// What the command line asks for.
pub enum Command {
    Help,
    Run(Options),
    /// The program was started by itself, to be measured.
    Child(child::Role),
    /// `cargo test --all-targets` also starts benchmarks; it must not wait minutes for this one.
    NotABenchmarkRun,
}

/// How to run.
pub struct Options {
    pub quick: bool,
    /// Substrings of case or runtime names; none chooses everything.
    pub filters: Vec<String>,
    /// The directory for the files of the report.
    pub out: Option<PathBuf>,
    /// Build the smallest echo server on each library, too.
    pub facts: bool,
    /// The facts were named like a case: without another case's name, there is no other.
    pub facts_named: bool,
    /// Count instructions and system calls, too.
    pub counts: bool,
    /// The counts were named like a case: nothing is timed.
    pub counts_named: bool,
    /// The table of our own counts, to compare with or to write.
    pub table: Option<CountsTable>,
    /// How many jobs these builds run at once.
    pub jobs: usize,
}

/// The file with our own counts, and what to do with it.
pub enum CountsTable {
    Hold(PathBuf),
    Write(PathBuf),
}

impl Options {
    /// How long a server is measured in each round.
    pub fn server_time(&self) -> Duration {
        Duration::from_millis(if self.quick { 120 } else { 1_500 })
    }

    /// How long an operation is measured in each round. Shared hardware has slow phases of some tenths of a second:
    /// many short rounds meet them more evenly than a few long ones.
    pub fn operation_time(&self) -> Duration {
        Duration::from_millis(if self.quick { 60 } else { 100 })
    }
}

/// Reads the command line. Errors are messages for the user.
pub fn parse() -> Result<Command, String> {
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let (filters, out) = (Vec::new(), None);
    let mut options = Options {
        quick: false,
        filters,
        out,
        facts: false,
        facts_named: false,
        counts: false,
        counts_named: false,
        table: None,
        jobs,
    };
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
            // Cargo adds it.
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
    // A full run leaves nothing out.
    let full = !options.quick && options.filters.is_empty();
    if options.table.is_some() && !options.counts_named {
        return Err(
            "--hold and --write are for the counts: cargo bench -p oneloop-bench -- counts --hold FILE"
                .into(),
        );
    }
    options.facts |= full && !options.counts_named;
    options.counts |= full && !options.facts_named;
    Ok(Command::Run(options))
}

fn usage(error: lexopt::Error) -> String {
    format!("{error}\nTry: cargo bench -p oneloop-bench -- --help")
}

/// The text of `--help`.
pub fn help() -> String {
    let mut text = String::from(
        "Measures oneloop and its peers, side by side. Prints tables and writes the same as JSON and as a page.

cargo bench -p oneloop-bench -- [--quick] [--facts] [-j N] [--out DIR] [FILTER]...
cargo bench -p oneloop-bench -- counts [--hold FILE | --write FILE] [FILTER]...

  -q, --quick   shorter and fewer rounds, fewer points of each sweep: for a first look, in less than three minutes
      --facts   builds the smallest echo server on each library, too, which takes minutes; the word facts among the
                filters does the same. A full run does so unasked
  -j, --jobs N  how many jobs these builds run at once; if not given, as many as there are cores
      --out DIR where oneloop-bench.json and oneloop-bench.html go; if not given, bench in the target directory
  counts        counts user instructions and system calls instead of measuring times: under valgrind, which must be
                installed, in some eight minutes for all runtimes. A full run counts first. With `--profile release`
                before the `--` it counts in a default release build
      --hold FILE   with counts: compares our own with a table and fails if a row has grown by more than 3 %
      --write FILE  with counts: writes that table. `bash .ci/counts` uses both with benches/counts.toml
  -h, --help    this text
  FILTER        part of the name of a case or of a runtime; several may be given. Filters that match cases choose
                cases, filters that match runtimes choose runtimes. A case's whole name chooses that case alone.
                The runtimes that ratios refer to (epoll for servers, tokio-hyper for HTTP, tokio for operations) always take part.
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
