//! The sections of the cases. Each case has a plot and a table.

use super::html::{Html, table};
use super::{bars, lines, runtimes};
use crate::record::{CaseRecord, Family, Record};
use crate::stats::Summary;
use crate::table::{figure, ratio, thousands};

/// Returns the section of the instructions and system calls. The section is empty if the run did not
/// count them.
pub fn counts(record: &Record) -> Html {
    if record.counts.is_empty() {
        return Html::default();
    }
    let mut html = Html::heading("counts", "Counts");
    html.push(Html::element("p", "", COUNTS));
    html.push(overview(&record.counts, Family::Servers));
    html.push(overview(&record.counts, Family::Http));
    html.push(overview(&record.counts, Family::Operations));
    for case in &record.counts {
        let mut details = Html::element("summary", "", case.name.as_str());
        details.push(single(case));
        html.push(Html::element("details", "", details));
    }
    html
}

const COUNTS: &str = "Counts come first. The instructions of one operation are the same in every \
    run, while its time on a shared machine varies by a fifth from minute to minute. The counted \
    instructions are those of the program's own object, which contains the runtime, its crates and \
    Rust's standard library. The tables below have the instructions of the C library in a column of \
    their own, because they depend on the processor. Valgrind's tool callgrind counts the instructions \
    in two runs of different length. The figure is the difference of the two counts, divided by the \
    number of operations that the longer run has more.";

/// Returns a table with the instructions of all cases of a family. Each subject has a row.
fn overview(cases: &[CaseRecord], family: Family) -> Html {
    let cases: Vec<&CaseRecord> = cases.iter().filter(|case| case.family == family).collect();
    let Some(first) = cases.first() else { return Html::default() };
    let names = cases.iter().map(|case| case.name.clone());
    let corner = format!("instructions (\u{d7} {})", first.baseline);
    let header: Vec<String> = std::iter::once(corner).chain(names).collect();
    table(&header, first.subjects.iter().map(|it| brief(&cases, &it.name)).collect())
}

/// Returns the section with all cases of one family.
pub fn section(record: &Record, family: Family, id: &'static str, title: &str) -> Html {
    let cases: Vec<&CaseRecord> = record.cases.iter().filter(|case| case.family == family).collect();
    let mut section = Html::default();
    if cases.is_empty() {
        return section;
    }
    section.push(Html::heading(id, title));
    let sweep = |case: &CaseRecord| case.sweep.as_ref().map(|it| it.name.clone());
    // The points of a sweep are next to each other.
    for group in cases.chunk_by(|one, other| sweep(one).is_some() && sweep(one) == sweep(other)) {
        match group {
            [case] => section.push(single(case)),
            points => section.push(sweep_of(points)),
        }
    }
    section
}

fn single(case: &CaseRecord) -> Html {
    let mut html = Html::element("h3", "", case.name.as_str());
    let mut about = case.about.clone();
    if let Some(date) = &case.date {
        about += &format!(" (measured in another run, {date})");
    }
    html.push(Html::element("p", "quiet", about));
    html.push(bars::plot(case));
    html.push(figures(case));
    html
}

/// Returns the lines and the table of medians of a sweep. Each point also has its own plot and table,
/// which are closed at first.
fn sweep_of(points: &[&CaseRecord]) -> Html {
    let sweep = points[0].sweep.as_ref().expect("only points of a sweep are grouped");
    let mut html = Html::element("h3", "", format!("{} as {} grow", sweep.name, sweep.parameter));
    let largest = format!("The right end of the plot is: {}.", points[points.len() - 1].about);
    html.push(Html::element("p", "quiet", largest));
    html.push(lines::plot(points));
    html.push(medians(points));
    for case in points {
        let mut point = Html::element("summary", "", case.name.as_str());
        point.push(single(case));
        html.push(Html::element("details", "", point));
    }
    html
}

fn medians(points: &[&CaseRecord]) -> Html {
    let sizes = points.iter().filter_map(|case| Some(thousands(case.sweep.as_ref()?.value as u64)));
    let baseline = &points[0].baseline;
    let header: Vec<String> = std::iter::once(format!("median (\u{d7} {baseline})")).chain(sizes).collect();
    table(&header, points[0].subjects.iter().map(|it| brief(points, &it.name)).collect())
}

/// Returns the row of a subject: its first figure in each case and, in brackets, its ratio.
fn brief(cases: &[&CaseRecord], name: &str) -> (String, Vec<Html>) {
    let cell = |case: &CaseRecord| {
        let subject = case.subject(name)?;
        let own = figure(case.summary(subject, 0)?.median);
        let relative = case.ratio(subject, 0, 0).map(|it| ratio(it.median, case.ratio_digits));
        Some(relative.map_or(own.clone(), |relative| format!("{own} ({relative})")))
    };
    let cells = cases.iter().map(|case| Html::from(cell(case).unwrap_or("\u{2013}".into())));
    (class(name), std::iter::once(Html::text(name)).chain(cells).collect())
}

fn class(name: &str) -> String {
    if runtimes::is_ours(name) { "ours".into() } else { String::new() }
}

/// Returns the table of all figures of a case. A compared figure has its spread and its ratio.
fn figures(case: &CaseRecord) -> Html {
    // One round has no spread.
    let spreads = case.subjects.iter().any(|it| it.rounds.len() > 1);
    let mut header = vec![String::new()];
    for metric in &case.metrics {
        header.push(format!("{} {}", metric.name, metric.unit));
        if metric.compared {
            let relative = format!("\u{d7} {}", case.baseline);
            let columns = ["min\u{2013}max".into(), relative.clone(), "min\u{2013}max".into()];
            header.extend(columns.into_iter().filter(|it| spreads || *it == relative));
        }
    }
    let row = |subject: usize| {
        let name = &case.subjects[subject].name;
        let mut cells = vec![Html::text(name)];
        for (number, metric) in case.metrics.iter().enumerate() {
            let own = case.summary(subject, number);
            cells.push(median(own, figure));
            if metric.compared {
                let show_ratio = |value| ratio(value, case.ratio_digits);
                let relative = case.ratio(subject, 0, number);
                cells.extend(spreads.then(|| spread(own, figure)));
                cells.push(median(relative, show_ratio));
                cells.extend(spreads.then(|| spread(relative, show_ratio)));
            }
        }
        (class(name), cells)
    };
    let mut html = table(&header, (0..case.subjects.len()).map(row).collect());
    for (subject, record) in case.subjects.iter().enumerate() {
        let name = &record.name;
        let reasons = case.failures(subject).into_iter();
        reasons.for_each(|reason| html.push(Html::element("p", "quiet", format!("{name}: {reason}"))));
    }
    case.notes.iter().for_each(|note| html.push(Html::element("p", "quiet", note.as_str())));
    if let Some(planned) = case.rounds_planned {
        let done = case.subjects.iter().map(|it| it.rounds.len()).max().unwrap_or(0);
        let text = format!("The run was interrupted. This case has {done} of {planned} rounds.");
        html.push(Html::element("p", "quiet", text));
    }
    html
}

fn median(summary: Option<Summary>, show: impl Fn(f64) -> String) -> Html {
    Html::from(summary.map_or("\u{2013}".into(), |it| show(it.median)))
}

fn spread(summary: Option<Summary>, show: impl Fn(f64) -> String) -> Html {
    Html::from(summary.map_or("\u{2013}".into(), |it| format!("{}\u{2013}{}", show(it.min), show(it.max))))
}
