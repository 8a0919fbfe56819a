//! The figures of a case, their comparison with the baseline, and their table.

use oneloop_bench::record::{CaseRecord, Family, MetricRecord, Round, SubjectRecord, SweepPoint};
use oneloop_bench::rounds;

use crate::case::{Case, Metric, Point};
use crate::counting::Counted;
use crate::stats::{Summary, ratios};
use crate::table::{Table, figure, ratio};

/// The figures of one measurement in the order of the case's metrics, or the reason why they are
/// missing.
pub type Outcome = Result<Vec<f64>, String>;

/// One case with its subjects and their outcomes.
pub struct Sheet {
    pub family: Family,
    pub name: &'static str,
    pub about: &'static str,
    /// The place of the case in a sweep, if it is part of one.
    pub point: Option<Point>,
    pub metrics: &'static [Metric],
    /// The names of the subjects. The first one is the baseline.
    pub subjects: Vec<&'static str>,
    ratio_digits: usize,
    /// The outcomes of each subject, one for each round. A subject that was given up has fewer.
    outcomes: Vec<Vec<Outcome>>,
    notes: Vec<String>,
    /// The number of planned rounds, if the run was interrupted before their end.
    rounds_planned: Option<usize>,
}

/// The number of failures after which a subject is given up in a case. Each failure may have taken a
/// whole time-out.
const FAILURES_MAX: usize = 2;

impl Sheet {
    pub fn new<Kind>(
        family: Family,
        case: &'static Case<Kind>,
        subjects: impl Iterator<Item = &'static str>,
    ) -> Sheet {
        // The figures of servers are close to each other, so that a ratio needs three digits.
        let ratio_digits = if family == Family::Operations { 2 } else { 3 };
        let subjects: Vec<&'static str> = subjects.collect();
        let outcomes = subjects.iter().map(|_| Vec::new()).collect();
        let Case { name, about, point, metrics, .. } = case;
        Sheet {
            family,
            name,
            about,
            point: *point,
            metrics,
            subjects,
            ratio_digits,
            outcomes,
            notes: Vec::new(),
            rounds_planned: None,
        }
    }

    /// Creates the sheet for the counts of a case, which have metrics of their own. They are not part of
    /// a sweep, because only a few sizes are counted.
    pub fn counting(
        family: Family,
        case: Counted,
        metrics: &'static [Metric],
        subjects: impl Iterator<Item = &'static str>,
    ) -> Sheet {
        let subjects: Vec<&'static str> = subjects.collect();
        let outcomes = subjects.iter().map(|_| Vec::new()).collect();
        Sheet {
            family,
            name: case.name(),
            about: case.about(),
            point: None,
            metrics,
            subjects,
            ratio_digits: 2,
            outcomes,
            notes: Vec::new(),
            rounds_planned: None,
        }
    }

    /// Whether the subject at an index has failed so often that it is not measured again.
    pub fn given_up(&self, subject: usize) -> bool {
        self.outcomes[subject].iter().filter(|outcome| outcome.is_err()).count() >= FAILURES_MAX
    }

    /// Enters the outcome of the next round for the subject at an index.
    pub fn enter(&mut self, subject: usize, outcome: Outcome) {
        self.outcomes[subject].push(outcome);
    }

    /// Keeps this number of rounds. The outcomes of an interrupted round are dropped, because a ratio
    /// needs a whole round.
    pub fn keep_rounds(&mut self, rounds: usize, planned: usize) {
        rounds::keep(&mut self.outcomes, rounds);
        self.rounds_planned = (rounds < planned).then_some(planned);
    }

    /// Adds a line below the table.
    pub fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Returns the values of one metric of a subject, by round. A round that failed has `None`.
    pub fn values(&self, subject: usize, metric: usize) -> Vec<Option<f64>> {
        let value =
            |outcome: &Outcome| outcome.as_ref().ok().and_then(|figures| figures.get(metric)).copied();
        self.outcomes[subject].iter().map(value).collect()
    }

    /// Returns the reasons why a subject has no figures. Equal reasons in a row appear once.
    pub fn failures(&self, subject: usize) -> Vec<&String> {
        let failed = self.outcomes[subject].iter().filter_map(|outcome| outcome.as_ref().err());
        let mut reasons: Vec<&String> = failed.collect();
        reasons.dedup();
        reasons
    }

    /// Returns the summary of one metric of a subject, and the summary of its ratios to the baseline of
    /// the same rounds.
    fn summary(&self, subject: usize, metric: usize) -> Option<(Summary, Option<Summary>)> {
        let values = self.values(subject, metric);
        let relative = Summary::of(&ratios(&values, &self.values(0, metric)));
        let known: Vec<f64> = values.into_iter().flatten().collect();
        Some((Summary::of(&known)?, relative))
    }

    /// Returns the table of the whole case.
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
        if let Some(planned) = self.rounds_planned {
            table.note(format!("The run was interrupted. This case has {rounds} of {planned} rounds."));
        }
        table
    }

    /// Returns the number of rounds. One round has no spread.
    pub fn rounds(&self) -> usize {
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

    /// Returns the whole case as a record.
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
            rounds_planned: self.rounds_planned,
            date: None,
        }
    }

    /// Returns the first figure of a subject and its ratio.
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
        // JSON has no number that is not finite.
        Ok(figures) if figures.iter().all(|it| it.is_finite()) => Round::Figures(figures.clone()),
        Ok(_) => Round::Failure("a figure is not finite".into()),
        Err(reason) => Round::Failure(reason.clone()),
    }
}

fn spread(summary: Summary, show: impl Fn(f64) -> String) -> String {
    format!("{}..{}", show(summary.min), show(summary.max))
}
