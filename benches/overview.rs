//! Tables with many cases. A cell has the first figure of a subject and, in brackets, its ratio.

use crate::report::Sheet;
use crate::table::{Table, thousands};

/// Returns the tables for cases that have the same subjects: one table for each sweep, and one for the
/// other cases.
pub fn tables(title: &str, sheets: &[&Sheet]) -> Vec<Table> {
    let mut sweeps: Vec<&str> = sheets.iter().filter_map(|sheet| Some(sheet.point?.sweep)).collect();
    sweeps.dedup();
    let points =
        |name| sheets.iter().copied().filter(move |sheet| sheet.point.is_some_and(|it| it.sweep == name));
    let mut tables: Vec<Table> =
        sweeps.into_iter().filter_map(|name| sweep(&points(name).collect::<Vec<_>>())).collect();
    let others: Vec<&Sheet> = sheets.iter().copied().filter(|sheet| sheet.point.is_none()).collect();
    if others.len() > 1 {
        tables.push(overview(title, &others));
    }
    tables
}

/// Returns the table of a sweep. A sweep with fewer than two points has none.
fn sweep(points: &[&Sheet]) -> Option<Table> {
    let [first, _, ..] = points else { return None };
    let (point, metric) = (first.point?, &first.metrics[0]);
    let title = format!("{} as {} grow: {} {}", point.sweep, point.parameter, metric.name, metric.unit);
    let value = |sheet: &Sheet| sheet.point.map_or(String::new(), |point| thousands(point.value as u64));
    Some(across(points, title, &[&value]))
}

fn overview(title: &str, sheets: &[&Sheet]) -> Table {
    let name = |sheet: &Sheet| sheet.name.to_owned();
    let unit = |sheet: &Sheet| format!("{} {}", sheet.metrics[0].name, sheet.metrics[0].unit);
    across(sheets, title.into(), &[&name, &unit])
}

/// Returns a table with a column for each case, under its labels, and a row for each subject.
fn across(sheets: &[&Sheet], title: String, labels: &[&dyn Fn(&Sheet) -> String]) -> Table {
    let line = |first: &str, cell: &dyn Fn(&Sheet) -> String| {
        std::iter::once(first.to_owned()).chain(sheets.iter().map(|sheet| cell(sheet))).collect()
    };
    let subjects = &sheets[0].subjects;
    let title = format!("{title}, medians (\u{d7} {})", subjects[0]);
    let (header, more) = labels.split_first().expect("a column has a label");
    let mut table = Table::new(title, line("", header));
    more.iter().for_each(|label| table.row(line("", label)));
    for (subject, name) in subjects.iter().enumerate() {
        table.row(line(name, &|sheet| sheet.brief(subject)));
    }
    table
}
