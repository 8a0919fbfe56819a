//! The comparison of the targets with the figures of a run.

use crate::record::{CaseRecord, FactsOutcome, FactsRecord, Record, Round};
use crate::stats::Summary;
use crate::table::{figure, ratio};
use crate::targets::{Bound, FACTS, LIMITS, TARGETS, Target};

/// One target and its verdict in a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The case and the subject.
    pub case: String,
    /// The target in words.
    pub target: String,
    /// The measured figure in words.
    pub measured: String,
    /// Whether the target is met. It is `None` if the run lacks the figures.
    pub met: Option<bool>,
    /// Whether the machine was not idle during the case.
    pub doubtful: bool,
}

/// Returns the verdicts on all targets whose cases were run.
pub fn all(record: &Record) -> Vec<Verdict> {
    judge(record, TARGETS)
}

fn judge(record: &Record, targets: &[Target]) -> Vec<Verdict> {
    let facts = (!record.facts.is_empty()).then(|| facts_as_case(&record.facts));
    let verdict = |target: &Target| {
        let mut cases = record.cases.iter().chain(&facts);
        let all_peers = record.options.filters.is_empty();
        cases.find(|case| case.name == target.case).map(|case| one(case, target, all_peers))
    };
    targets.iter().filter_map(verdict).collect()
}

fn one(case: &CaseRecord, target: &Target, all_peers: bool) -> Verdict {
    let unit = case.metric(target.metric).map_or("", |metric| &case.metrics[metric].unit);
    let found = case.subject(target.subject).zip(case.metric(target.metric));
    let (measured, met) = found
        .and_then(|(subject, metric)| measured(case, subject, metric, target.bound))
        .map_or(("no figures".to_owned(), None), |(text, met)| (text, Some(met)));
    let (measured, met) = match found {
        Some((subject, _)) if failed(case, subject) => (measured + "; some rounds failed", None),
        _ if met == Some(true) && names_every_peer(target.bound) && !all_peers => {
            (measured + "; not all peers took part", None)
        }
        _ => (measured, met),
    };
    Verdict {
        case: format!("{}: {}", case.name, target.subject),
        target: format!("{} {}", target.metric, target_text(target.bound, unit)),
        measured,
        met,
        doubtful: case.metric(target.metric).is_some_and(|metric| case.is_doubtful(metric)),
    }
}

fn failed(case: &CaseRecord, subject: usize) -> bool {
    case.subjects[subject].rounds.iter().any(|round| matches!(round, Round::Failure(_)))
}

fn names_every_peer(bound: Bound) -> bool {
    matches!(bound, Bound::BelowEveryPeer | Bound::NotAboveEveryPeer | Bound::TimesEveryPeerAtLeast(_))
}

fn target_text(bound: Bound, unit: &str) -> String {
    match bound {
        // A small factor is easier to read as a fraction.
        Bound::TimesOf(factor, peer) if factor < 0.35 => format!("\u{2264} 1/{:.0} of {peer}", 1.0 / factor),
        Bound::TimesOf(factor, peer) => format!("\u{2264} {factor:.2} \u{d7} {peer}"),
        Bound::BelowEveryPeer => "below every peer".into(),
        Bound::NotAboveEveryPeer => "not above the best peer".into(),
        Bound::TimesEveryPeerAtLeast(factor) => format!("\u{2265} {factor} \u{d7} every peer"),
        Bound::Below(peer) => format!("below {peer}"),
        Bound::AtMost(limit) => format!("\u{2264} {limit} {unit}"),
        Bound::AlwaysAtMost(limit) => format!("\u{2264} {limit} {unit} in every round"),
    }
}

