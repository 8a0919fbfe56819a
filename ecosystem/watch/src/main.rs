//! The program `oneloop-watch` turns a record of the loop into a page, JSON for Perfetto, or tables.

mod options;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use oneloop_watch::printable::{count, printable, size};
use oneloop_watch::{Model, Record, write_page, write_summary, write_trace_events};
use options::{HELP, Options, Output, Request};

fn main() -> ExitCode {
    let outcome = match options::parse() {
        Ok(Request::Help) => print(HELP),
        Ok(Request::Watch(options)) => watch(&options),
        Err(error) => {
            complain(&format!("{error} (see --help)"));
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            complain(&why);
            ExitCode::FAILURE
        }
    }
}

/// Writes a message to standard error. If standard error is closed, the message is lost, because no
/// better place exists.
fn complain(why: &str) {
    let _ = writeln!(io::stderr(), "oneloop-watch: {}", printable(why));
}

fn print(text: &str) -> Result<(), String> {
    to_stdout(|to| writeln!(to, "{text}"))
}

/// Writes to standard output. A closed reader is not an error.
fn to_stdout(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), String> {
    let mut to = io::stdout().lock();
    match write(&mut to).and_then(|()| to.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(format!("standard output: {error}")),
        _ => Ok(()),
    }
}

fn watch(options: &Options) -> Result<(), String> {
    let path = &options.record;
    let of_record = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let bytes = fs::read(path).map_err(|error| of_record(&error))?;
    let record = Record::parse(&bytes).map_err(|error| of_record(&error))?;
    drop(bytes);
    for flaw in record.flaws().to_string().lines() {
        complain(&of_record(&flaw));
    }
    let on_stdout =
        [&options.page, &options.json].into_iter().flatten().any(|output| *output == Output::Stdout);
    if let Some(output) = &options.page {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let note = format!(", {} events", count(record.events_count() as u64));
        produce(output, path, on_stdout, ("page", &note), |to| write_page(&record, &name, to))?;
    }
    if options.json.is_none() && !options.summary {
        return Ok(());
    }
    let model = Model::of(&record);
    if let Some(output) = &options.json {
        produce(output, path, on_stdout, ("trace events", ""), |to| write_trace_events(&record, &model, to))?;
    }
    if options.summary {
        to_stdout(|to| write_summary(&record, &model, to))?;
    }
    Ok(())
}

/// Writes a file or standard output, and prints the file's path and size.
fn produce(
    output: &Output,
    record: &Path,
    on_stdout: bool,
    (what, note): (&str, &str),
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), String> {
    let path = match output {
        Output::Stdout => return to_stdout(write),
        Output::File(path) => path,
    };
    let failed = |error: io::Error| format!("{}: {error}", path.display());
    // The check follows links. `File::create` would empty the record before its page is written.
    if same_file::is_same_file(path, record).unwrap_or(false) {
        return Err(format!("{}: this file is the record itself, which is not overwritten", path.display()));
    }
    let mut file = File::create(path).map_err(failed)?;
    write(&mut file).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    let full = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
    let said = format!("{what}: {}, {}{note}", full.display(), size(bytes));
    if on_stdout {
        let _ = writeln!(io::stderr(), "{said}");
        return Ok(());
    }
    print(&said)
}
