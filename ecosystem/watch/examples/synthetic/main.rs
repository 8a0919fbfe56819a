//! Writes synthetic records, which no runtime has recorded, for work on the page.

#[path = "../../tests/common/mod.rs"]
mod common;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use common::server::Plan;
use common::{queue, server};
use lexopt::prelude::*;

const HELP: &str = "\
Writes a synthetic record: no loop has recorded it.

usage: synthetic OUT [--events N] [--tasks N] [--hostile]
                     [--overwritten | --queue]

  --events N     about this many events (default: 100000)
  --tasks N      this many connections (default: a tenth of the events)
  --hostile      names that a page must show as text: tags, marks of direction,
                 control characters
  --overwritten  only the last half of the events, as in a full ring
  --queue        the record of an EventLoop
  -h, --help     print this";

#[derive(Default)]
struct Options {
    out: Option<PathBuf>,
    events: Option<usize>,
    tasks: Option<usize>,
    hostile: bool,
    overwritten: bool,
    queue: bool,
}

fn parse() -> Result<Option<Options>, lexopt::Error> {
    let mut options = Options::default();
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("events") => options.events = Some(arguments.value()?.parse()?),
            Long("tasks") => options.tasks = Some(arguments.value()?.parse()?),
            Long("hostile") => options.hostile = true,
            Long("overwritten") => options.overwritten = true,
            Long("queue") => options.queue = true,
            Value(out) if options.out.is_none() => options.out = Some(out.into()),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(options))
}

/// Prints a line. A reader that has closed standard output is not an error.
fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "synthetic: {text}");
}

fn main() -> ExitCode {
    let options = match parse() {
        Ok(Some(options)) => options,
        Ok(None) => {
            say(HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            complain(&error.to_string());
            return ExitCode::from(2);
        }
    };
    let Some(out) = options.out else {
        complain("OUT is missing; see --help");
        return ExitCode::from(2);
    };
    let events = options.events.unwrap_or(100_000);
    let words = if options.queue {
        queue::record(events / 8)
    } else {
        let tasks = options.tasks.unwrap_or(events / 10);
        server::record(Plan { events, tasks, hostile: options.hostile, seed: 1 })
    };
    let bytes = if options.overwritten { words.overwritten(events / 2) } else { words.record() };
    if let Err(error) = std::fs::write(&out, &bytes) {
        complain(&format!("{}: {error}", out.display()));
        return ExitCode::FAILURE;
    }
    say(&format!("{}: {} bytes, {} events", out.display(), bytes.len(), words.events()));
    ExitCode::SUCCESS
}
