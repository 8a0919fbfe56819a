//! The record of a run: the content of the JSON file, and the data of the page.
//!
//! The file is one object, a [`Record`]. Its fields have the names of the structs' fields below. This is
//! an example:
//!
//! ```json
//! {
//!   "format": 2,
//!   "machine": { "cpu": "...", "cores": 2, "virtual_machine": true, "kernel": "...", "rustc": "...",
//!                "date": "2026-01-31T12:00:00Z", "versions": [["tokio", "1.51.0"]] },
//!   "options": { "quick": true, "filters": ["yield"], "server_seconds": 0.12, "operation_seconds": 0.06,
//!                "interrupted": false, "elapsed_seconds": 12.5 },
//!   "subjects": [{ "family": "operations", "name": "tokio", "about": "...", "version": null }],
//!   "left_out": [["uvloop", "there is no module ..."]],
//!   "cases": [{
//!     "family": "operations", "name": "yield-1000", "about": "...",
//!     "sweep": { "name": "yield", "parameter": "tasks", "value": 1000 },
//!     "metrics": [{ "name": "CPU", "unit": "ns/op", "compared": true }],
//!     "baseline": "tokio", "ratio_digits": 2,
//!     "subjects": [{ "name": "tokio", "rounds": [{ "figures": [38.0] }, { "failure": "no answer within 5 s" }] }],
//!     "notes": ["Other work took 9 % of a core meanwhile. Do not trust this case."]
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
//! `figures` are in the order of `metrics`. A lower figure of a compared metric is better. `sweep` is
//! null for a case outside a sweep. All points of one sweep have the same metrics. A subject that fails
//! too often is not measured again and has fewer rounds than the others. `counts` has the form of
//! `cases` (the example leaves fields out), with one round, and is empty if the run did not count
//! instructions. `facts` is empty if the run did not build the libraries. A case of an interrupted run
//! also has `rounds_planned`, and a case that is merged from another run has its `date`. A reader should
//! refuse a `format` that it does not know. New fields may be added without a new number.

use serde::{Deserialize, Serialize};

use crate::stats::{Summary, ratios};

/// The number of the format above.
pub const FORMAT: u32 = 2;

/// One run of the benchmark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The number of the format, which is always [`FORMAT`].
    pub format: u32,
    /// The machine of the run.
    pub machine: Machine,
    /// The options of the run.
    pub options: RunOptions,
    /// The servers and runtimes that took part.
    pub subjects: Vec<About>,
    /// The servers and runtimes that could not take part on this machine, each with the reason.
    pub left_out: Vec<(String, String)>,
    /// The cases with user instructions and system calls, if they were counted. They have one round and
    /// metrics of their own.
    #[serde(default)]
    pub counts: Vec<CaseRecord>,
    /// The measured cases.
    pub cases: Vec<CaseRecord>,
    /// The facts about the libraries themselves, if the run collected them.
    #[serde(default)]
    pub facts: Vec<FactsRecord>,
}

/// The machine of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The model of the processor.
    pub cpu: String,
    /// The number of cores that the benchmark was allowed to use.
    pub cores: usize,
    /// Whether the processor reports that it is virtual.
    pub virtual_machine: bool,
    /// The version of Linux.
    pub kernel: String,
    /// The output of `rustc --version`.
    pub rustc: String,
    /// The time of the end of the run, in UTC.
    pub date: String,
    /// The libraries that took part and their versions.
    pub versions: Vec<(String, String)>,
}

/// The options of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunOptions {
    /// Whether the run has shorter and fewer rounds.
    pub quick: bool,
    /// The words that chose cases and runtimes.
    pub filters: Vec<String>,
    /// The time for which each round measures a server, in seconds.
    pub server_seconds: f64,
    /// The time for which each round measures an operation, in seconds.
    pub operation_seconds: f64,
    /// Whether the user ended the run, so that cases and rounds are missing.
    #[serde(default)]
    pub interrupted: bool,
    /// The time of the whole run, in seconds.
    #[serde(default)]
    pub elapsed_seconds: f64,
}

/// The family of cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// TCP servers under load.
    Servers,
    /// HTTP servers under load.
    Http,
    /// The operations of a runtime between system calls.
    Operations,
}

/// A server or a runtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// The family of the cases in which it takes part.
    pub family: Family,
    /// The name in all tables.
    pub name: String,
    /// The description.
    pub about: String,
    /// The version of the program that runs it. It is `None` if the benchmark itself runs it.
    pub version: Option<String>,
}

/// One case and its figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseRecord {
    /// The family of the case.
    pub family: Family,
    /// The name, by which a filter chooses the case.
    pub name: String,
    /// The description of the work.
    pub about: String,
    /// The place in a sweep, if the case is part of one.
    pub sweep: Option<SweepPoint>,
    /// The meaning of the figures, in their order.
    pub metrics: Vec<MetricRecord>,
    /// The name of the subject that ratios refer to.
    pub baseline: String,
    /// The number of significant digits of a ratio.
    pub ratio_digits: usize,
    /// The subjects that took part. The first one is the baseline.
    pub subjects: Vec<SubjectRecord>,
    /// The warnings.
    pub notes: Vec<String>,
    /// The number of planned rounds, if the case has fewer because the run was interrupted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounds_planned: Option<usize>,
    /// The time of the measurement, if [`merge`](crate::merge) took the case from another run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
}

/// One kind of work at one size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepPoint {
    /// The name of the sweep.
    pub name: String,
    /// The name of the size that grows.
    pub parameter: String,
    /// The size at this point.
    pub value: usize,
}

