//! The title of the page, and the last section, which describes the method and the machine.

use std::time::Duration;

use super::html::{Html, table};
use crate::estimate::about;
use crate::record::{Family, Record};

const HOW: &[&str] = &[
    "Counts come first, then times. The section of the counts gives the reason.",
    "Every server and every runtime is measured in a new process of its own, which is pinned to one \
     core. The load generator has another core. Rounds are interleaved (A B C A B C), so that a slow \
     phase of the machine affects all of them. Each figure is the median of its rounds, with the lowest \
     and the highest beside it. A ratio is the median of the ratios within each round. Each server is \
     checked byte by byte before it is measured.",
    "For servers, the reliable figure is the processor time of the server's process for one round \
     trip, kernel included. On the loopback interface the kernel takes over 90 % of a round trip, so \
     that even a large difference between two runtimes is a small one in this figure. The load \
     generator costs as much as a fast server, so that round trips per second and latencies depend on \
     the generator as much as on the server. The page shows these figures, but does not compare them.",
    "The HTTP servers are the same hyper service on oneloop and on tokio's current-thread runtime, \
     measured in the same way. Ratios are to tokio. oneloop's server has time limits for headers, idle \
     connections and clients that do not read their answers. The server on tokio has no time limits, \
     and tokio-hyper-timer has hyper's limit for the headers of HTTP/1.1.",
    "For operations, every runtime runs the same code inside a task, and the figure is its processor \
     time.",
    "Each peer follows the documentation of its runtime, with buffers of the same size (Python and \
     Node choose their own size) and the same options. Runtimes have a buffer for each task. epoll, \
     mio, tokio-shared, oneloop-shared and oneloop-queue have one buffer for all connections. epoll and \
     mio are loops written by hand, without futures. They are limits, not peers.",
];

/// Returns the title and the description of the run.
pub fn title(record: &Record) -> Html {
    let mut section = Html::element("h1", "", "oneloop and its peers");
    let options = &record.options;
    let kind = match (options.quick, options.filters.is_empty()) {
        (true, true) => "a quick run (short and few rounds, for a first look)",
        (true, false) => "a quick run of chosen cases",
        (false, true) => "a full run",
        (false, false) => "a run of chosen cases",
    };
    let mut line = format!("{}, {kind}", record.machine.date);
    if options.elapsed_seconds > 0.0 {
        line += &format!(", which took {}", about(Duration::from_secs_f64(options.elapsed_seconds)));
    }
    line += &format!(". {} cores of {}.", record.machine.cores, record.machine.cpu);
    if !options.filters.is_empty() {
        line += &format!(
            " The run has only the cases and runtimes that these words choose: {}.",
            options.filters.join(" ")
        );
    }
    if options.interrupted {
        line += " The run was interrupted, so that cases and rounds are missing.";
    }
    section.push(Html::element("p", "quiet", line));
    section
}

/// Returns the section with the method and the machine.
pub fn how(record: &Record) -> Html {
    let mut section = Html::heading("how", "What was measured, and how");
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