/// Returns the measured figure in the terms of the target, and whether it meets the target. Returns
/// `None` if a figure is missing.
fn measured(case: &CaseRecord, subject: usize, metric: usize, bound: Bound) -> Option<(String, bool)> {
    let own = case.summary(subject, metric)?;
    let unit = &case.metrics[metric].unit;
    let beside = |name: &str| case.ratio(subject, case.subject(name)?, metric);
    let compared = |ratio_to: Summary, peer: &str, met: bool| {
        // The ratio has three digits, because 0.125 with two digits would seem to miss 1/8.
        (format!("{} \u{d7} {peer} ({} {unit})", ratio(ratio_to.median, 3), figure(own.median)), met)
    };
    Some(match bound {
        Bound::TimesOf(factor, peer) => {
            let to = beside(peer)?;
            compared(to, peer, to.median <= factor)
        }
        Bound::Below(peer) => {
            let to = beside(peer)?;
            compared(to, peer, to.median < 1.0)
        }
        Bound::BelowEveryPeer => {
            let (peer, to) = peers(case, subject, metric).max_by(by_ratio)?;
            compared(to, peer, to.median < 1.0)
        }
        Bound::NotAboveEveryPeer => {
            let (peer, to) = peers(case, subject, metric).max_by(by_ratio)?;
            compared(to, peer, to.median <= 1.0)
        }
        Bound::TimesEveryPeerAtLeast(factor) => {
            let (peer, to) = peers(case, subject, metric).min_by(by_ratio)?;
            compared(to, peer, to.median >= factor)
        }
        Bound::AtMost(limit) => (format!("{} {unit}", figure(own.median)), own.median <= limit),
        Bound::AlwaysAtMost(limit) => (format!("at most {} {unit}", figure(own.max)), own.max <= limit),
    })
}

/// Returns the ratio of a subject to each peer that has figures. The servers of oneloop and the limits
/// are no peers.
fn peers(case: &CaseRecord, subject: usize, metric: usize) -> impl Iterator<Item = (&str, Summary)> {
    let ours = |name: &str| name == "oneloop" || name.starts_with("oneloop-");
    let is_peer = move |name: &str| !ours(name) && !LIMITS.contains(&name);
    let named = case.subjects.iter().enumerate().map(|(peer, it)| (peer, it.name.as_str()));
    let peers = named.filter(move |(_, name)| is_peer(name));
    peers.filter_map(move |(peer, name)| Some((name, case.ratio(subject, peer, metric)?)))
}

fn by_ratio(one: &(&str, Summary), other: &(&str, Summary)) -> std::cmp::Ordering {
    one.1.median.total_cmp(&other.1.median)
}

