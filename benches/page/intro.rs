//! The opening of the page.

use super::html::{Html, table};
use crate::record::{Family, Record};

const HOW: &[&str] = &[
    "Counts come first, then times; the section of the counts says why.",
    "Every server and every runtime is measured in a fresh process of its own, pinned to one core; the load generator \
     has another core. Rounds are interleaved (A B C A B C), so that whatever slows the machine down for a while slows \
     all of them down. Each figure is the median of its rounds, with the least and the most beside it; a ratio is taken \
     within each round, and then their median. Each server is checked byte by byte before it is measured.",
    "For servers, the figure to trust is the processor time of the server's process for one round trip, kernel included. \
     On the loopback interface the kernel takes over 90 % of a round trip, so that even a large difference between two \
     runtimes is a small one in this figure; and the load generator costs as much as a fast server, so that round \
     trips per second and latencies say as much about it as about the server. They are shown, not compared.",
    "The HTTP servers are the same hyper service on oneloop and on tokio's current-thread runtime, measured in the same \
     way; ratios are to tokio. oneloop's server has time limits for headers, idle connections and clients that take \
     nothing; the one on tokio has none, and tokio-hyper-timer has hyper's limit for the headers of HTTP/1.1.",
    "For operations, every runtime runs the same code inside a task, and its processor time is measured.",
    "Each peer is written as its own documentation would have it, with buffers of the same size (Python and Node choose \
     theirs) and the same options. Runtimes have a buffer for each task; epoll, mio, tokio-shared, oneloop-shared and \
     oneloop-queue have one for all. epoll and mio are loops written by hand, without futures: they are limits, not peers.",
];

/// What was measured, how, and where.
pub fn section(record: &Record) -> Html {
    let mut section = Html::element("h1", "", "oneloop beside its peers");
    let quick = if record.options.quick {
        "a quick run: short and few rounds, for a first look"
    } else {
        "a full run"
    };
    let mut line = format!("{}, {quick}.", record.machine.date);
    if !record.options.filters.is_empty() {
        line += &format!(" Only what these words choose: {}.", record.options.filters.join(" "));
    }
    section.push(Html::element("p", "quiet", line));
    let doubtful = record.cases.iter().filter(|case| !case.notes.is_empty()).count();
    if doubtful > 0 {
        let all = record.cases.len();
        section.push(Html::element(
            "p",
            "warn",
            format!("{doubtful} of {all} cases carry a warning, because the machine was not idle. Do not trust them."),
        ));
    }
    section.push(Html::element("h2", "", "What was measured, and how"));
    HOW.iter().for_each(|text| section.push(Html::element("p", "", *text)));
    section.push(machine(record));
    section.push(subjects(record, Family::Servers, "The servers"));
    section.push(subjects(record, Family::Http, "The HTTP servers"));
    section.push(subjects(record, Family::Operations, "The runtimes"));
    section.push(left_out(record));
    section
}

fn words(header: &[&str], rows: Vec<Vec<String>>) -> Html {
    let header: Vec<String> = header.iter().map(|it| it.to_string()).collect();
    let row = |row: Vec<String>| (String::new(), row.into_iter().map(Html::from).collect());
    Html::element("div", "words", table(&header, rows.into_iter().map(row).collect()))
}

fn machine(record: &Record) -> Html {
    let machine = &record.machine;
    let kind = if machine.virtual_machine { " (a virtual machine)" } else { "" };
    let versions: Vec<String> = machine.versions.iter().map(|(name, it)| format!("{name} {it}")).collect();
    let options = format!(
        "{} s for each server and {} s for each operation in a round",
        record.options.server_seconds, record.options.operation_seconds
    );
    let rows = [
        ("Processor", format!("{}{kind}", machine.cpu)),
        ("Cores", machine.cores.to_string()),
        ("Linux", machine.kernel.clone()),
        ("Compiler", machine.rustc.clone()),
        ("Libraries", versions.join(", ")),
        ("Time", options),
    ];
    let mut html = Html::element("h3", "", "The machine");
    html.push(words(&["", ""], rows.map(|(what, value)| vec![what.to_owned(), value]).to_vec()));
    html
}

fn subjects(record: &Record, family: Family, title: &'static str) -> Html {
    let named = record.subjects.iter().filter(|it| it.family == family);
    let row = |it: &crate::record::About| {
        let version = it.version.as_ref().map_or(String::new(), |version| format!(" ({version})"));
        vec![it.name.clone(), format!("{}{version}", it.about)]
    };
    let rows: Vec<Vec<String>> = named.map(row).collect();
    if rows.is_empty() {
        return Html::default();
    }
    let mut html = Html::element("summary", "", title);
    html.push(words(&["", ""], rows));
    Html::element("details", "", html)
}

fn left_out(record: &Record) -> Html {
    if record.left_out.is_empty() {
        return Html::default();
    }
    let mut html = Html::element("h3", "", "Left out");
    let item = |(name, why): &(String, String)| Html::element("li", "", format!("{name}: {why}."));
    html.push(Html::element("ul", "", record.left_out.iter().map(item).collect::<Html>()));
    html
}
