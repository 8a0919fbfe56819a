//! Figures collected, compared with the baseline and set in tables.

use oneloop_bench::record::{CaseRecord, Family, MetricRecord, Round, SubjectRecord, SweepPoint};

use crate::case::{Case, Metric, Point};
use crate::counting::Counted;
use crate::stats::{Summary, ratios};
use crate::table::{Table, figure, ratio};

/// One measurement's figures, in the order of the case's metrics; or why there are none.
pub type Outcome = Result<Vec<f64>, String>;

/// One case: its subjects and what they showed.
pub struct Sheet {
    pub family: Family,
    pub name: &'static str,
    pub about: &'static str,
    /// Where the case stands in a sweep, if it is part of one.
    pub point: Option<Point>,
    pub metrics: &'static [Metric],
    /// The first is the baseline.
    pub subjects: Vec<&'static str>,
    ratio_digits: usize,
    /// For each subject an outcome for each round; fewer if it was given up.
    outcomes: Vec<Vec<Outcome>>,
    notes: Vec<String>,
}

/// A subject that fails so often in a case is given up: it may have cost a time-out each time.
const FAILURES_MAX: usize = 2;

impl Sheet {
    pub fn new<Kind>(
        family: Family,
        case: &'static Case<Kind>,
        subjects: impl Iterator<Item = &'static str>,
    ) -> Sheet {
        // The servers are close to each other: three digits.
        let ratio_digits = if family == Family::Operations { 2 } else { 3 };
        let subjects: Vec<&'static str> = subjects.collect();
        let outcomes = subjects.iter().map(|_| Vec::new()).collect();
        let Case { name, about, point, metrics, .. } = case;
        let (point, notes) = (*point, Vec::new());
        Sheet { family, name, about, point, metrics, subjects, ratio_digits, outcomes, notes }
    }

    /// The counts of a case, which have metrics of their own. They make no sweep: few sizes are counted.
    pub fn counting(
        family: Family,
        case: Counted,
        metrics: &'static [Metric],
        subjects: impl Iterator<Item = &'static str>,
    ) -> Sheet {
        let subjects: Vec<&'static str> = subjects.collect();
        let outcomes = subjects.iter().map(|_| Vec::new()).collect();
        let (name, about, notes) = (case.name(), case.about(), Vec::new());
        Sheet { family, name, about, point: None, metrics, subjects, ratio_digits: 2, outcomes, notes }
    }

    /// Whether the subject at an index is not to be asked again.
    pub fn given_up(&self, subject: usize) -> bool {
        self.outcomes[subject].iter().filter(|outcome| outcome.is_err()).count() >= FAILURES_MAX
    }

    /// Enters what the subject at an index showed in the next round.
    pub fn enter(&mut self, subject: usize, outcome: Outcome) {
        self.outcomes[subject].push(outcome);
    }

    /// A line for below the table.
    pub fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// A subject's values of one metric, by round; `None` where it failed.
    pub fn values(&self, subject: usize, metric: usize) -> Vec<Option<f64>> {
        let value =
            |outcome: &Outcome| outcome.as_ref().ok().and_then(|figures| figures.get(metric)).copied();
        self.outcomes[subject].iter().map(value).collect()
    }

    /// Why a subject showed nothing, each reason once.
    pub fn failures(&self, subject: usize) -> Vec<&String> {
        let failed = self.outcomes[subject].iter().filter_map(|outcome| outcome.as_ref().err());
        let mut reasons: Vec<&String> = failed.collect();
        reasons.dedup();
        reasons
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
        let rounds = self.rounds();
        let mut header = vec![String::new()];
        for metric in self.metrics {
            header.push(format!("{} {}", metric.name, metric.unit));
            if metric.compared {
                let columns = ["min..max", &relative, "min..max"];
                header
                    .extend(columns.into_iter().filter(|it| rounds > 1 || *it == relative).map(String::from));
            }
        }
        let mut table = Table::new(format!("{}: {}", self.name, self.about), header);
        for (subject, name) in self.subjects.iter().enumerate() {
            table.row(self.row(subject));
            self.failures(subject).iter().for_each(|reason| table.note(format!("{name}: {reason}")));
        }
        self.notes.iter().for_each(|note| table.note(note.clone()));
        table
    }

    /// How often the subjects were measured: with one round there is no spread.
    fn rounds(&self) -> usize {
        self.outcomes.iter().map(Vec::len).max().unwrap_or(0)
    }

    fn row(&self, subject: usize) -> Vec<String> {
        let spreads = self.rounds() > 1;
        let show_ratio = |value| ratio(value, self.ratio_digits);
        let mut cells = vec![self.subjects[subject].to_owned()];
        for (number, metric) in self.metrics.iter().enumerate() {
            let summary = self.summary(subject, number);
            cells.push(summary.map_or("-".into(), |(own, _)| figure(own.median)));
            if metric.compared {
                if spreads {
                    cells.push(summary.map_or("-".into(), |(own, _)| spread(own, figure)));
                }
                let relative = summary.and_then(|(_, relative)| relative);
                cells.push(relative.map_or("-".into(), |relative| show_ratio(relative.median)));
                if spreads {
                    cells.push(relative.map_or("-".into(), |relative| spread(relative, show_ratio)));
                }
            }
        }
        cells
    }

    /// The whole case as data.
    pub fn record(&self) -> CaseRecord {
        let sweep = self.point.map(|Point { sweep, parameter, value }| SweepPoint {
            name: sweep.into(),
            parameter: parameter.into(),
            value,
        });
        let metric = |metric: &Metric| MetricRecord {
            name: metric.name.into(),
            unit: metric.unit.into(),
            compared: metric.compared,
        };
        let subject = |(name, outcomes): (&&str, &Vec<Outcome>)| SubjectRecord {
            name: name.to_string(),
            rounds: outcomes.iter().map(round).collect(),
        };
        CaseRecord {
            family: self.family,
            name: self.name.into(),
            about: self.about.into(),
            sweep,
            metrics: self.metrics.iter().map(metric).collect(),
            baseline: self.subjects[0].into(),
            ratio_digits: self.ratio_digits,
            subjects: self.subjects.iter().zip(&self.outcomes).map(subject).collect(),
            notes: self.notes.clone(),
        }
    }

    /// A subject's first figure and its ratio.
    pub fn brief(&self, subject: usize) -> String {
        match self.summary(subject, 0) {
            Some((own, Some(relative))) => {
                format!("{} ({})", figure(own.median), ratio(relative.median, self.ratio_digits))
            }
            Some((own, None)) => figure(own.median),
            None => "-".into(),
        }
    }
}

fn round(outcome: &Outcome) -> Round {
    match outcome {
        // JSON has no other numbers.
        Ok(figures) if figures.iter().all(|it| it.is_finite()) => Round::Figures(figures.clone()),
        Ok(_) => Round::Failure("a figure is not finite".into()),
        Err(reason) => Round::Failure(reason.clone()),
    }
}

fn spread(summary: Summary, show: impl Fn(f64) -> String) -> String {
    format!("{}..{}", show(summary.min), show(summary.max))
}
