//! A run as data: what the JSON file holds, and what the page is made from.
//!
//! The file is one object, a [`Record`]. Its fields have the names that the structs below have. In short:
//!
//! ```json
//! {
//!   "format": 2,
//!   "machine": { "cpu": "...", "cores": 2, "virtual_machine": true, "kernel": "...", "rustc": "...",
//!                "date": "2026-01-31T12:00:00Z", "versions": [["tokio", "1.51.0"]] },
//!   "options": { "quick": true, "filters": ["yield"], "server_seconds": 0.12, "operation_seconds": 0.06 },
//!   "subjects": [{ "family": "operations", "name": "tokio", "about": "...", "version": null }],
//!   "left_out": [["uvloop", "there is no module ..."]],
//!   "cases": [{
//!     "family": "operations", "name": "yield-1000", "about": "...",
//!     "sweep": { "name": "yield", "parameter": "tasks", "value": 1000 },
//!     "metrics": [{ "name": "CPU", "unit": "ns/op", "compared": true }],
//!     "baseline": "tokio", "ratio_digits": 2,
//!     "subjects": [{ "name": "tokio", "rounds": [{ "figures": [38.0] }, { "failure": "no answer within 5 s" }] }],
//!     "notes": ["Other work took 9 % of a core meanwhile: do not trust this."]
//!   }],
//!   "counts": [{
//!     "family": "operations", "name": "yield-1000",
//!     "metrics": [{ "name": "instructions", "unit": "/op", "compared": true },
//!                 { "name": "in C libraries", "unit": "/op", "compared": false },
//!                 { "name": "system calls", "unit": "/op", "compared": false }],
//!     "subjects": [{ "name": "tokio", "rounds": [{ "figures": [310.5, 0.0, 0.0] }] }]
//!   }],
//!   "facts": []
//! }
//! ```
//!
//! `figures` are in the order of `metrics`. Where a metric is compared, less of it is better. `sweep` is null for a
//! case that stands alone; all points of one sweep have the same metrics. A subject that failed too often was given
//! up and has fewer rounds than the others. `counts` has the form of `cases` (the example leaves fields out), with one
//! round, and is empty unless instructions were counted. `facts` is empty unless the run looked at the libraries themselves. A reader should
//! refuse a `format` that it does not know; fields may be added without a new number.

use serde::{Deserialize, Serialize};

use crate::stats::{Summary, ratios};

/// The number of the format above.
pub const FORMAT: u32 = 2;

/// One run of the benchmark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Always [`FORMAT`] here.
    pub format: u32,
    /// Where it ran.
    pub machine: Machine,
    /// How it ran.
    pub options: RunOptions,
    /// Who took part.
    pub subjects: Vec<About>,
    /// Who could not take part on this machine, and why.
    pub left_out: Vec<(String, String)>,
    /// User instructions and system calls, if they were counted: cases with one round and metrics of their own.
    #[serde(default)]
    pub counts: Vec<CaseRecord>,
    /// What was measured.
    pub cases: Vec<CaseRecord>,
    /// Facts about the libraries themselves, if they were asked for.
    #[serde(default)]
    pub facts: Vec<FactsRecord>,
}

/// Where a run took place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's model.
    pub cpu: String,
    /// The cores that the benchmark was allowed to use.
    pub cores: usize,
    /// The processor says that it is a virtual one.
    pub virtual_machine: bool,
    /// The version of Linux.
    pub kernel: String,
    /// What `rustc --version` says.
    pub rustc: String,
    /// When the run ended, in UTC.
    pub date: String,
    /// The libraries that took part and their versions.
    pub versions: Vec<(String, String)>,
}

/// How a run was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunOptions {
    /// Shorter and fewer rounds.
    pub quick: bool,
    /// The words that chose cases and runtimes.
    pub filters: Vec<String>,
    /// How long a server is measured in each round.
    pub server_seconds: f64,
    /// How long an operation is measured in each round.
    pub operation_seconds: f64,
}

/// Which kind of case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// TCP servers under load.
    Servers,
    /// HTTP servers under load.
    Http,
    /// What a runtime does between system calls.
    Operations,
}

/// A server or a runtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// In which cases it takes part.
    pub family: Family,
    /// Its name in all tables.
    pub name: String,
    /// What it is.
    pub about: String,
    /// The version of the program that runs it, if that is not the benchmark itself.
    pub version: Option<String>,
}

/// One case and what it showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseRecord {
    /// Which kind of case.
    pub family: Family,
    /// Its name, by which a filter chooses it.
    pub name: String,
    /// What is done.
    pub about: String,
    /// Its place in a sweep, if it is part of one.
    pub sweep: Option<SweepPoint>,
    /// What its figures mean.
    pub metrics: Vec<MetricRecord>,
    /// The subject that ratios refer to.
    pub baseline: String,
    /// How many digits of a ratio are worth showing.
    pub ratio_digits: usize,
    /// Who took part; the baseline first.
    pub subjects: Vec<SubjectRecord>,
    /// Warnings.
    pub notes: Vec<String>,
}

/// One kind of work at one size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepPoint {
    /// The name that all points share.
    pub name: String,
    /// What grows.
    pub parameter: String,
    /// How many of them there are.
    pub value: usize,
}

/// What a figure means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricRecord {
    /// What is measured.
    pub name: String,
    /// In what.
    pub unit: String,
    /// Compared with the baseline; if not, it is only shown.
    pub compared: bool,
}

/// What one subject showed in a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubjectRecord {
    /// Its name.
    pub name: String,
    /// Its rounds, in order.
    pub rounds: Vec<Round>,
}

/// One measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Round {
    /// A figure for each metric.
    Figures(Vec<f64>),
    /// Why there are none.
    Failure(String),
}