/// Returns the facts in the form of a case with one round, so that all targets are judged in the same
/// way.
fn facts_as_case(facts: &[FactsRecord]) -> CaseRecord {
    use crate::record::{Family, MetricRecord, SubjectRecord};
    let metric =
        |name: &str, unit: &str| MetricRecord { name: name.into(), unit: unit.into(), compared: true };
    let subject = |record: &FactsRecord| {
        let round = match &record.outcome {
            FactsOutcome::Facts(it) => {
                Round::Figures(vec![it.build_seconds, it.binary_bytes as f64 / 1024.0, it.crates as f64])
            }
            FactsOutcome::Failure(reason) => Round::Failure(reason.clone()),
        };
        SubjectRecord { name: record.name.clone(), rounds: vec![round] }
    };
    CaseRecord {
        family: Family::Operations,
        name: FACTS.into(),
        about: String::new(),
        sweep: None,
        metrics: vec![metric("build time", "s"), metric("program size", "KiB"), metric("crates", "crates")],
        baseline: "tokio".into(),
        ratio_digits: 2,
        subjects: facts.iter().map(subject).collect(),
        notes: Vec::new(),
        rounds_planned: None,
        date: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::samples;

    fn target(bound: Bound) -> Target {
        Target { case: "echo-50", metric: "CPU", subject: "oneloop", bound }
    }

    fn met(subjects: &[(&str, &[f64])], bound: Bound) -> Option<bool> {
        let mut record = samples::record(vec![samples::case("echo-50", "CPU", subjects)]);
        record.options.filters.clear(); // All runtimes took part.
        judge(&record, &[target(bound)])[0].met
    }

    const RUN: &[(&str, &[f64])] = &[
        ("epoll", &[10.0, 20.0]),
        ("mio", &[9.0, 18.0]),
        ("tokio", &[12.0, 24.0]),
        ("monoio", &[11.0, 22.0]),
        ("oneloop", &[10.2, 20.4]),
        ("oneloop-queue", &[9.0, 9.0]),
    ];

    #[test]
    fn ratios_are_taken_round_by_round() {
        assert_eq!(met(RUN, Bound::TimesOf(1.03, "epoll")), Some(true));
        assert_eq!(met(RUN, Bound::TimesOf(1.01, "epoll")), Some(false));
    }

    #[test]
    fn limits_and_our_own_are_no_peers() {
        assert_eq!(met(RUN, Bound::BelowEveryPeer), Some(true));
        assert_eq!(
            met(&[("epoll", &[1.0]), ("tokio", &[1.0]), ("oneloop", &[1.0])], Bound::BelowEveryPeer),
            Some(false)
        );
        assert_eq!(
            met(&[("epoll", &[1.0]), ("tokio", &[1.0]), ("oneloop", &[1.0])], Bound::NotAboveEveryPeer),
            Some(true)
        );
    }

    #[test]
    fn numbers_and_every_round() {
        assert_eq!(met(RUN, Bound::AtMost(15.3)), Some(true));
        assert_eq!(met(RUN, Bound::AlwaysAtMost(15.3)), Some(false));
        assert_eq!(met(RUN, Bound::TimesEveryPeerAtLeast(0.8)), Some(true));
        assert_eq!(met(RUN, Bound::TimesEveryPeerAtLeast(0.9)), Some(false));
    }

    #[test]
    fn where_peers_were_left_out_nothing_is_below_every_peer() {
        let mut record = samples::record(vec![samples::case("echo-50", "CPU", RUN)]);
        record.options.filters = vec!["tokio".into()];
        assert_eq!(judge(&record, &[target(Bound::BelowEveryPeer)])[0].met, None);
        assert_eq!(judge(&record, &[target(Bound::AtMost(15.3))])[0].met, Some(true));
        assert_eq!(judge(&record, &[target(Bound::TimesEveryPeerAtLeast(0.9))])[0].met, Some(false));
    }

    #[test]
    fn a_round_that_failed_leaves_no_verdict() {
        let mut record = samples::record(vec![samples::case("echo-50", "CPU", RUN)]);
        let own = record.cases[0].subject("oneloop").unwrap();
        record.cases[0].subjects[own].rounds.push(Round::Failure("it crashed".into()));
        assert_eq!(judge(&record, &[target(Bound::AtMost(15.3))])[0].met, None);
    }

    #[test]
    fn on_a_busy_machine_times_are_doubtful_and_memory_is_not() {
        let mut case = samples::case("echo-50", "CPU", RUN);
        case.notes.push("Other work took 90 % of a core meanwhile. Do not trust this case.".into());
        let mut record = samples::record(vec![case]);
        assert!(judge(&record, &[target(Bound::AtMost(15.3))])[0].doubtful);
        record.cases[0].metrics[0].unit = "B/connection".into();
        assert!(!judge(&record, &[target(Bound::AtMost(15.3))])[0].doubtful);
    }

    #[test]
    fn without_figures_there_is_no_verdict() {
        assert_eq!(met(RUN, Bound::Below("glommio")), None);
        assert_eq!(met(&[("epoll", &[1.0]), ("oneloop", &[])], Bound::AtMost(1.0)), None);
        assert_eq!(met(&[("epoll", &[1.0]), ("oneloop", &[1.0])], Bound::BelowEveryPeer), None);
        let record = samples::record(Vec::new());
        assert_eq!(judge(&record, TARGETS), []);
    }
}
