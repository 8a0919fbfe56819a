//! The section of the library facts.

use super::html::{Html, table};
use super::runtimes;
use crate::library::{HEADER, row};
use crate::record::{Facts, FactsOutcome, FactsRecord};

const HOW: &str = "The smallest echo server on each library was built once in release mode into an \
    empty directory, with Cargo's own settings and the features that it needs. The number of crates \
    includes the whole tree with build scripts and macros, but not the program itself. The program is \
    stripped. Lines are those with code in the library's own crates, without comments, documentation \
    and unit tests. Code for other systems is included. Unsafe blocks are the blocks unsafe { .. } in \
    the same lines, including those in macros.";

/// Returns the section. It is empty if the run did not build the libraries.
pub fn section(facts: &[FactsRecord]) -> Html {
    let Some(jobs) = facts.iter().find_map(|it| known(it).map(|facts| facts.jobs)) else {
        return failures(facts);
    };
    let mut html = Html::heading("facts", "Library facts");
    html.push(Html::element("p", "", HOW));
    html.push(Html::element("p", "quiet", format!("A build ran {jobs} jobs at once.")));
    let class = |name: &str| if runtimes::is_ours(name) { "ours".to_owned() } else { String::new() };
    let rows =
        facts.iter().map(|it| (class(&it.name), row(it).into_iter().map(Html::from).collect())).collect();
    html.push(table(&HEADER.iter().map(|it| it.to_string()).collect::<Vec<_>>(), rows));
    html.push(failures(facts));
    let counted = |it: &FactsRecord| {
        let known = known(it)?;
        let text =
            format!("{} with {}. Counted crates: {}.", it.name, known.features, known.counted.join(", "));
        Some(Html::element("li", "", text))
    };
    html.push(Html::element("ul", "quiet", facts.iter().filter_map(counted).collect::<Html>()));
    html
}

fn known(record: &FactsRecord) -> Option<&Facts> {
    match &record.outcome {
        FactsOutcome::Facts(facts) => Some(facts),
        FactsOutcome::Failure(_) => None,
    }
}

fn failures(facts: &[FactsRecord]) -> Html {
    let failure = |it: &FactsRecord| match &it.outcome {
        FactsOutcome::Failure(reason) => Some(Html::element("p", "warn", format!("{}: {reason}", it.name))),
        FactsOutcome::Facts(_) => None,
    };
    facts.iter().filter_map(failure).collect()
}
