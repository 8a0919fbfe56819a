//! The cases, each with its plot and its table.

use super::html::{Html, table};
use super::{bars, lines, paint};
use crate::record::{CaseRecord, Family, Record};
use crate::stats::Summary;
use crate::table::{figure, ratio, thousands};

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
    let cell = |case: &CaseRecord, name: &str| {
        let subject = case.subject(name)?;
        let own = figure(case.summary(subject, 0)?.median);
        let relative = case.ratio(subject, 0, 0).map(|it| ratio(it.median, case.ratio_digits));
        Some(relative.map_or(own.clone(), |relative| format!("{own} ({relative})")))
    };
    let row = |name: &str| {
        let cells = points.iter().map(|case| Html::from(cell(case, name).unwrap_or("\u{2013}".into())));
        (class(name), std::iter::once(Html::text(name)).chain(cells).collect())
    };
    table(&header, points[0].subjects.iter().map(|it| row(&it.name)).collect())
}

fn class(name: &str) -> String {
    if paint::is_ours(name) { "ours".into() } else { String::new() }
}

/// Every figure of a case; where it is compared, with its spread and its ratio.
fn figures(case: &CaseRecord) -> Html {
    let mut header = vec![String::new()];
    for metric in &case.metrics {
        header.push(format!("{} {}", metric.name, metric.unit));
        if metric.compared {
            header.extend([
                "min\u{2013}max".into(),
                format!("\u{d7} {}", case.baseline),
                "min\u{2013}max".into(),
            ]);
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
                cells.extend([
                    spread(own, figure),
                    median(relative, show_ratio),
                    spread(relative, show_ratio),
                ]);
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
