//! The section of the targets, with the verdict on each.

use super::html::{Html, table};
use crate::record::Record;
use crate::verdict::{self, Verdict};

/// Returns the table of the targets whose cases were run.
pub fn section(record: &Record) -> Html {
    let verdicts = verdict::all(record);
    if verdicts.is_empty() {
        return Html::default();
    }
    let judged = |word| verdicts.iter().filter(|it| judgement(it).1 == word).count();
    let counts = [MET, NOT_MET, NOT_JUDGED, NOT_KNOWN].map(|word| (judged(word), word));
    let counts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
    let mut counted = format!("Of {} targets: {}.", verdicts.len(), counts.collect::<Vec<_>>().join(", "));
    if judged(NOT_JUDGED) > 0 {
        counted += " Grey targets are not judged, because other programs used the machine meanwhile.";
    }
    counted += " The table has only targets whose cases were run. If a target names every peer, the table \
                shows the peer with the closest figure.";
    let mut section = Html::heading("targets", "Targets");
    section.push(Html::element("p", "", counted));
    // The targets that are not met come first, and those that are not judged come last.
    let mut verdicts = verdicts;
    verdicts.sort_by_key(|it| {
        [NOT_MET, MET, NOT_KNOWN, NOT_JUDGED].iter().position(|word| *word == judgement(it).1)
    });
    let rows = verdicts.into_iter().map(|it| {
        let (class, word) = judgement(&it);
        (class.to_owned(), [it.case, it.target, it.measured, word.to_owned()].map(Html::from).into())
    });
    let header = ["Case", "Target", "Measured", ""].map(String::from);
    section.push(Html::element("div", "words targets", table(&header, rows.collect())));
    section
}

const MET: &str = "met";
const NOT_MET: &str = "not met";
const NOT_JUDGED: &str = "not judged";
const NOT_KNOWN: &str = "not known";

/// Returns the class of a row, and its word. A target is not judged on a busy machine, whether it is met
/// or not.
fn judgement(verdict: &Verdict) -> (&'static str, &'static str) {
    match verdict.met {
        None => ("unjudged", NOT_KNOWN),
        Some(_) if verdict.doubtful => ("unjudged", NOT_JUDGED),
        Some(true) => ("", MET),
        Some(false) => ("bad", NOT_MET),
    }
}
