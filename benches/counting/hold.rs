//! The comparison of oneloop's counts with their table, `benches/counts.toml`.

use std::path::Path;

use oneloop_bench::counts::table::{self, Counts, Finding, GROWTH_PERCENT_MAX, Row, Rows};
use oneloop_bench::{host, sys};

use super::{Counted, Valgrind, cases};
use crate::args::CountsTable;
use crate::peers::{Candidate, EXECUTORS, HTTP_SERVERS, SERVERS, Server};
use crate::{http, operations, record_run, servers};

/// The maximum number of counts of a row. A disturbance changes one run, while a change of the program
/// changes every run. So a row that differs from the table is counted again.
const RUNS_MAX: usize = 3;

/// One row of the table.
#[derive(Clone, Copy)]
enum Measured {
    Server(&'static Server, &'static servers::Case),
    Http(&'static Server, &'static http::Case),
    Operation(&'static Candidate, &'static operations::Case),
}

/// Counts all rows, and compares them with the table or writes the table.
pub fn run(table: &CountsTable, directory: &Path, core: usize) -> Result<(), String> {
    let valgrind = Valgrind::find(directory)?;
    let compiler = host::rustc_version().ok_or("rustc does not print its version")?;
    sys::pin_to(core).map_err(|error| error.to_string())?;
    match table {
        CountsTable::Hold(path) => {
            let table = read(&record_run::given(path), &compiler)?;
            hold(&table, &measure(&valgrind, core, Some(&table)))
        }
        CountsTable::Write(path) => {
            let path = record_run::given(path);
            let rows = measure(&valgrind, core, None);
            let text = Counts { compiler, rows }.text();
            std::fs::write(&path, text)
                .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
            println!("Written: {}", path.display());
            Ok(())
        }
    }
}

fn read(path: &Path, compiler: &str) -> Result<Rows, String> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let Counts { compiler: known, rows } = Counts::parse(&text)?;
    if known == compiler {
        return Ok(rows);
    }
    Err(format!(
        "The table is for {known}, and this compiler is {compiler}. `bash .ci/counts` counts the \
         table's commit with this compiler and compares."
    ))
}

/// Prints the comparison. Returns an error if a row fails.
fn hold(table: &Rows, measured: &Rows) -> Result<(), String> {
    let report = table::report(table, measured);
    println!("{}", report.table);
    if report.shrunk > 0 {
        println!("A row costs less than the table says. `bash .ci/counts --update` updates the table.");
    }
    if report.failed > 0 {
        println!(
            "A row has grown by more than {GROWTH_PERCENT_MAX} %, or is missing. If the change intends this, \
             `bash .ci/counts --update` writes the table. Commit the table with the change, and give the \
             reason in the message."
        );
    }
    println!("{} passed, {} failed", report.passed, report.failed);
    if report.failed > 0 { Err("The counts do not agree with the table.".into()) } else { Ok(()) }
}

/// Counts every row of oneloop. The result has no row for a failed count, and the comparison reports the
/// missing row.
fn measure(valgrind: &Valgrind, core: usize, table: Option<&Rows>) -> Rows {
    let mut rows = Rows::new();
    for row in all() {
        let name = row.name();
        let expected = table.map(|table| table.get(&name));
        match row.settled(valgrind, core, expected) {
            Ok(found) => {
                eprintln!("{name}: {:.1} instructions, {:.3} calls", found.instructions, found.system_calls);
                rows.insert(name, found);
            }
            Err(reason) => eprintln!("{name}: {reason}"),
        }
    }
    rows
}

fn all() -> impl Iterator<Item = Measured> {
    let servers = SERVERS.iter().filter(|server| ours(server.name) && server.not_counted.is_none());
    let servers: Vec<&Server> = servers.collect();
    let http_servers: Vec<&Server> = HTTP_SERVERS.iter().filter(|server| ours(server.name)).collect();
    let executors: Vec<&Candidate> = EXECUTORS.iter().filter(|it| it.name == "oneloop").collect();
    let rows = move |case: Counted| -> Vec<Measured> {
        match case {
            Counted::Server(case) => servers.iter().map(|it| Measured::Server(it, case)).collect(),
            Counted::Http(case) => http_servers.iter().map(|it| Measured::Http(it, case)).collect(),
            Counted::Operation(case) => executors.iter().map(|it| Measured::Operation(it, case)).collect(),
        }
    };
    cases().into_iter().filter(|case| case.is_steady()).flat_map(rows)
}

fn ours(name: &str) -> bool {
    name.starts_with("oneloop")
}

impl Measured {
    fn name(self) -> String {
        match self {
            Measured::Server(server, case) => format!("{} {}", case.name, server.name),
            Measured::Http(server, case) => format!("{} {}", case.name, server.name),
            Measured::Operation(executor, case) => format!("{} {}", case.name, executor.name),
        }
    }

    fn run(self, valgrind: &Valgrind, core: usize) -> Result<Row, String> {
        let count = match self {
            Measured::Server(server, case) => super::server(valgrind, core, server, case),
            Measured::Http(server, case) => super::http_server(valgrind, core, server, case),
            Measured::Operation(executor, case) => super::operation(valgrind, core, executor, case),
        };
        count.map(|count| Row { instructions: count.own, system_calls: count.system_calls })
    }

    /// Returns the count that is compared: the first count that agrees with the table, or the last one.
    /// For a new table, it is the median count. A run without a count counts as an attempt, because a busy
    /// machine may start valgrind too late for the load.
    fn settled(
        self,
        valgrind: &Valgrind,
        core: usize,
        expected: Option<Option<&Row>>,
    ) -> Result<Row, String> {
        let mut runs = Vec::new();
        let mut failure = String::new();
        for _ in 0..RUNS_MAX {
            match self.run(valgrind, core) {
                Ok(found)
                    if expected.is_some_and(|row| table::compare(row, Some(&found)) == Finding::Same) =>
                {
                    return Ok(found);
                }
                Ok(found) => runs.push(found),
                Err(reason) => failure = reason,
            }
        }
        if expected.is_none() {
            runs.sort_by(|one, other| one.instructions.total_cmp(&other.instructions));
            return runs.get(runs.len() / 2).copied().ok_or(failure);
        }
        runs.last().copied().ok_or(failure)
    }
}
