//! The headline of a run: the ratios of oneloop to its peers in the most important cases.

use crate::page::runtimes::PEERS;
use crate::record::{CaseRecord, Record};
use crate::stats::Summary;

/// The cases of the headline. A run may lack some of them.
const CASES: &[&str] = &[
    "echo-1",
    "echo-50",
    "echo-1000",
    "echo-10000",
    "churn",
    "pipelined",
    "bulk",
    "http1-get-64",
    "http2-get-64",
    "spawn-join",
    "spawn-batch-1000",
    "spawn-batch-100000",
    "yield-1000",
    "ping-pong",
    "timer-drop",
    "timers-fire",
    "wake-asleep",
    "memory",
];
/// The maximum number of rows for a run without any of these cases. The headline of such a run shows the
/// cases that it has.
const OTHERS_MAX: usize = 16;

/// One case.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The name of the case.
    pub case: String,
    /// The first metric of the case. The ratios are ratios of this metric.
    pub metric: String,
    /// The ratio of oneloop to each peer, in the order of the headline's columns.
    pub ratios: Vec<Ratio>,
    /// Whether the machine was not idle. Such a case is not judged.
    pub is_doubtful: bool,
    /// The number of significant digits of a ratio.
    pub digits: usize,
}

/// The ratio of oneloop to one peer. It is the median of the ratios within each round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// The name of the runtime, without the suffix of a family of cases.
    pub peer: &'static str,
    /// The median.
    pub ratio: f64,
}

impl Row {
    /// Returns the ratio to a peer, or `None` if the peer did not take part.
    pub fn ratio(&self, peer: &str) -> Option<f64> {
        self.ratios.iter().find(|it| it.peer == peer).map(|it| it.ratio)
    }
}

/// The kind of figures of a headline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// User instructions.
    Counts,
    /// Processor time, latency or memory.
    Times,
}

impl Of {
    /// Returns the kind in words.
    pub fn words(self) -> &'static str {
        match self {
            Of::Counts => "user instructions",
            Of::Times => "processor time, latency or memory",
        }
    }
}

/// Returns the rows of a run's counts or times.
pub fn rows(record: &Record, of: Of) -> Vec<Row> {
    let cases = match of {
        Of::Counts => &record.counts,
        Of::Times => &record.cases,
    };
    let named = CASES.iter().filter_map(|name| cases.iter().find(|case| case.name == *name));
    let rows: Vec<Row> = named.filter_map(row).collect();
    if rows.is_empty() { cases.iter().filter_map(row).take(OTHERS_MAX).collect() } else { rows }
}

/// Returns the rows of the plot. They are times if at least one of the times is judged. Otherwise they
/// are counts, which are the same on a busy machine.
pub fn best(record: &Record) -> (Of, Vec<Row>) {
    let (counts, times) = (rows(record, Of::Counts), rows(record, Of::Times));
    let judged = times.iter().any(|row| !row.is_doubtful);
    if judged || counts.is_empty() { (Of::Times, times) } else { (Of::Counts, counts) }
}

fn row(case: &CaseRecord) -> Option<Row> {
    let ours = ["oneloop", "oneloop-hyper"].iter().find_map(|name| case.subject(name))?;
    let to = |peer: &'static str| {
        let hyper = format!("{peer}-hyper");
        let subject = case.subject(peer).or_else(|| case.subject(&hyper))?;
        let Summary { median, .. } = case.ratio(ours, subject, 0)?;
        (median > 0.0).then_some(Ratio { peer, ratio: median })
    };
    let ratios: Vec<Ratio> = PEERS.into_iter().filter_map(to).collect();
    let metric = &case.metrics[0];
    (!ratios.is_empty()).then(|| Row {
        case: case.name.clone(),
        metric: format!("{} {}", metric.name, metric.unit),
        ratios,
        is_doubtful: case.is_doubtful(0),
        digits: case.ratio_digits,
    })
}

