//! The table of oneloop's counts, `benches/counts.toml`, and the comparison of a run with this table.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;

use crate::table::{Table, figure};

/// The maximum growth of a row. Repeated counts differ by much less (`benches/RESULTS.md` has their
/// spread).
pub const GROWTH_PERCENT_MAX: f64 = 3.0;

/// Counts by the name of the row: the case and the subject.
pub type Rows = BTreeMap<String, Row>;

/// The cost of one operation.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Row {
    /// Instructions of the program's own object.
    pub instructions: f64,
    /// System calls.
    pub system_calls: f64,
}

/// The whole table.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Counts {
    /// The output of `rustc -V` on the machine that wrote the table. Another compiler generates other
    /// instructions.
    pub compiler: String,
    /// The rows.
    pub rows: Rows,
}

const HEAD: &str = "\
# The cost of one operation: user instructions of the program's own object, and system calls.
# `bash .ci/counts` compares a run with this table, and `bash .ci/counts --update` writes the table.
# A change with a higher cost updates the table in the same commit, and its message gives the reason.

";

impl Counts {
    /// Reads a table.
    ///
    /// # Errors
    ///
    /// The error is a message for the user, if the text is not a table of counts.
    pub fn parse(text: &str) -> Result<Counts, String> {
        toml::from_str(text).map_err(|error| format!("not a table of counts: {error}"))
    }

    /// Returns the text of the file.
    pub fn text(&self) -> String {
        let mut text = format!("{HEAD}compiler = \"{}\"\n\n[rows]\n", self.compiler);
        for (name, row) in &self.rows {
            let Row { instructions, system_calls } = row;
            let row = format!("{{ instructions = {instructions:.1}, system_calls = {system_calls:.3} }}");
            // Writing into a string does not fail.
            let _ = writeln!(text, "\"{name}\" = {row}");
        }
        text
    }
}

/// The comparison of a row with the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Finding {
    /// The row is within the bounds.
    Same,
    /// The row has grown by more than the bound.
    Grown,
    /// The row has shrunk by more than the bound. An update of the table then stops the row from growing
    /// back.
    Shrunk,
    /// The table has the row, and the run does not.
    NotMeasured,
    /// The run has the row, and the table does not.
    NotInTable,
}

impl Finding {
    /// Whether the row fails. A row that has shrunk does not fail, but the message asks for an update.
    pub fn fails(self) -> bool {
        !matches!(self, Finding::Same | Finding::Shrunk)
    }

    fn word(self) -> &'static str {
        match self {
            Finding::Same => "",
            Finding::Grown => "GROWN",
            Finding::Shrunk => "less: update the table",
            Finding::NotMeasured => "NOT MEASURED",
            Finding::NotInTable => "NOT IN THE TABLE",
        }
    }
}

/// Compares a row of a run with the row of the table. A row also fails if its system calls grow by more
/// than the bound. For a row without system calls, more than one call in a hundred operations is a
/// growth.
pub fn compare(table: Option<&Row>, measured: Option<&Row>) -> Finding {
    let (Some(table), Some(measured)) = (table, measured) else {
        return if table.is_some() { Finding::NotMeasured } else { Finding::NotInTable };
    };
    let factor = 1.0 + GROWTH_PERCENT_MAX / 100.0;
    // A row with almost no system calls has a few by chance in some runs. These are no growth.
    let calls_spare = 0.01;
    let calls_grown = measured.system_calls > table.system_calls * factor + calls_spare;
    if measured.instructions > table.instructions * factor || calls_grown {
        Finding::Grown
    } else if measured.instructions * factor < table.instructions
        || (measured.system_calls + calls_spare) * factor < table.system_calls
    {
        Finding::Shrunk
    } else {
        Finding::Same
    }
}

/// The comparison of a run with the table.
pub struct Report {
    /// All rows.
    pub table: Table,
    /// The number of rows that fail.
    pub failed: usize,
    /// The number of rows that pass.
    pub passed: usize,
    /// The number of passing rows that cost less than the table says.
    pub shrunk: usize,
}