/// What is known about a library without running it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FactsRecord {
    /// The library.
    pub name: String,
    /// The facts, or why there are none.
    #[serde(flatten)]
    pub outcome: FactsOutcome,
}

/// Facts, or why there are none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactsOutcome {
    /// The echo server was built.
    Facts(Facts),
    /// It could not be built.
    Failure(String),
}

/// The facts about one library, found with the smallest echo server on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Its version.
    pub version: String,
    /// The features that the echo server turns on, as its manifest has them.
    pub features: String,
    /// A release build from nothing: seconds on the wall.
    pub build_seconds: f64,
    /// The processor time of that build, in seconds.
    pub build_cpu_seconds: f64,
    /// How many jobs the build was allowed to run at once.
    pub jobs: usize,
    /// The crates in the tree without the program itself; build scripts and macros count.
    pub crates: usize,
    /// The size of the stripped program.
    pub binary_bytes: u64,
    /// The crates whose lines were counted: those of the project itself.
    pub counted: Vec<String>,
    /// Lines with code on them; comments, documentation and unit tests left out.
    pub lines: usize,
    /// Blocks `unsafe { .. }` in the same lines.
    pub unsafe_blocks: usize,
}

impl CaseRecord {
    /// The index of a subject.
    pub fn subject(&self, name: &str) -> Option<usize> {
        self.subjects.iter().position(|subject| subject.name == name)
    }

    /// The index of a metric.
    pub fn metric(&self, name: &str) -> Option<usize> {
        self.metrics.iter().position(|metric| metric.name == name)
    }

    /// A subject's figures by round; `None` where it failed.
    pub fn values(&self, subject: usize, metric: usize) -> Vec<Option<f64>> {
        let value = |round: &Round| match round {
            Round::Figures(figures) => figures.get(metric).copied(),
            Round::Failure(_) => None,
        };
        self.subjects[subject].rounds.iter().map(value).collect()
    }

    /// A subject's median and spread; `None` if all its rounds failed.
    pub fn summary(&self, subject: usize, metric: usize) -> Option<Summary> {
        let known: Vec<f64> = self.values(subject, metric).into_iter().flatten().collect();
        Summary::of(&known)
    }

    /// The ratio of a subject to another, round by round.
    pub fn ratio(&self, subject: usize, to: usize, metric: usize) -> Option<Summary> {
        Summary::of(&ratios(&self.values(subject, metric), &self.values(to, metric)))
    }

    /// Why a subject failed, each reason once.
    pub fn failures(&self, subject: usize) -> Vec<&str> {
        let mut reasons: Vec<&str> = Vec::new();
        for round in &self.subjects[subject].rounds {
            if let Round::Failure(reason) = round
                && !reasons.contains(&reason.as_str())
            {
                reasons.push(reason);
            }
        }
        reasons
    }
}

#[cfg(test)]
pub mod samples {
    //! Records for tests.

    use super::*;

    /// A case with one metric, whose subjects have these figures.
    pub fn case(name: &str, metric: &str, subjects: &[(&str, &[f64])]) -> CaseRecord {
        let rounds = |figures: &[f64]| figures.iter().map(|&it| Round::Figures(vec![it])).collect();
        CaseRecord {
            family: Family::Servers,
            name: name.into(),
            about: "a <case> & more".into(),
            sweep: None,
            metrics: vec![MetricRecord { name: metric.into(), unit: "ns/op".into(), compared: true }],
            baseline: subjects[0].0.into(),
            ratio_digits: 2,
            subjects: subjects
                .iter()
                .map(|(name, figures)| SubjectRecord { name: name.to_string(), rounds: rounds(figures) })
                .collect(),
            notes: Vec::new(),
        }
    }

    /// A run of these cases.
    pub fn record(cases: Vec<CaseRecord>) -> Record {
        Record {
            format: FORMAT,
            machine: Machine {
                cpu: "a processor".into(),
                cores: 2,
                virtual_machine: true,
                kernel: "6.0".into(),
                rustc: "rustc 1.88".into(),
                date: "2026-01-31T12:00:00Z".into(),
                versions: vec![("tokio".into(), "1.0.0".into())],
            },
            options: RunOptions {
                quick: true,
                filters: vec!["<script>".into()],
                server_seconds: 0.1,
                operation_seconds: 0.1,
            },
            subjects: Vec::new(),
            left_out: vec![("uvloop".into(), "not <here>".into())],
            counts: Vec::new(),
            cases,
            facts: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_as_it_was() {
        let mut case = samples::case("echo-50", "CPU", &[("epoll", &[1.25, 2.0]), ("oneloop", &[1.5])]);
        case.subjects[1].rounds.push(Round::Failure("it \"crashed\"\n".into()));
        case.sweep = Some(SweepPoint { name: "echo".into(), parameter: "connections".into(), value: 50 });
        let mut record = samples::record(vec![case]);
        let failure = FactsOutcome::Failure("no".into());
        record.facts.push(FactsRecord { name: "glommio".into(), outcome: failure });
        let text = serde_json::to_string_pretty(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
        assert!(text.contains(r#""failure": "no""#));
    }

    #[test]
    fn rounds_that_failed_have_no_ratio() {
        let mut case = samples::case("echo-50", "CPU", &[("epoll", &[1.0, 2.0, 4.0]), ("oneloop", &[3.0])]);
        let oneloop = &mut case.subjects[1].rounds;
        oneloop.extend([Round::Failure("late".into()), Round::Failure("late".into())]);
        assert_eq!(case.ratio(1, 0, 0).unwrap().median, 3.0);
        assert_eq!(case.failures(1), ["late"]);
        assert_eq!(case.summary(0, 0).unwrap().max, 4.0);
    }
}
