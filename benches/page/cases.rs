//! The cases, each with its plot and its table.

use super::html::{Html, table};
use super::{bars, lines, paint};
use crate::record::{CaseRecord, Family, Record};
use crate::stats::Summary;
use crate::table::{figure, ratio, thousands};

/// Instructions and system calls; nothing if they were not counted.
pub fn counts(record: &Record) -> Html {
    if record.counts.is_empty() {
        return Html::default();
    }
    let mut html = Html::element("h2", "", "Counts");
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

const COUNTS: &str = "Counts come first: the instructions of one operation are the same in every run, while its time on a \
    shared machine varies by a fifth from minute to minute. An instruction is one of the program's own object, which holds \
    the runtime, its crates and Rust's standard library; those of the C library are beside it in the tables below, because \
    they depend on the processor. Valgrind's tool callgrind counts them in two runs of different length, and the figure is \
    their difference, divided by the operations that one run has more.";

/// The instructions of all cases of a family: a row for each subject.
fn overview(cases: &[CaseRecord], family: Family) -> Html {
    let cases: Vec<&CaseRecord> = cases.iter().filter(|case| case.family == family).collect();
    let Some(first) = cases.first() else { return Html::default() };
    let names = cases.iter().map(|case| case.name.clone());
    let corner = format!("instructions (\u{d7} {})", first.baseline);
    let header: Vec<String> = std::iter::once(corner).chain(names).collect();
    table(&header, first.subjects.iter().map(|it| brief(&cases, &it.name)).collect())
}

/// All cases of one kind.
pub fn section(record: &Record, family: Family, title: &'static str) -> Html {
    let cases: Vec<&CaseRecord> = record.cases.iter().filter(|case| case.family == family).collect();
    let mut section = Html::default();
    if cases.is_empty() {
        return section;
    }
    section.push(Html::element("h2", "", title));
    let sweep = |case: &CaseRecord| case.sweep.as_ref().map(|it| it.name.clone());
    // The points of a sweep follow each other.
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
    html.push(Html::element("p", "quiet", case.about.as_str()));
    html.push(bars::plot(case));
    html.push(figures(case));
    html
}

/// A sweep: lines and a table of medians, and each point's own plot and table for those who ask.
fn sweep_of(points: &[&CaseRecord]) -> Html {
    let sweep = points[0].sweep.as_ref().expect("only points of a sweep are grouped");
    let mut html = Html::element("h3", "", format!("{} as {} grow", sweep.name, sweep.parameter));
    let largest = format!("At the right end: {}.", points[points.len() - 1].about);
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

/// A subject's row: its first figure in each case and, in brackets, its ratio.
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
    if paint::is_ours(name) { "ours".into() } else { String::new() }
}

/// Every figure of a case; where it is compared, with its spread and its ratio.
fn figures(case: &CaseRecord) -> Html {
    // One round has none.
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
    case.notes.iter().for_each(|note| html.push(Html::element("p", "warn", note.as_str())));
    html
}

fn median(summary: Option<Summary>, show: impl Fn(f64) -> String) -> Html {
    Html::from(summary.map_or("\u{2013}".into(), |it| show(it.median)))
}

fn spread(summary: Option<Summary>, show: impl Fn(f64) -> String) -> Html {
    Html::from(summary.map_or("\u{2013}".into(), |it| format!("{}\u{2013}{}", show(it.min), show(it.max))))
}
