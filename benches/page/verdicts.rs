//! The targets, and whether this run meets them.

use super::html::{Html, table};
use crate::record::Record;
use crate::verdict;

/// The table of the targets whose cases were run.
pub fn section(record: &Record) -> Html {
    let verdicts = verdict::all(record);
    if verdicts.is_empty() {
        return Html::default();
    }
    let met = verdicts.iter().filter(|it| it.met == Some(true)).count();
    let mut section = Html::element("h2", "", "Targets");
    let counted = format!(
        "{met} of {} met. Only targets whose cases were run are listed. Where a target names every peer, the peer that came closest is shown.",
        verdicts.len()
    );
    section.push(Html::element("p", "", counted));
    let rows = verdicts.into_iter().map(|it| {
        let (class, mut word) = match it.met {
            Some(true) => ("", "met".to_owned()),
            Some(false) => ("bad", "not met".to_owned()),
            None => ("", "not known".to_owned()),
        };
        if it.doubtful {
            word += " (the machine was not idle)";
        }
        (class.to_owned(), [it.case, it.target, it.measured, word].map(Html::from).into())
    });
    let header = ["Case", "Target", "Measured", ""].map(String::from);
    section.push(Html::element("div", "words", table(&header, rows.collect())));
    section
}
