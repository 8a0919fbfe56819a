//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::*;

use crate::{child, operations, peers, servers};

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
    /// How many jobs these builds run at once.
    pub jobs: usize,
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
    let mut options = Options { quick: false, filters, out, facts: false, facts_named: false, jobs };
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
    options.facts |= !options.quick && options.filters.is_empty();
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

  -q, --quick   shorter and fewer rounds, fewer points of each sweep: for a first look, in less than three minutes
      --facts   builds the smallest echo server on each library, too, which takes minutes; the word facts among the
                filters does the same. A full run does so unasked
  -j, --jobs N  how many jobs these builds run at once; if not given, as many as there are cores
      --out DIR where oneloop-bench.json and oneloop-bench.html go; if not given, bench in the target directory
  -h, --help    this text
  FILTER        part of the name of a case or of a runtime; several may be given. Filters that match cases choose
                cases, filters that match runtimes choose runtimes. A case's whole name chooses that case alone.
                The runtimes that ratios refer to (epoll for servers, tokio for operations) always take part.
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
    list("Servers", &mut peers::SERVERS.iter().map(|server| (server.name, server.about)));
    list(
        "Operation cases (ratios are to tokio)",
        &mut operations::CASES.iter().map(|case| (case.name.as_str(), case.about.as_str())),
    );
    list("Runtimes", &mut peers::EXECUTORS.iter().map(|executor| (executor.name, executor.about)));
    text
}