/// Returns a summary of the rows in one sentence.
pub fn sentence(rows: &[Row], of: Of) -> String {
    let judged: Vec<f64> =
        rows.iter().filter(|row| !row.is_doubtful).filter_map(|row| row.ratio("tokio")).collect();
    let doubtful = rows.iter().filter(|row| row.is_doubtful).count();
    let Some(summary) = Summary::of(&judged) else {
        return if doubtful > 0 {
            format!("No case is judged by its {}, because the machine was not idle.", of.words())
        } else {
            "tokio did not take part in these cases.".into()
        };
    };
    let (less, much, of) = match of {
        Of::Counts => ("fewer", "many", of.words()),
        Of::Times => ("less", "much", of.words()),
    };
    let cases = judged.iter().filter(|it| **it < 1.0).count();
    let mut text = match judged.len() {
        1 => format!(
            "In the one case that is judged, oneloop needs {:.2} times as {much} {of} as tokio.",
            judged[0]
        ),
        all => format!(
            "oneloop needs {less} {of} than tokio in {cases} of {all} cases: {:.2} times as {much} in the \
             median, {:.2} to {:.2} in all.",
            summary.median, summary.min, summary.max
        ),
    };
    if doubtful > 0 {
        let more = if doubtful == 1 { "1 more is".into() } else { format!("{doubtful} more are") };
        text += &format!(" {more} not judged, because the machine was not idle.");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::samples;

    const FIGURES: &[(&str, &[f64])] =
        &[("epoll", &[1.0]), ("tokio", &[4.0]), ("tokio-local", &[5.0]), ("oneloop", &[2.0])];

    #[test]
    fn ratios_are_of_ours_to_each_peer_in_one_order() {
        let record = samples::record(vec![samples::case("echo-50", "CPU", FIGURES)]);
        let rows = rows(&record, Of::Times);
        let ratios: Vec<(&str, f64)> = rows[0].ratios.iter().map(|it| (it.peer, it.ratio)).collect();
        assert_eq!(ratios, [("tokio", 0.5), ("epoll", 2.0)]);
    }

    #[test]
    fn an_http_server_is_set_beside_that_of_the_peer() {
        let figures: &[(&str, &[f64])] = &[("tokio-hyper", &[4.0]), ("oneloop-hyper", &[3.0])];
        let record = samples::record(vec![samples::case("http1-get-64", "CPU", figures)]);
        assert_eq!(rows(&record, Of::Times)[0].ratio("tokio"), Some(0.75));
    }

    #[test]
    fn a_run_of_other_cases_shows_these() {
        let record = samples::record(vec![samples::case("wake-busy", "p50", FIGURES)]);
        assert_eq!(rows(&record, Of::Times)[0].case, "wake-busy");
        let both = ["wake-busy", "churn"].map(|name| samples::case(name, "CPU", FIGURES));
        assert_eq!(rows(&samples::record(both.into()), Of::Times).len(), 1);
    }

    #[test]
    fn counts_are_drawn_where_no_time_is_judged() {
        let mut case = samples::case("churn", "CPU", FIGURES);
        case.notes.push("Other work took 90 % of a core meanwhile. Do not trust this case.".into());
        let mut record = samples::record(vec![case]);
        assert_eq!(best(&record).0, Of::Times);
        record.counts = vec![samples::case("echo-1", "instructions", FIGURES)];
        assert_eq!(best(&record).0, Of::Counts);
        record.cases[0].notes.clear();
        assert_eq!(best(&record).0, Of::Times);
    }

    #[test]
    fn the_sentence_counts_only_what_is_judged() {
        let mut record =
            samples::record(["churn", "bulk"].map(|name| samples::case(name, "CPU", FIGURES)).into());
        let said = |record: &Record| sentence(&rows(record, Of::Times), Of::Times);
        assert!(said(&record).contains("than tokio in 2 of 2 cases: 0.50 times as much in the median"));
        record.cases[0].notes.push("Other work".into());
        assert!(said(&record).contains("the one case that is judged, oneloop needs 0.50 times"));
        assert!(said(&record).ends_with("1 more is not judged, because the machine was not idle."));
        record.cases[1].notes.push("Other work".into());
        assert!(said(&record).starts_with("No case is judged"));
    }
}