/// The meaning of a figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricRecord {
    /// The name of the measured quantity.
    pub name: String,
    /// The unit.
    pub unit: String,
    /// Whether the figure is compared with the baseline. Other figures are only shown.
    pub compared: bool,
}

/// The figures of one subject in a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubjectRecord {
    /// The name of the subject.
    pub name: String,
    /// The rounds, in order.
    pub rounds: Vec<Round>,
}

/// One measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Round {
    /// A figure for each metric.
    Figures(Vec<f64>),
    /// The reason why the round has no figures.
    Failure(String),
}

/// The facts about a library, which need no measured run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FactsRecord {
    /// The name of the library.
    pub name: String,
    /// The facts, or the reason why they are missing.
    #[serde(flatten)]
    pub outcome: FactsOutcome,
}

/// The facts about a library, or the reason why they are missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactsOutcome {
    /// The facts of a successful build.
    Facts(Facts),
    /// The reason why the build failed.
    Failure(String),
}

/// The facts about one library, collected with the smallest echo server on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The version.
    pub version: String,
    /// The features that the echo server enables, as a line of its manifest.
    pub features: String,
    /// The wall time of a release build into an empty directory, in seconds.
    pub build_seconds: f64,
    /// The processor time of that build, in seconds.
    pub build_cpu_seconds: f64,
    /// The number of jobs that the build may run at once.
    pub jobs: usize,
    /// The number of crates in the tree with build scripts and macros, without the program itself.
    pub crates: usize,
    /// The size of the stripped program, in bytes.
    pub binary_bytes: u64,
    /// The crates whose lines were counted. They belong to the library's own project.
    pub counted: Vec<String>,
    /// The number of lines with code, without comments, documentation and unit tests.
    pub lines: usize,
    /// The number of blocks `unsafe { .. }` in the same lines.
    pub unsafe_blocks: usize,
}

impl Record {
    /// Reads a record from the text of a file.
    ///
    /// # Errors
    ///
    /// The error is a message for the user, if the text is not a record or has another format.
    pub fn from_json(text: &str) -> Result<Record, String> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let not_ours =
            |error: serde_json::Error| format!("the file is not the result of a benchmark run: {error}");
        let Format { format } = serde_json::from_str(text).map_err(not_ours)?;
        if format != FORMAT {
            return Err(format!(
                "the file has the format {format}, and this program reads the format {FORMAT}"
            ));
        }
        serde_json::from_str(text).map_err(not_ours)
    }
}

impl CaseRecord {
    /// Returns the index of a subject.
    pub fn subject(&self, name: &str) -> Option<usize> {
        self.subjects.iter().position(|subject| subject.name == name)
    }

    /// Returns the index of a metric.
    pub fn metric(&self, name: &str) -> Option<usize> {
        self.metrics.iter().position(|metric| metric.name == name)
    }

    /// Whether other programs used the machine while the metric was measured. Metrics that are counts do
    /// not depend on other programs: bytes, and timers that fired early.
    pub fn is_doubtful(&self, metric: usize) -> bool {
        let metric = self.metrics.get(metric);
        let is_count = metric.is_some_and(|it| it.unit.starts_with("B/") || it.name == "fired early");
        !self.notes.is_empty() && !is_count
    }

    /// Returns the figures of a subject by round. A round that failed has `None`.
    pub fn values(&self, subject: usize, metric: usize) -> Vec<Option<f64>> {
        let value = |round: &Round| match round {
            Round::Figures(figures) => figures.get(metric).copied(),
            Round::Failure(_) => None,
        };
        self.subjects[subject].rounds.iter().map(value).collect()
    }

    /// Returns the median and the spread of a subject, or `None` if all its rounds failed.
    pub fn summary(&self, subject: usize, metric: usize) -> Option<Summary> {
        let known: Vec<f64> = self.values(subject, metric).into_iter().flatten().collect();
        Summary::of(&known)
    }

    /// Returns the summary of the ratios of a subject to another within each round.
    pub fn ratio(&self, subject: usize, to: usize, metric: usize) -> Option<Summary> {
        Summary::of(&ratios(&self.values(subject, metric), &self.values(to, metric)))
    }

    /// Returns the reasons why a subject failed, each once.
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

    /// Returns a case with one metric. The subjects have these figures.
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
            rounds_planned: None,
            date: None,
        }
    }

    /// Returns the record of a run of these cases.
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
                interrupted: false,
                elapsed_seconds: 61.0,
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
    fn a_file_that_is_no_record_is_refused_with_the_reason() {
        let error = |text| Record::from_json(text).unwrap_err();
        assert!(error("no").starts_with("the file is not the result of a benchmark run: "));
        assert!(error("{}").contains("missing field `format`"));
        assert_eq!(
            error("{\"format\": 1}"),
            "the file has the format 1, and this program reads the format 2"
        );
        assert!(error("{\"format\": 2}").contains("missing field `machine`"));
    }

    #[test]
    fn a_record_of_an_earlier_version_can_be_read() {
        let record = samples::record(vec![samples::case("echo-50", "CPU", &[("epoll", &[1.0])])]);
        let mut json = serde_json::to_value(&record).unwrap();
        for name in ["interrupted", "elapsed_seconds"] {
            json["options"].as_object_mut().unwrap().remove(name).unwrap();
        }
        assert_eq!(Record::from_json(&json.to_string()).unwrap().options.elapsed_seconds, 0.0);
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
