//! The library facts, as a table.

use super::html::{Html, table};
use super::paint;
use crate::library::{HEADER, row};
use crate::record::{Facts, FactsOutcome, FactsRecord};

const HOW: &str = "The smallest echo server on each library was built in release mode into an empty directory, once, \
    with Cargo's own settings and the features that it needs. Crates are those of the whole tree, build scripts and \
    macros included, the program itself not. The program is stripped. Lines are those of the library's own crates \
    that have code on them: no comments, no documentation, no unit tests; code for other systems counts. Blocks are \
    the words unsafe { .. } in the same lines, in macros too.";

/// The section; nothing if nobody asked for the facts.
pub fn section(facts: &[FactsRecord]) -> Html {
    let Some(jobs) = facts.iter().find_map(|it| known(it).map(|facts| facts.jobs)) else {
        return failures(facts);
    };
    let mut html = Html::element("h2", "", "Library facts");
    html.push(Html::element("p", "", HOW));
    html.push(Html::element("p", "quiet", format!("Jobs at once in a build: {jobs}.")));
    let class = |name: &str| if paint::is_ours(name) { "ours".to_owned() } else { String::new() };
    let rows =
        facts.iter().map(|it| (class(&it.name), row(it).into_iter().map(Html::from).collect())).collect();
    html.push(table(&HEADER.iter().map(|it| it.to_string()).collect::<Vec<_>>(), rows));
    html.push(failures(facts));
    let counted = |it: &FactsRecord| {
        let known = known(it)?;
        let text = format!("{} with {}; counted: {}", it.name, known.features, known.counted.join(", "));
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
