//! This file reads the command line.

use std::path::{Path, PathBuf};

use lexopt::prelude::*;

pub const HELP: &str = "\
Turns a record of an event loop of oneloop into a page.

usage: oneloop-watch FILE [-o OUT.html] [--json OUT.json] [--summary]

  FILE             a record that the runtime's feature `trace` has written
  -o, --out FILE   write the page to this file; `-` is standard output
                   (default: FILE.html, or no page with --json or --summary)
  --json FILE      write the record in the Trace Event Format, which Perfetto
                   and chrome://tracing open; `-` is standard output
  --summary        print the statistics
  -h, --help       print this

The page is one file and needs no network. Like the record it holds names of
tasks, paths of source files, and addresses of sockets.

exit codes: 0 success
            1 a file could not be read or written
            2 bad arguments";

/// The destination of an output.
#[derive(Clone, PartialEq, Eq)]
pub enum Output {
    Stdout,
    File(PathBuf),
}

pub struct Options {
    pub record: PathBuf,
    pub page: Option<Output>,
    pub json: Option<Output>,
    pub summary: bool,
}

pub enum Request {
    Help,
    Watch(Options),
}

pub fn parse() -> Result<Request, lexopt::Error> {
    let (mut record, mut page, mut json, mut summary) = (None, None, None, false);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(Request::Help),
            Long("out") | Short('o') if page.is_none() => page = Some(output(arguments.value()?.into())),
            Long("json") if json.is_none() => json = Some(output(arguments.value()?.into())),
            Long("summary") => summary = true,
            Value(file) if record.is_none() => record = Some(PathBuf::from(file)),
            other => return Err(other.unexpected()),
        }
    }
    let record: PathBuf = record.ok_or("FILE is missing")?;
    if page.is_none() && json.is_none() && !summary {
        page = Some(Output::File(beside(&record)));
    }
    let on_stdout = [page == Some(Output::Stdout), json == Some(Output::Stdout), summary];
    if on_stdout.iter().filter(|&&on| on).count() > 1 {
        return Err("two of the page, the JSON and the summary would go to standard output".into());
    }
    if page.is_some() && page == json {
        return Err("the page and the JSON would go to the same file".into());
    }
    Ok(Request::Watch(Options { record, page, json, summary }))
}

fn output(path: PathBuf) -> Output {
    if path == Path::new("-") { Output::Stdout } else { Output::File(path) }
}

fn beside(record: &Path) -> PathBuf {
    let mut name = record.as_os_str().to_owned();
    name.push(".html");
    name.into()
}