/// Compares a run with the table.
pub fn report(table: &Rows, measured: &Rows) -> Report {
    let header = ["", "instructions: table", "measured", "ratio", "system calls: table", "measured", ""];
    let title = format!("Counts compared with the table (a row may grow by {GROWTH_PERCENT_MAX} %)");
    let mut out = Table::new(title, header.map(String::from).to_vec());
    let mut names: Vec<&String> = table.keys().chain(measured.keys()).collect();
    names.sort();
    names.dedup();
    let (mut failed, mut passed, mut shrunk) = (0, 0, 0);
    for name in names {
        let (expected, found) = (table.get(name), measured.get(name));
        let finding = compare(expected, found);
        *if finding.fails() { &mut failed } else { &mut passed } += 1;
        shrunk += usize::from(finding == Finding::Shrunk);
        let show =
            |row: Option<&Row>, value: fn(&Row) -> f64| row.map_or("-".to_owned(), |row| figure(value(row)));
        let ratio = expected.zip(found).map(|(table, run)| run.instructions / table.instructions);
        out.row(vec![
            name.clone(),
            show(expected, |row| row.instructions),
            show(found, |row| row.instructions),
            ratio.map_or("-".into(), |ratio| format!("{ratio:.4}")),
            show(expected, |row| row.system_calls),
            show(found, |row| row.system_calls),
            finding.word().into(),
        ]);
    }
    Report { table: out, failed, passed, shrunk }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(instructions: f64, system_calls: f64) -> Row {
        Row { instructions, system_calls }
    }

    fn found(instructions: f64, system_calls: f64) -> Finding {
        compare(Some(&row(100.0, 2.0)), Some(&row(instructions, system_calls)))
    }

    #[test]
    fn a_row_may_grow_by_three_per_cent() {
        assert_eq!(found(100.0, 2.0), Finding::Same);
        assert_eq!(found(102.9, 2.05), Finding::Same);
        assert_eq!(found(103.1, 2.0), Finding::Grown);
        assert_eq!(found(100.0, 2.1), Finding::Grown);
        assert_eq!(found(97.5, 2.0), Finding::Same);
        assert_eq!(found(96.9, 2.0), Finding::Shrunk);
        assert_eq!(found(100.0, 1.0), Finding::Shrunk);
    }

    #[test]
    fn a_row_without_system_calls_may_have_one_by_chance() {
        assert_eq!(compare(Some(&row(100.0, 0.0)), Some(&row(100.0, 0.001))), Finding::Same);
        assert_eq!(compare(Some(&row(100.0, 0.0)), Some(&row(100.0, 1.0))), Finding::Grown);
    }

    #[test]
    fn a_missing_row_fails_on_either_side() {
        let rows = |names: &[&str]| names.iter().map(|it| (it.to_string(), row(1.0, 1.0))).collect::<Rows>();
        let report = report(&rows(&["a", "b"]), &rows(&["b", "c"]));
        assert_eq!((report.failed, report.passed, report.shrunk), (2, 1, 0));
        let text = report.table.to_string();
        assert!(text.contains("NOT MEASURED") && text.contains("NOT IN THE TABLE"), "{text}");
        assert!(compare(None, Some(&row(1.0, 1.0))).fails());
        assert!(!Finding::Shrunk.fails());
    }

    #[test]
    fn a_table_comes_back_as_it_was() {
        let rows =
            [("echo-50 oneloop".to_owned(), row(578.1, 2.02)), ("yield oneloop".to_owned(), row(80.0, 0.0))];
        let counts = Counts { compiler: "rustc 1.95.0 (59807616e 2026-04-14)".into(), rows: rows.into() };
        assert_eq!(Counts::parse(&counts.text()).unwrap(), counts);
        assert!(Counts::parse("compiler = 1").is_err());
    }
}
