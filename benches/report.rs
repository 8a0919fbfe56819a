//! Figures collected, compared with the baseline and set in tables.

use crate::stats::{Summary, ratios};
use crate::table::{Table, figure, ratio};

/// A figure that a case yields.
pub struct Metric {
    header: &'static str,
    /// Shown with its spread and its ratio to the baseline. Only a case's first metric is.
    compared: bool,
}

impl Metric {
    pub const fn compared(header: &'static str) -> Metric {
        Metric { header, compared: true }
    }

    pub const fn shown(header: &'static str) -> Metric {
        Metric { header, compared: false }
    }
}

/// One measurement's figures, in the order of the case's metrics; or why there are none.
pub type Outcome = Result<Vec<f64>, String>;

/// One case: its subjects and what they showed.
pub struct Sheet {
    pub name: &'static str,
    about: &'static str,
    metrics: &'static [Metric],
    /// The first is the baseline.
    pub subjects: Vec<&'static str>,
    ratio_digits: usize,
    /// For each subject an outcome for each round.
    outcomes: Vec<Vec<Outcome>>,
    notes: Vec<String>,
}

impl Sheet {
    pub fn new(
        name: &'static str,
        about: &'static str,
        metrics: &'static [Metric],
        subjects: impl Iterator<Item = &'static str>,
        ratio_digits: usize,
    ) -> Sheet {
        let subjects: Vec<&'static str> = subjects.collect();
        let outcomes = subjects.iter().map(|_| Vec::new()).collect();
        Sheet { name, about, metrics, subjects, ratio_digits, outcomes, notes: Vec::new() }
    }

    /// Enters what the subject at an index showed in the next round.
    pub fn enter(&mut self, subject: usize, outcome: Outcome) {
        self.outcomes[subject].push(outcome);
    }

    /// A line for below the table.
    pub fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// A subject's values of one metric, by round.
    fn values(&self, subject: usize, metric: usize) -> Vec<Option<f64>> {
        let value =
            |outcome: &Outcome| outcome.as_ref().ok().and_then(|figures| figures.get(metric)).copied();
        self.outcomes[subject].iter().map(value).collect()
    }

    /// What a subject showed in one metric, and how that compares with the baseline of the same rounds.
    fn summary(&self, subject: usize, metric: usize) -> Option<(Summary, Option<Summary>)> {
        let values = self.values(subject, metric);
        let relative = Summary::of(&ratios(&values, &self.values(0, metric)));
        let known: Vec<f64> = values.into_iter().flatten().collect();
        Some((Summary::of(&known)?, relative))
    }

    /// The whole case.
    pub fn table(&self) -> Table {
        let relative = format!("\u{d7} {}", self.subjects[0]);
        let mut header = vec![""];
        for metric in self.metrics {
            header.push(metric.header);
            if metric.compared {
                header.extend(["min..max", &relative, "min..max"]);
            }
        }
        let mut table = Table::new(format!("{}: {}", self.name, self.about), &header);
        for (subject, name) in self.subjects.iter().enumerate() {
            table.row(self.row(subject));
            let mut reasons: Vec<&String> =
                self.outcomes[subject].iter().filter_map(|outcome| outcome.as_ref().err()).collect();
            reasons.dedup();
            reasons.iter().for_each(|reason| table.note(format!("{name}: {reason}")));
        }
        self.notes.iter().for_each(|note| table.note(note.clone()));
        table
    }

    fn row(&self, subject: usize) -> Vec<String> {
        let show_ratio = |value| ratio(value, self.ratio_digits);
        let mut cells = vec![self.subjects[subject].to_owned()];
        for (number, metric) in self.metrics.iter().enumerate() {
            let summary = self.summary(subject, number);
            cells.push(summary.map_or("-".into(), |(own, _)| figure(own.median)));
            if metric.compared {
                cells.push(summary.map_or("-".into(), |(own, _)| spread(own, figure)));
                let relative = summary.and_then(|(_, relative)| relative);
                cells.push(relative.map_or("-".into(), |relative| show_ratio(relative.median)));
                cells.push(relative.map_or("-".into(), |relative| spread(relative, show_ratio)));
            }
        }
        cells
    }
}

fn spread(summary: Summary, show: impl Fn(f64) -> String) -> String {
    format!("{}..{}", show(summary.min), show(summary.max))
}

/// Cases with the same subjects in one table: each subject's first figure and, in brackets, its ratio.
pub fn overview(sheets: &[&Sheet]) -> Table {
    let subjects = &sheets[0].subjects;
    let mut header = vec![""];
    header.extend(subjects.iter().copied());
    let mut table = Table::new(format!("Overview: medians (\u{d7} {})", subjects[0]), &header);
    for sheet in sheets {
        let mut cells = vec![format!("{}, {}", sheet.name, sheet.metrics[0].header)];
        cells.extend((0..subjects.len()).map(|subject| match sheet.summary(subject, 0) {
            Some((own, Some(relative))) => {
                format!("{} ({})", figure(own.median), ratio(relative.median, sheet.ratio_digits))
            }
            Some((own, None)) => figure(own.median),
            None => "-".into(),
        }));
        table.row(cells);
    }
    table
}
